"""What a filter is. Pure."""

from collections import Counter
from typing import Protocol

from scheduler.changes import Change
from scheduler.snapshot import Mask, Snapshot
from scheduler.views import PodInfo


class Filter(Protocol):
    """One reason for which a pod can't run on a node."""

    @property
    def name(self) -> str:
        """Kubernetes' name of the plugin."""
        ...

    @property
    def helped_by(self) -> frozenset[Change]:
        """After what its verdict may be a better one."""
        ...

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
