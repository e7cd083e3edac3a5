"""What a filter is. Pure."""

from typing import Protocol

from scheduler.snapshot import Mask, Row, Snapshot
from scheduler.views import PodInfo


class Filter(Protocol):
    """One reason for which a pod can't run on a node."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        """Whether the filter can exclude anything for this pod; most pods ask little."""
        ...

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        """True for each row on which the pod can run."""
        ...

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        """Why not there: each reason as it stands after a number of nodes in the condition."""
        ...
