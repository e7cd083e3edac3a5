"""Rules about persistent volumes, claims and storage classes."""

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import common, scheduling
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
RECLAIM = ("Delete", "Recycle", "Retain")
VOLUME_MODES = ("Block", "Filesystem")
BINDING_MODES = ("Immediate", "WaitForFirstConsumer")

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


def _access_modes(spec: JsonObject) -> Errors:
    modes = spec.get("accessModes") or ()
    if not modes:
        return [status.required("spec.accessModes", "at least 1 access mode is required")]
    errors = [
        status.not_supported("spec.accessModes", one, ACCESS_MODES)
        for one in modes
        if one not in ACCESS_MODES
    ]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        detail = "may not use ReadWriteOncePod with other access modes"
        errors.append(status.forbidden_field("spec.accessModes", detail))
    return errors


def _storage(amounts: JsonObject, path: str) -> Errors:
    text = amounts.get("storage")
    if text is None:
        return [status.required(f"{path}[storage]")]
    if Quantity.parse(text).nano <= 0:
        return [status.invalid_value(f"{path}[storage]", text, "must be greater than zero")]
    return []


def claim(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = common.selector(spec.get("selector"), "spec.selector") + _access_modes(spec)
    requests = (spec.get("resources") or {}).get("requests") or {}
    errors += _storage(requests, "spec.resources.requests")
    errors += common.optional_name(
        spec.get("storageClassName"), "spec.storageClassName", names.dns1123_subdomain
    )
    return errors + common.one_of(
        spec.get("volumeMode"), "spec.volumeMode", VOLUME_MODES, needed=False
    )


def claim_update(new: JsonObject, old: JsonObject) -> Errors:
    """A claim may be bound once, and a bound one may grow."""
    errors = claim(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    loose = {"volumeAttributesClassName"}
    if not before.get("volumeName"):
        loose.add("volumeName")
    kept = [
        {key: value for key, value in spec.items() if key not in (*loose, "resources")}
        for spec in (after, before)
    ]
    sizes = [
        ((spec.get("resources") or {}).get("requests") or {}).get("storage", "0")
        for spec in (after, before)
    ]
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if kept[0] != kept[1] or (sizes[0] != sizes[1] and not bound):
        detail = (
            "spec is immutable after creation except resources.requests and "
            "volumeAttributesClassName for bound claims"
        )
        errors.append(status.forbidden_field("spec", detail))
    elif Quantity.parse(sizes[0]) < Quantity.parse(sizes[1]):
        detail = "field can not be less than status.capacity"
        errors.append(status.forbidden_field("spec.resources.requests.storage", detail))
    return errors


def volume(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _access_modes(spec) + _storage(spec.get("capacity") or {}, "spec.capacity")
    given = [key for key, value in spec.items() if key not in _NO_SOURCE and value is not None]
    if not given:
        errors.append(status.required("spec", "must specify a volume type"))
    errors += (
        status.forbidden_field(f"spec.{key}", "may not specify more than 1 volume type")
        for key in given[1:]
    )
    policy = spec.get("persistentVolumeReclaimPolicy")
    errors += common.one_of(policy, "spec.persistentVolumeReclaimPolicy", RECLAIM)
    needed = (spec.get("nodeAffinity") or {}).get("required")
    if needed is not None:
        errors += scheduling.node_selector(needed, "spec.nodeAffinity.required")
    if "local" in given and needed is None:
        errors.append(status.required("spec.nodeAffinity", "Local volume requires node affinity"))
    path = (spec.get("hostPath") or {}).get("path", "")
    if "hostPath" in given and not path:
        errors.append(status.required("spec.hostPath.path"))
    if ".." in path.split("/"):
        errors.append(status.invalid_value("spec.hostPath.path", path, "must not contain '..'"))
    return errors


def volume_update(new: JsonObject, old: JsonObject) -> Errors:
    errors = volume(new)
    after, before = (
        {key: value for key, value in (one.get("spec") or {}).items() if key not in _NO_SOURCE}
        for one in (new, old)
    )
    if after != before:
        detail = "spec.persistentvolumesource is immutable after creation"
        errors.append(status.forbidden_field("spec.persistentvolumesource", detail))
    return errors


def storage_class(obj: JsonObject) -> Errors:
    errors: Errors = []
    provisioner = obj.get("provisioner", "")
    if not provisioner:
        errors.append(status.required("provisioner"))
    else:
        errors += (
            status.invalid_value("provisioner", provisioner, text)
            for text in names.qualified_name(provisioner.lower())
        )
    errors += common.one_of(obj.get("reclaimPolicy"), "reclaimPolicy", ("Delete", "Retain"))
    return errors + common.one_of(obj.get("volumeBindingMode"), "volumeBindingMode", BINDING_MODES)


def storage_class_update(new: JsonObject, old: JsonObject) -> Errors:
    errors = storage_class(new)
    for key in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        if new.get(key) != old.get(key):
            errors.append(status.forbidden_field(key, f"updates to {key} are forbidden."))
    return errors
