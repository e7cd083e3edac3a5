"""Rules about the core kinds that are neither pods nor services, and about leases and events."""

import base64
import itertools
import json

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import common, resources, scheduling
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_DATA = 1024 * 1024
"""Bytes of a config map's or a secret's data together."""
MAX_NOTE = 1024
"""Characters of an event's message."""

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
            detail = f"duplicate of key present in binaryData: {key}"
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
    return config_map(new) + _frozen(new, old, ("data", "binaryData"))


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
        status.required(f"data[{key}]") for key in _SECRET_KEYS.get(kind, ()) if key not in data
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
    return errors + secret(new) + _frozen(new, old, ("data",))


def node(obj: JsonObject) -> Errors:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    errors = scheduling.taints(spec.get("taints"), "spec.taints")
    for key in ("capacity", "allocatable"):
        errors += resources.amounts(state.get(key), f"status.{key}")
    return errors


_NODE_MUTABLE = frozenset(
    ("taints", "unschedulable", "configSource", "podCIDR", "podCIDRs", "providerID")
)


def node_update(new: JsonObject, old: JsonObject) -> Errors:
    errors = node(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for key, shown in (("podCIDRs", "podCIDRs"), ("providerID", "providerID")):
        if before.get(key) and after.get(key) != before[key]:
            detail = (
                f'node updates may not change {shown.removesuffix("s")} except from "" to valid'
            )
            errors.append(status.forbidden_field(f"spec.{shown}", detail))
    if any(
        after.get(key) != before.get(key)
        for key in after.keys() | before.keys()
        if key not in _NODE_MUTABLE
    ):
        detail = (
            "node updates may only change labels, taints, or capacity (or configSource, if the "
            "DynamicKubeletConfig feature gate is enabled)"
        )
        errors.append(status.forbidden_field("spec", detail))
    return errors


def namespace(obj: JsonObject) -> Errors:
    errors: Errors = []
    for index, one in enumerate((obj.get("spec") or {}).get("finalizers") or ()):
        where = f"spec.finalizers[{index}]"
        errors += (status.invalid_value(where, one, text) for text in names.qualified_name(one))
    return errors


def resource_quota(obj: JsonObject) -> Errors:
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    return (
        resources.amounts(spec.get("hard"), "spec.hard")
        + resources.amounts(state.get("hard"), "status.hard")
        + resources.amounts(state.get("used"), "status.used")
    )


def limit_range(obj: JsonObject) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, one in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path = f"spec.limits[{index}]"
        kind = one.get("type", "")
        errors += common.name(kind, f"{path}.type", names.qualified_name)
        if kind in seen:
            errors.append(status.duplicate(f"{path}.type", kind))
        seen.add(kind)
        errors += _limits(one, path)
    return errors


def _limits(one: JsonObject, path: str) -> Errors:
    """The least, the default request, the default and the most, in this order."""
    errors: Errors = []
    kinds = ("min", "defaultRequest", "default", "max")
    for name in sorted({name for key in kinds for name in one.get(key) or {}}):
        given = [(key, one[key][name]) for key in kinds if name in (one.get(key) or {})]
        for (lower, small), (upper, large) in itertools.pairwise(given):
            if Quantity.parse(small) > Quantity.parse(large):
                word = "default request" if lower == "defaultRequest" else lower
                other = "default" if upper == "default" else upper
                detail = f"{word} value {small} is greater than {other} value {large}"
                errors.append(status.invalid_value(f"{path}.{lower}[{name}]", small, detail))
    return errors


def lease(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        detail = "must be greater than 0"
        errors.append(status.invalid_value("spec.leaseDurationSeconds", seconds, detail))
    return errors + common.non_negative(spec.get("leaseTransitions"), "spec.leaseTransitions")


def event(obj: JsonObject) -> Errors:
    """An event lives in the namespace of what it is about."""
    about = (obj.get("involvedObject") or {}).get("namespace", "")
    own = (obj.get("metadata") or {}).get("namespace", "")
    errors: Errors = []
    if about and about != own:
        detail = "does not match event.namespace"
        errors.append(status.invalid_value("involvedObject.namespace", about, detail))
    if not about and own not in ("", "default", "kube-system"):
        detail = "does not match event.namespace"
        errors.append(status.invalid_value("involvedObject.namespace", about, detail))
    if len(obj.get("message", "").encode()) > MAX_NOTE and obj.get("eventTime"):
        errors.append(status.too_long("message", MAX_NOTE))
    return errors
