"""Rules about claims of storage: those that stand alone and those inside of a pod's volume.

Neighbours: `volumes` asks about the latter; `storage` has what claims are bound to.
"""

from typing import Any

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import changes, common, metadata, resources
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
RESIZES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
"""How far the growth of a claim may have come."""


def access_modes(modes: Any, path: str) -> Errors:
    """Who may use a volume at a time."""
    errors = [
        status.not_supported(path, one, ACCESS_MODES) for one in modes if one not in ACCESS_MODES
    ]
    if "ReadWriteOncePod" in modes and not {*ACCESS_MODES[:3]}.isdisjoint(modes):
        detail = "may not use ReadWriteOncePod with other access modes"
        errors.append(status.forbidden_field(path, detail))
    return errors


def positive(text: str, path: str) -> Errors:
    if Quantity.parse(text).nano <= 0:
        return [status.invalid_value(path, text, "must be greater than zero")]
    return []


def claim(obj: JsonObject) -> Errors:
    """A new claim."""
    return specification(obj.get("spec") or {}, "spec")


def template(value: JsonObject | None, path: str) -> Errors:
    """The claim that a pod's volume makes for itself: no name of its own."""
    if value is None:
        return [status.required(path)]
    meta = value.get("metadata") or {}
    errors: Errors = []
    if meta.get("annotations"):
        errors += metadata.annotation_errors(meta["annotations"], f"{path}.metadata.annotations")
    errors += common.labels(meta.get("labels"), f"{path}.metadata.labels")
    errors += (
        status.forbidden_field(f"{path}.metadata.{key}", "cannot be set")
        for key, given in meta.items()
        if given and key not in ("annotations", "labels")
    )
    return errors + specification(value.get("spec") or {}, f"{path}.spec")


def specification(spec: JsonObject, path: str) -> Errors:
    """What is asked for."""
    modes = spec.get("accessModes") or ()
    errors: Errors = []
    if not modes:
        errors.append(status.required(f"{path}.accessModes", "at least 1 access mode is required"))
    errors += common.selector(spec.get("selector"), f"{path}.selector")
    errors += access_modes(modes, f"{path}.accessModes")
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    where = f"{path}.resources[storage]"
    errors += [status.required(where)] if size is None else positive(size, where)
    name, mode = spec.get("storageClassName"), spec.get("volumeMode")
    errors += common.optional_name(name, f"{path}.storageClassName", names.dns1123_subdomain)
    errors += common.one_of(mode, f"{path}.volumeMode", VOLUME_MODES, needed=False)
    errors += _sources(spec, path)
    name = spec.get("volumeAttributesClassName")
    where = f"{path}.volumeAttributesClassName"
    return errors + common.optional_name(name, where, names.dns1123_subdomain)


def _sources(spec: JsonObject, path: str) -> Errors:
    """What a volume is filled from; the old field and the new one say the same."""
    errors: Errors = []
    for key in ("dataSource", "dataSourceRef"):
        if spec.get(key) is not None:
            errors += _filling(spec[key], f"{path}.{key}")
    old, new = spec.get("dataSource"), spec.get("dataSourceRef")
    if old is None or new is None:
        return errors
    detail = ""
    if new.get("namespace"):
        detail = "may not be specified when dataSourceRef.namespace is specified"
    elif any(old.get(key) != new.get(key) for key in ("apiGroup", "kind", "name")):
        detail = "must match dataSourceRef"
    # Kubernetes gives the field's path as the value, and that prints as nothing.
    return [*errors, status.invalid_value(path, {}, detail)] if detail else errors


def _filling(one: JsonObject, path: str) -> Errors:
    errors = [status.required(f"{path}.{part}") for part in ("name", "kind") if not one.get(part)]
    group = one.get("apiGroup") or ""
    if not group and one.get("kind") != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(status.invalid_value(path, one.get("kind", ""), detail))
    errors += common.optional_name(group, f"{path}.apiGroup", names.dns1123_subdomain)
    where = f"{path}.namespace"
    return errors + common.optional_name(one.get("namespace"), where, names.dns1123_label)


def claim_update(new: JsonObject, old: JsonObject) -> Errors:
    """A claim may be bound once, and a bound one may grow."""
    errors = claim(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    bound = (new.get("status") or {}).get("phase") == "Bound"
    now, was = _old_class(new), _old_class(old)
    if not (was and before.get("storageClassName") is None and now in (None, was)):
        errors += common.unchanged(now, was, f"metadata.annotations.{BETA_CLASS}")
    stays, wanted = (_kept(one, before, was, bound=bound) for one in (before, after))
    if stays != wanted:
        detail = (
            "spec is immutable after creation except resources.requests and "
            "volumeAttributesClassName for bound claims"
        )
        changed = changes.lines(stays, wanted, "spec")
        errors.append(status.forbidden_field("spec", "\n".join([detail, *changed])))
    errors += _shrunk(after, before, old)
    errors += common.unchanged(after.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    if before.get("volumeAttributesClassName") is not None:
        name = after.get("volumeAttributesClassName")
        if not name and name != before["volumeAttributesClassName"]:
            what = "nil" if name is None else "an empty string"
            detail = f"update from non-nil value to {what} is forbidden"
            errors.append(status.forbidden_field("spec.volumeAttributesClassName", detail))
    return errors


def _old_class(obj: JsonObject) -> str | None:
    found: str | None = ((obj.get("metadata") or {}).get("annotations") or {}).get(BETA_CLASS)
    return found


def _shrunk(after: JsonObject, before: JsonObject, old: JsonObject) -> Errors:
    """A claim that could not grow may ask for less again, but not for what it has already."""
    now, was = (Quantity.parse(_size(spec)) for spec in (after, before))
    had = ((old.get("status") or {}).get("capacity") or {}).get("storage", "0")
    if now >= was or now > Quantity.parse(had):
        return []
    detail = "field can not be less than status.capacity"
    return [status.forbidden_field("spec.resources.requests.storage", detail)]


def _size(spec: JsonObject) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _kept(
    spec: JsonObject, before: JsonObject, old_class: str | None, *, bound: bool
) -> JsonObject:
    """The part of a claim that must stay."""
    kept = {key: value for key, value in spec.items() if key != "volumeAttributesClassName"}
    if not before.get("volumeName"):
        kept.pop("volumeName", None)
    if before.get("storageClassName") is None and spec.get("storageClassName") in (
        (old_class,) if old_class else (spec.get("storageClassName"),)
    ):
        kept.pop("storageClassName", None)
    if bound:
        amounts = dict(kept.get("resources") or {})
        requests = dict(amounts.get("requests") or {})
        requests.pop("storage", None)
        kept["resources"] = {**amounts, "requests": requests}
    return kept


def claim_status(new: JsonObject, _old: JsonObject) -> Errors:
    """What a claim has got, and how its growth goes."""
    state = new.get("status") or {}
    errors: Errors = []
    for name, text in (state.get("capacity") or {}).items():
        errors += resources.amount(text, f"status.capacity[{name}]")
    path = "status.allocatedResourceStatus"
    for name, word in (state.get("allocatedResourceStatuses") or {}).items():
        errors += _own_resource(name, path)
        if word not in RESIZES:
            errors.append(status.not_supported(path, name, RESIZES))
    path = "status.allocatedResources"
    for name, text in (state.get("allocatedResources") or {}).items():
        errors += _own_resource(name, path) or resources.amount(text, f"{path}[{name}]")
    return errors


def _own_resource(name: str, path: str) -> Errors:
    errors = [status.invalid_value(path, name, text) for text in names.qualified_name(name)]
    if not errors and resources.is_native(name) and name != "storage":
        errors.append(status.not_supported(path, name, ("storage",)))
    return errors
