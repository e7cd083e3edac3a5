"""Rules about the core kinds that are neither pods nor services, and about leases."""

import base64
import json

from apimachinery import names, status
from apimachinery.validation import common, metadata, resources, scheduling, services
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_DATA = 1024 * 1024
"""Bytes of a config map's or a secret's data together."""

_FROZEN = "field is immutable when `immutable` is set"

_SECRET_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 (a type's name)
_ACCOUNT_NAME = "kubernetes.io/service-account.name"


def config_map(obj: JsonObject) -> Errors:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    errors: Errors = []
    size = 0
    for key, text in data.items():
        errors += _key(key, "data")
        if key in binary:
            detail = "duplicate of key present in binaryData"
            errors.append(status.invalid_value(f"data[{key}]", key, detail))
        size += len(text.encode())
    for key, text in binary.items():
        errors += _key(key, "binaryData")
        size += _decoded_length(text)
    if size > MAX_DATA:
        # Kubernetes names no field here, and its clients know the message.
        errors.append(status.too_long("[]", MAX_DATA))
    return errors


def _key(key: str, path: str) -> Errors:
    where = f"{path}[{key}]"
    return [status.invalid_value(where, key, problem) for problem in names.config_key(key)]


def _decoded_length(text: str) -> int:
    return len(text) * 3 // 4 - text[-2:].count("=")


def config_map_update(new: JsonObject, old: JsonObject) -> Errors:
    return _frozen(new, old, ("data", "binaryData")) + config_map(new)


def _frozen(new: JsonObject, old: JsonObject, keys: tuple[str, ...]) -> Errors:
    if not old.get("immutable"):
        return []
    errors: Errors = []
    if not new.get("immutable"):
        errors.append(status.forbidden_field("immutable", _FROZEN))
    errors += (
        status.forbidden_field(key, _FROZEN)
        for key in keys
        if (new.get(key) or {}) != (old.get(key) or {})
    )
    return errors


def secret(obj: JsonObject) -> Errors:
    data, kind = obj.get("data") or {}, obj.get("type", "")
    errors: Errors = []
    for key in data:
        errors += _key(key, "data")
    if sum(_decoded_length(text) for text in data.values()) > MAX_DATA:
        errors.append(status.too_long("data", MAX_DATA))
    errors += (
        status.required(f"data[{key}]")
        for key in _SECRET_KEYS.get(kind, ())
        if key not in data or (kind == "kubernetes.io/ssh-auth" and not data[key])
    )
    if kind == SERVICE_ACCOUNT_TOKEN:
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        if not annotations.get(_ACCOUNT_NAME):
            errors.append(status.required(f"metadata.annotations[{_ACCOUNT_NAME}]"))
    elif kind in ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson"):
        errors += _docker(data, _SECRET_KEYS[kind][0])
    elif kind == "kubernetes.io/basic-auth" and not ("username" in data or "password" in data):
        errors.append(status.required("data[username]"))
        errors.append(status.required("data[password]"))
    return errors


def _docker(data: JsonObject, key: str) -> Errors:
    if key not in data:
        return []
    try:
        json.loads(base64.b64decode(data[key]))
    except ValueError as error:
        return [status.invalid_value(f"data[{key}]", "<secret contents redacted>", str(error))]
    return []


def secret_update(new: JsonObject, old: JsonObject) -> Errors:
    errors = common.unchanged(new.get("type"), old.get("type"), "type")
    return errors + _frozen(new, old, ("data",)) + secret(new)


def node(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    # The path is Kubernetes' own.
    errors = scheduling.taints(spec.get("taints"), "metadata.taints") + node_resources(obj)
    ranges = spec.get("podCIDRs") or ()
    for index, one in enumerate(ranges):
        errors += services.cidr(one, f"spec.podCIDRs[{index}]")
    if len(ranges) > 1 and len({":" in one for one in ranges}) < len(ranges):
        detail = "may specify no more than one CIDR for each IP family"
        errors.append(status.invalid_value("spec.podCIDRs", list(ranges), detail))
    return errors


def node_resources(obj: JsonObject) -> Errors:
    """What a node has, and what of it pods may have."""
    state = obj.get("status") or {}
    return resources.capacity(state.get("capacity"), "status.capacity") + resources.capacity(
        state.get("allocatable"), "status.allocatable"
    )


def node_update(new: JsonObject, old: JsonObject) -> Errors:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    errors = node_resources(new) + node_addresses(new)
    for key in ("podCIDRs", "providerID"):
        if before.get(key) and after.get(key) != before[key]:
            shown = key.removesuffix("s")
            detail = f'node updates may not change {shown} except from "" to valid'
            errors.append(status.forbidden_field(f"spec.{key}", detail))
    errors += scheduling.taints(after.get("taints"), "metadata.taints")
    if after.get("externalID") != before.get("externalID"):
        errors.append(status.forbidden_field("spec.externalID", "may not be updated"))
    return errors


def node_addresses(obj: JsonObject) -> Errors:
    """Each address of a node once."""
    found = (obj.get("status") or {}).get("addresses") or ()
    return [
        status.duplicate(
            f"status.addresses[{index}]",
            {"Type": one.get("type", ""), "Address": one.get("address", "")},
        )
        for index, one in enumerate(found)
        if one in found[:index]
    ]


def namespace(obj: JsonObject) -> Errors:
    errors: Errors = []
    for one in (obj.get("spec") or {}).get("finalizers") or ():
        errors += namespace_finalizer(one, "spec.finalizers")
    return errors


def namespace_finalizer(text: str, path: str) -> Errors:
    """Who must agree before a namespace goes."""
    errors = [status.invalid_value(path, text, one) for one in names.qualified_name(text)]
    if not errors and "/" not in text and text not in metadata.STANDARD_FINALIZERS:
        detail = "name is neither a standard finalizer name nor is it fully qualified"
        errors.append(status.invalid_value(path, text, detail))
    return errors


def namespace_update(_new: JsonObject, _old: JsonObject) -> Errors:
    """Nothing beyond the rules about metadata."""
    return []


def namespace_status(new: JsonObject, _old: JsonObject) -> Errors:
    """Its phase says whether it is being deleted, and nothing else."""
    phase = (new.get("status") or {}).get("phase", "")
    going = bool((new.get("metadata") or {}).get("deletionTimestamp"))
    wanted = "Terminating" if going else "Active"
    if phase == wanted:
        return []
    detail = f"may only be '{wanted}' if `deletionTimestamp` is {'not empty' if going else 'empty'}"
    return [status.invalid_value("status.Phase", phase, detail)]


def lease(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        detail = "must be greater than 0"
        errors.append(status.invalid_value("spec.leaseDurationSeconds", seconds, detail))
    return errors + common.non_negative(spec.get("leaseTransitions"), "spec.leaseTransitions")
