"""Strategic merge patch: a merge patch that knows which lists are keyed.

The models say how each field merges (`MergeKey`, `PatchStrategy` of `apimachinery.types.base`):
keyed lists merge item by item, lists of scalars with the strategy "merge" unite, all other lists
are replaced. Directives in the patch steer it further: `$patch: replace|delete`, `$retainKeys`,
`$setElementOrder/FIELD`, `$deleteFromPrimitiveList/FIELD`. Fields that no model knows merge like
plain JSON. Neighbours: `merge` for what has no model.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from apimachinery import status
from apimachinery.patch import depth
from apimachinery.types.base import FieldFacts, Model, facts
from apimachinery.wire import JsonObject

DIRECTIVE = "$patch"
RETAIN = "$retainKeys"
ORDER_PREFIX = "$setElementOrder/"
DELETE_PREFIX = "$deleteFromPrimitiveList/"

_NO_FIELDS: Mapping[str, FieldFacts] = {}


def patch(
    obj: JsonObject, change: Any, model: type[Model] | None, *, own: bool = False
) -> JsonObject:
    """The object after the patch. 400 for a malformed patch, 422 for one that does not fit.

    `own`: the object is the caller's to spend, so nothing is copied (15 µs of a pod).
    """
    if not isinstance(change, dict):
        raise status.bad_request(
            "error decoding patch: a strategic merge patch must be a JSON object"
        )
    depth.check(change)
    target: JsonObject = obj if own else orjson.loads(orjson.dumps(obj))
    return _merge_map(target, change, model)


def _rejected(detail: str) -> status.Invalid:
    return status.Invalid(
        f"the server rejected our request due to an error in our request: {detail}", details={}
    )


# --- maps ----------------------------------------------------------------------------------------


def _merge_map(target: JsonObject, change: JsonObject, model: type[Model] | None) -> JsonObject:
    """Merges `change` into `target`, which it may change."""
    if DIRECTIVE in change:
        match change[DIRECTIVE]:
            case "replace":
                return _plain_map(change)
            case "delete":
                return {}
            case "merge":
                pass
            case other:
                raise status.bad_request(f"unrecognized value of {DIRECTIVE}: {other!r}")
    fields = facts(model) if model is not None else _NO_FIELDS
    _retain(target, change)
    done = _ordered_lists(target, change, fields)
    for key, value in change.items():
        if key in done or key in (DIRECTIVE, RETAIN) or key.startswith(ORDER_PREFIX):
            continue
        if key.startswith(DELETE_PREFIX):
            _delete_scalars(target, key.removeprefix(DELETE_PREFIX), value)
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = _merge_value(target.get(key), value, fields.get(key))
    return target


def _merge_value(old: Any, new: Any, field: FieldFacts | None) -> Any:
    replaces = field is not None and "replace" in field.strategies
    if isinstance(new, dict):
        child = _child_model(field)
        if replaces or (not isinstance(old, dict) and DIRECTIVE not in new):
            return _plain(new)
        return _merge_map(old if isinstance(old, dict) else {}, new, child)
    both_lists = isinstance(new, list) and isinstance(old, list)
    if both_lists and field is not None and "merge" in field.strategies:
        return _merge_list(old, new, field, None)
    return _plain(new)


def _child_model(field: FieldFacts | None) -> type[Model] | None:
    """The model of a field's value, of its items, or of its map's values."""
    if field is None or not isinstance(field.type, type):
        return None
    return field.type


def _plain_map(change: JsonObject) -> JsonObject:
    return {
        key: _plain(item)
        for key, item in change.items()
        if item is not None and not _is_directive(key)
    }


def _plain(value: Any) -> Any:
    """A patch value that meets nothing: without nulls and directives."""
    if isinstance(value, dict):
        return _plain_map(value)
    if isinstance(value, list):
        return [
            _plain(item)
            for item in value
            if not (isinstance(item, dict) and item.get(DIRECTIVE) in ("delete", "replace"))
        ]
    return value


def _is_directive(key: str) -> bool:
    return key in (DIRECTIVE, RETAIN) or key.startswith((ORDER_PREFIX, DELETE_PREFIX))


def _retain(target: JsonObject, change: JsonObject) -> None:
    """`$retainKeys`: what is not named goes, whoever set it (a union changes its member)."""
    if RETAIN not in change:
        return
    kept = change[RETAIN]
    if not isinstance(kept, list):
        raise status.bad_request(f"invalid patch format of {RETAIN}: it must be a list")
    for key, value in change.items():
        if value is not None and key not in kept and not _is_directive(key):
            raise _rejected(f"{RETAIN} does not name {key}, which the patch sets")
    for key in [key for key in target if key not in kept]:
        del target[key]


def _delete_scalars(target: JsonObject, field: str, gone: Any) -> None:
    if not isinstance(gone, list):
        raise status.bad_request(f"invalid patch format of {DELETE_PREFIX}{field}: not a list")
    if isinstance(target.get(field), list):
        target[field] = [item for item in target[field] if item not in gone]


# --- lists ---------------------------------------------------------------------------------------


def _ordered_lists(
    target: JsonObject, change: JsonObject, fields: Mapping[str, FieldFacts]
) -> set[str]:
    """Merges the lists that come with `$setElementOrder`; the fields that are done thereby."""
    done: set[str] = set()
    for key, order in change.items():
        if not key.startswith(ORDER_PREFIX):
            continue
        name = key.removeprefix(ORDER_PREFIX)
        items = change.get(name)
        if not isinstance(order, list) or not (items is None or isinstance(items, list)):
            raise status.bad_request(f"invalid patch format of {key}: it must be a list")
        if name in change and items is None:
            continue  # An explicit null: the list goes.
        field = fields.get(name)
        if field is None or "merge" not in field.strategies:
            continue  # The list is replaced: its own order holds.
        done.add(name)
        old = target.get(name)
        if old is None and items is None:
            continue
        merged = _merge_list(old if isinstance(old, list) else [], items or [], field, order)
        target[name] = merged
    return done


def _merge_list(
    old: list[Any], new: list[Any], field: FieldFacts, order: list[Any] | None
) -> list[Any]:
    if any(isinstance(item, list) for item in (*old, *new)):
        raise _rejected(f"lists of lists are not supported: {field.name}")
    if not any(isinstance(item, dict) for item in (*old, *new)):
        merged = list(old)
        merged += [item for item in new if item not in merged]
        return _in_order(merged, new if order is None else order, old, "")
    if not field.merge_key:
        raise _rejected(f"cannot merge lists without merge key for {field.name}")
    old, new = _list_directives(old, new, field.merge_key)
    merged = _merge_items(old, new, field)
    return _in_order(merged, new if order is None else order, old, field.merge_key)


def _list_directives(old: list[Any], new: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """Both lists after the patch items that are directives: `$patch: replace` and `delete`."""
    plain: list[Any] = []
    gone: list[Any] = []
    replaces = False
    for item in new:
        directive = item.get(DIRECTIVE) if isinstance(item, dict) else None
        if directive == "delete":
            gone.append(_key_of(item, merge_key))
        elif directive == "replace":
            replaces = True
        else:
            plain.append(item)
    if replaces:
        return [_plain(item) for item in plain], []
    return [item for item in old if not gone or _key_of(item, merge_key) not in gone], plain


def _key_of(item: Any, merge_key: str) -> Any:
    if not isinstance(item, dict) or item.get(merge_key) is None:
        text = orjson.dumps(item).decode()
        raise _rejected(f"map: {text} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _merge_items(old: list[Any], new: list[Any], field: FieldFacts) -> list[Any]:
    merged = list(old)
    places: dict[Any, int] = {}
    for index, item in enumerate(merged):
        if isinstance(item, dict):
            places.setdefault(_hashable(item.get(field.merge_key)), index)
    child = _child_model(field)
    for item in new:
        key = _hashable(_key_of(item, field.merge_key))
        if (index := places.get(key, -1)) >= 0:
            merged[index] = _merge_map(merged[index], item, child)
        else:
            places[key] = len(merged)
            merged.append(_plain(item))
    return merged


def _hashable(key: Any) -> Any:
    """Merge keys are strings and numbers; whatever else a patch brings compares by its JSON."""
    return key if isinstance(key, str | int) else orjson.dumps(key)


def _in_order(
    merged: list[Any], order: Iterable[Any], server_order: list[Any], merge_key: str
) -> list[Any]:
    """The items named in `order` in that order; the others keep their place before the item that
    they stood before on the server. New items come first, as Kubernetes has it.
    """

    def key_of(item: Any) -> Any:
        return _hashable(item.get(merge_key) if merge_key and isinstance(item, dict) else item)

    wanted = {key: index for index, key in reversed(list(enumerate(map(key_of, order))))}
    known = {key_of(item): index for index, item in reversed(list(enumerate(server_order)))}
    named = [item for item in merged if key_of(item) in wanted]
    named.sort(key=lambda item: wanted[key_of(item)])
    others = [item for item in merged if key_of(item) not in wanted]
    out: list[Any] = []
    position = 0
    for item in named:
        place = known.get(key_of(item), -1)
        while position < len(others) and 0 <= known.get(key_of(others[position]), -1) < place:
            out.append(others[position])
            position += 1
        out.append(item)
    return out + others[position:]
