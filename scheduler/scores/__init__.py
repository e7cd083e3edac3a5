"""Scores: which of the nodes that can run a pod is best. Pure.

Each has a weight and comes to one number from 0 to 100 for each candidate row; names, weights and
formulas are those of Kubernetes' default profile. What depends on nodes alone (STATIC) is kept
per pod shape and brought to 0 … 100 among the candidates of the moment. A new score is a file here
and a row in STATIC or DYNAMIC. `resources.emptiness` (two of them, weight 1 each) depends on each
row by itself: `placement` keeps it per pod shape and mends single rows.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scheduler.scores import preference, spread
from scheduler.scores.resources import emptiness
from scheduler.snapshot import Snapshot
from scheduler.views import PodInfo

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
Normal = Callable[[Scores], Scores]
Kept = tuple[tuple[float, Normal, Scores], ...]
"""Weight, way to 0 … 100, and one number a row."""

STATIC: tuple[tuple[float, Callable[[PodInfo, Snapshot], Scores | None], Normal], ...] = (
    (2.0, preference.node_affinity, preference.most_first),
    (3.0, preference.taints, preference.fewest_first),
)

DYNAMIC: tuple[tuple[float, Callable[[PodInfo, Snapshot, Rows], Scores | None]], ...] = (
    (2.0, spread.of_siblings),
    (2.0, spread.by_constraints),
    (2.0, preference.pod_affinity),
    (1.0, preference.images),
)


def of_nodes(pod: PodInfo, snapshot: Snapshot) -> Kept:
    """What depends on nodes alone."""
    found = ((weight, normal, score(pod, snapshot)) for weight, score, normal in STATIC)
    return tuple((weight, normal, raw) for weight, normal, raw in found if raw is not None)


def total(pod: PodInfo, snapshot: Snapshot, kept: Kept, rows: Rows) -> Scores:
    """The weighted sum for these rows; a function that answers None does not count."""
    result = np.zeros(rows.size)
    for weight, normal, raw in kept:
        result += weight * normal(raw[rows])
    for weight, score in DYNAMIC:
        found = score(pod, snapshot, rows)
        if found is not None:
            result += weight * found
    return result


__all__ = ["Kept", "Scores", "emptiness", "of_nodes", "total"]
