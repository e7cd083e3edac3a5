"""One framework of the Mesos API: what it says of itself, and what may not be said.

Neighbours: `frameworks` keeps all of them; its stream is of `offers.http`; `master` makes its offers.
Errors: `SubscribeError`, which the framework hears as ERROR.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from apimachinery import names
from apimachinery.wire import JsonObject
from offers import identity, messages, resources, roles, shapes
from offers.allocator import GPU
from offers.constraints import Constraint
from offers.messages import Event, FrameworkInfo, Offer
from offers.resources import Vector

FAILOVER_MAX_S = 100 * 365 * 86400.0
"""Longer ones are as good as for ever, and within what timers can do."""
SIZES: tuple[Vector, ...] = ({"cpu": 10}, {"memory": 32 * shapes.MB})
"""Mesos' default: 0.01 cpus or 32 MB."""
SHOWN = (resources.CPU, resources.MEMORY, resources.DISK, GPU)
"""Of what is used, a Framework's status tells these."""


class SubscribeError(ValueError):
    """A subscription that is refused; the framework hears the text as ERROR."""


class UnauthorizedError(SubscribeError):
    """What it wants is not granted to its principal."""


class Stream(Protocol):
    """A framework's open connection. Calls never wait."""

    @property
    def id(self) -> str: ...
    def send(self, event: JsonObject, /) -> None: ...
    def fail(self, message: str, /) -> None:
        """Say ERROR and end."""
        ...

    def end(self) -> None: ...


def plainly(offer: Offer) -> JsonObject:
    return shapes.offer(offer, offer.node, shapes.domain(offer.attributes))


@dataclass(slots=True)
class Framework:
    """One framework."""

    id: str
    info: JsonObject
    principal: str = ""
    account: str = ""
    """The API's user that it proved to be: its pods are made in that name. Else the master's."""
    uid: str = ""
    """Of its Framework object."""
    stream: Stream | None = None
    removed: bool = False
    registered: float = 0.0
    reregistered: float = 0.0
    disconnected: float | None = None
    suppressed: set[str] = field(default_factory=set)
    expiry: asyncio.TimerHandle | None = None
    constraints: Mapping[str, Constraint] = field(default_factory=dict)
    """Role → which nodes it wants to hear of."""
    uses_host: bool = False
    """Whether its tasks may use the nodes' own file system."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the call that is looked at: calls take effect in the order in which they came."""
    spell: Callable[[Offer], JsonObject] = plainly
    """An offer as the framework gets it."""

    @property
    def name(self) -> str:
        """Of its object: the id where it can be a name."""
        return self.id if not names.dns1123_subdomain(self.id) else identity.object_name(self.id)

    @property
    def roles(self) -> tuple[str, ...]:
        return roles_of(self.info)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset(c.get("type", "") for c in self.info.get("capabilities") or ())

    @property
    def namespace(self) -> str:
        for label in (self.info.get("labels") or {}).get("labels") or ():
            if label["key"] == identity.NAMESPACE_LABEL and label.get("value"):
                return str(label["value"])
        return identity.NAMESPACE

    @property
    def failover_timeout(self) -> float:
        return min(float(self.info.get("failover_timeout", 0.0)), FAILOVER_MAX_S)

    @property
    def owner(self) -> identity.Owner:
        info = self.info
        return identity.Owner(
            self.name, self.uid, self.id, info["user"], info["name"], self.uses_host
        )

    @property
    def offer_info(self) -> FrameworkInfo:
        """What the master must know of it."""
        filters = self.info.get("offer_filters") or {}
        return FrameworkInfo(
            name=self.info["name"],
            roles=self.roles,
            id=self.id,
            principal=self.principal,
            suppressed=tuple(self.suppressed),
            wants_ports=True,
            avoids_taints=True,
            sizes=SIZES,
            role_sizes={
                role: _sizes(one)
                for role, one in filters.items()
                if "min_allocatable_resources" in one
            },
            offers_expire=True,
            capabilities=self.capabilities,
            constraints=self.constraints,
        )

    def send(self, event: JsonObject) -> bool:
        """False if nobody listens now."""
        if self.stream is None:
            return False
        self.stream.send(event)
        return True

    # --- what the master tells

    def deliver(self, event: Event) -> None:
        match event:
            case messages.Offers(offers):
                made = [self.spell(one) for one in offers]
                self.send({"type": "OFFERS", "offers": {"offers": made}})
            case messages.Rescind(offer_id):
                self.send({"type": "RESCIND", "rescind": {"offer_id": {"value": offer_id}}})
            case messages.Subscribed() | messages.QuotaChanged():
                return


def roles_of(info: JsonObject) -> tuple[str, ...]:
    many = any(c.get("type") == "MULTI_ROLE" for c in info.get("capabilities") or ())
    found = info.get("roles") or () if many else (info.get("role", "*"),)
    return tuple(dict.fromkeys(found))


def check(info: JsonObject) -> None:
    """SubscribeError if the framework can't be one like this."""
    many = any(c.get("type") == "MULTI_ROLE" for c in info.get("capabilities") or ())
    if many and "role" in info:
        raise SubscribeError("'FrameworkInfo.role' must not be set with MULTI_ROLE")
    if not many and "role" in info and info.get("roles", [info["role"]]) != [info["role"]]:
        raise SubscribeError("'FrameworkInfo.roles' needs the capability MULTI_ROLE")
    if not many and info.get("roles") and "role" not in info:
        # Some clients say `roles` without the capability: one role is as good as `role`.
        if len(info["roles"]) > 1:
            raise SubscribeError("'FrameworkInfo.roles' needs the capability MULTI_ROLE")
        info["role"] = info["roles"][0]
    if len(set(info.get("roles") or ())) < len(info.get("roles") or ()):
        raise SubscribeError("'FrameworkInfo.roles' contains duplicate items")
    for role in roles_of(info):
        try:
            roles.check(role)
        except roles.RoleError as error:
            raise SubscribeError(f"'FrameworkInfo.role' is not valid: {error}") from error
    for one in (info.get("offer_filters") or {}).values():
        if "min_allocatable_resources" in one:
            _sizes(one)
    timeout = info.get("failover_timeout", 0.0)
    if not math.isfinite(timeout) or not 0 <= timeout < 2**63 / 1e9:
        raise SubscribeError(f"The framework failover_timeout ({timeout}) is invalid")
    given = (info.get("id") or {}).get("value")
    if given and (problem := identity.identifier(given)):
        raise SubscribeError(f"'FrameworkInfo.id' is not valid: {problem}")
    space = Framework("", info).namespace
    if names.dns1123_label(space):
        raise SubscribeError(
            f"label {identity.NAMESPACE_LABEL}: {space!r} is no name of a namespace"
        )


def check_wishes(info: JsonObject, suppressed: Iterable[str], constraints: Iterable[str]) -> None:
    """SubscribeError if something is said of roles that are not the framework's."""
    own = roles_of(info)
    for role in suppressed:
        if role not in own:
            raise SubscribeError(f"Suppressed role '{role}' is none of the framework's roles")
    for role in constraints:
        if role not in own:
            raise SubscribeError(
                f"Offer constraints name role '{role}', which is none of the framework's roles"
            )


def _sizes(filters: JsonObject) -> tuple[Vector, ...]:
    wanted = filters["min_allocatable_resources"].get("quantities") or ()
    try:
        return tuple(shapes.quantities(one.get("quantities") or {}) for one in wanted)
    except shapes.BadResource as error:
        raise SubscribeError(f"'FrameworkInfo.offer_filters' are not valid: {error}") from error


def usage(tasks: int, total: Vector) -> JsonObject:
    """What a Framework's status tells of that which runs for it."""
    found = resources.quantities(total)
    # A merge keeps what it does not name: what is used no more is said to be null.
    return {"tasks": tasks, "used": {name: found.get(name) for name in SHOWN}}
