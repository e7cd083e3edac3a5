"""From a pod and its place to the group of tasks that runs it. Pure.

Neighbours: `matching` has found the place and the ports; `offers.sdk` sends the group; `launch` does
the same for apps.
"""

import re
from collections.abc import Mapping

from frameworks.marathon import instance, launch, podspec
from frameworks.marathon import ports as port_ranges
from frameworks.marathon.base import JsonObject
from frameworks.marathon.matching import Placement
from frameworks.marathon.podspec import Command, Endpoint, Pod, PodContainer
from offers.sdk import Group, Task

SHARED = "volumes"
"""The directory of the sandbox in which volumes lie that are nowhere else."""
_UNFIT = re.compile(r"[^A-Za-z0-9]")
Dealt = Mapping[str, int]
"""Endpoint → port of the host."""


def group(placed: Placement, host: str) -> Group:
    """The whole group."""
    pod = podspec.of(placed.app)
    ports = dealt(pod, placed.ports)
    own = pod.executor_resources
    return Group(
        id=placed.task_id,
        tasks=tuple(_task(placed, pod, one, ports, host) for one in pod.containers),
        cpus=own.cpus,
        mem=own.mem,
        disk=own.disk,
        more={} if pod.on_host else {"container": _network(pod, ports)},
    )


def dealt(pod: Pod, ports: tuple[int, ...]) -> dict[str, int]:
    """Which port of the host leads to which endpoint."""
    asked = [one.name for _, one in pod.endpoints if one.host_port is not None]
    return dict(zip(asked, ports, strict=False))


def _task(placed: Placement, pod: Pod, one: PodContainer, ports: Dealt, host: str) -> Task:
    task_id = instance.container_task(placed.task_id, one.name)
    mine = tuple(ports[e.name] for e in one.endpoints if e.name in ports)
    env = {"MESOS_TASK_ID": task_id, **_environment(placed, pod, one, ports, host)}
    more: JsonObject = {
        "command": _command(one, env, one.user or pod.user),
        "labels": {"labels": [{"key": k, "value": v} for k, v in one.labels.items()]},
    }
    if container := _container(pod, one):
        more["container"] = container
    if one.health_check is not None:
        more["health_check"] = _health(pod, one, ports)
    if one.lifecycle is not None and one.lifecycle.kill_grace_period_seconds is not None:
        nanoseconds = int(one.lifecycle.kill_grace_period_seconds * 1e9)
        more["kill_policy"] = {"grace_period": {"nanoseconds": nanoseconds}}
    taken = one.resources
    if taken.gpus:
        more["resources"] = launch.resources(taken.wire(), mine)
    return Task(
        id=task_id, command="", cpus=taken.cpus, mem=taken.mem, disk=taken.disk,
        ports=port_ranges.joined(mine), name=one.name, more=more,
    )  # fmt: skip


def _environment(
    placed: Placement, pod: Pod, one: PodContainer, ports: Dealt, host: str
) -> dict[str, str]:
    found = {
        "MARATHON_APP_ID": placed.app.id,
        "MARATHON_APP_VERSION": placed.app.version,
        "MARATHON_CONTAINER_ID": one.name,
        "HOST": host,
        **launch.label_variables(pod.labels),
    }
    for _, endpoint in pod.endpoints:
        name = _UNFIT.sub("_", endpoint.name).upper()
        inside = _inner(pod, endpoint, ports)
        found[f"ENDPOINT_{name}"] = found[f"EP_CONTAINER_{name}"] = str(inside)
        if endpoint.name in ports:
            found[f"EP_HOST_{name}"] = str(ports[endpoint.name])
    given = {**pod.environment, **one.environment}
    return found | {name: value for name, value in given.items() if isinstance(value, str)}


def _command(one: PodContainer, env: Mapping[str, str], user: str | None) -> JsonObject:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    command: JsonObject = {"environment": {"variables": variables}}
    if one.artifacts:
        command["uris"] = [launch.uri(each.wire()) for each in one.artifacts]
    if user:
        command["user"] = user
    return command | (_run(one.exec.command) if one.exec is not None else {"shell": False})


def _run(command: Command) -> JsonObject:
    if command.shell:
        return {"shell": True, "value": command.shell}
    argv = list(command.argv or ())
    return {"shell": False, "value": argv[0], "arguments": argv}


def _container(pod: Pod, one: PodContainer) -> JsonObject:
    found: JsonObject = {}
    if one.image is not None:
        image = {"type": "DOCKER", "docker": {"name": one.image.id}}
        found["mesos"] = {"image": {**image, "cached": not one.image.force_pull}}
    if one.tty:
        found["tty_info"] = {}
    hosts = {volume.name: volume.host for volume in pod.volumes}
    if one.volume_mounts:
        found["volumes"] = [
            {
                "container_path": mount.mount_path,
                "mode": "RO" if mount.read_only else "RW",
                **_source(mount.name, hosts[mount.name]),
            }
            for mount in one.volume_mounts
        ]
    return {"type": "MESOS", **found} if found else {}


def _source(name: str, host: str | None) -> JsonObject:
    """A path of the host, or a directory of the sandbox that the containers share."""
    if host:
        return {"host_path": host}
    path = {"type": "PARENT", "path": f"{SHARED}/{name}"}
    return {"source": {"type": "SANDBOX_PATH", "sandbox_path": path}}


def _network(pod: Pod, ports: Dealt) -> JsonObject:
    mapped = [
        {
            "host_port": ports[one.name],
            "container_port": _inner(pod, one, ports),
            "protocol": protocol,
        }
        for _, one in pod.endpoints
        if one.name in ports
        for protocol in one.protocol
    ]
    named = pod.networks[0].name
    info = {"name": named} if named else {}
    return {"type": "MESOS", "network_infos": [{**info, "port_mappings": mapped}]}


def _inner(pod: Pod, endpoint: Endpoint, ports: Dealt) -> int:
    """The port as it is known where the container is; 0 means the same as the host's."""
    outside = ports.get(endpoint.name, 0)
    return outside if pod.on_host else endpoint.container_port or outside


def _health(pod: Pod, one: PodContainer, ports: Dealt) -> JsonObject:
    check = one.health_check
    assert check is not None, "it has one"
    found: JsonObject = {
        "delay_seconds": check.delay_seconds,
        "interval_seconds": check.interval_seconds,
        "timeout_seconds": check.timeout_seconds,
        "consecutive_failures": check.max_consecutive_failures,
        "grace_period_seconds": check.grace_period_seconds,
    }
    if check.exec is not None:
        return {**found, "type": "COMMAND", "command": _run(check.exec.command)}
    reached = {e.name: _inner(pod, e, ports) for e in one.endpoints}
    if check.tcp is not None:
        return {**found, "type": "TCP", "tcp": {"port": reached[check.tcp.endpoint]}}
    assert check.http is not None, "it is one of three"
    http = {"scheme": check.http.scheme.lower(), "path": check.http.path}
    return {**found, "type": "HTTP", "http": {**http, "port": reached[check.http.endpoint]}}
