"""A second operator, with the rest of what kopf offers: admission, daemons, indexes, fields, resuming.

Like the first one it knows nothing of the server that it runs against.
"""

import os
from typing import Any

import kopf
from kubernetes import client, config

GROUP, VERSION, PLURAL = "example.com", "v1", "widgets"


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    config.load_kube_config()
    settings.background.cancellation_polling = 0.2  # a minute by default
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1",
        host="127.0.0.1",
        certfile=os.environ["WEBHOOK_CERT"],
        pkeyfile=os.environ["WEBHOOK_KEY"],
        cafile=os.environ["WEBHOOK_CERT"],
    )
    settings.admission.managed = "auto.kopf.example.com"


@kopf.on.validate(GROUP, VERSION, PLURAL)
def check(spec: kopf.Spec, warnings: list[str], **_: Any) -> None:
    if spec.get("size") == 7:
        raise kopf.AdmissionError("seven is not lucky here", code=422)
    if spec.get("size") == 8:
        warnings.append("eight is a lot")


@kopf.on.mutate(GROUP, VERSION, PLURAL, operations=["CREATE"])
def paint(spec: kopf.Spec, patch: kopf.Patch, **_: Any) -> None:
    if spec.get("size") == 9:
        patch.spec["color"] = "blue"


@kopf.index(GROUP, VERSION, PLURAL)
def by_color(spec: kopf.Spec, name: str, **_: Any) -> dict[str, str]:
    return {spec.get("color", ""): name}


@kopf.on.field(GROUP, VERSION, PLURAL, field="spec.size")
def sized(old: Any, new: Any, patch: kopf.Patch, by_color: kopf.Index, **_: Any) -> None:
    patch.status["sizes"] = f"{old}->{new}"
    patch.status["blue"] = sorted(by_color.get("blue", []))


@kopf.on.resume(GROUP, VERSION, PLURAL)
def resumed(patch: kopf.Patch, **_: Any) -> None:
    patch.status["resumed"] = True


@kopf.daemon(GROUP, VERSION, PLURAL)
def watchman(stopped: kopf.DaemonStopped, name: str, namespace: str, **_: Any) -> None:
    core = client.CoreV1Api()
    core.create_namespaced_config_map(namespace, {"metadata": {"name": f"{name}-watched"}})
    stopped.wait()
    core.delete_namespaced_config_map(f"{name}-watched", namespace)
