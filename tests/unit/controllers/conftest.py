"""Makers of pods and services as planners see them."""

from typing import Any

import pytest

from controllers import views


def pod(name: str = "p", **fields: Any) -> views.Pod:
    metadata: dict[str, Any] = {"name": name, "namespace": "ns", "uid": fields.pop("uid", name)}
    for field in ("labels", "deletionTimestamp", "creationTimestamp", "annotations"):
        if field in fields:
            metadata[field] = fields.pop(field)
    ready = fields.pop("ready", False)
    since = fields.pop("since", "2026-01-01T00:00:00Z")
    state: dict[str, Any] = {"phase": fields.pop("phase", "Running")}
    condition = {"type": "Ready", "status": str(bool(ready)), "lastTransitionTime": since}
    state["conditions"] = [condition]
    if "ip" in fields:
        state["podIPs"] = [{"ip": one} for one in str(fields.pop("ip")).split(",")]
    if "restarts" in fields:
        state["containerStatuses"] = [{"restartCount": fields.pop("restarts")}]
    spec: dict[str, Any] = {"nodeName": fields.pop("node", "")}
    spec["tolerations"] = fields.pop("tolerations", [])
    spec["containers"] = [{"ports": fields.pop("ports", [])}]
    spec |= fields
    return views.pod_of({"metadata": metadata, "spec": spec, "status": state})


@pytest.fixture
def make_pod() -> Any:
    return pod
