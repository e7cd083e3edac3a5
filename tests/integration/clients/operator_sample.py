"""An operator as a user of kopf writes one: it knows nothing of the server that it runs against.

It makes a config map for each widget, keeps the status, and counts how often its timer fired.
"""

from typing import Any

import kopf
from kubernetes import client, config


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    config.load_kube_config()
    settings.posting.enabled = True
    settings.watching.server_timeout = 60


@kopf.on.create("example.com", "v1", "widgets")
@kopf.on.update("example.com", "v1", "widgets")
def reconcile(
    spec: kopf.Spec, name: str, namespace: str, body: kopf.Body, patch: kopf.Patch, **_: Any
) -> None:
    made = {"metadata": {"name": f"{name}-made"}, "data": {"size": str(spec["size"])}}
    kopf.adopt(made)
    core = client.CoreV1Api()
    try:
        core.create_namespaced_config_map(namespace, made)
    except client.exceptions.ApiException as error:
        if error.status != 409:
            raise
        core.patch_namespaced_config_map(f"{name}-made", namespace, made)
    kopf.info(body, reason="Made", message=f"size {spec['size']}")
    patch.status["size"] = spec["size"]
    patch.status["conditions"] = [{"type": "Ready", "status": "True"}]


@kopf.on.delete("example.com", "v1", "widgets")
def forget(name: str, namespace: str, **_: Any) -> None:
    body = {"metadata": {"name": f"{name}-gone"}}
    client.CoreV1Api().create_namespaced_config_map(namespace, body)


@kopf.timer("example.com", "v1", "widgets", interval=0.2, initial_delay=0.2)
def tick(patch: kopf.Patch, status: kopf.Status, **_: Any) -> None:
    if status.get("ticks", 0) < 3:
        patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.on.event("", "v1", "configmaps", labels={"watched": "yes"})
def seen(event: kopf.RawEvent, name: str, namespace: str, **_: Any) -> None:
    if event["type"] != "DELETED":
        body = {"metadata": {"labels": {"watched": "seen"}}}
        client.CoreV1Api().patch_namespaced_config_map(name, namespace, body)
