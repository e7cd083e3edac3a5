"""Whether an object fits its schema: types, bounds, combinations, lists that are sets or maps.

Errors are Kubernetes', word for word where its schemas are common: `spec.size: Invalid value:
"string": spec.size in body must be of type integer: "string"`. What has not changed since the
stored state is not held against an update (ratcheting). Neighbours: `node` is the compiled
schema, `checks` judges single values; expressions (CEL) are not looked at here.
"""

from typing import Any

from apimachinery import names, status
from apimachinery.schema.checks import Found
from apimachinery.schema.node import Node
from apimachinery.schema.paths import ROOT, Path, at, dotted
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

MAX_ERRORS = 100
"""Errors of one object: a long list of wrong items would make the answer as long as it."""

_TYPE_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


def validate(new: JsonObject, node: Node, old: JsonObject | None) -> list[FieldError]:
    """Everything that is wrong with an object, but for what was so before."""
    found: Found = []
    _value(new, node, ROOT, found)
    if old is not None and found:
        found = [(path, error) for path, error in found if not _unchanged(new, old, path, error)]
    return [error for _, error in found[:MAX_ERRORS]]


def fits(value: Any, node: Node) -> bool:
    """Whether a value is valid, for defaults."""
    found: Found = []
    _value(value, node, ROOT, found)
    return not found


def _unchanged(new: JsonObject, old: JsonObject, path: Path, error: FieldError) -> bool:
    """Whether the place that an error is about was the same before."""
    if error.reason == "FieldValueRequired" and path:
        path = path[0]
    if not path:
        return False
    exists, before = at(old, path)
    return exists and bool(before == at(new, path)[1])


def _value(value: Any, node: Node, path: Path, found: Found) -> None:
    kind = type(value)
    if value is None and node.nullable:
        return
    if node.accepts is not None and kind not in node.accepts and not _integral(value, node):
        _wrong_type(value, node, path, found)
        for check in node.always:
            check(value, path, found)
        return
    for check in node.always:
        check(value, path, found)
    for check in node.by_type.get(kind, ()):
        check(value, path, found)
    if kind is dict:
        _object(value, node, path, found)
    elif kind is list:
        _list(value, node, path, found)
    if node.all_of or node.any_of or node.one_of or node.not_ is not None:
        _combined(value, node, path, found)


def _integral(value: Any, node: Node) -> bool:
    """1.0 is an integer."""
    assert node.accepts is not None, "asked only where there is a type"
    return type(value) is float and int in node.accepts and value.is_integer()


def _wrong_type(value: Any, node: Node, path: Path, found: Found) -> None:
    where, name = dotted(path), _TYPE_NAMES[type(value)]
    text = f"{where} in body must be of type {node.type_name}: {status.quote(name)}"
    found.append((path, status.type_invalid(where, name, text)))


def _object(obj: JsonObject, node: Node, path: Path, found: Found) -> None:
    for key in node.required:
        if key not in obj:
            found.append(((path, key), status.required(dotted((path, key)))))
    fields, additional = node.fields, node.additional
    for key, value in obj.items():
        child = fields.get(key) or additional
        if child is not None and child.plain is not type(value):
            _value(value, child, (path, key), found)
    if node.embedded:
        _embedded(obj, path, found)


def _embedded(obj: JsonObject, path: Path, found: Found) -> None:
    """An object inside of another must say what it is."""
    for key in ("apiVersion", "kind"):
        if not obj.get(key):
            where = dotted((path, key))
            found.append(((path, key), status.required(where, "must not be empty")))
    name = (
        (obj.get("metadata") or {}).get("name") if isinstance(obj.get("metadata"), dict) else None
    )
    if isinstance(name, str):
        place: Path = ((path, "metadata"), "name")
        for problem in names.dns1123_subdomain(name):
            found.append((place, status.invalid_value(dotted(place), name, problem)))


def _list(items: list[Any], node: Node, path: Path, found: Found) -> None:
    if node.items is not None:
        plain = node.items.plain
        for index, one in enumerate(items):
            if plain is not type(one):
                _value(one, node.items, (path, index), found)
    if node.list_type == "set":
        _unique(items, [_frozen(one) for one in items], items, path, found)
    elif node.list_type == "map" and node.items is not None:
        keys = [_keys(one, node) for one in items]
        shown = [
            {key: one.get(key) for key in node.list_keys if key in one}
            if isinstance(one, dict)
            else one
            for one in items
        ]
        _unique(items, keys, shown, path, found)


def _keys(item: Any, node: Node) -> Any:
    """What tells items of a map-like list apart."""
    if not isinstance(item, dict):
        return _frozen(item)
    assert node.items is not None, "asked only where there are items"
    fields = node.items.fields
    return tuple(
        _frozen(item.get(key, fields[key].default if key in fields else None))
        for key in node.list_keys
    )


def _unique(items: list[Any], keys: list[Any], shown: list[Any], path: Path, found: Found) -> None:
    seen: set[Any] = set()
    for index in range(len(items)):
        if keys[index] in seen:
            where = (path, index)
            found.append((where, status.duplicate(dotted(where), shown[index])))
        seen.add(keys[index])


def _frozen(value: Any) -> Any:
    """A value that a set can hold, equal where the JSON is."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(one)) for key, one in value.items())
    if isinstance(value, list):
        return tuple(_frozen(one) for one in value)
    return (bool, value) if isinstance(value, bool) else value


# --- combinations --------------------------------------------------------------------------------


def _attempts(value: Any, nodes: tuple[Node, ...], path: Path) -> list[Found]:
    tried: list[Found] = []
    for node in nodes:
        found: Found = []
        _value(value, node, path, found)
        tried.append(found)
    return tried


def _least(tried: list[Found]) -> Found:
    """The errors of the alternative that is nearest to fitting."""
    sizes = [len(found) for found in tried]
    return tried[sizes.index(min(sizes))]


def _combined(value: Any, node: Node, path: Path, found: Found) -> None:
    if node.any_of:
        tried = _attempts(value, node.any_of, path)
        if all(tried):
            _say(found, path, "must validate at least one schema (anyOf)")
            found += _least(tried)
    if node.one_of:
        tried = _attempts(value, node.one_of, path)
        valid = sum(1 for one in tried if not one)
        if valid != 1:
            what = f"Found {valid} valid alternatives" if valid else "Found none valid"
            _say(found, path, f"must validate one and only one schema (oneOf). {what}")
            if not valid:
                found += _least(tried)
    if node.all_of:
        tried = _attempts(value, node.all_of, path)
        if any(tried):
            none = ". None validated" if all(tried) else ""
            _say(found, path, f"must validate all the schemas (allOf){none}")
            for one in tried:
                found += one
    if node.not_ is not None and not _attempts(value, (node.not_,), path)[0]:
        _say(found, path, "must not validate the schema (not)")


def _say(found: Found, path: Path, text: str) -> None:
    """Kubernetes gives no field to an error of a combination, only its text names it."""
    said = f"{status.quote(dotted(path))} {text}"
    found.append((path, status.invalid_value("<nil>", "", said)))
