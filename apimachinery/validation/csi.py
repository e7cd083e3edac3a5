"""Rules about what storage drivers say: of themselves, of nodes, of room, of attached volumes.

Neighbours: `storage` has volumes, claims and their classes. Paths are Kubernetes' own, one slip
of the pen (`attachedRequired`) included.
"""

from apimachinery import names, status
from apimachinery.validation import common, resources, storage
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_NODE_ID = 256
"""Characters of what a driver calls a node."""
MAX_ATTACHMENT = 256 * 1024
"""Bytes of what a driver tells of an attached volume."""
MAX_FAULT = 1024
"""Bytes of why a volume could not be attached or detached."""
MIN_TOKEN_SECONDS = 600
MAX_TOKEN_SECONDS = 2**32
MIN_PERIOD = 10
"""Seconds between two looks at how many volumes a node may have."""
MAX_CODE = 2**31 - 1

GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
LIFECYCLES = ("Persistent", "Ephemeral")
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


# --- drivers -------------------------------------------------------------------------------------


def driver(obj: JsonObject) -> Errors:
    """A CSIDriver; booleans have been defaulted."""
    spec = obj.get("spec") or {}
    policy, period = spec.get("fsGroupPolicy"), spec.get("nodeAllocatableUpdatePeriodSeconds")
    tokens, in_secrets = spec.get("tokenRequests") or (), spec.get("serviceAccountTokenInSecrets")
    errors: Errors = []
    if policy is not None and policy not in GROUP_POLICIES:
        errors.append(status.not_supported("spec.fsGroupPolicy", policy, GROUP_POLICIES))
    errors += _tokens(tokens, "spec.tokenRequests")
    errors += (
        status.not_supported("spec.volumeLifecycleModes", one, LIFECYCLES)
        for one in spec.get("volumeLifecycleModes") or ()
        if one not in LIFECYCLES
    )
    if period is not None and period < MIN_PERIOD:
        path = "spec.nodeAllocatableUpdatePeriodSeconds"
        detail = f"must be greater than or equal to {MIN_PERIOD} seconds"
        errors.append(status.invalid_value(path, period, detail))
    if in_secrets is not None and not tokens:
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        path = "spec.serviceAccountTokenInSecrets"
        errors.append(status.invalid_value(path, in_secrets, detail))
    return errors


def _tokens(items: "list[JsonObject] | tuple[()]", path: str) -> Errors:
    """One token for each audience, valid long enough to be of use."""
    errors: Errors = []
    known: set[str] = set()
    for index, one in enumerate(items):
        audience, seconds = one.get("audience", ""), one.get("expirationSeconds")
        if audience in known:
            errors.append(status.duplicate(f"{path}[{index}].audience", audience))
            continue
        known.add(audience)
        where, detail = f"{path}[{index}].expirationSeconds", ""
        if seconds is not None and seconds < MIN_TOKEN_SECONDS:
            detail = "may not specify a duration less than 10 minutes"
        elif seconds is not None and seconds > MAX_TOKEN_SECONDS:
            detail = "may not specify a duration larger than 2^32 seconds"
        if detail:
            errors.append(status.invalid_value(where, seconds, detail))
    return errors


def driver_update(new: JsonObject, old: JsonObject) -> Errors:
    after, before = (one.get("spec") or {} for one in (new, old))
    errors = driver(new)
    for key, shown in (
        ("attachRequired", "attachedRequired"),
        ("volumeLifecycleModes", "volumeLifecycleModes"),
    ):
        errors += common.unchanged(after.get(key), before.get(key), f"spec.{shown}")
    return errors


# --- nodes ---------------------------------------------------------------------------------------


def node(obj: JsonObject) -> Errors:
    """A CSINode: which drivers a node has."""
    errors: Errors = []
    known: set[str] = set()
    for index, one in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        path, name = f"spec.drivers[{index}]", one.get("name", "")
        errors += _node_driver(one, path)
        if name in known:
            errors.append(status.duplicate(f"{path}.name", name))
        known.add(name)
        errors += _topology_keys(one.get("topologyKeys") or (), path)
    return errors


def _node_driver(one: JsonObject, path: str) -> Errors:
    name, node_id = one.get("name", ""), one.get("nodeID", "")
    errors = [
        status.invalid_value(f"{path}.name", name, text) for text in names.dns1123_subdomain(name)
    ]
    if not node_id:
        errors.append(status.required(f"{path}.nodeID"))
    if len(node_id) > MAX_NODE_ID:
        detail = f"must be {MAX_NODE_ID} characters or less"
        errors.append(status.invalid_value(f"{path}.nodeID", node_id, detail))
    count = (one.get("allocatable") or {}).get("count")
    return errors + common.non_negative(count, f"{path}.allocatable.count")


def _topology_keys(keys: "list[str] | tuple[()]", path: str) -> Errors:
    errors: Errors = []
    for index, key in enumerate(keys):
        if not key:
            errors.append(status.required(path))
        if key in keys[:index]:
            errors.append(status.duplicate(path, key))
        errors += (status.invalid_value(path, key, text) for text in names.qualified_name(key))
    return errors


def node_update(new: JsonObject, old: JsonObject) -> Errors:
    """A driver's entry stays, but for how many volumes it takes."""
    errors = node(new)
    known = {one.get("name"): _fixed(one) for one in (old.get("spec") or {}).get("drivers") or ()}
    for one in (new.get("spec") or {}).get("drivers") or ():
        before = known.get(one.get("name"))
        if before is not None:
            errors += common.unchanged(_fixed(one), before, "spec.drivers")
    return errors


def _fixed(one: JsonObject) -> JsonObject:
    return {key: value for key, value in one.items() if key != "allocatable"}


# --- room ----------------------------------------------------------------------------------------


def capacity(obj: JsonObject) -> Errors:
    """A CSIStorageCapacity."""
    errors = common.selector(obj.get("nodeTopology"), "nodeTopology")
    name, amount = obj.get("storageClassName", ""), obj.get("capacity")
    errors += (
        status.invalid_value("storageClassName", name, text)
        for text in names.dns1123_subdomain(name)
    )
    return errors + (resources.amount(amount, "capacity") if amount is not None else [])


def capacity_update(new: JsonObject, old: JsonObject) -> Errors:
    errors: Errors = []
    for key in ("nodeTopology", "storageClassName"):
        errors += common.unchanged(new.get(key), old.get(key), key)
    return errors


# --- attached volumes ----------------------------------------------------------------------------


def attachment(obj: JsonObject) -> Errors:
    """A new VolumeAttachment."""
    spec = obj.get("spec") or {}
    attacher = spec.get("attacher", "")
    volume = (spec.get("source") or {}).get("persistentVolumeName")
    errors = _attachment(obj)
    for path, name in (("spec.attacher", attacher), ("spec.source.persistentVolumeName", volume)):
        if name is not None:
            errors += (
                status.invalid_value(path, name, text) for text in names.dns1123_subdomain(name)
            )
    return errors


def _attachment(obj: JsonObject) -> Errors:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    errors: Errors = [] if spec.get("attacher") else [status.required("spec.attacher")]
    errors += _source(spec.get("source") or {}, "spec.source")
    node_name = spec.get("nodeName", "")
    errors += (
        status.invalid_value("spec.nodeName", node_name, text)
        for text in names.dns1123_subdomain(node_name)
    )
    told = state.get("attachmentMetadata") or {}
    if sum(len(key.encode()) + len(value.encode()) for key, value in told.items()) > MAX_ATTACHMENT:
        errors.append(status.too_long("status.attachmentMetadata", MAX_ATTACHMENT))
    for key in ("attachError", "detachError"):
        errors += _fault(state.get(key) or {}, f"status.{key}")
    return errors


def _source(source: JsonObject, path: str) -> Errors:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and name is None:
        return [status.required(path, _ONE_SOURCE)]
    if inline is not None and name is not None:
        return [status.forbidden_field(path, _ONE_SOURCE)]
    if inline is not None:
        return storage.inline_volume(inline, f"{path}.inlineVolumeSpec")
    if not name:
        detail = "must specify non empty persistentVolumeName"
        return [status.required(f"{path}.persistentVolumeName", detail)]
    return []


def _fault(one: JsonObject, path: str) -> Errors:
    errors: Errors = []
    if len(one.get("message", "").encode()) > MAX_FAULT:
        # Kubernetes names the wrong limit here.
        errors.append(status.too_long(f"{path}.message", MAX_ATTACHMENT))
    code = one.get("errorCode")
    return errors + common.in_range(code, f"{path}.errorCode", 0, MAX_CODE)


def attachment_update(new: JsonObject, old: JsonObject) -> Errors:
    return _attachment(new) + common.unchanged(new.get("spec"), old.get("spec"), "spec")
