"""Scores: which of the nodes that can run a pod is best. Pure.

Each is a function (pod, snapshot) → one number per row from 0 to 100, and has a weight. A new
score is a file here and a row in STATIC or DYNAMIC. `resources.emptiness` (two of them, weight 1
each) depends on each row by itself: `placement` keeps it per pod shape and mends single rows.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scheduler.scores import preference, spread
from scheduler.scores.resources import emptiness
from scheduler.snapshot import Snapshot
from scheduler.views import PodInfo

Scores = npt.NDArray[np.float64]

Score = Callable[[PodInfo, Snapshot], Scores | None]

STATIC: tuple[tuple[float, Score], ...] = (
    (2.0, preference.node_affinity),
    (3.0, preference.taints),
)
"""Weight and function of those that depend on nodes alone: cached per pod shape."""

DYNAMIC: tuple[tuple[float, Score], ...] = (
    (2.0, spread.of_siblings),
    (2.0, spread.by_constraints),
    (2.0, preference.pod_affinity),
)


def total(pod: PodInfo, snapshot: Snapshot, scores: tuple[tuple[float, Score], ...]) -> Scores:
    """The weighted sum; a function that answers None does not count."""
    result = np.zeros(len(snapshot.places))
    for weight, score in scores:
        found = score(pod, snapshot)
        if found is not None:
            result += weight * found
    return result


__all__ = ["DYNAMIC", "STATIC", "Score", "Scores", "emptiness", "total"]
