"""Rules about persistent volumes and classes of storage.

Neighbours: `claims` has what is bound to volumes, `volume_sources` where their bytes are.
"""

import posixpath
from collections.abc import Sequence
from typing import Any

from apimachinery import names, status
from apimachinery.validation import changes, claims, common, resources, scheduling, volume_sources
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

RECLAIM = ("Delete", "Recycle", "Retain")
BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
MAX_PARAMETERS = 512
"""Keys that a class may give to its driver."""
MAX_PARAMETER_BYTES = 256 * 1024

_NO_SOURCE = frozenset(
    (
        "capacity",
        "accessModes",
        "claimRef",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "mountOptions",
        "volumeMode",
        "nodeAffinity",
        "volumeAttributesClassName",
    )
)


# --- volumes -------------------------------------------------------------------------------------


def volume(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _modes(spec, "spec") + _capacity(spec.get("capacity") or {}, "spec.capacity")
    policy, name = spec.get("persistentVolumeReclaimPolicy"), spec.get("storageClassName")
    errors += common.one_of(policy, "spec.persistentVolumeReclaimPolicy", RECLAIM)
    if spec.get("nodeAffinity") is not None:
        errors += _reachable(spec["nodeAffinity"].get("required"), "spec.nodeAffinity.required")
    errors += _source(spec, "spec")
    errors += common.optional_name(name, "spec.storageClassName", names.dns1123_subdomain)
    mode = spec.get("volumeMode")
    errors += common.one_of(mode, "spec.volumeMode", claims.VOLUME_MODES, needed=False)
    return errors + _attributes(spec, "spec")


def inline_volume(spec: JsonObject, path: str) -> Errors:
    """A volume that an attachment describes by itself."""
    where = "in the context of inline volumes"
    errors: Errors = [
        status.forbidden_field(f"{path}.{key}", f"may not be specified {where}")
        for key in ("claimRef", "capacity", "nodeAffinity", "storageClassName")
        if spec.get(key)
    ]
    if spec.get("csi") is None:
        errors.append(status.required(f"{path}.csi", f"has to be specified {where}"))
    errors += _modes(spec, path)
    if spec.get("persistentVolumeReclaimPolicy") not in (None, "", "Retain"):
        key = f"{path}.persistentVolumeReclaimPolicy"
        errors.append(status.forbidden_field(key, f"may only be Retain {where}"))
    errors += _source(spec, path)
    if spec.get("volumeMode") not in (None, "Filesystem"):
        detail = f"may not specify volumeMode other than Filesystem {where}"
        errors.append(status.forbidden_field(f"{path}.volumeMode", detail))
    return errors + _attributes(spec, path)


def _modes(spec: JsonObject, path: str) -> Errors:
    modes = spec.get("accessModes") or ()
    if not modes:
        return [status.required(f"{path}.accessModes")]
    return claims.access_modes(modes, f"{path}.accessModes")


def _capacity(amounts: JsonObject, path: str) -> Errors:
    """A volume has room, and nothing else."""
    errors: Errors = []
    if not amounts:
        errors.append(status.required(path))
    if "storage" not in amounts or len(amounts) > 1:
        errors.append(status.not_supported(path, amounts or common.NIL, ("storage",)))
    for name, text in amounts.items():
        where = f"{path}[{name}]"
        errors += resources.amount(text, where) + claims.positive(text, where)
    return errors


def _reachable(needed: JsonObject | None, path: str) -> Errors:
    if needed is None:
        return [status.required(path, "must specify required node constraints")]
    return scheduling.node_selector(needed, path)


def _source(spec: JsonObject, path: str) -> Errors:
    """Where the bytes are: in one place."""
    given = [key for key, value in spec.items() if key not in _NO_SOURCE and value is not None]
    if not given:
        return [status.required(path, "must specify a volume type")]
    errors = [
        status.forbidden_field(f"{path}.{key}", "may not specify more than 1 volume type")
        for key in given[1:]
    ]
    errors += volume_sources.persistent(given[0], spec[given[0]], f"{path}.{given[0]}")
    if "local" in given and (spec.get("nodeAffinity") or {}).get("required") is None:
        detail = "Local volume requires node affinity"
        errors.append(status.required(f"{path}.nodeAffinity", detail))
    directory = (spec.get("hostPath") or {}).get("path") or ""
    recycled = spec.get("persistentVolumeReclaimPolicy") == "Recycle"
    if recycled and directory and posixpath.normpath(directory) in ("/", "//"):
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(status.forbidden_field(f"{path}.persistentVolumeReclaimPolicy", detail))
    return errors


def _attributes(spec: JsonObject, path: str) -> Errors:
    name, where = spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName"
    if name is None:
        return []
    errors = [status.required(where, "an empty string is disallowed")]
    if name:
        errors = common.name(name, where, names.dns1123_subdomain)
    if spec.get("csi") is None:
        detail = "has to be specified when using volumeAttributesClassName"
        errors.append(status.required(f"{path}.csi", detail))
    return errors


def volume_update(new: JsonObject, old: JsonObject) -> Errors:
    """A volume stays what and where it is."""
    errors = volume(new)
    now, was = ((one.get("spec") or {}) for one in (new, old))
    after, before = (
        {key: value for key, value in one.items() if key not in _NO_SOURCE} for one in (now, was)
    )
    if before.get("csi") is not None and after.get("csi") is not None:
        after["csi"] = _with_secret(after["csi"], before["csi"])
    if after != before:
        detail = "spec.persistentvolumesource is immutable after creation"
        changed = changes.lines(before, after, "spec")
        path = "spec.persistentvolumesource"
        errors.append(status.forbidden_field(path, "\n".join([detail, *changed])))
    errors += common.unchanged(now.get("volumeMode"), was.get("volumeMode"), "volumeMode")
    if was.get("nodeAffinity") is not None:
        errors += _moved(now.get("nodeAffinity"), was["nodeAffinity"])
    key = "volumeAttributesClassName"
    if was.get(key) is not None and now.get(key) is None:
        detail = "update from non-nil value to nil is forbidden"
        errors.append(status.forbidden_field(f"spec.{key}", detail))
    return errors


def _with_secret(now: JsonObject, was: JsonObject) -> JsonObject:
    """Whose secret makes a volume larger may be told later."""
    key = "controllerExpandSecretRef"
    return now if was.get(key) is not None else {name: now[name] for name in now if name != key}


def _moved(now: JsonObject | None, was: JsonObject) -> Errors:
    """Where a volume can be reached stays, but labels of nodes may get their names of today."""
    if now == was or (now is not None and _todays(now) == _todays(was)):
        return []
    detail = f"{common.IMMUTABLE}, except for updating from beta label to GA"
    return [status.invalid_value("nodeAffinity", now, detail)]


def _todays(affinity: JsonObject) -> Any:
    return [
        {
            **term,
            "matchExpressions": [
                {**one, "key": scheduling.todays_label(one.get("key", ""))}
                for one in term.get("matchExpressions") or ()
            ],
        }
        for term in (affinity.get("required") or {}).get("nodeSelectorTerms") or ()
    ]


# --- classes -------------------------------------------------------------------------------------


def storage_class(obj: JsonObject) -> Errors:
    errors = _driver(obj.get("provisioner", ""), "provisioner")
    errors += _parameters(obj.get("parameters") or {})
    reclaim = obj.get("reclaimPolicy")
    if reclaim and reclaim not in ("Delete", "Retain"):
        errors.append(status.not_supported("reclaimPolicy", reclaim, ("Delete", "Retain")))
    mode = obj.get("volumeBindingMode")
    errors += common.one_of(mode, "volumeBindingMode", BINDING_MODES)
    return errors + _topologies(obj.get("allowedTopologies") or ())


def attributes_class(obj: JsonObject) -> Errors:
    """A VolumeAttributesClass."""
    parameters = obj.get("parameters") or {}
    errors = _driver(obj.get("driverName", ""), "driverName") + _parameters(parameters)
    if not parameters:
        detail = "must contain at least one key/value pair"
        errors.append(status.required("parameters", detail))
    return errors


def _driver(name: str, path: str) -> Errors:
    if not name:
        return [status.required(path)]
    shown = name.lower()
    return [status.invalid_value(path, shown, text) for text in names.qualified_name(shown)]


def _parameters(values: dict[str, str]) -> Errors:
    path = "parameters"
    if len(values) > MAX_PARAMETERS:
        return [status.too_long(path, MAX_PARAMETERS)]
    errors: Errors = []
    if "" in values:
        errors.append(status.invalid_value(path, "", "field can not be empty."))
    if sum(len(key.encode()) + len(text.encode()) for key, text in values.items()) > (
        MAX_PARAMETER_BYTES
    ):
        errors.append(status.too_long(path, MAX_PARAMETER_BYTES))
    return errors


def _topologies(terms: Sequence[JsonObject]) -> Errors:
    errors: Errors = []
    known: list[dict[str, set[str]]] = []
    for index, term in enumerate(terms):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        expressions = term.get("matchLabelExpressions") or ()
        seen: dict[str, set[str]] = {}
        for number, one in enumerate(expressions):
            errors += _topology(one, f"{path}[{number}]", seen)
        if seen in known:
            errors.append(status.duplicate(path, ""))
        known.append(seen)
    return errors


def _topology(one: JsonObject, path: str, seen: dict[str, set[str]]) -> Errors:
    key, values = one.get("key", ""), one.get("values") or ()
    errors: Errors = [] if values else [status.required(f"{path}.values")]
    errors += (
        status.duplicate(f"{path}.values[{place}]", value)
        for place, value in enumerate(values)
        if value in values[:place]
    )
    errors += (status.invalid_value(f"{path}.key", key, text) for text in names.qualified_name(key))
    if key in seen:
        errors.append(status.duplicate(f"{path}.key", key))
    seen[key] = set(values)
    return errors


def storage_class_update(new: JsonObject, old: JsonObject) -> Errors:
    errors = _fixed(new, old, "parameters", "provisioner", "reclaimPolicy")
    now, was = new.get("volumeBindingMode"), old.get("volumeBindingMode")
    return errors + common.unchanged(now, was, "volumeBindingMode")


def attributes_class_update(new: JsonObject, old: JsonObject) -> Errors:
    return _fixed(new, old, "driverName", "parameters") + attributes_class(new)


def _fixed(new: JsonObject, old: JsonObject, *keys: str) -> Errors:
    return [
        status.forbidden_field(key, f"updates to {key} are forbidden.")
        for key in keys
        if new.get(key) != old.get(key)
    ]
