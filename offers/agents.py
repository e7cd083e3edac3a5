"""Nodes as Mesos' agents: how they are called and reached, and which are out of reach.

A node that is not Ready counts as out of reach until it is Ready again or gone. Neighbours: the
nodes' informer feeds it, `offers.tasks.service` and the frameworks hear of what changes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from apimachinery.wire import JsonObject
from offers.resources import Vector

MAINTENANCE = "offers.bireme.dev/maintenance"
"""The annotation of nodes that says what operators plan for them."""
AWAY = frozenset(("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"))
"""Taints of nodes that nobody hears from; a view has one as soon as the node is not Ready."""


class TaintView(Protocol):
    """What is read of a taint here."""

    @property
    def key(self) -> str: ...


class AgentView(Protocol):
    """What is read of a Node here."""

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def allocatable(self) -> Vector: ...
    @property
    def address(self) -> str: ...
    @property
    def maintenance(self) -> str:
        """What operators plan for it, as the annotation has it."""
        ...

    @property
    def accepts_pods(self) -> bool: ...
    @property
    def taints(self) -> Sequence[TaintView]: ...


class Agents:
    """All agents, as of the mirror."""

    def __init__(self) -> None:
        self.on_lost: Callable[[str], None] = lambda _: None
        self.on_back: Callable[[str], None] = lambda _: None
        self.on_away: Callable[[str], None] = lambda _: None
        """Called when a node that nobody knew of turns out to be out of reach."""
        self.on_added: Callable[[str], None] = lambda _: None
        self.on_removed: Callable[[str], None] = lambda _: None
        self.on_planned: Callable[[str], None] = lambda _: None
        """Called when what is planned for a node is another thing."""
        self.views: dict[str, AgentView] = {}

    def changed(self, key: str, old: AgentView | None, new: AgentView | None) -> None:
        """The informer's handler."""
        was, now = old is not None and not _away(old), new is not None and not _away(new)
        if new is None:
            self.views.pop(key, None)
        else:
            self.views[key] = new
        if was and not now:
            self.on_lost(key)
        elif now and old is not None and not was:
            self.on_back(key)
        elif new is not None and old is None and not now:
            self.on_away(key)
        if new is None:
            self.on_removed(key)
        elif old is None:
            self.on_added(key)
        if new is not None and new.maintenance != (old.maintenance if old else ""):
            self.on_planned(key)

    def exists(self, name: str) -> bool:
        return name in self.views

    def hostname(self, name: str) -> str:
        """What a framework can connect to: node names resolve nowhere outside."""
        view = self.views.get(name)
        return (view.address if view else "") or name

    def plan(self, name: str) -> JsonObject:
        """What operators plan for a node."""
        view = self.views.get(name)
        return _parsed(view.maintenance) if view is not None else {}

    def state(self, name: str) -> str:
        """ready, unreachable, or empty for a node that is unknown."""
        view = self.views.get(name)
        if view is None:
            return ""
        return "unreachable" if _away(view) else "ready"


class Standing(Protocol):
    """What tells whether a node is there."""

    @property
    def maintenance(self) -> str: ...
    @property
    def taints(self) -> Sequence[TaintView]: ...


def is_present(view: Standing) -> bool:
    """Whether a node is part of the cluster now: in reach, and not taken down by operators."""
    return not (_away(view) or _parsed(view.maintenance).get("down"))


def _away(view: Standing) -> bool:
    return any(taint.key in AWAY for taint in view.taints)


def _parsed(text: str) -> JsonObject:
    """The annotation; what makes no sense counts as nothing."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
