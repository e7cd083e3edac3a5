"""Nodes, pods and offers for the scheduler's tests, as the API would show them."""

import copy
from typing import Any

from apimachinery import requests
from apiserver.registry import pods as births
from offers.messages import Offer
from scheduler import views
from scheduler.placement import Placer, Result
from scheduler.snapshot import Snapshot


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", ready: bool = True,
         labels: dict[str, str] | None = None, taints: list[dict[str, str]] | None = None,
         unschedulable: bool = False, **extended: str) -> views.NodeInfo:  # fmt: skip
    return views.node_info(
        {
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {"taints": taints or [], "unschedulable": unschedulable},
            "status": {
                "allocatable": {"cpu": cpu, "memory": memory, "pods": pods, **extended},
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            },
        }
    )


def pod(name: str, *, cpu: str = "100m", memory: str = "64Mi", namespace: str = "default",
        labels: dict[str, str] | None = None, owner: str = "", on: str = "", priority: int = 0,
        created: str = "2026-01-01T00:00:00Z", ports: list[int] | None = None,
        requested: dict[str, str] | None = None, **spec: Any) -> views.PodInfo:  # fmt: skip
    metadata: dict[str, Any] = {
        "name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}",
        "labels": labels or {}, "creationTimestamp": created,
    }  # fmt: skip
    if owner:
        metadata["ownerReferences"] = [
            {"uid": owner, "controller": True, "kind": "ReplicaSet", "name": owner}
        ]
    container = {
        "name": "c",
        "resources": {"requests": requested or {"cpu": cpu, "memory": memory}},
        "ports": [{"containerPort": p, "hostPort": p} for p in ports or ()],
    }
    whole = {"containers": [container], "priority": priority, **copy.deepcopy(spec)}
    if on:
        whole["nodeName"] = on
    births.merge_label_keys(whole, metadata["labels"])
    return views.pod_info({"metadata": metadata, "spec": whole, "status": {}})


def snapshot(*nodes: views.NodeInfo, running: list[views.PodInfo] | None = None) -> Snapshot:
    made = Snapshot()
    for each in nodes:
        made.set_node(each)
    for each in running or ():
        made.put(each, each.node_name)
    return made


def offers_for(view: Snapshot) -> list[Offer]:
    """Everything that is free, one offer a node: what a lone framework is offered."""
    made = []
    for row, place in view.everywhere():
        free = {
            name: int(view.allocatable[row][column] - view.requested[row][column])
            for name, column in view.columns.items()
        }
        made.append(Offer(f"offer-{place.node.name}", "f", "kubernetes", place.node.name, free))
    return made


def place(view: Snapshot, *pods: views.PodInfo, seed: int = 0) -> Result:
    return placer(view).place(pods, seed)


def placer(view: Snapshot, offers: list[Offer] | None = None) -> Placer:
    """With these offers in hand, or with all that could be."""
    made = Placer(view)
    for offer in offers_for(view) if offers is None else offers:
        made.allowance.add(offer)
    return made


def where(view: Snapshot, *pods: views.PodInfo) -> dict[str, str]:
    return {a.pod.name: a.node for a in place(view, *pods).assignments}


def why_not(view: Snapshot, one: views.PodInfo) -> str:
    (failure,) = place(view, one).failures
    return failure.message


def total_requests(pods: list[views.PodInfo]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in pods:
        for name, value in each.requests.items():
            total[name] = total.get(name, 0) + value
    return total


__all__ = [
    "node",
    "offers_for",
    "place",
    "placer",
    "pod",
    "requests",
    "snapshot",
    "total_requests",
    "where",
    "why_not",
]
