"""A deployment: what leads from the apps as they were to the apps as they shall be. Pure.

Its steps stand in order, the actions of one step run side by side: first what is gone stops, then
apps start, scale and restart, each after those that it depends on. Neighbours: `rolling` says what
an action needs now, `planner` walks the steps.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from frameworks.marathon import paths
from frameworks.marathon.base import JsonObject
from frameworks.marathon.errors import Invalid
from frameworks.marathon.spec import App


class Kind(StrEnum):
    """What is done to an app."""

    START = "StartApplication"
    SCALE = "ScaleApplication"
    RESTART = "RestartApplication"
    STOP = "StopApplication"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to be done to one app."""

    kind: Kind
    app_id: str
    pod: bool = False

    def wire(self) -> JsonObject:
        return {"action": self.kind.value, "pod" if self.pod else "app": self.app_id}

    @classmethod
    def read(cls, obj: JsonObject) -> Self:
        return cls(Kind(obj["action"]), obj.get("app") or obj["pod"], "pod" in obj)


Step = tuple[Action, ...]
Apps = Mapping[str, App]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Steps on their way; `current` of them are behind."""

    id: str
    version: str
    original: Apps
    """The apps that it touches, as they were."""
    target: Apps
    """And as they shall be."""
    steps: tuple[Step, ...]
    current: int = 0

    @property
    def affected(self) -> list[str]:
        return sorted({action.app_id for step in self.steps for action in step})

    @property
    def actions(self) -> Step:
        """Those that are under way."""
        return self.steps[self.current] if self.current < len(self.steps) else ()

    def pending(self, app_id: str) -> bool:
        """Whether a later step will touch the app."""
        later = self.steps[self.current + 1 :]
        return any(action.app_id == app_id for step in later for action in step)

    def plan(self) -> JsonObject:
        """As events tell it."""
        return {
            "id": self.id,
            "version": self.version,
            "original": _tree(self.original, self.version),
            "target": _tree(self.target, self.version),
            "steps": [_step(step) for step in self.steps],
        }

    def wire(self) -> JsonObject:
        """At rest."""
        return {
            "id": self.id,
            "version": self.version,
            "original": [app.wire() for app in self.original.values()],
            "target": [app.wire() for app in self.target.values()],
            "steps": [[action.wire() for action in step] for step in self.steps],
            "current": self.current,
        }

    @classmethod
    def read(cls, obj: JsonObject) -> Self:
        return cls(
            id=obj["id"],
            version=obj["version"],
            original={one["id"]: App.read(one) for one in obj["original"]},
            target={one["id"]: App.read(one) for one in obj["target"]},
            steps=tuple(tuple(Action.read(one) for one in step) for step in obj["steps"]),
            current=obj["current"],
        )


def _tree(apps: Apps, version: str) -> JsonObject:
    return {
        "id": paths.ROOT,
        "apps": [app.wire() for app in apps.values() if app.pod is None],
        "groups": [],
        "pods": [{"id": app.id, **app.pod} for app in apps.values() if app.pod is not None],
        "dependencies": [],
        "version": version,
    }


def _step(step: Step) -> JsonObject:
    return {"actions": [action.wire() for action in step]}


def steps(
    original: Apps, target: Apps, order: Iterable[Iterable[str]], stale: Collection[str]
) -> tuple[Step, ...]:
    """The steps that lead there, in an order of `levels`.

    `stale` apps have instances that an earlier deployment, broken off, has left behind.
    """

    def action(kind: Kind, one: str) -> Action:
        return Action(kind, one, (target.get(one) or original[one]).pod is not None)

    gone = tuple(action(Kind.STOP, one) for one in sorted(original.keys() - target.keys()))
    found: list[Step] = [gone]
    for level in order:
        mine = [one for one in level if one in target]
        found.append(tuple(action(Kind.START, one) for one in mine if one not in original))
        moves = _moves(mine, original, target, stale)
        found.append(tuple(action(kind, one) for kind, one in moves))
    return tuple(step for step in found if step)


def _moves(
    level: list[str], original: Apps, target: Apps, stale: Collection[str]
) -> Iterator[tuple[Kind, str]]:
    for one in level:
        old, new = original.get(one), target[one]
        if one in stale or (old is not None and old.config != new.config):
            yield Kind.RESTART, one
        elif old is None or old.instances != new.instances:
            yield Kind.SCALE, one


def levels(apps: Collection[str], dependencies: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Apps by how many others must come first; those of a level don't need each other.

    Invalid where they form a ring.
    """
    left = {one: set(dependencies.get(one, ())) & set(apps) for one in apps}
    found: list[list[str]] = []
    while left:
        level = sorted(one for one, needs in left.items() if not needs & left.keys())
        if not level:
            ring = ", ".join(sorted(left))
            raise Invalid({"/dependencies": [f"Dependencies must not be cyclic: {ring}"]})
        found.append(level)
        for one in level:
            del left[one]
    return found


def needs(apps: Apps, groups: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Which apps each app depends on, by its own word and its groups' (`groups`: theirs)."""
    found = {}
    for app in apps.values():
        named = set(app.dependencies)
        for group in paths.ancestors(app.id):
            named |= set(groups.get(group, ()))
        others = (one for one in apps if any(one == n or paths.under(one, n) for n in named))
        found[app.id] = set(others) - {app.id} if named else set()
    return found
