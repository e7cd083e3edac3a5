"""An offer master in virtual time with news by hand: what the tests of its loop share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from apimachinery.aio.clock import LoopClock
from offers import messages
from offers.master import OfferMaster
from offers.messages import FrameworkInfo, Launch, Offer

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Taint:
    effect: str = "NoSchedule"
    key: str = "dedicated"


@dataclass(frozen=True, slots=True)
class Node:
    allocatable: Mapping[str, int]
    labels: Mapping[str, str] = field(default_factory=dict)
    revocable: Mapping[str, int] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    maintenance: str = ""
    accepts_pods: bool = True
    carved: Mapping[str, int] = field(default_factory=dict)
    reserved: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    uid: str
    node_name: str
    requests: Mapping[str, int]
    namespace: str = "default"
    host_ports: tuple[()] = ()
    ended: bool = False
    is_task: bool = False


class Mirror:
    """An informer whose news the test brings."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        self._tell: Callable[..., None] = lambda *_: None

    def add_handler(self, handler: Callable[..., None]) -> None:
        self._tell = handler

    async def synced(self) -> None:
        return

    def set(self, key: str, new: Any) -> None:
        old = self.seen.get(key)
        self.seen[key] = new
        self._tell(key, old, new)

    def remove(self, key: str) -> None:
        self._tell(key, self.seen.pop(key), None)

    def tell_all(self) -> None:
        for key, value in self.seen.items():
            self._tell(key, None, value)


class Framework:
    """A framework over the wire, without the wire."""

    def __init__(self, world: "World", name: str, roles: tuple[str, ...], **more: Any) -> None:
        more = {"suppressed": (), "offers_expire": True, "avoids_taints": True, **more}
        self.info = FrameworkInfo(name, roles, id=name, **more)
        self.world = world
        self.offers: dict[str, Offer] = {}
        self.rescinded: list[str] = []
        self.events: list[tuple[float, messages.Event]] = []
        self.count = 0

    def deliver(self, event: messages.Event) -> None:
        self.events.append((self.world.now, event))
        match event:
            case messages.Offers(offers):
                self.offers |= {offer.id: offer for offer in offers}
            case messages.Rescind(offer_id):
                self.rescinded.append(offer_id)
                self.offers.pop(offer_id, None)
            case _:
                pass

    @property
    def nodes(self) -> list[str]:
        return sorted(offer.node for offer in self.offers.values())

    def call(self, call: messages.Call) -> bool:
        return self.world.master.call(self.info.id, call)

    def decline(self, seconds: float = 5.0) -> None:
        ids, self.offers = tuple(self.offers), {}
        self.call(messages.Decline(ids, seconds))

    def launch(self, cpu: int = 0, memory: int = 0, seconds: float = 0.0) -> str:
        """One task on the first offer, of this size or all of it; the name of its pod."""
        offer_id, offer = next(iter(self.offers.items()))
        del self.offers[offer_id]
        self.count += 1
        uid = f"{self.info.name}-{self.count}"
        wants = {"cpu": cpu, "memory": memory} if cpu else offer.resources
        accepted = self.call(
            messages.Accept((offer_id,), (Launch(uid, offer.role, wants),), seconds)
        )
        assert accepted
        pod = Pod(uid, offer.node, {n: v for n, v in wants.items() if " " not in n})
        self.world.pods.set(f"default/{uid}", pod)
        return uid


class World:
    """See the module's docstring."""

    def __init__(self, **options: Any) -> None:
        self.clock = LoopClock()
        self.nodes, self.pods = Mirror(), Mirror()
        self.master = OfferMaster(self.nodes, self.pods, clock=self.clock, **options)

    def succeed(self, **options: Any) -> None:
        """Another master, to which all that is there is news."""
        self.master = OfferMaster(self.nodes, self.pods, clock=self.clock, **options)
        self.nodes.tell_all()
        self.pods.tell_all()

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def node(self, name: str, cpu: int = 4000, memory: int = 8192 * MB, **more: Any) -> None:
        self.nodes.set(name, Node({"cpu": cpu, "memory": memory}, **more))

    def framework(self, name: str, *roles: str, **more: Any) -> Framework:
        made = Framework(self, name, roles or ("*",), **more)
        self.master.attach(made.info, made)
        return made

    def end(self, uid: str) -> None:
        self.pods.remove(f"default/{uid}")

    async def settle(self, seconds: float = 0.02) -> None:
        """What follows from a change has followed: 20 ms is what is promised."""
        await asyncio.sleep(seconds)


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[World]:
    world = World(**options)
    task = asyncio.create_task(world.master.run())
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.wait([task])
