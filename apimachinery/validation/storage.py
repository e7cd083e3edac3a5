"""Rules about persistent volumes, claims and storage classes."""

from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import changes, common, scheduling
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
RECLAIM = ("Delete", "Recycle", "Retain")
VOLUME_MODES = ("Block", "Filesystem")
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
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


def _positive(text: str, path: str) -> Errors:
    if Quantity.parse(text).nano <= 0:
        return [status.invalid_value(path, text, "must be greater than zero")]
    return []


def claim(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    modes = _access_modes(spec)
    selector = common.selector(spec.get("selector"), "spec.selector")
    errors = modes + selector if not spec.get("accessModes") else selector + modes
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    path = "spec.resources[storage]"
    errors += [status.required(path)] if size is None else _positive(size, path)
    for key in ("storageClassName", "volumeAttributesClassName"):
        errors += common.optional_name(spec.get(key), f"spec.{key}", names.dns1123_subdomain)
        if key == "storageClassName":
            mode = spec.get("volumeMode")
            errors += common.one_of(mode, "spec.volumeMode", VOLUME_MODES, needed=False)
            errors += _sources(spec)
    return errors


def _sources(spec: JsonObject) -> Errors:
    """What a volume is filled from; the old field and the new one say the same."""
    errors: Errors = []
    for key in ("dataSource", "dataSourceRef"):
        one, path = spec.get(key), f"spec.{key}"
        if one is None:
            continue
        errors += (
            status.required(f"{path}.{part}") for part in ("name", "kind") if not one.get(part)
        )
        group = one.get("apiGroup") or ""
        if not group and one.get("kind") != "PersistentVolumeClaim":
            detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
            errors.append(status.invalid_value(path, one.get("kind", ""), detail))
        elif group:
            errors += (
                status.invalid_value(f"{path}.apiGroup", group, text)
                for text in names.dns1123_subdomain(group)
            )
    old, new = spec.get("dataSource"), spec.get("dataSourceRef")
    if old is not None and new is not None:
        if new.get("namespace"):
            detail = "may not be specified when dataSourceRef.namespace is specified"
            errors.append(status.invalid_value("spec", "spec.dataSource", detail))
        elif {key: old.get(key) for key in ("apiGroup", "kind", "name")} != {
            key: new.get(key) for key in ("apiGroup", "kind", "name")
        }:
            errors.append(
                status.invalid_value("spec", "spec.dataSource", "must match dataSourceRef")
            )
    return errors


def claim_update(new: JsonObject, old: JsonObject) -> Errors:
    """A claim may be bound once, and a bound one may grow."""
    errors = claim(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    bound = (new.get("status") or {}).get("phase") == "Bound"
    errors += common.unchanged(
        ((new.get("metadata") or {}).get("annotations") or {}).get(BETA_CLASS),
        ((old.get("metadata") or {}).get("annotations") or {}).get(BETA_CLASS),
        f"metadata.annotations.{BETA_CLASS}",
    )
    if _kept(after, before, bound=bound) != _kept(before, before, bound=bound):
        detail = (
            "spec is immutable after creation except resources.requests and "
            "volumeAttributesClassName for bound claims"
        )
        changed = changes.lines(
            _kept(before, before, bound=bound), _kept(after, before, bound=bound), "spec"
        )
        errors.append(status.forbidden_field("spec", "\n".join([detail, *changed])))
    now, was = (Quantity.parse(_size(spec)) for spec in (after, before))
    had = ((old.get("status") or {}).get("capacity") or {}).get("storage", "0")
    if now < was and now <= Quantity.parse(had):
        detail = "field can not be less than status.capacity"
        errors.append(status.forbidden_field("spec.resources.requests.storage", detail))
    errors += common.unchanged(after.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    if before.get("volumeAttributesClassName") and not after.get("volumeAttributesClassName"):
        what = "nil" if after.get("volumeAttributesClassName") is None else "an empty string"
        detail = f"update from non-nil value to {what} is forbidden"
        errors.append(status.forbidden_field("spec.volumeAttributesClassName", detail))
    return errors


def _size(spec: JsonObject) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _kept(spec: JsonObject, before: JsonObject, *, bound: bool) -> JsonObject:
    """The part of a claim that must stay."""
    kept = dict(spec)
    if not before.get("volumeName"):
        kept.pop("volumeName", None)
    if before.get("storageClassName") is None:
        kept.pop("storageClassName", None)
    if bound:
        kept.pop("volumeAttributesClassName", None)
        amounts = dict(kept.get("resources") or {})
        requests = dict(amounts.get("requests") or {})
        requests.pop("storage", None)
        kept["resources"] = {**amounts, "requests": requests}
    return kept


def _volume_modes(spec: JsonObject) -> Errors:
    if not spec.get("accessModes"):
        return [status.required("spec.accessModes")]
    return _access_modes(spec)


def _capacity(amounts: JsonObject, path: str) -> Errors:
    """A volume has room, and nothing else."""
    errors: Errors = []
    if not amounts:
        errors.append(status.required(path))
    if "storage" not in amounts or len(amounts) > 1:
        errors.append(status.not_supported(path, amounts, ("storage",)))
    for name, text in amounts.items():
        errors += _positive(text, f"{path}[{name}]")
    return errors


def volume(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _volume_modes(spec) + _capacity(spec.get("capacity") or {}, "spec.capacity")
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
        changed = changes.lines(before, after, "spec")
        path = "spec.persistentvolumesource"
        errors.append(status.forbidden_field(path, "\n".join([detail, *changed])))
    now, was = ((one.get("spec") or {}) for one in (new, old))
    errors += common.unchanged(now.get("volumeMode"), was.get("volumeMode"), "volumeMode")
    if was.get("nodeAffinity") is not None and now.get("nodeAffinity") != was["nodeAffinity"]:
        errors.append(
            status.invalid_value("spec.nodeAffinity", now.get("nodeAffinity"), common.IMMUTABLE)
        )
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
    reclaim = obj.get("reclaimPolicy")
    if reclaim is not None and reclaim not in ("Delete", "Retain"):
        errors.append(status.not_supported("reclaimPolicy", reclaim, ("Delete", "Retain")))
    errors += common.one_of(obj.get("volumeBindingMode"), "volumeBindingMode", BINDING_MODES)
    return errors + _topologies(obj.get("allowedTopologies") or ())


def _topologies(terms: Sequence[JsonObject]) -> Errors:
    errors: Errors = []
    for index, term in enumerate(terms):
        seen: set[str] = set()
        for number, one in enumerate(term.get("matchLabelExpressions") or ()):
            path = f"allowedTopologies[{index}].matchLabelExpressions[{number}]"
            key, values = one.get("key", ""), one.get("values") or ()
            if not values:
                errors.append(status.required(f"{path}.values"))
            errors += (
                status.duplicate(f"{path}.values[{place}]", value)
                for place, value in enumerate(values)
                if value in values[:place]
            )
            errors += (
                status.invalid_value(f"{path}.key", key, text) for text in names.qualified_name(key)
            )
            if key in seen:
                errors.append(status.duplicate(f"{path}.key", key))
            seen.add(key)
    return errors


def storage_class_update(new: JsonObject, old: JsonObject) -> Errors:
    errors: Errors = []
    for key in ("parameters", "provisioner", "reclaimPolicy"):
        if new.get(key) != old.get(key):
            errors.append(status.forbidden_field(key, f"updates to {key} are forbidden."))
    now, was = new.get("volumeBindingMode"), old.get("volumeBindingMode")
    return errors + common.unchanged(now, was, "volumeBindingMode")
