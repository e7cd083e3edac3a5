"""From a task to its container: image, command, environment, limits, volumes, probes. Pure.

Neighbours: `pods` puts containers into pods; `validate` has passed the tasks.
"""

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from apimachinery.mesos.marks import SANDBOX, SANDBOX_VOLUME
from apimachinery.wire import JsonObject
from offers import identity, parts, ranges, resources, shapes
from offers.resources import Vector

PLAIN_IMAGE = "busybox"
"""Runs tasks that name no image, for frameworks that may not use the nodes' own file system."""
HOST_IMAGE = "bireme.dev/host-rootfs"
"""The node's own file system; the tag names the user."""
PORTS_LISTED_MAX = 64
"""Ports of a task that its pod lists: they are then known to be taken after a restart."""


Place = Callable[[str, str, str], str]
"""Node, role, persistence id → the directory of a persistent volume."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a container takes from its framework."""

    framework_id: str
    user: str
    place: Place
    uses_host: bool = False
    """Whether tasks without an image run on the node's own file system."""


def setting(owner: identity.Owner, place: Place) -> Setting:
    """Of the tasks of one framework."""
    return Setting(owner.framework_id, owner.user, place, owner.uses_host)


def shares_network(container: JsonObject) -> bool:
    """Whether the container lives in the node's own network, as is Mesos' default."""
    if container.get("network_infos"):
        return False
    network = (container.get("docker") or {}).get("network", "HOST")
    return bool(network == "HOST")


def ports(info: JsonObject) -> list[JsonObject]:
    """What a pod lists of a task's ports."""
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


def container(
    info: JsonObject, name: str, setting: Setting, sandbox: str = SANDBOX_VOLUME
) -> JsonObject:
    """A task's container, with the volume that is its sandbox."""
    command = info.get("command") or {}
    container = info.get("container") or {}
    made: JsonObject = {
        "name": name,
        "image": image_for(info, setting),
        "imagePullPolicy": "Always" if _forced(container) else "IfNotPresent",
        **argv(command, has_image=bool(image(container))),
        "workingDir": SANDBOX,
        "env": _environment(info, command, setting),
        "resources": _resources(info),
        "volumeMounts": [
            {"name": sandbox, "mountPath": SANDBOX},
            *mounts(info, sandbox, setting.place),
        ],
    }
    if taken := ports(info):
        made["ports"] = taken
    if (container.get("docker") or {}).get("privileged"):
        made["securityContext"] = {"privileged": True}
    user = _user(str(command.get("user") or setting.user))
    if user and image(container):
        made.setdefault("securityContext", {})["runAsUser"] = user
    if check := info.get("health_check"):
        host = "127.0.0.1" if shares_network(container) else ""
        deaths = int(check.get("consecutive_failures", 3))
        made["readinessProbe"] = _probe(check, host, failures=1)
        made["livenessProbe"] = _probe(check, host, failures=deaths)
    if "tty_info" in container:
        made["tty"] = made["stdin"] = True
    return made


def image(container: JsonObject) -> str:
    """The image that a container names; empty for the node's own file system."""
    docker = (container.get("docker") or {}).get("image")
    inner = ((container.get("mesos") or {}).get("image") or {}).get("docker") or {}
    return str(docker or inner.get("name") or "")


def image_for(info: JsonObject, setting: Setting) -> str:
    """What a task or executor runs on."""
    named = image(info.get("container") or {})
    if named or not setting.uses_host:
        return named or PLAIN_IMAGE
    user = str((info.get("command") or {}).get("user") or setting.user)
    return HOST_IMAGE if user in ("", "root") else f"{HOST_IMAGE}:{user}"


def _forced(container: JsonObject) -> bool:
    inner = (container.get("mesos") or {}).get("image") or {}
    forced = (container.get("docker") or {}).get("force_pull_image")
    return bool(forced) or inner.get("cached") is False


def argv(command: JsonObject, *, has_image: bool) -> JsonObject:
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


def _environment(info: JsonObject, command: JsonObject, setting: Setting) -> list[JsonObject]:
    values = {
        "MESOS_SANDBOX": SANDBOX,
        "MESOS_DIRECTORY": SANDBOX,
        "MESOS_TASK_ID": info["task_id"]["value"],
        "MESOS_FRAMEWORK_ID": setting.framework_id,
        "MESOS_AGENT_ID": info["agent_id"]["value"],
    }
    for variable in (command.get("environment") or {}).get("variables") or ():
        values[variable["name"]] = variable.get("value", "")
    return [{"name": n, "value": v.replace("$(", "$$(")} for n, v in values.items()]


def _resources(info: JsonObject) -> JsonObject:
    vector = of_node(shapes.from_mesos(info.get("resources") or ())[0])
    requests = {name: amount(name, value) for name, value in vector.items()}
    limits = {n: v for n, v in requests.items() if n not in (resources.CPU, resources.DISK)}
    for name, scalar in (info.get("limits") or {}).items():
        for ours, value in shapes.quantities({name: scalar}).items() if _finite(scalar) else ():
            limits[ours] = amount(ours, max(value, vector.get(ours, 0)))
        if not _finite(scalar):
            limits.pop({"mem": resources.MEMORY, "cpus": resources.CPU}.get(name, name), None)
    return {"requests": requests, "limits": limits}


def of_node(vector: Vector) -> Vector:
    """What of a task's resources its node counts: volumes are none of its scratch space.

    What is revocable is booked for others: such a task's pod asks for nothing (BestEffort).
    """
    return parts.folded(
        {k: v for k, v in vector.items() if not (_is_volume(k) or parts.is_revocable(k))}
    )


def _is_volume(key: str) -> bool:
    return "persistence" in (shapes.disk_of(parts.parse(key)) or {})


def _persistent(info: JsonObject, place: Place) -> list[tuple[str, JsonObject]]:
    """(path on the node, volume) of the persistent volumes among a task's resources."""
    found = []
    for resource in info.get("resources") or ():
        disk = resource.get("disk") or {}
        if "persistence" in disk and "volume" in disk:
            stack = shapes.stack_of(resource)
            role = stack[-1]["role"] if stack else ""
            where = place(info["agent_id"]["value"], role, disk["persistence"]["id"])
            found.append((where, disk["volume"]))
    return found


def _finite(scalar: JsonObject) -> bool:
    return math.isfinite(scalar["value"])


def add(container: JsonObject, extra: Vector) -> None:
    """The executor's own share, taken along by the group's first container."""
    for kind, amounts in container["resources"].items():
        for name, value in extra.items():
            if name in amounts:
                amounts[name] = amount(name, _parse(name, amounts[name]) + value)
            elif kind == "requests":
                amounts[name] = amount(name, value)


def amount(name: str, value: int) -> str:
    return f"{value}m" if name == resources.CPU else str(value)


def _parse(name: str, text: str) -> int:
    return int(text.removesuffix("m")) if name == resources.CPU else int(text)


def _user(name: str) -> int | None:
    """A numeric user, if it is one; names need the image's own table, so root stays root."""
    return int(name) if name.isdigit() and name != "0" else None


def volumes(tasks: Iterable[JsonObject], place: Place) -> list[JsonObject]:
    """The node's directories that tasks want."""
    paths = {
        host_path(volume)
        for info in tasks
        for volume in (info.get("container") or {}).get("volumes") or ()
    }
    kept = {path for info in tasks for path, _ in _persistent(info, place)}
    shared = {
        _shared(volume)
        for info in tasks
        for volume in (info.get("container") or {}).get("volumes") or ()
    }
    return [
        *({"name": name, "emptyDir": {}} for name in sorted(shared) if name),
        *(
            {"name": _volume_name(path), "hostPath": {"path": path}}
            for path in sorted(paths)
            if path.startswith("/")
        ),
        *(
            {
                "name": _volume_name(path),
                "hostPath": {"path": path, "type": "DirectoryOrCreate"},
            }
            for path in sorted(kept)
        ),
    ]


def _volume_name(path: str) -> str:
    return f"volume-{hashlib.sha256(path.encode()).hexdigest()[:10]}"


def _shared(volume: JsonObject) -> str:
    """The volume that is a directory of the parent's sandbox, which all tasks of a group see."""
    inner = (volume.get("source") or {}).get("sandbox_path") or {}
    return _volume_name(f"parent:{inner['path']}") if inner.get("type") == "PARENT" else ""


def mounts(info: JsonObject, sandbox: str, place: Place) -> list[JsonObject]:
    """Directories of the node, and of the sandbox, where the task wants them."""
    found = [
        {
            "name": _volume_name(path),
            "mountPath": f"{SANDBOX}/{volume['container_path']}",
            "readOnly": volume["mode"] == "RO",
        }
        for path, volume in _persistent(info, place)
    ]
    for volume in (info.get("container") or {}).get("volumes") or ():
        path, at = host_path(volume), volume["container_path"]
        where = at if at.startswith("/") else f"{SANDBOX}/{at}"
        mount: JsonObject = {"mountPath": where, "readOnly": volume["mode"] == "RO"}
        if path.startswith("/"):
            found.append({"name": _volume_name(path), **mount})
        elif shared := _shared(volume):
            found.append({"name": shared, **mount})
        elif path:
            found.append({"name": sandbox, "subPath": path, **mount})
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
        words = argv(command, has_image=False).get("command") or ["true"]
        return {**found, "exec": {"command": words}}
    where: JsonObject = {"host": host} if host else {}
    if kind == "TCP":
        return {**found, "tcpSocket": {**where, "port": check["tcp"]["port"]}}
    http = check["http"]
    where |= {"port": http["port"], "path": http.get("path") or "/"}
    return {**found, "httpGet": {**where, "scheme": (http.get("scheme") or "http").upper()}}
