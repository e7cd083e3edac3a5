"""What a pod or a node would prefer: affinities, soft taints, images that are there. Pure."""

import numpy as np
import numpy.typing as npt

from scheduler import terms
from scheduler.filters import affinity, podaffinity
from scheduler.filters import taints as hard
from scheduler.snapshot import Snapshot
from scheduler.terms import Term
from scheduler.views import PREFERRED, PodInfo

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

IMAGE_MIN = 23 * 1024 * 1024
IMAGE_MAX = 1000 * 1024 * 1024
"""Image bytes of a container that begin to count, and that count in full (Kubernetes' numbers)."""


def most_first(found: Scores) -> Scores:
    """The highest is 100."""
    most = found.max(initial=0.0)
    return 100.0 * found / most if most > 0 else np.zeros_like(found)


def fewest_first(found: Scores) -> Scores:
    """The highest is 0, none is 100."""
    most = found.max(initial=0.0)
    return 100.0 * (1.0 - found / most) if most > 0 else np.full_like(found, 100.0)


def _stretched(found: Scores) -> Scores:
    """From 0 … 100, whatever the lowest is."""
    low, high = found.min(initial=0.0), found.max(initial=0.0)
    return 100.0 * (found - low) / (high - low) if high > low else np.zeros_like(found)


def node_affinity(pod: PodInfo, snapshot: Snapshot) -> Scores | None:
    """The sum of the weights of the preferred terms that match. Of nodes alone."""
    wishes = ((pod.spec.get("affinity") or {}).get("nodeAffinity") or {}).get(PREFERRED)
    if not wishes:
        return None
    scores = np.zeros(len(snapshot.places))
    for wish in wishes:
        scores += wish["weight"] * affinity.term_mask(wish["preference"], snapshot)
    return scores


def taints(pod: PodInfo, snapshot: Snapshot) -> Scores | None:
    """PreferNoSchedule taints that the pod does not tolerate. Of nodes alone."""
    tolerations = pod.spec.get("tolerations") or ()
    counts = np.array([
        sum(t.effect == "PreferNoSchedule" and not hard.tolerates(tolerations, t) for t in each)
        for each in snapshot.taints
    ])  # fmt: skip
    return counts[snapshot.taint_codes].astype(np.float64) if counts.any() else None


def pod_affinity(pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Scores | None:
    """Weights of the company in each row's domains: whom it wants, and who wants it."""
    scores = np.zeros(len(snapshot.places))
    asked = False
    for term, weight in _wishes(pod):
        scores += weight * _in_domains(term, podaffinity.holders([term], snapshot), snapshot)
        asked = True
    for term in snapshot.drawing(pod):
        weights = np.zeros(len(snapshot.places), np.int64)
        drawn = snapshot.attractions[term]
        weights[list(drawn)] = list(drawn.values())
        scores += _in_domains(term, weights, snapshot)
        asked = True
    return _stretched(scores[rows]) if asked else None


def _wishes(pod: PodInfo) -> list[tuple[Term, int]]:
    """The pod's own preferred terms; dislikes have negative weights."""
    spec = pod.spec.get("affinity") or {}
    return [
        (terms.read(wish["podAffinityTerm"], pod.namespace), sign * wish["weight"])
        for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1))
        for wish in (spec.get(kind) or {}).get(PREFERRED) or ()
    ]


def _in_domains(term: Term, counts: npt.NDArray[np.int64], snapshot: Snapshot) -> Scores:
    """Per row the sum over its whole domain."""
    column = snapshot.column(term.topology_key)
    found: Scores = column.sums(counts)[column.codes].astype(np.float64)
    return found


def images(pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Scores | None:
    """Bytes of its images that need no pulling, an image on few nodes counting less."""
    known = [held for name in pod.images if (held := snapshot.images.get(name))]
    if not known:
        return None
    total = np.zeros(len(snapshot.places))
    for held in known:
        share = len(held) / len(snapshot)
        total[list(held)] += np.array(list(held.values())) * share
    most = IMAGE_MAX * len(pod.images)
    clamped = np.clip(total[rows], IMAGE_MIN, most)
    found: Scores = 100.0 * (clamped - IMAGE_MIN) / (most - IMAGE_MIN)
    return found
