"""What a filter is. Pure."""

from collections import Counter
from typing import Protocol

from scheduler.snapshot import Mask, Snapshot
from scheduler.views import PodInfo


class Filter(Protocol):
    """One reason for which a pod can't run on a node."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        """Whether the filter can exclude anything for this pod; most pods ask little."""
        ...

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        """True for each row on which the pod can run."""
        ...

    def explain(self, pod: PodInfo, snapshot: Snapshot, rows: Mask) -> Counter[str]:
        """Why not on these rows: each reason as it stands after a number in the condition."""
        ...


class Dynamic(Filter, Protocol):
    """A filter that depends on what runs where."""

    def curable(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        """True for each row on which the pod might run if fewer others did."""
        ...
