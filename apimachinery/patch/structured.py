"""Walking objects along rules: field sets, differences, merging, removing.

These are the four questions of server-side apply: which fields does this object set, what changed
between two, what comes out when one is laid over the other, what remains without some fields.
Neighbours: `rules` says how places merge, `fieldsets` is the language of the answers, `apply`
puts them together. Objects are never changed; results share parts with them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apimachinery import meta
from apimachinery.apply_rules import LEAF, UNKNOWN, Rule, Shape
from apimachinery.patch.fieldsets import HERE, FieldSet, element_text, is_member

_OBJECTS = (Shape.STRUCT, Shape.MAP, Shape.UNKNOWN)


# --- list items ----------------------------------------------------------------------------------


def _element(rule: Rule, item: Any) -> str | None:
    """The path element of a list's item; None if the item has no place in such a list."""
    if rule.shape is Shape.SET:
        return None if isinstance(item, dict | list) else f"v:{orjson.dumps(item).decode()}"
    if not isinstance(item, dict):
        return None
    key: dict[str, Any] = {}
    for name, default in rule.keys:
        value = item.get(name)
        if value is None:
            value = default
        if value is None:
            return None
        key[name] = value
    return f"k:{orjson.dumps(key).decode()}"


def _index(rule: Rule, items: Any) -> dict[str, Any] | None:
    """Items by path element, the first of equal ones; None if it is no such list."""
    if not isinstance(items, list):
        return None
    out: dict[str, Any] = {}
    for item in items:
        element = _element(rule, item)
        if element is None:
            return None
        out.setdefault(element, item)
    return out


# --- the fields that an object sets --------------------------------------------------------------


def field_set(obj: Mapping[str, Any], rule: Rule, *, applied: bool) -> FieldSet:
    """The fields that an object sets.

    What an applier sends (`applied`) owns the entries of a map, what another writer makes owns
    the map as well, as in Kubernetes.
    """
    return _object_node(obj, rule, applied) or {}


def _node(value: Any, rule: Rule, applied: bool) -> FieldSet | None:
    """The node for one value, None if there is nothing to own."""
    if rule.shape in _OBJECTS and isinstance(value, dict):
        if not value:
            return {}
        node = _object_node(value, rule, applied)
        if node and rule.shape is Shape.MAP and not applied:
            node[HERE] = {}
        return node
    if rule.shape in (Shape.KEYED, Shape.SET):
        return _list_node(value, rule, applied)
    return {}


def _object_node(value: Mapping[str, Any], rule: Rule, applied: bool) -> FieldSet | None:
    out: FieldSet = {}
    members = rule.members
    for key, item in value.items():
        name, child = members.get(key) or (f"f:{key}", rule.child(key))
        if child.shape is Shape.LEAF:
            out[name] = {}
            continue
        node = _node(item, child, applied)
        if node is not None:
            out[name] = node
    return out or None


def _list_node(value: Any, rule: Rule, applied: bool) -> FieldSet | None:
    items = _index(rule, value)
    if items is None:
        return {}
    if not items:
        return None if applied else {}
    if rule.shape is Shape.SET:
        return {element: {} for element in items}
    item_rule = rule.item or UNKNOWN
    out: FieldSet = {}
    for element, item in items.items():
        node = _node(item, item_rule, applied)
        if node:
            node[HERE] = {}
        out[element] = node or {}
    return out


def problems_of(value: Any, rule: Rule, path: str = "") -> Iterator[str]:
    """What keeps an applied object from having owners: keyed lists without keys, or with one twice."""
    if rule.shape in _OBJECTS and isinstance(value, dict):
        for key, item in value.items():
            yield from problems_of(item, rule.child(key), f"{path}.{key}")
    elif rule.shape in (Shape.KEYED, Shape.SET) and isinstance(value, list):
        seen: set[str] = set()
        for index, item in enumerate(value):
            element = _element(rule, item)
            if element is None:
                yield f"{path}: element {index}: {_homeless(rule, item)}"
                return
            text = element_text(element)
            if element in seen:
                yield f"{path}: duplicate entries for key {text}"
            seen.add(element)
            yield from problems_of(item, rule.item or LEAF, path + text)


def _homeless(rule: Rule, item: Any) -> str:
    """Why an item has no place in its list."""
    if rule.shape is Shape.SET:
        kind = "map" if isinstance(item, dict) else "list"
        return f"associative list without keys has an element that's a {kind} type"
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    missing = next(key for key, default in rule.keys if default is None and item.get(key) is None)
    return (
        f'associative list with keys has an element that omits key field "{missing}" '
        "(and doesn't have default value)"
    )


_STEPS = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def place(value: Any, rule: Rule, path: str) -> str:
    """A place such as `spec.containers[0].image` with items by their keys, where they have some."""
    told = ""
    for name, index in _STEPS.findall(path):
        if name:
            value, rule = meta.dig(value, name), rule.child(name)
            told += f".{name}"
            continue
        item = value[int(index)] if isinstance(value, list) else None
        element = _element(rule, item) if rule.shape in (Shape.KEYED, Shape.SET) else None
        told += f"[{index}]" if element is None else element_text(element)
        value, rule = item, rule.item or UNKNOWN
    return told


# --- what changed --------------------------------------------------------------------------------


@dataclass(slots=True)
class Changes:
    """The difference between two objects."""

    changed: FieldSet = field(default_factory=dict)
    """Added or given another value."""
    removed: FieldSet = field(default_factory=dict)
    """Gone; a leaf stands for everything below it."""

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


def compare(old: Mapping[str, Any], new: Mapping[str, Any], rule: Rule) -> Changes:
    out = Changes()
    _compare_objects(old, new, rule, out.changed, out.removed)
    return out


def _compare_objects(
    old: Mapping[str, Any], new: Mapping[str, Any], rule: Rule, changed: FieldSet, removed: FieldSet
) -> None:
    for key, value in new.items():
        if key not in old:
            node = _node(value, rule.child(key), applied=False)
            if node is not None:
                changed[f"f:{key}"] = node
        elif old[key] != value:
            _compare(f"f:{key}", old[key], value, rule.child(key), changed, removed)
    for key in old:
        if key not in new:
            removed[f"f:{key}"] = {}


def _compare(
    element: str, old: Any, new: Any, rule: Rule, changed: FieldSet, removed: FieldSet
) -> None:
    """Notes under `element` what differs; the values are known not to be equal."""
    below: FieldSet = {}
    gone: FieldSet = {}
    if rule.shape in _OBJECTS and isinstance(old, dict) and isinstance(new, dict):
        _compare_objects(old, new, rule, below, gone)
        if not new:
            below = {HERE: {}}
    elif rule.shape in (Shape.KEYED, Shape.SET):
        before, after = _index(rule, old), _index(rule, new)
        if before is None or after is None:
            changed[element] = {}
            return
        _compare_items(before, after, rule, below, gone)
    else:
        changed[element] = {}
        return
    if below:
        changed[element] = {} if len(below) == 1 and HERE in below else below
    if gone:
        removed[element] = gone


def _compare_items(
    before: dict[str, Any], after: dict[str, Any], rule: Rule, changed: FieldSet, removed: FieldSet
) -> None:
    item_rule = rule.item or UNKNOWN
    for element, item in after.items():
        if element not in before:
            node = _node(item, item_rule, applied=False) if rule.shape is Shape.KEYED else {}
            changed[element] = {HERE: {}, **node} if node else {}
        elif before[element] != item:
            _compare(element, before[element], item, item_rule, changed, removed)
    for element in before:
        if element not in after:
            removed[element] = {}


# --- laying one object over another --------------------------------------------------------------


def merge(old: Any, new: Any, rule: Rule) -> Any:
    """`new` laid over `old`: parts with owners of their own merge, leaves are replaced."""
    if rule.shape in _OBJECTS and isinstance(old, dict) and isinstance(new, dict):
        out = dict(old)
        for key, value in new.items():
            out[key] = merge(old[key], value, rule.child(key)) if key in old else value
        return out
    if rule.shape in (Shape.KEYED, Shape.SET):
        before, after = _index(rule, old), _index(rule, new)
        if before is not None and after is not None:
            return _merge_lists(old, before, after, rule)
    return new


def _merge_lists(
    old: list[Any], before: dict[str, Any], after: dict[str, Any], rule: Rule
) -> list[Any]:
    """Items of `new` in their order; items of `old` alone keep their place between the common."""
    item_rule = rule.item or UNKNOWN
    places = [_element(rule, item) or "" for item in old]
    common = iter([element for element in after if element in before])
    next_common = next(common, None)
    out: list[Any] = []
    position = 0
    for element, item in after.items():
        while position < len(old) and places[position] != next_common:
            if places[position] not in after:
                out.append(old[position])
            position += 1
        if element in before:
            out.append(merge(before[element], item, item_rule))
            next_common = next(common, None)
            position += position < len(old) and places[position] == element
        else:
            out.append(item)
    out += [old[at] for at in range(position, len(old)) if places[at] not in after]
    return out


# --- taking fields away --------------------------------------------------------------------------


def prune(obj: dict[str, Any], gone: FieldSet, kept: FieldSet, rule: Rule) -> dict[str, Any]:
    """The object without the fields of `gone` that are not in `kept`.

    A field by schema goes with all below it when nobody keeps anything there; an item of a map
    or list goes when it is a member of `gone` and no member of `kept`. Objects and lists that
    become empty thereby go too.
    """
    out = dict(obj)
    for element, node in gone.items():
        key = element[2:]
        if element == HERE or key not in obj:
            continue
        theirs = kept.get(element)
        if _goes(node, theirs, named=rule.names(key)):
            del out[key]
        elif node:
            rest = _prune_value(obj[key], node, theirs or {}, rule.child(key))
            if rest is None:
                del out[key]
            else:
                out[key] = rest
    return out


def _goes(node: FieldSet, theirs: FieldSet | None, *, named: bool) -> bool:
    if theirs is None:
        return named or is_member(node)
    return not named and is_member(node) and not is_member(theirs)


def _prune_value(value: Any, gone: FieldSet, kept: FieldSet, rule: Rule) -> Any:
    """The value without those fields, None if nothing remains."""
    if rule.shape in _OBJECTS and isinstance(value, dict):
        return prune(value, gone, kept, rule) or None
    if rule.shape not in (Shape.KEYED, Shape.SET) or not isinstance(value, list):
        return value
    out: list[Any] = []
    for item in value:
        element = _element(rule, item) or ""
        node, theirs = gone.get(element), kept.get(element)
        if node is None:
            out.append(item)
        elif not _goes(node, theirs, named=False):
            rest = _prune_value(item, node, theirs or {}, rule.item or UNKNOWN) if node else item
            out.append(item if rest is None else rest)
    return out or None
