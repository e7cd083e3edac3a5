"""Whether tasks are in order, in the master's words. Pure.

Neighbours: `offers.tasks.service` answers what is wrong with TASK_ERROR; nothing here knows of
offers beyond what they hold.
"""

import math
from collections.abc import Iterable
from urllib.parse import urlsplit

from apimachinery.wire import JsonObject
from offers import identity, parts, ranges, shapes
from offers.ranges import Ranges
from offers.resources import Vector
from offers.tasks import containers

EXECUTOR_CPU_MIN, EXECUTOR_MEM_MIN = 0.01, 32.0
ENVIRONMENT_MAX = 1000
"""Variables of one command: more belong in a file."""
URIS_MAX = 100
"""Files that one command fetches: more belong in an archive."""
URI_MAX = 4096
"""Characters of one."""


def task(info: JsonObject, node: str) -> str:
    """What is wrong with a task on its own; empty if nothing."""
    task_id = info["task_id"]["value"]
    if problem := identity.identifier(task_id):
        return f"Task ID is invalid: {problem}"
    if info["agent_id"]["value"] != node:
        return f"Task uses invalid agent {info['agent_id']['value']} while agent {node} is expected"
    if ("executor" in info) == ("command" in info):
        return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    return (
        _resources(info)
        or command(info.get("command") or {})
        or _container(info.get("container"))
        or _policies(info)
    )


def _resources(info: JsonObject) -> str:
    if not info.get("resources"):
        return "Task uses no resources"
    try:
        shapes.from_mesos(info["resources"])
    except shapes.BadResource as error:
        return f"Task uses invalid resources: {error}"
    limits = {n: s for n, s in (info.get("limits") or {}).items() if s["value"] != math.inf}
    try:
        shapes.quantities(limits)
    except shapes.BadResource as error:
        return f"Task has invalid resource limits: {error}"
    kinds: dict[str, bool] = {}
    for one in info["resources"]:
        revocable = "revocable" in one
        if kinds.setdefault(one["name"], revocable) != revocable:
            return f"Task mixes revocable and non-revocable resources of '{one['name']}'"
    return ""


def command(info: JsonObject) -> str:
    variables = (info.get("environment") or {}).get("variables") or ()
    if len(variables) > ENVIRONMENT_MAX:
        return f"Command has more than {ENVIRONMENT_MAX} environment variables"
    for variable in variables:
        if variable.get("type", "VALUE") == "VALUE" and "value" not in variable:
            return (
                f"Environment variable '{variable['name']}' of type 'VALUE' must have a value set"
            )
    uris = info.get("uris") or ()
    if len(uris) > URIS_MAX or any(len(uri["value"]) > URI_MAX for uri in uris):
        return f"Command has more than {URIS_MAX} URIs, or one longer than {URI_MAX} characters"
    return ""


def _container(info: JsonObject | None) -> str:
    if info is None:
        return ""
    if info["type"] == "DOCKER" and "docker" not in info:
        return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"
    if info["type"] == "MESOS" and "docker" in info:
        return "Protobuf 'docker' is set for MESOS typed ContainerInfo"
    return ""


def _policies(info: JsonObject) -> str:
    grace = (info.get("kill_policy") or {}).get("grace_period")
    if grace is not None and grace["nanoseconds"] < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    if info.get("max_completion_time", {}).get("nanoseconds", 0) < 0:
        return "Task's 'max_completion_time' must be non-negative"
    check = info.get("health_check")
    if check is None:
        return ""
    kind = check.get("type")
    if kind is None or kind == "UNKNOWN":
        return "Task uses invalid health check: 'UNKNOWN' is not a valid health check type"
    if kind.lower() not in check:
        return f"Task uses invalid health check: Expecting '{kind.lower()}' to be set for it"
    return ""


def executor(info: JsonObject) -> str:
    """What is wrong with a custom executor; empty if nothing."""
    if problem := identity.identifier(info["executor_id"]["value"]):
        return f"Executor ID is invalid: {problem}"
    if "command" not in info:
        return "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
    try:
        shapes.from_mesos(info.get("resources") or ())
    except shapes.BadResource as error:
        return f"Executor uses invalid resources: {error}"
    period = info.get("shutdown_grace_period")
    if period is not None and period["nanoseconds"] < 0:
        return "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    return command(info["command"]) or _container(info.get("container"))


def needs_host(info: JsonObject) -> str:
    """What of a task or executor only those may have who may use the nodes' own file system."""
    container = info.get("container") or {}
    image = containers.image(container)
    if image.partition(":")[0].partition("@")[0] == containers.HOST_IMAGE:
        return f"Not authorized to use the image '{image}'"
    if (container.get("docker") or {}).get("privileged"):
        return "Not authorized to launch a privileged container"
    for volume in container.get("volumes") or ():
        path = containers.host_path(volume)
        if path.startswith("/"):
            return f"Not authorized to mount the agent's path '{path}'"
    for uri in (info.get("command") or {}).get("uris") or ():
        # As the agent's own reader has it, which is not put off by capitals or blanks.
        if urlsplit(uri["value"]).scheme in ("", "file"):
            return f"Not authorized to fetch the agent's file '{uri['value']}'"
    return ""


def group(executor: JsonObject, tasks: list[JsonObject], node: str) -> str:
    """What is wrong with a task group as a whole; empty if nothing."""
    if not tasks:
        return "Task group cannot be empty"
    if problem := identity.identifier(executor["executor_id"]["value"]):
        return f"Executor ID is invalid: {problem}"
    if executor.get("type") not in ("DEFAULT", "CUSTOM"):
        return "'ExecutorInfo.type' must be set for LAUNCH_GROUP"
    if executor.get("type") == "DEFAULT":
        if "command" in executor:
            return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
        amounts = {
            r["name"]: (r.get("scalar") or {}).get("value", 0.0)
            for r in executor.get("resources") or ()
        }
        if amounts.get("cpus", 0) < EXECUTOR_CPU_MIN or amounts.get("mem", 0) < EXECUTOR_MEM_MIN:
            return "Executor must have at least 0.01 cpus and 32 MB of mem"
    seen = set()
    for info in tasks:
        if "executor" in info and info["executor"]["executor_id"] != executor["executor_id"]:
            return "The `ExecutorInfo` of a task must match that of its group"
        inner = {key: value for key, value in info.items() if key != "executor"}
        problem = task({**inner, "command": inner.get("command") or {}}, node)
        if problem:
            return f"Task '{info['task_id']['value']}' is invalid: {problem}"
        if (info.get("container") or {}).get("type") == "DOCKER":
            return "Docker ContainerInfo is not supported on the task"
        if info["task_id"]["value"] in seen:
            return f"Task has duplicate ID: {info['task_id']['value']}"
        seen.add(info["task_id"]["value"])
    return ""


def room(wanted: Vector, ports: Ranges, offered: Vector, free_ports: Ranges) -> str:
    """What an offer lacks of what is wanted; empty if it has all."""
    for key, value in sorted(wanted.items()):
        if value > offered.get(key, 0):
            name = parts.parse(key).name
            has = shapes.scalars({name: offered.get(key, 0)})
            asks = shapes.scalars({name: value})
            return f"Task uses more resources {_list(asks)} than available {_list(has)}"
    if not ranges.contains(free_ports, ports):
        return (
            f"Task uses ports {_spans(ports)} that are not among the offered {_spans(free_ports)}"
        )
    return ""


def _list(amounts: dict[str, float]) -> str:
    return "; ".join(f"{name}(*):{value:g}" for name, value in amounts.items()) or "{}"


def _spans(spans: Iterable[tuple[int, int]]) -> str:
    return "[" + ", ".join(f"{begin}-{end}" for begin, end in spans) + "]"
