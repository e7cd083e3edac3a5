"""Which of the waiting apps fit an offer, and which ports they get. Pure.

Neighbours: `engine` brings offers and what is waiting; `constraints` and `ports` decide their
part; `launch` makes the tasks. The names of reasons are those of the queue's summary.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from frameworks.marathon import constraints, ports
from frameworks.marathon.constraints import Fields
from frameworks.marathon.spec import App
from offers.sdk import Offer

PER_OFFER = 5
"""Instances launched on one offer: the rest goes elsewhere, for the sake of spreading."""
REASONS = (
    "UnfulfilledRole", "UnfulfilledConstraint", "InsufficientCpus", "InsufficientMemory",
    "InsufficientDisk", "InsufficientGpus", "InsufficientPorts",
)  # fmt: skip
"""In the order in which they are looked at; an offer counts for the first that holds."""
DUST = 0.0005
"""Scalars are equal at three digits after the point."""


@dataclass(slots=True)
class Room:
    """What is left of an offer."""

    cpus: float
    mem: float
    disk: float
    gpus: float
    ports: ports.Ranges
    role: str

    @classmethod
    def of(cls, offer: Offer) -> "Room":
        gpus = sum(
            one["scalar"]["value"]
            for one in offer.raw.get("resources") or ()
            if one["name"] == "gpus"
        )
        return cls(offer.cpus, offer.mem, offer.disk, gpus, offer.ports, offer.role)

    def lacks(self, app: App) -> str:
        """The reason for which an instance does not fit, but for constraints and ports."""
        if app.accepted_resource_roles and not {"*", self.role} & set(app.accepted_resource_roles):
            return "UnfulfilledRole"
        amounts = (
            ("InsufficientCpus", app.cpus, self.cpus),
            ("InsufficientMemory", app.mem, self.mem),
            ("InsufficientDisk", app.disk, self.disk),
            ("InsufficientGpus", app.gpus, self.gpus),
        )
        return next((why for why, wanted, has in amounts if wanted > has + DUST), "")

    def take(self, app: App, dealt: Sequence[int]) -> None:
        self.cpus -= app.cpus
        self.mem -= app.mem
        self.disk -= app.disk
        self.gpus -= app.gpus
        self.ports = ports.without(self.ports, dealt)


@dataclass(frozen=True, slots=True)
class Placement:
    """One more instance on the offer's agent."""

    app: App
    task_id: str
    ports: tuple[int, ...]
    fields: Fields


@dataclass(slots=True)
class Match:
    """What becomes of an offer."""

    placements: list[Placement] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """Why the offer is of no (more) use, by app."""


def match(
    offer: Offer,
    wanted: Sequence[tuple[App, int]],
    placed: Mapping[str, Sequence[Fields]],
    task_id: Callable[[App], str],
) -> Match:
    """Place as many as fit, in turn. `placed`: where instances of the same configuration are."""
    made, room, agent = Match(), Room.of(offer), fields_of(offer)
    others = {app.id: list(placed.get(app.id, ())) for app, _ in wanted}
    left = [(app, count) for app, count in wanted if count > 0]
    while left and len(made.placements) < PER_OFFER:
        again = []
        for app, count in left:
            if len(made.placements) >= PER_OFFER:
                break
            name = task_id(app)
            dealt = _try(app, name, room, agent, others[app.id])
            if isinstance(dealt, str):
                made.reasons[app.id] = dealt
                continue
            room.take(app, dealt)
            made.placements.append(Placement(app, name, dealt, agent))
            others[app.id].append(agent)
            if count > 1:
                again.append((app, count - 1))
        left = again
    return made


def _try(
    app: App, name: str, room: Room, agent: Fields, others: Sequence[Fields]
) -> tuple[int, ...] | str:
    """The ports that it gets, or the reason for which it can't be here."""
    if why := room.lacks(app):
        return why
    if not constraints.satisfied(app.constraints, agent, others):
        return "UnfulfilledConstraint"
    dealt = ports.deal(app, room.ports, salt=name)
    return "InsufficientPorts" if dealt is None else dealt


def fields_of(offer: Offer) -> Fields:
    """What constraints can name."""
    return {**dict(_attributes(offer)), "hostname": offer.hostname}


def _attributes(offer: Offer) -> Iterator[tuple[str, str]]:
    domain = (offer.raw.get("domain") or {}).get("fault_domain") or {}
    for name in ("region", "zone"):
        if name in domain:
            yield f"@{name}", str(domain[name]["name"])
    for one in offer.raw.get("attributes") or ():
        if one["type"] == "TEXT":
            yield one["name"], one["text"]["value"]
        elif one["type"] == "SCALAR":
            yield one["name"], f"{one['scalar']['value']:g}"
