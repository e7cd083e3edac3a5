"""From tasks to the pod that runs them. Pure.

A command task is a pod of one container, a task group a pod with a container for each task. The
pod is made bound to the offer's node, never restarted, named by a hash (ids are no names), and
owned by its Framework. Like Mesos' tasks it lives in the node's own network unless it asks for
another one, has a writable sandbox as its working directory, and its memory is a hard limit.
Neighbours: `validate` has passed the tasks; `observe` reads the pod's status back.
"""

import hashlib
import math
import re
from dataclasses import dataclass

from apimachinery.wire import JsonObject
from offers import ranges, resources, shapes
from offers.resources import Vector

GROUP = "offers.bireme.dev"
FRAMEWORK_LABEL = f"{GROUP}/framework"
"""On every task's pod: the name of its Framework object."""
FRAMEWORK_ID, TASK_IDS, RUN = f"{GROUP}/framework-id", f"{GROUP}/task-ids", f"{GROUP}/run"
NAMESPACE_LABEL = f"{GROUP}/namespace"
"""In a FrameworkInfo's labels: where its tasks run."""
NAMESPACE = "frameworks"
PLAIN_IMAGE = "busybox"
"""Runs tasks that name no image, until nodes can lend their own file system."""
SANDBOX = "/mnt/mesos/sandbox"
GRACE_S = 3.0
"""Between TERM and KILL where nobody says: Mesos' own."""
PORTS_LISTED_MAX = 64
"""Ports of a task that its pod lists: they are then known to be taken after a restart."""
NAME_PART_MAX = 24
_UNFIT = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Owner:
    """The Framework object that a pod belongs to."""

    name: str
    uid: str
    framework_id: str
    user: str
    framework_name: str


def object_name(framework_id: str, *parts: str) -> str:
    """A name for what has raw ids: readable in front, told apart by a hash."""
    digest = hashlib.sha256("\0".join((framework_id, *parts)).encode()).hexdigest()[:10]
    words = [_UNFIT.sub("-", part.lower()).strip("-")[:NAME_PART_MAX].strip("-") for part in parts]
    return "-".join([*(word for word in words if word), digest])


def pod(
    name: str, namespace: str, node: str, run: str, owner: Owner, tasks: list[JsonObject],
    executor: JsonObject | None,
) -> JsonObject:  # fmt: skip
    """The pod's manifest. `run` tells this launch from others of the same ids."""
    annotations = {
        FRAMEWORK_ID: owner.framework_id,
        TASK_IDS: "\n".join(info["task_id"]["value"] for info in tasks),
        RUN: run,
    }
    group = executor is not None
    containers = [
        _container(info, container_name(i), owner, ports=_ports(info))
        for i, info in enumerate(tasks)
    ]
    if executor is not None:
        _add(containers[0], shapes.from_mesos(executor.get("resources") or ())[0])
    outer = (executor or {}).get("container") or tasks[0].get("container") or {}
    spec: JsonObject = {
        "nodeName": node,
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": math.ceil(max(grace_of(info) for info in tasks)),
        "containers": containers,
        "volumes": [{"name": "sandbox", "emptyDir": {}}, *_volumes(tasks)],
    }
    if shares_network(outer):
        spec |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    elif outer.get("hostname"):
        spec["hostname"] = outer["hostname"]
    limits = [i["max_completion_time"]["nanoseconds"] for i in tasks if "max_completion_time" in i]
    if limits and not group:
        spec["activeDeadlineSeconds"] = max(1, math.ceil(min(limits) / 1e9))
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


def shares_network(container: JsonObject) -> bool:
    """Whether the container lives in the node's own network, as is Mesos' default."""
    if container.get("network_infos"):
        return False
    network = (container.get("docker") or {}).get("network", "HOST")
    return bool(network == "HOST")


def _ports(info: JsonObject) -> list[JsonObject]:
    container = info.get("container") or {}
    mapped = list((container.get("docker") or {}).get("port_mappings") or ())
    for network in container.get("network_infos") or ():
        mapped += network.get("port_mappings") or ()
    if not shares_network(container):
        return [
            {
                "containerPort": one["container_port"],
                "hostPort": one["host_port"],
                "protocol": one.get("protocol", "tcp").upper(),
            }
            for one in mapped
        ]
    _, spans = shapes.from_mesos(info.get("resources") or ())
    taken = ranges.first(spans, PORTS_LISTED_MAX)
    numbers = [n for begin, end in taken for n in range(begin, end + 1)]
    return [{"containerPort": n, "hostPort": n} for n in numbers]


def _container(info: JsonObject, name: str, owner: Owner, *, ports: list[JsonObject]) -> JsonObject:
    command = info.get("command") or {}
    container = info.get("container") or {}
    made: JsonObject = {
        "name": name,
        "image": image(container) or PLAIN_IMAGE,
        "imagePullPolicy": "Always" if _forced(container) else "IfNotPresent",
        **_argv(command, has_image=bool(image(container))),
        "workingDir": SANDBOX,
        "env": _environment(info, command, owner),
        "resources": _resources(info),
        "volumeMounts": [{"name": "sandbox", "mountPath": SANDBOX}, *_mounts(info)],
    }
    if ports:
        made["ports"] = ports
    if (container.get("docker") or {}).get("privileged"):
        made["securityContext"] = {"privileged": True}
    if user := _user(str(command.get("user") or owner.user)):
        made.setdefault("securityContext", {})["runAsUser"] = user
    if check := info.get("health_check"):
        host = "127.0.0.1" if shares_network(container) else ""
        deaths = int(check.get("consecutive_failures", 3))
        made["readinessProbe"] = _probe(check, host, failures=1)
        made["livenessProbe"] = _probe(check, host, failures=deaths)
    if "tty_info" in container:
        made["tty"] = True
    return made


def image(container: JsonObject) -> str:
    """The image that a container names; empty for the node's own file system."""
    docker = (container.get("docker") or {}).get("image")
    inner = ((container.get("mesos") or {}).get("image") or {}).get("docker") or {}
    return str(docker or inner.get("name") or "")


def _forced(container: JsonObject) -> bool:
    inner = (container.get("mesos") or {}).get("image") or {}
    forced = (container.get("docker") or {}).get("force_pull_image")
    return bool(forced) or inner.get("cached") is False


def _argv(command: JsonObject, *, has_image: bool) -> JsonObject:
    """`sh -c value`, or value with arguments; an image's own entry point where there is none."""
    value, arguments = command.get("value"), _plain(command.get("arguments") or [])
    if command.get("shell", True):
        if value is None:
            return {} if has_image else {"command": ["/bin/sh", "-c", ""]}
        return {"command": ["/bin/sh", "-c", *_plain([value])]}
    if value is None:
        return {"args": arguments} if arguments else {}
    if has_image:
        return {"args": [*_plain([value]), *arguments]} if not arguments else {
            "command": _plain([value]), "args": arguments[1:]}  # fmt: skip
    # Of an argument vector the first word is the program's name for itself.
    return {"command": [*_plain([value]), *arguments[1:]]}


def _plain(words: list[str]) -> list[str]:
    """`$(NAME)` is Kubernetes' own way to name a variable: a shell's must not be taken for it."""
    return [word.replace("$(", "$$(") for word in words]


def _environment(info: JsonObject, command: JsonObject, owner: Owner) -> list[JsonObject]:
    values = {
        "MESOS_SANDBOX": SANDBOX,
        "MESOS_DIRECTORY": SANDBOX,
        "MESOS_TASK_ID": info["task_id"]["value"],
        "MESOS_FRAMEWORK_ID": owner.framework_id,
        "MESOS_AGENT_ID": info["agent_id"]["value"],
    }
    for variable in (command.get("environment") or {}).get("variables") or ():
        values[variable["name"]] = variable.get("value", "")
    return [{"name": n, "value": v.replace("$(", "$$(")} for n, v in values.items()]


def _resources(info: JsonObject) -> JsonObject:
    vector, _ = shapes.from_mesos(info.get("resources") or ())
    requests = {name: _amount(name, value) for name, value in vector.items()}
    limits = {n: v for n, v in requests.items() if n not in (resources.CPU, resources.DISK)}
    for name, scalar in (info.get("limits") or {}).items():
        for ours, value in shapes.quantities({name: scalar}).items() if _finite(scalar) else ():
            limits[ours] = _amount(ours, max(value, vector.get(ours, 0)))
        if not _finite(scalar):
            limits.pop({"mem": resources.MEMORY, "cpus": resources.CPU}.get(name, name), None)
    return {"requests": requests, "limits": limits}


def _finite(scalar: JsonObject) -> bool:
    return math.isfinite(scalar["value"])


def _add(container: JsonObject, extra: Vector) -> None:
    """The executor's own share, taken along by the group's first container."""
    for kind, amounts in container["resources"].items():
        for name, value in extra.items():
            if name in amounts:
                amounts[name] = _amount(name, _parse(name, amounts[name]) + value)
            elif kind == "requests":
                amounts[name] = _amount(name, value)


def _amount(name: str, value: int) -> str:
    return f"{value}m" if name == resources.CPU else str(value)


def _parse(name: str, text: str) -> int:
    return int(text.removesuffix("m")) if name == resources.CPU else int(text)


def _user(name: str) -> int | None:
    """A numeric user, if it is one; names need the image's own table, so root stays root."""
    return int(name) if name.isdigit() and name != "0" else None


def _volumes(tasks: list[JsonObject]) -> list[JsonObject]:
    paths = {
        host_path(volume)
        for info in tasks
        for volume in (info.get("container") or {}).get("volumes") or ()
    }
    return [
        {"name": _volume_name(path), "hostPath": {"path": path}}
        for path in sorted(paths)
        if path.startswith("/")
    ]


def _volume_name(path: str) -> str:
    return f"volume-{hashlib.sha256(path.encode()).hexdigest()[:10]}"


def _mounts(info: JsonObject) -> list[JsonObject]:
    """Directories of the node, and of the sandbox, where the task wants them."""
    found = []
    for volume in (info.get("container") or {}).get("volumes") or ():
        path, at = host_path(volume), volume["container_path"]
        where = at if at.startswith("/") else f"{SANDBOX}/{at}"
        mount: JsonObject = {"mountPath": where, "readOnly": volume["mode"] == "RO"}
        if path.startswith("/"):
            found.append({"name": _volume_name(path), **mount})
        elif path:
            found.append({"name": "sandbox", "subPath": path, **mount})
    return found


def host_path(volume: JsonObject) -> str:
    """Where a volume comes from: a path of the node, or (relative) of the sandbox."""
    source = volume.get("source") or {}
    inner = source.get("host_path") or source.get("sandbox_path") or {}
    return str(volume.get("host_path") or inner.get("path") or "")


def _probe(check: JsonObject, host: str, *, failures: int) -> JsonObject:
    found: JsonObject = {
        "initialDelaySeconds": math.ceil(check.get("delay_seconds", 15.0)),
        "periodSeconds": max(1, math.ceil(check.get("interval_seconds", 10.0))),
        "timeoutSeconds": max(1, math.ceil(check.get("timeout_seconds", 20.0))),
        "failureThreshold": max(1, failures),
    }
    kind = check["type"]
    if kind == "COMMAND":
        command = check["command"]
        argv = _argv(command, has_image=False).get("command") or ["true"]
        return {**found, "exec": {"command": argv}}
    where: JsonObject = {"host": host} if host else {}
    if kind == "TCP":
        return {**found, "tcpSocket": {**where, "port": check["tcp"]["port"]}}
    http = check["http"]
    where |= {"port": http["port"], "path": http.get("path") or "/"}
    return {**found, "httpGet": {**where, "scheme": (http.get("scheme") or "http").upper()}}
