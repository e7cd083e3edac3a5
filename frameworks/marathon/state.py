"""All that this framework knows and must not forget: apps, groups, deployments, instances.

Held in memory whole; each change is also noted, and `journal` writes the notes to the `store`.
Nothing is decided here. Neighbours: `engine` and the HTTP handlers read and change it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from frameworks.marathon import paths, times
from frameworks.marathon.base import JsonObject
from frameworks.marathon.deployment import Deployment
from frameworks.marathon.errors import NotFound
from frameworks.marathon.history import History
from frameworks.marathon.instance import Failure, Instance
from frameworks.marathon.spec import App
from frameworks.marathon.table import Change, Table


@dataclass(frozen=True, slots=True)
class Group:
    """A folder of apps."""

    id: str
    version: str
    dependencies: tuple[str, ...] = ()

    def wire(self) -> JsonObject:
        return {"id": self.id, "version": self.version, "dependencies": list(self.dependencies)}

    @classmethod
    def read(cls, obj: JsonObject) -> "Group":
        return cls(obj["id"], obj["version"], tuple(obj["dependencies"]))


class Instances(Table[Instance]):
    """By task id, and by app."""

    def __init__(self, changed: set[tuple[str, str]]) -> None:
        super().__init__("instance", Instance.wire, Instance.read, changed)
        self._by_app: defaultdict[str, dict[str, Instance]] = defaultdict(dict)

    def __setitem__(self, key: str, value: Instance) -> None:
        super().__setitem__(key, value)
        self._by_app[value.app_id][key] = value

    def __delitem__(self, key: str) -> None:
        mine = self._by_app[self[key].app_id]
        super().__delitem__(key)
        del mine[key]

    def load(self, key: str, text: str) -> None:
        super().load(key, text)
        self._by_app[self[key].app_id][key] = self[key]

    def of(self, app_id: str) -> list[Instance]:
        """An app's instances, the oldest first."""
        mine = self._by_app.get(app_id, {}).values()
        return sorted(mine, key=lambda one: (one.staged_at, one.task_id))


@dataclass(slots=True)
class State:
    """The tables."""

    changed: set[tuple[str, str]] = field(default_factory=set)
    facts: Table[str] = field(init=False)
    """Single values: the framework's id."""
    apps: Table[App] = field(init=False)
    groups: Table[Group] = field(init=False)
    """Those that were made, and those that apps are in."""
    history: History = field(init=False)
    deployments: Table[Deployment] = field(init=False)
    """In the order in which they began."""
    instances: Instances = field(init=False)
    """What has ended is not here."""
    failures: Table[Failure] = field(init=False)

    def __post_init__(self) -> None:
        log = self.changed
        self.facts = Table("fact", str, str, log)
        self.apps = Table("app", App.wire, App.read, log)
        self.groups = Table("group", Group.wire, Group.read, log)
        self.history = History(log)
        self.deployments = Table("deployment", Deployment.wire, Deployment.read, log)
        self.instances = Instances(log)
        self.failures = Table("failure", _failure, lambda obj: Failure(**obj), log)

    def tables(self) -> Mapping[str, Table[Any]]:
        found = (
            self.facts, self.apps, self.groups, self.history, self.deployments, self.instances,
            self.failures,
        )  # fmt: skip
        return {table.kind: table for table in found}

    def load(self, rows: Iterator[tuple[str, str, str]]) -> None:
        """Take what the store has."""
        tables = self.tables()
        for kind, key, text in rows:
            if kind in tables:
                tables[kind].load(key, text)

    def flush(self) -> list[Change]:
        """What has changed since the last time."""
        tables = self.tables()
        found = [(kind, key, tables[kind].text(key)) for kind, key in sorted(self.changed)]
        self.changed.clear()
        return found

    # --- what is asked for often

    def app(self, app_id: str) -> App:
        if app_id not in self.apps or self.apps[app_id].pod is not None:
            raise NotFound(f"App '{app_id}' does not exist")
        return self.apps[app_id]

    def app_of(self, instance: Instance) -> App | None:
        """The version that an instance runs, as far as it is remembered."""
        past = self.history.apps(instance.app_id).get(instance.version)
        return past or self.spec(instance.app_id)

    def spec(self, app_id: str) -> App | None:
        """The app, or what it was while its instances are still being stopped."""
        if app_id in self.apps:
            return self.apps[app_id]
        olds = (one.original.get(app_id) for one in self.deployments.values())
        return next((old for old in olds if old is not None), None)

    def at_work(self, ids: set[str]) -> list[Deployment]:
        """Deployments that touch any of these apps."""
        return [one for one in self.deployments.values() if ids.intersection(one.affected)]

    @property
    def version(self) -> str:
        """The whole tree's."""
        return self.groups[paths.ROOT].version if paths.ROOT in self.groups else times.EPOCH


def _failure(failure: Failure) -> JsonObject:
    return {name: getattr(failure, name) for name in Failure.__slots__}
