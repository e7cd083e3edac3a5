"""Apps and groups as they were: a bounded number of versions of each. Pure.

Neighbours: `state` has it as one of its tables, `commands` add to it and roll back to it.
"""

from collections import defaultdict
from dataclasses import dataclass

from frameworks.marathon import paths
from frameworks.marathon.base import JsonObject
from frameworks.marathon.spec import App
from frameworks.marathon.table import Table

VERSIONS_MAX = 50
"""Kept of each app and group."""


@dataclass(frozen=True, slots=True)
class Past:
    """An app or a group as it was from a version on; without a body it was gone."""

    id: str
    version: str
    body: JsonObject | None
    group: bool = False

    @property
    def key(self) -> str:
        return f"{self.id} {self.version} {'group' if self.group else 'app'}"

    def wire(self) -> JsonObject:
        return {"id": self.id, "version": self.version, "body": self.body, "group": self.group}


class History(Table[Past]):
    """By key, and by whose they are."""

    def __init__(self, changed: set[tuple[str, str]]) -> None:
        super().__init__("past", Past.wire, lambda obj: Past(**obj), changed)
        self._of: defaultdict[tuple[str, bool], list[Past]] = defaultdict(list)
        """Sorted by version."""

    def load(self, key: str, text: str) -> None:
        super().load(key, text)
        self._file(self[key])

    def add(self, past: Past) -> None:
        """Keep a version, and forget the oldest beyond the bound."""
        self[past.key] = past
        mine = self._file(past)
        while len(mine) > VERSIONS_MAX:
            del self[mine.pop(0).key]

    def _file(self, past: Past) -> list[Past]:
        mine = self._of[past.id, past.group]
        mine[:] = sorted(
            [one for one in mine if one.version != past.version] + [past],
            key=lambda one: one.version,
        )
        return mine

    def apps(self, app_id: str) -> dict[str, App]:
        """An app's versions since it was made, the newest first."""
        found: dict[str, App] = {}
        for one in reversed(self._of.get((app_id, False), [])):
            if one.body is None:
                break
            found[one.version] = App.read(one.body)
        return found

    def versions(self, group_id: str) -> list[str]:
        """When anything in a group changed, the newest first."""
        found = {
            one.version
            for (owner, _), mine in self._of.items()
            if owner == group_id or paths.under(owner, group_id)
            for one in mine
        }
        return sorted(found, reverse=True)

    def at(self, group_id: str, version: str) -> tuple[dict[str, App], dict[str, JsonObject]]:
        """The apps and groups inside of a group, itself among them, as they were then."""
        apps: dict[str, App] = {}
        groups: dict[str, JsonObject] = {}
        for (owner, is_group), mine in self._of.items():
            if owner != group_id and not paths.under(owner, group_id):
                continue
            until = [one for one in mine if one.version <= version]
            if not until or until[-1].body is None:
                continue
            if is_group:
                groups[owner] = until[-1].body
            else:
                apps[owner] = App.read(until[-1].body)
        return apps, groups
