"""Defaults of the core group's kinds and of endpoint slices.

Neighbour: `apimachinery.defaults.pods` for everything inside a pod specification.
"""

import base64

from apimachinery.defaults import pods
from apimachinery.wire import JsonObject

AFFINITY_SECONDS = 10800
"""How long a client stays with its endpoint under session affinity: three hours."""


def replication_controller(obj: JsonObject) -> None:
    """Selector and labels come from the template where they are not given."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    template = spec.get("template")
    if template is None:
        return
    labels = (template.get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        metadata = obj.setdefault("metadata", {})
        if not metadata.get("labels"):
            metadata["labels"] = dict(labels)
    pods.template(template)


def pod_template(obj: JsonObject) -> None:
    pods.template(obj.get("template"))


def service(obj: JsonObject) -> None:
    """Types, policies and target ports; addresses are the registry's business."""
    spec = obj.setdefault("spec", {})
    for key, value in (("sessionAffinity", "None"), ("type", "ClusterIP")):
        if not spec.get(key):
            spec[key] = value
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", AFFINITY_SECONDS)
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if not port.get("targetPort") and port.get("port"):
            port["targetPort"] = port["port"]
    _traffic(spec)
    for ingress in ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
        if ingress.get("ip"):
            ingress.setdefault("ipMode", "VIP")


def _traffic(spec: JsonObject) -> None:
    outside = spec["type"] in ("NodePort", "LoadBalancer")
    if (outside or spec.get("externalIPs")) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if (outside or spec["type"] == "ClusterIP") and not spec.get("internalTrafficPolicy"):
        spec["internalTrafficPolicy"] = "Cluster"
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def endpoints(obj: JsonObject) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def endpoint_slice(obj: JsonObject) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        if not port.get("protocol"):
            port["protocol"] = "TCP"


def secret(obj: JsonObject) -> None:
    """The type, and `stringData` moved into `data` (it is only ever written)."""
    if not obj.get("type"):
        obj["type"] = "Opaque"
    texts = obj.pop("stringData", None)
    if texts:
        data = obj.setdefault("data", {})
        for key, text in texts.items():
            data[key] = base64.b64encode(text.encode()).decode()


def namespace(obj: JsonObject) -> None:
    """Its phase, and the label by which selectors find it by name."""
    metadata = obj.setdefault("metadata", {})
    name = metadata.get("name")
    if name:
        labels = metadata.get("labels") or {}
        labels["kubernetes.io/metadata.name"] = name
        metadata["labels"] = labels
    obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Active"


def node(obj: JsonObject) -> None:
    """What can be allocated is the capacity where nothing is said."""
    obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def persistent_volume(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("persistentVolumeReclaimPolicy"):
        spec["persistentVolumeReclaimPolicy"] = "Retain"
    spec.setdefault("volumeMode", "Filesystem")
    pods.persistent_source(spec)
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def persistent_volume_claim(obj: JsonObject) -> None:
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def limit_range(obj: JsonObject) -> None:
    """Per container: default limits from the maximum, default requests from those or the minimum."""
    for item in (obj.get("spec") or {}).get("limits") or ():
        if item.get("type") != "Container":
            continue
        limits = {**(item.get("max") or {}), **(item.get("default") or {})}
        requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
        if limits:
            item["default"] = limits
        if requests:
            item["defaultRequest"] = requests


FILLERS = {
    ("", "v1", "Pod"): pods.pod,
    ("", "v1", "PodTemplate"): pod_template,
    ("", "v1", "ReplicationController"): replication_controller,
    ("", "v1", "Service"): service,
    ("", "v1", "Endpoints"): endpoints,
    ("", "v1", "Secret"): secret,
    ("", "v1", "Namespace"): namespace,
    ("", "v1", "Node"): node,
    ("", "v1", "PersistentVolume"): persistent_volume,
    ("", "v1", "PersistentVolumeClaim"): persistent_volume_claim,
    ("", "v1", "LimitRange"): limit_range,
    ("discovery.k8s.io", "v1", "EndpointSlice"): endpoint_slice,
}
