"""What the offer master reads of nodes and pods, and where it sends events: shapes, nothing else.

The mirrors are the scheduler's, whose views say more; neither side knows the other's types.
Neighbours: `master`, and whoever brings the informers (`bireme.cli.server`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from offers.messages import Event
from offers.resources import Vector

V_co = TypeVar("V_co", covariant=True)


class Mirror(Protocol[V_co]):
    """What the master needs of an informer, whatever richer view it keeps for others."""

    def add_handler(self, handler: Callable[[str, V_co | None, V_co | None], None], /) -> None: ...
    async def synced(self) -> None: ...


class TaintView(Protocol):
    """What the master reads of a node's taint."""

    @property
    def key(self) -> str: ...
    @property
    def effect(self) -> str: ...


class PortView(Protocol):
    """What the master reads of a port that a pod takes on its node."""

    @property
    def port(self) -> int: ...


class Receiver(Protocol):
    """Where a framework's events go: plain calls that never wait."""

    def deliver(self, event: Event, /) -> None: ...


class NodeView(Protocol):
    """What the master reads of a Node."""

    @property
    def taints(self) -> Sequence[TaintView]: ...
    @property
    def allocatable(self) -> Vector: ...
    @property
    def revocable(self) -> Vector:
        """What may be used beyond that, and is taken back when it is wanted."""
        ...

    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def accepts_pods(self) -> bool:
        """Not cordoned."""
        ...

    @property
    def maintenance(self) -> str:
        """What operators plan for it, as the annotation has it."""
        ...


class PodView(Protocol):
    """What the master reads of a Pod."""

    @property
    def uid(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def node_name(self) -> str: ...
    @property
    def requests(self) -> Vector: ...
    @property
    def host_ports(self) -> Sequence[PortView]: ...
    @property
    def ended(self) -> bool:
        """Succeeded or Failed: it holds nothing any more."""
        ...

    @property
    def is_task(self) -> bool:
        """Whether it runs tasks of a framework of the Mesos API."""
        ...
