"""Reading and making the parts that all objects share: metadata, times, owners, conditions.

Everything works on decoded JSON (`JsonObject`) and takes the clock as an argument. Neighbours:
every role. Nothing here changes an object in place unless its name says so.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from apimachinery.wire import JsonObject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# --- accessors -----------------------------------------------------------------------------------


def name(obj: JsonObject) -> str:
    return str((obj.get("metadata") or {}).get("name") or "")


def namespace(obj: JsonObject) -> str:
    return str((obj.get("metadata") or {}).get("namespace") or "")


def key(obj: JsonObject) -> str:
    """`namespace/name`, or `name` for what lives in no namespace."""
    metadata = obj.get("metadata") or {}
    space = metadata.get("namespace")
    return f"{space}/{metadata.get('name', '')}" if space else str(metadata.get("name") or "")


def uid(obj: JsonObject) -> str:
    return str((obj.get("metadata") or {}).get("uid") or "")


def resource_version(obj: JsonObject) -> str:
    return str((obj.get("metadata") or {}).get("resourceVersion") or "")


def generation(obj: JsonObject) -> int:
    return int((obj.get("metadata") or {}).get("generation") or 0)


def labels(obj: JsonObject) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


_SHARED: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
SHARED_MAX = 8192
"""Label sets that are shared; beyond it sharing starts over, and what is shared stays so."""
NO_LABELS: Mapping[str, str] = {}


def shared_labels(obj: JsonObject) -> Mapping[str, str]:
    """The labels for whoever keeps them: objects with equal ones (the replicas of a workload)
    share one mapping, which spares 400 bytes for each of them and each mirror. Not to be changed.
    """
    metadata = obj.get("metadata")
    found = metadata.get("labels") if isinstance(metadata, dict) else None
    if not isinstance(found, dict) or not found:
        return NO_LABELS
    own = tuple([(key, value) for key, value in found.items() if isinstance(value, str)])
    shared = _SHARED.get(own)
    if shared is None:
        if len(_SHARED) >= SHARED_MAX:
            _SHARED.clear()
        shared = _SHARED[own] = {sys.intern(key): value for key, value in own}
    return shared


def annotations(obj: JsonObject) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("annotations") or {}


def finalizers(obj: JsonObject) -> list[str]:
    return (obj.get("metadata") or {}).get("finalizers") or []


def creation_timestamp(obj: JsonObject) -> str:
    return str((obj.get("metadata") or {}).get("creationTimestamp") or "")


def deletion_timestamp(obj: JsonObject) -> str:
    """Empty while nobody asked for the object's end."""
    return str((obj.get("metadata") or {}).get("deletionTimestamp") or "")


def is_deleting(obj: JsonObject) -> bool:
    return bool((obj.get("metadata") or {}).get("deletionTimestamp"))


def owner_references(obj: JsonObject) -> list[JsonObject]:
    return (obj.get("metadata") or {}).get("ownerReferences") or []


def owner_controller(obj: JsonObject) -> JsonObject | None:
    """The reference to the one owner that manages the object."""
    for reference in owner_references(obj):
        if reference.get("controller"):
            return reference
    return None


def is_controlled_by(obj: JsonObject, owner_uid: str) -> bool:
    owner = owner_controller(obj)
    return owner is not None and owner.get("uid") == owner_uid


def owner_reference(
    api_version: str,
    kind: str,
    owner_name: str,
    owner_uid: str,
    *,
    controller: bool = True,
    block_owner_deletion: bool = True,
) -> JsonObject:
    """A reference to an owner; false flags are left out, as Kubernetes prints them."""
    out: JsonObject = {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner_name,
        "uid": owner_uid,
    }
    if controller:
        out["controller"] = True
    if block_owner_deletion:
        out["blockOwnerDeletion"] = True
    return out


# --- group versions ------------------------------------------------------------------------------


def split_api_version(api_version: str) -> tuple[str, str]:
    """(group, version); the core group is empty."""
    group, _, version = api_version.rpartition("/")
    return group, version


# --- times ---------------------------------------------------------------------------------------


@lru_cache(1024)
def _format_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time(epoch_seconds: float) -> str:
    """A `Time`: whole seconds, UTC."""
    return _format_second(int(epoch_seconds // 1))


def format_micro_time(epoch_seconds: float) -> str:
    """A `MicroTime`: six decimals, UTC."""
    micros = round(epoch_seconds * 1_000_000)
    return f"{_format_second(micros // 1_000_000)[:-1]}.{micros % 1_000_000:06d}Z"


@lru_cache(1024)
def parse_time(text: str) -> float:
    """Epoch seconds of a Time or MicroTime; ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without a zone: {text!r}")
    return moment.timestamp()


# --- conditions ----------------------------------------------------------------------------------


def get_condition(conditions: Iterable[JsonObject] | None, type_: str) -> JsonObject | None:
    for condition in conditions or ():
        if condition.get("type") == type_:
            return condition
    return None


def condition_is_true(conditions: Iterable[JsonObject] | None, type_: str) -> bool:
    condition = get_condition(conditions, type_)
    return condition is not None and condition.get("status") == "True"


def set_condition(
    conditions: Sequence[JsonObject] | None, new: JsonObject, now: float
) -> list[JsonObject]:
    """The conditions with `new` in the place of its type, or at the end.

    lastTransitionTime moves only when the status changes, unless `new` brings its own.
    """
    out = list(conditions or ())
    for index, old in enumerate(out):
        if old.get("type") != new.get("type"):
            continue
        changed = old.get("status") != new.get("status")
        stamp = format_time(now) if changed else old.get("lastTransitionTime") or format_time(now)
        out[index] = {**old, "lastTransitionTime": stamp, **new}
        return out
    out.append({"lastTransitionTime": format_time(now), **new})
    return out


def without_condition(conditions: Sequence[JsonObject] | None, type_: str) -> list[JsonObject]:
    return [one for one in conditions or () if one.get("type") != type_]


# --- nested access -------------------------------------------------------------------------------


def dig(obj: Any, *path: str) -> Any:
    """The value under a path of keys, None where any step is missing."""
    for step in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(step)
    return obj
