"""Sets of field paths in the form in which `managedFields` stores them (fieldsV1).

A set is a trie of JSON objects: keys are path elements (`f:spec`, `k:{"name":"a"}`, `v:"x"`), an
empty object is a member, and a member that has members below it carries the mark `.`. The root of
an empty set is `{}`. No function changes its arguments; results share structure with them.
Neighbours: `structured` makes sets from objects, `apply` computes with them.
"""

from collections.abc import Iterator
from typing import Any

import orjson

FieldSet = dict[str, Any]
"""A trie, or one node of it: its values are nodes again."""

HERE = "."
"""Marks a node with children as a member itself."""


def is_member(node: FieldSet) -> bool:
    return not node or HERE in node


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """Everything in either set."""
    if not one:
        return other
    return _union(one, other) if other else one


def _union(one: FieldSet, other: FieldSet) -> FieldSet:
    if not one or not other:
        more = one or other
        return more if is_member(more) else {HERE: {}, **more}
    out = dict(one)
    for key, node in other.items():
        mine = out.get(key)
        out[key] = node if mine is None else _union(mine, node)
    return out


def difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in `one` and neither in `other` nor below a leaf of it."""
    if not one or not other:
        return one
    return _difference(one, other) or {}


def _difference(one: FieldSet, other: FieldSet) -> FieldSet | None:
    """The node that remains, None if nothing does."""
    if not other:
        return None
    if not one:
        return None if HERE in other else one
    out: FieldSet = {}
    for key, node in one.items():
        theirs = other.get(key)
        if theirs is None:
            out[key] = node
        elif key != HERE and (rest := _difference(node, theirs)) is not None:
            out[key] = rest
    if not out:
        return None
    return {} if len(out) == 1 and HERE in out else out


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in both, and what of `one` is below a leaf of `other`."""
    if not one or not other:
        return {}
    return _intersection(one, other) or {}


def _intersection(one: FieldSet, other: FieldSet) -> FieldSet | None:
    if not other:
        return one
    if not one:
        return one if HERE in other else None
    out: FieldSet = {}
    for key, node in one.items():
        theirs = other.get(key)
        if theirs is None:
            continue
        if key == HERE:
            out[key] = node
        elif (both := _intersection(node, theirs)) is not None:
            out[key] = both
    if not out:
        return None
    return {} if len(out) == 1 and HERE in out else out


def contains(one: FieldSet, other: FieldSet) -> bool:
    """Whether every member of `other` is a member of `one`; roots count as no members."""
    for key, node in other.items():
        mine = one.get(key)
        if mine is None:
            return False
        if key != HERE and not _node_contains(mine, node):
            return False
    return True


def _node_contains(one: FieldSet, other: FieldSet) -> bool:
    if is_member(other) and not is_member(one):
        return False
    return all(
        key == HERE or (key in one and _node_contains(one[key], node))
        for key, node in other.items()
    )


def paths(root: FieldSet) -> Iterator[str]:
    """The members as messages print them: `.spec.containers[name="a"].image`."""
    if root:
        yield from _paths(root, "")


def _paths(node: FieldSet, prefix: str) -> Iterator[str]:
    if is_member(node):
        yield prefix
    for key in sorted(node):
        if key != HERE:
            yield from _paths(node[key], prefix + element_text(key))


def element_text(element: str) -> str:
    """A path element as messages print it."""
    kind, _, text = element.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "k":
        pairs = orjson.loads(text).items()
        inner = ",".join([f"{key}={orjson.dumps(value).decode()}" for key, value in pairs])
        return f"[{inner}]"
    return f"[={text}]" if kind == "v" else f"[{text}]"


def is_valid(node: Any, root: bool = True) -> bool:
    """Whether decoded JSON is a field set: what clients send may be anything."""
    if not isinstance(node, dict):
        return False
    return all(
        (key == HERE and not root and value == {})
        or (_is_element(key) and is_valid(value, root=False))
        for key, value in node.items()
    )


def _is_element(key: str) -> bool:
    kind, colon, text = key.partition(":")
    if not colon or kind not in ("f", "k", "v", "i"):
        return False
    if kind == "f":
        return True
    try:
        value = orjson.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) if kind == "k" else True
