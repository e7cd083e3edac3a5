"""What a pod or a node would prefer: affinities and soft taints. Pure."""

import numpy as np
import numpy.typing as npt

from scheduler import terms
from scheduler.filters import affinity, podaffinity
from scheduler.filters import taints as hard
from scheduler.snapshot import Snapshot
from scheduler.views import PodInfo

PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _normal(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Stretch to 0 … 100."""
    low, high = scores.min(initial=0.0), scores.max(initial=0.0)
    return 100.0 * (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def node_affinity(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64] | None:
    """The sum of the weights of the preferred terms that match."""
    wishes = ((pod.spec.get("affinity") or {}).get("nodeAffinity") or {}).get(PREFERRED)
    if not wishes:
        return None
    scores = np.zeros(len(snapshot.places))
    for wish in wishes:
        scores += wish["weight"] * affinity.term_mask(wish["preference"], snapshot)
    return _normal(scores)


def pod_affinity(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64] | None:
    """Weights of the domains in which preferred company is, less those of the unwanted."""
    spec = pod.spec.get("affinity") or {}
    near = (spec.get("podAffinity") or {}).get(PREFERRED) or ()
    apart = (spec.get("podAntiAffinity") or {}).get(PREFERRED) or ()
    if not near and not apart:
        return None
    scores = np.zeros(len(snapshot.places))
    for wishes, sign in ((near, 1), (apart, -1)):
        for wish in wishes:
            term = terms.read(wish["podAffinityTerm"], pod.namespace, pod.labels)
            scores += sign * wish["weight"] * podaffinity.company(term, snapshot)
    return _normal(scores)


def taints(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64] | None:
    """Fewer PreferNoSchedule taints that the pod does not tolerate."""
    tolerations = pod.spec.get("tolerations") or ()
    counts = np.array([
        sum(t.effect == "PreferNoSchedule" and not hard.tolerates(tolerations, t) for t in each)
        for each in snapshot.taints
    ])  # fmt: skip
    return _normal(-counts[snapshot.taint_codes].astype(np.float64)) if counts.any() else None
