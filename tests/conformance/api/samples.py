"""Objects that the tests send: small, complete, without a node to run on."""

from typing import Any


def configmap(name: str, /, labels: Any = None, **data: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pod(name: str, /, *, node: str = "", labels: Any = None, **spec: Any) -> dict[str, Any]:
    """A pod that waits for ever: no node has its selector's label, unless one is named."""
    spec.setdefault("containers", [{"name": "app", "image": "registry.example/app:1"}])
    if node:
        spec["nodeName"] = node
    else:
        spec.setdefault("nodeSelector", {"conformance/no-such-node": "true"})
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deployment(name: str, /, *, replicas: int = 1, image: str = "registry.example/app:1") -> Any:
    labels = {"app": name}
    template = pod("x", containers=[{"name": "app", "image": image}])["spec"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template},
        },
    }


def service(name: str, /, **spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def replication_controller(name: str, /, *, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod("x")["spec"]}
    spec = {"replicas": replicas, "selector": labels, "template": template}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": metadata, "spec": spec}
