"""The pod of a custom executor, with the environment that Mesos' agents give. Pure.

One container, whose tasks come and go; it finds its agent at port 5051 of the node. Its tasks are
charged beside it, so its own memory is no limit for it. Neighbours: `pods`, `containers`.
"""

import math

from apimachinery.mesos.marks import (
    AGENT_PORT,
    EXECUTOR_ID,
    FRAMEWORK_ID,
    RUN,
    SANDBOX,
    SANDBOX_VOLUME,
    TASK_IDS,
)  # fmt: skip
from apimachinery.wire import JsonObject
from offers import identity
from offers.tasks import containers, pods
from offers.tasks.executor import Executor

GRACE_S = 5.0
"""Between SHUTDOWN and the end: Mesos' own."""
RECOVERY_TIMEOUT = "15mins"
"""How long a checkpointing executor tries to reach its agent again."""


def pod(
    executor: Executor, owner: identity.Owner, hostname: str, place: containers.Place
) -> JsonObject:
    """The manifest."""
    info = executor.info
    outer = info.get("container") or {}
    annotations = {
        FRAMEWORK_ID: owner.framework_id,
        EXECUTOR_ID: executor.executor_id,
        TASK_IDS: "",
        RUN: executor.run,
        **pods.fetched({"executor": info}),
    }
    as_task = {**info, "agent_id": {"value": executor.node}, "task_id": {"value": ""}}
    made = containers.container(as_task, "executor", containers.setting(owner, place))
    made["env"] = _environment(made["env"], executor, hostname)
    made["resources"].pop("limits")
    spec: JsonObject = {
        "nodeName": executor.node,
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": math.ceil(grace_of(info)),
        "containers": [made],
        "volumes": [{"name": SANDBOX_VOLUME, "emptyDir": {}}, *containers.volumes([info], place)],
    }
    if containers.shares_network(outer):
        spec |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    return pods.manifest(executor.pod, executor.namespace, owner, annotations, spec)


def grace_of(info: JsonObject) -> float:
    """Seconds between asking an executor to end and ending it."""
    period = info.get("shutdown_grace_period")
    return GRACE_S if period is None else max(0.0, float(period["nanoseconds"] / 1e9))


def _environment(given: list[JsonObject], executor: Executor, hostname: str) -> list[JsonObject]:
    endpoint = f"{hostname}:{AGENT_PORT}"
    values = {one["name"]: one["value"] for one in given}
    del values["MESOS_TASK_ID"], values["MESOS_AGENT_ID"]
    checkpoint = bool(executor.framework.get("checkpoint"))
    values |= {
        "MESOS_EXECUTOR_ID": executor.executor_id,
        "MESOS_FRAMEWORK_ID": executor.framework_id,
        "MESOS_DIRECTORY": SANDBOX,
        "MESOS_SANDBOX": SANDBOX,
        "MESOS_AGENT_ENDPOINT": endpoint,
        "MESOS_SLAVE_ID": executor.node,
        "MESOS_SLAVE_PID": f"slave(1)@{endpoint}",
        # Ours outlive their agent whatever is said here: a client that asks is told so.
        "MESOS_CHECKPOINT": "1" if checkpoint else "0",
        "MESOS_HTTP_COMMAND_EXECUTOR": "0",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": f"{grace_of(executor.info):g}secs",
        "LIBPROCESS_PORT": "0",
    }
    if checkpoint:
        values |= {
            "MESOS_RECOVERY_TIMEOUT": RECOVERY_TIMEOUT,
            "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs",
        }
    return [{"name": name, "value": value} for name, value in values.items()]
