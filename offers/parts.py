"""Resources that not everybody may have: reserved, revocable, shared. Pure.

In a vector `cpu` is what anybody may be offered. What only some may have stands under a longer
name: the resource, the role that it is reserved for, letters for what else is true of it, and what
the wire says of it beyond that (a volume, who reserved it), as it came. So all arithmetic on
vectors holds for such parts too. Neighbours: `shapes` reads and writes Mesos' spelling,
`allocator` asks who may have what, `roles` counts reservations.
"""

from dataclasses import dataclass
from functools import lru_cache

from offers.resources import Vector

REVOCABLE, SHARED, REFINED = "r", "s", "f"
"""May be taken back at any time; is for several at once; reserved by a stack of reservations."""
_NONE = "-"
_KINDS_MAX = 65_536
"""Names that are kept parsed: a volume has one of its own."""


@dataclass(frozen=True, slots=True)
class Part:
    """What the name of a part says."""

    name: str
    role: str = ""
    """Only it and the roles below it may have this."""
    traits: str = ""
    detail: str = ""

    @property
    def key(self) -> str:
        """Its name in a vector. Neither roles nor resources contain blanks."""
        if not (self.role or self.traits or self.detail):
            return self.name
        return f"{self.name} {self.role or _NONE} {self.traits or _NONE} {self.detail}"

    def is_for(self, role: str) -> bool:
        """Whether a role may have it, as far as reservations go."""
        return not self.role or role == self.role or role.startswith(f"{self.role}/")


@lru_cache(_KINDS_MAX)
def parse(key: str) -> Part:
    """The part of a name in a vector."""
    name, blank, rest = key.partition(" ")
    if not blank:
        return Part(name)
    role, traits, detail = rest.split(" ", 2)
    return Part(name, role if role != _NONE else "", traits if traits != _NONE else "", detail)


def is_mixed(vector: Vector) -> bool:
    """Whether there is more in it than what anybody may have."""
    for key in vector:  # noqa: SIM110  (asked for every vector there is: twice as fast)
        if " " in key:
            return True
    return False


def plain(vector: Vector) -> Vector:
    """What anybody may have."""
    return {k: v for k, v in vector.items() if " " not in k} if is_mixed(vector) else vector


def folded(vector: Vector) -> Vector:
    """How much of each resource, whoever may have it. What is shared takes nothing from anybody."""
    if not is_mixed(vector):
        return vector
    total: dict[str, int] = {}
    for key, value in vector.items():
        part = parse(key)
        if SHARED not in part.traits:
            total[part.name] = total.get(part.name, 0) + value
    return {name: value for name, value in total.items() if value}


def consumed(vector: Vector) -> Vector:
    """What is gone for others while somebody has it: all but what is shared."""
    if not is_mixed(vector):
        return vector
    return {k: v for k, v in vector.items() if SHARED not in parse(k).traits}


def revocable(vector: Vector) -> dict[str, int]:
    """The same, of the kind that may be taken back."""
    return {Part(name, traits=REVOCABLE).key: value for name, value in vector.items() if value > 0}


def is_revocable(key: str) -> bool:
    """Whether a part may be taken back at any time."""
    return REVOCABLE in parse(key).traits


def reserved(vector: Vector) -> dict[str, Vector]:
    """Role → how much is reserved for it."""
    found: dict[str, dict[str, int]] = {}
    for key, value in vector.items():
        part = parse(key)
        if part.role and not part.traits.count(REVOCABLE):
            mine = found.setdefault(part.role, {})
            mine[part.name] = mine.get(part.name, 0) + value
    return dict(found)
