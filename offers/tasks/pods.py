"""From tasks to the pod that runs them. Pure.

A command task is a pod of one container, a task group a pod with a container for each task. The
pod is made bound to the offer's node, never restarted, named by a hash (ids are no names), and
owned by its Framework. Like Mesos' tasks it lives in the node's own network unless it asks for
another one, has a writable sandbox as its working directory, and its memory is a hard limit.
Neighbours: `containers` makes the containers, `validate` has passed the tasks, `observe` reads the
pod's status back; `executor_pod` is for custom executors.
"""

import json
import math
from collections.abc import Mapping

from apimachinery.mesos.marks import (
    FETCH,
    FRAMEWORK_ID,
    FRAMEWORK_LABEL,
    GROUP,
    REVOCABLE,
    RUN,
    SANDBOX_VOLUME,
    TASK_IDS,
)  # fmt: skip
from apimachinery.wire import JsonObject
from offers import identity, parts, ranges, resources, shapes
from offers.resources import Vector
from offers.tasks import containers

GRACE_S = 3.0
"""Between TERM and KILL where nobody says: Mesos' own."""


def pod(
    name: str, namespace: str, node: str, run: str, owner: identity.Owner, tasks: list[JsonObject],
    executor: JsonObject | None, place: containers.Place,
) -> JsonObject:  # fmt: skip
    """The pod's manifest. `run` tells this launch from others of the same ids."""
    annotations = {
        FRAMEWORK_ID: owner.framework_id,
        TASK_IDS: "\n".join(info["task_id"]["value"] for info in tasks),
        RUN: run,
    }
    group = executor is not None
    annotations |= lent(charge(tasks, executor)[0])
    annotations |= fetched({container_name(i): info for i, info in enumerate(tasks)})
    outer = (executor or {}).get("container") or tasks[0].get("container") or {}
    setting, sandboxes = (
        containers.setting(owner, place),
        [sandbox_name(i) for i in range(len(tasks))],
    )
    made = [
        containers.container(_inside(info, outer, i), container_name(i), setting, sandboxes[i])
        for i, info in enumerate(tasks)
    ]
    if executor is not None:
        extra = shapes.from_mesos(executor.get("resources") or ())[0]
        containers.add(made[0], containers.of_node(extra))
    spec: JsonObject = {
        "nodeName": node,
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": math.ceil(max(grace_of(info) for info in tasks)),
        "containers": made,
        "volumes": [
            *({"name": each, "emptyDir": {}} for each in sandboxes),
            *containers.volumes(tasks, place),
        ],
    }
    if containers.shares_network(outer):
        spec |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    elif outer.get("hostname"):
        spec["hostname"] = outer["hostname"]
    limits = [i["max_completion_time"]["nanoseconds"] for i in tasks if "max_completion_time" in i]
    if limits and not group:
        spec["activeDeadlineSeconds"] = max(1, math.ceil(min(limits) / 1e9))
    return manifest(name, namespace, owner, annotations, spec)


def _inside(info: JsonObject, outer: JsonObject, index: int) -> JsonObject:
    """A group's network is its executor's: the first container has the ports that lead in."""
    networks = outer.get("network_infos")
    container = info.get("container") or {}
    if not networks or container.get("network_infos"):
        return info
    mine = networks if index == 0 else [{"name": one.get("name", "")} for one in networks]
    return {**info, "container": {"type": "MESOS", **container, "network_infos": mine}}


def fetched(infos: Mapping[str, JsonObject]) -> dict[str, str]:
    """The annotation by which the agent learns what to put into the sandbox first."""
    wanted = {name: (info.get("command") or {}).get("uris") for name, info in infos.items()}
    wanted = {name: uris for name, uris in wanted.items() if uris}
    return {FETCH: json.dumps(wanted, sort_keys=True)} if wanted else {}


def lent(vector: Vector) -> dict[str, str]:
    """The annotation by which the agent learns what it may take back."""
    known = {
        parts.parse(key).name: value for key, value in vector.items() if parts.is_revocable(key)
    }
    amounts = {name: containers.amount(name, value) for name, value in known.items()}
    return {REVOCABLE: json.dumps(amounts, sort_keys=True)} if amounts else {}


def manifest(
    name: str, namespace: str, owner: identity.Owner, annotations: dict[str, str], spec: JsonObject
) -> JsonObject:
    """A pod that belongs to a framework."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {FRAMEWORK_LABEL: owner.name},
            "annotations": annotations,
            "ownerReferences": [
                {
                    "apiVersion": f"{GROUP}/v1",
                    "kind": "Framework",
                    "name": owner.name,
                    "uid": owner.uid,
                    "controller": True,
                }
            ],
        },
        "spec": spec,
    }


def container_name(index: int) -> str:
    """Task ids are no container names."""
    return f"task-{index}"


def sandbox_name(index: int) -> str:
    """The volume that is a task's sandbox."""
    return f"{SANDBOX_VOLUME}-{index}" if index else SANDBOX_VOLUME


def charge(tasks: list[JsonObject], executor: JsonObject | None) -> tuple[Vector, ranges.Ranges]:
    """What tasks that run together take: their pod's requests, and ports."""
    total: Vector = {resources.PODS: 1}
    ports: ranges.Ranges = ()
    for part in (*tasks, *([executor] if executor else [])):
        vector, spans = shapes.from_mesos(part.get("resources") or ())
        total, ports = resources.add(total, vector), ranges.union(ports, spans)
    return total, ports


def grace_of(info: JsonObject) -> float:
    """Seconds between asking a task to end and ending it."""
    period = (info.get("kill_policy") or {}).get("grace_period")
    return GRACE_S if period is None else float(period["nanoseconds"] / 1e9)
