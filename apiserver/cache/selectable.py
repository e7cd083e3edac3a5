"""Which fields a field selector may name, per resource, and how to read them from an object.

Every resource has `metadata.name` and `metadata.namespace`; those live in an entry's key. The
others are read once per write into `Entry.fields`, in the order of this table, as the strings
that a selector compares with. Definitions add those of custom resources. Pure: no I/O; the
syntax of selectors is `apimachinery.fields`' business.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apimachinery.wire import JsonObject

Getter = Callable[[JsonObject], str]

NAME = "metadata.name"
NAMESPACE = "metadata.namespace"


def _text(value: Any) -> str:
    """How a selector spells a JSON scalar; absent is empty, as in Kubernetes."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _at(*path: str, default: str = "") -> Getter:
    def get(obj: JsonObject) -> str:
        value: Any = obj
        for part in path:
            if not isinstance(value, dict):
                return default
            value = value.get(part)
        return _text(value) or default

    return get


def _first(*getters: Getter) -> Getter:
    def get(obj: JsonObject) -> str:
        return next((found for getter in getters if (found := getter(obj))), "")

    return get


_POD: dict[str, Getter] = {
    "spec.nodeName": _at("spec", "nodeName"),
    "status.phase": _at("status", "phase"),
    "spec.restartPolicy": _at("spec", "restartPolicy"),
    "spec.schedulerName": _at("spec", "schedulerName"),
    "spec.serviceAccountName": _at("spec", "serviceAccountName"),
    "spec.hostNetwork": _at("spec", "hostNetwork", default="false"),
    "status.podIP": _at("status", "podIP"),
    "status.nominatedNodeName": _at("status", "nominatedNodeName"),
}
_EVENT: dict[str, Getter] = {
    **{
        f"involvedObject.{name}": _at("involvedObject", name)
        for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")
    },
    "involvedObject.fieldPath": _at("involvedObject", "fieldPath"),
    "reason": _at("reason"),
    "reportingComponent": _at("reportingComponent"),
    "source": _first(_at("source", "component"), _at("reportingComponent")),
    "type": _at("type"),
}
_REPLICAS: dict[str, Getter] = {"status.replicas": _at("status", "replicas", default="0")}

TABLE: Mapping[tuple[str, str], Mapping[str, Getter]] = {
    ("", "pods"): _POD,
    ("", "events"): _EVENT,
    ("", "nodes"): {"spec.unschedulable": _at("spec", "unschedulable", default="false")},
    ("", "secrets"): {"type": _at("type")},
    ("", "namespaces"): {"status.phase": _at("status", "phase")},
    ("", "services"): {
        "spec.clusterIP": _at("spec", "clusterIP"),
        "spec.type": _at("spec", "type"),
    },
    ("", "replicationcontrollers"): _REPLICAS,
    ("apps", "replicasets"): _REPLICAS,
    ("batch", "jobs"): {"status.successful": _at("status", "succeeded", default="0")},
    ("certificates.k8s.io", "certificatesigningrequests"): {
        "spec.signerName": _at("spec", "signerName")
    },
    ("offers.bireme.dev", "executors"): {"spec.agentID": _at("spec", "agentID")},
}
"""(group, plural) → field → how to read it."""

INDEXED: Mapping[tuple[str, str], str] = {
    ("", "pods"): "spec.nodeName",
    ("offers.bireme.dev", "executors"): "spec.agentID",
}
"""The one field of a resource by which entries and watchers are indexed (a narrow selector asks
for one node's pods, and there is one such reader per node)."""

NONE: Mapping[str, Getter] = {}


def at_paths(paths: Iterable[str]) -> Mapping[str, Getter]:
    """Fields of a custom resource, by the paths that its definition names ("spec.color")."""
    return {path: _at(*path.split(".")) for path in paths}


def getters(group: str, plural: str) -> Mapping[str, Getter]:
    """The selectable fields beyond metadata, in the order of `Entry.fields`."""
    return TABLE.get((group, plural), NONE)


def labels(group: str, plural: str) -> tuple[str, ...]:
    """Every field that a selector may name."""
    return (NAME, NAMESPACE, *getters(group, plural))
