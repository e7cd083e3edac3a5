"""The calls and events between the offer master and frameworks, as values.

Named after the Mesos v1 scheduler API; in this process they are passed as they are, over HTTP
they are spelled as its JSON. Neighbours: `session` carries them, `master` and the frameworks
speak them. Nothing here decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offers.constraints import Constraint
from offers.ranges import Ranges
from offers.resources import Vector

ANY_SIZE: tuple[Vector, ...] = ({"cpu": 1, "memory": 1},)
"""Some of each: nothing runs without both."""


CAPABILITIES = frozenset(
    ("REVOCABLE_RESOURCES", "TASK_KILLING_STATE", "GPU_RESOURCES", "SHARED_RESOURCES",
     "PARTITION_AWARE", "MULTI_ROLE", "RESERVATION_REFINEMENT", "REGION_AWARE")
)  # fmt: skip
"""All that a framework can say of itself: it then gets what others might not understand."""


@dataclass(frozen=True, slots=True)
class FrameworkInfo:
    """Who subscribes."""

    name: str
    roles: tuple[str, ...]
    """Roles (paths such as `kubernetes/default`) on whose behalf it takes offers."""
    id: str = ""
    """Given by the master at the first subscription; a framework that comes back sends it."""
    principal: str = ""
    suppressed: tuple[str, ...] | None = None
    """Roles for which it wants no offers at first; None: all of them, until it revives."""
    wants_ports: bool = False
    """Whether its offers hold ports of the nodes."""
    avoids_taints: bool = False
    """Whether tainted nodes are kept from it (it knows nothing of taints)."""
    sizes: tuple[Vector, ...] = ANY_SIZE
    """Offers must reach one of these."""
    role_sizes: Mapping[str, tuple[Vector, ...]] = field(default_factory=dict)
    """The same, for some of its roles."""
    serves_below: bool = False
    """Whether it charges what it launches to roles below its own."""
    offers_expire: bool = False
    """Whether offers that it does not answer are taken back after a while, or for others."""
    capabilities: frozenset[str] = CAPABILITIES
    constraints: Mapping[str, Constraint] = field(default_factory=dict)
    """Role → which nodes it wants to hear of."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Permission to use some resources of one node until it is used, given back or rescinded."""

    id: str
    framework_id: str
    role: str
    node: str
    resources: Vector
    attributes: Mapping[str, str] = field(default_factory=dict)
    """The node's labels."""
    ports: Ranges = ()
    made: float = 0.0
    """When, on the master's monotonic clock."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One thing to be run on an offer's node, known by the uid of its pod."""

    uid: str
    role: str
    """Whose share it is charged to: the offer's role or one below it."""
    resources: Vector
    ports: Ranges = ()


@dataclass(frozen=True, slots=True)
class Conversion:
    """Some of what was offered becomes another kind: reserved, a volume, or plain again."""

    before: Vector
    after: Vector


# --- calls


@dataclass(frozen=True, slots=True)
class Accept:
    """Use offers of one node and role; what the launches leave over returns at once."""

    offer_ids: tuple[str, ...]
    launches: tuple[Launch, ...]
    refuse_seconds: float = 0.0
    """What is left over is not offered again for so long."""
    conversions: tuple[Conversion, ...] = ()
    """Done first; what they make can be launched on."""


@dataclass(frozen=True, slots=True)
class Decline:
    """Give offers back; do not offer the same again for a while."""

    offer_ids: tuple[str, ...]
    refuse_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Abandon:
    """Launches that came to nothing, so that their resources are free again at once."""

    uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Room on a node that is about to be made there, by ending what one runs there oneself.

    It counts as used from now on, so that it is offered to nobody once it is free; it is void when
    the time is over and the pod is not seen bound. Only for frameworks in this process.
    """

    node: str
    launch: Launch
    seconds: float


@dataclass(frozen=True, slots=True)
class Suppress:
    """No offers until further notice: there is nothing to run."""

    roles: tuple[str, ...] = ()
    """Only for these; empty: for all."""


@dataclass(frozen=True, slots=True)
class Revive:
    """Offers are wanted again; forget what was declined."""

    smallest: Vector = field(default_factory=dict)
    """Offers with less than this are of no use (empty: any offer is)."""
    roles: tuple[str, ...] = ()
    """Only for these; empty: for all."""
    nodes: frozenset[str] | None = None
    """Only offers of these are of use for now: who knows where it wants to be need not be offered
    the whole cluster. None: any are."""


Call = Accept | Decline | Abandon | Claim | Suppress | Revive


# --- events


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The first event of a session."""

    framework_id: str


@dataclass(frozen=True, slots=True)
class Offers:
    """New offers, and the dominant shares of the framework's roles at this moment."""

    offers: tuple[Offer, ...]
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rescind:
    """An offer that was not used yet is void."""

    offer_id: str


@dataclass(frozen=True, slots=True)
class QuotaChanged:
    """Some role may have more, or less, than before. For those who charge roles below their own."""


Event = Subscribed | Offers | Rescind | QuotaChanged
