"""The calls and events between the offer master and frameworks, as values.

Named after the Mesos v1 scheduler API; in this process they are passed as they are, over HTTP
they are spelled as its JSON. Neighbours: `session` carries them, `master` and the frameworks
speak them. Nothing here decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offers.resources import Vector


@dataclass(frozen=True, slots=True)
class FrameworkInfo:
    """Who subscribes."""

    name: str
    roles: tuple[str, ...]
    """Roles (paths such as `kubernetes/default`) on whose behalf it takes offers."""
    id: str = ""
    """Given by the master at the first subscription; a framework that comes back sends it."""
    principal: str = ""


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


@dataclass(frozen=True, slots=True)
class Launch:
    """One thing to be run on an offer's node, known by the uid of its pod."""

    uid: str
    role: str
    """Whose share it is charged to: the offer's role or one below it."""
    resources: Vector


# --- calls


@dataclass(frozen=True, slots=True)
class Accept:
    """Use an offer; what the launches leave over returns at once."""

    offer_id: str
    launches: tuple[Launch, ...]


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
class Suppress:
    """No offers until further notice: there is nothing to run."""


@dataclass(frozen=True, slots=True)
class Revive:
    """Offers are wanted again; forget what was declined."""

    smallest: Vector = field(default_factory=dict)
    """Offers with less than this are of no use (empty: any offer is)."""


Call = Accept | Decline | Abandon | Suppress | Revive


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


Event = Subscribed | Offers | Rescind
