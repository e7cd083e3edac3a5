"""Trees of apps: from what a request says of a group to what changes, and back to a tree. Pure.

The state keeps apps and groups flat, by id. A group's body names what is in it: apps and groups
that it lists take the place of those that were there, a list that it leaves out changes nothing.
Neighbours: `update` does the same for one app; `commands` applies the changes.
"""

import math
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from frameworks.marathon import paths, podspec, update
from frameworks.marathon.base import JsonObject
from frameworks.marathon.errors import Invalid
from frameworks.marathon.spec import App

DEPTH_MAX = 20
"""Groups within groups: nobody's tree is deeper, and a hostile one ends here."""


@dataclass(slots=True)
class Changes:
    """What becomes of apps and groups; None where they go."""

    apps: dict[str, App | None] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Dependencies, by group."""


def put(
    group_id: str, body: object, apps: Mapping[str, App], groups: Mapping[str, tuple[str, ...]]
) -> Changes:
    """A group as its body says."""
    made = Changes()
    _put(made, group_id, body, apps, groups, depth=0)
    return made


def _put(
    made: Changes,
    group_id: str,
    body: object,
    apps: Mapping[str, App],
    groups: Mapping[str, tuple[str, ...]],
    *,
    depth: int,
) -> None:
    if not isinstance(body, dict):
        raise Invalid({"/": ["a group must be an object"]})
    if depth > DEPTH_MAX:
        raise Invalid({"/groups": [f"must not be nested more than {DEPTH_MAX} times"]})
    if group_id != paths.ROOT and (problem := paths.problem(group_id)):
        raise Invalid({"/id": [problem]})
    named = _list(body, "dependencies")
    if named is None:
        made.groups[group_id] = groups.get(group_id, ())
    else:
        texts = [one for one in named if isinstance(one, str)]
        if len(texts) < len(named):
            raise Invalid({"/dependencies": ["must be strings"]})
        made.groups[group_id] = tuple(paths.dependency(one, group_id) for one in texts)
    _members(made, group_id, _list(body, "apps"), update.create, _of_kind(apps, pods=False))
    _members(made, group_id, _list(body, "pods"), podspec.create, _of_kind(apps, pods=True))
    if (inner := _list(body, "groups")) is not None:
        wanted = {_id(one, group_id): one for one in inner}
        for other in (*apps, *groups):
            if paths.under(other, group_id) and not _kept(other, group_id, wanted, apps):
                (made.apps if other in apps else made.groups).setdefault(other, None)
        for inner_id, one in wanted.items():
            _inside(inner_id, group_id)
            _put(made, inner_id, one, apps, groups, depth=depth + 1)


def _members(
    made: Changes,
    group_id: str,
    listed: list[object] | None,
    create: Callable[..., App],
    there: Iterable[str],
) -> None:
    """Those that a group lists take the place of those that are `there`."""
    if listed is None:
        return
    for one in there:
        if paths.parent(one) == group_id:
            made.apps.setdefault(one, None)
    for body in listed:
        app = create(body, base=group_id)
        _inside(app.id, group_id)
        made.apps[app.id] = app


def _of_kind(apps: Mapping[str, App], *, pods: bool) -> list[str]:
    return [one for one, app in apps.items() if (app.pod is not None) == pods]


def _kept(other: str, group_id: str, wanted: Mapping[str, object], apps: Mapping[str, App]) -> bool:
    """Whether what is inside of a group is still in one that the group lists."""
    if other in apps and paths.parent(other) == group_id:
        return True
    return any(other == one or paths.under(other, one) for one in wanted)


def _list(body: Mapping[str, object], name: str) -> list[object] | None:
    found = body.get(name)
    if found is None or isinstance(found, list):
        return found
    raise Invalid({f"/{name}": ["must be a list"]})


def _id(body: object, base: str) -> str:
    named = body.get("id") if isinstance(body, dict) else None
    if not isinstance(named, str):
        raise Invalid({"/groups/id": ["must be a string"]})
    return paths.absolute(named, base)


def _inside(path: str, group_id: str) -> None:
    if not paths.under(path, group_id):
        raise Invalid({"/id": [f"{path} is not inside of {group_id}"]})


def scaled(group_id: str, factor: object, apps: Mapping[str, App]) -> Changes:
    """All apps inside by a factor, rounded up."""
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor <= 1e5:
        raise Invalid({"/scaleBy": ["must be a number that is not negative"]})
    return Changes(
        {
            one.id: update.resized(one, math.ceil(one.instances * factor - 1e-9))
            for one in apps.values()
            if paths.under(one.id, group_id)
        }
    )


def removed(
    group_id: str, apps: Mapping[str, App], groups: Mapping[str, tuple[str, ...]]
) -> Changes:
    """All that is inside, and itself."""
    gone = {one for one in groups if one == group_id or paths.under(one, group_id)}
    return Changes(
        dict.fromkeys(one for one in apps if paths.under(one, group_id)),
        dict.fromkeys(gone - {paths.ROOT}),
    )


# --- as a tree


@dataclass(frozen=True, slots=True)
class Node:
    """One group of a tree."""

    id: str
    dependencies: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    groups: tuple["Node", ...] = ()

    def wire(self, version: str, show: Callable[[str], JsonObject]) -> JsonObject:
        return {
            "id": self.id,
            "apps": [show(one) for one in self.apps],
            "groups": [one.wire(version, show) for one in self.groups],
            "pods": [show(one) for one in self.pods],
            "dependencies": list(self.dependencies),
            "version": version,
        }


def tree(
    root: str,
    apps: Iterable[str],
    groups: Mapping[str, tuple[str, ...]],
    pods: Container[str] = (),
) -> Node:
    """The group `root` and all that is inside."""
    nodes = {root: Node(root, groups.get(root, ()))}
    members = [one for one in apps if paths.under(one, root)]
    for one in (*groups, *(paths.parent(app) for app in members)):
        for group in (*paths.ancestors(one), one):
            if paths.under(group, root):
                nodes.setdefault(group, Node(group, groups.get(group, ())))
    for app in sorted(members):
        node = nodes[paths.parent(app)]
        if app in pods:
            nodes[node.id] = replace(node, pods=(*node.pods, app))
        else:
            nodes[node.id] = replace(node, apps=(*node.apps, app))
    for group in sorted(nodes, key=lambda one: (one.count("/"), one), reverse=True):
        if group != root:
            above = nodes[paths.parent(group)]
            nodes[above.id] = replace(above, groups=(nodes[group], *above.groups))
    return nodes[root]
