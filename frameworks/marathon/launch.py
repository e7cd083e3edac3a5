"""From an app and its place to the task that runs it. Pure.

Neighbours: `matching` has found the place and the ports; `offers.sdk` sends the task.
"""

import re
from collections.abc import Mapping, Sequence

from frameworks.marathon import ports as port_ranges
from frameworks.marathon.base import JsonObject
from frameworks.marathon.matching import Placement
from frameworks.marathon.spec import (
    BY_EXECUTOR,
    App,
    HealthCheck,
    PortDefinition,
    PortMapping,
    Volume,
)
from offers.sdk import Task

LABELS_MAX = 512
"""Characters of labels that are told to the task one by one: more would burden its environment."""
_UNFIT = re.compile(r"[^A-Za-z0-9]")


def task(placed: Placement, host: str) -> Task:
    """The whole task."""
    app = placed.app
    more: JsonObject = {"command": _command(placed, host), "labels": _labels(app)}
    if container := _container(app, placed.ports):
        more["container"] = container
    for check in app.health_checks:
        if check.protocol in BY_EXECUTOR:
            more["health_check"] = _health(check, app, placed.ports)
    if app.task_kill_grace_period_seconds is not None:
        nanoseconds = int(app.task_kill_grace_period_seconds * 1e9)
        more["kill_policy"] = {"grace_period": {"nanoseconds": nanoseconds}}
    if placed.ports:
        more["discovery"] = _discovery(app, placed.ports)
    if app.gpus:
        amounts = {"cpus": app.cpus, "mem": app.mem, "disk": app.disk, "gpus": app.gpus}
        more["resources"] = resources(amounts, placed.ports)
    return Task(
        id=placed.task_id,
        command=app.cmd or "",
        cpus=app.cpus,
        mem=app.mem,
        disk=app.disk,
        ports=port_ranges.joined(placed.ports),
        name=".".join(reversed([part for part in app.id.split("/") if part])),
        more=more,
    )


def resources(amounts: Mapping[str, float], ports: tuple[int, ...]) -> list[JsonObject]:
    """All of them: the SDK knows the four that everybody has."""
    found: list[JsonObject] = [
        {"name": name, "type": "SCALAR", "scalar": {"value": value}}
        for name, value in amounts.items()
        if value
    ]
    if ports:
        spans = [{"begin": a, "end": b} for a, b in port_ranges.joined(ports)]
        found.append({"name": "ports", "type": "RANGES", "ranges": {"range": spans}})
    return found


def _command(placed: Placement, host: str) -> JsonObject:
    app = placed.app
    variables = [{"name": k, "value": v} for k, v in environment(placed, host).items()]
    command: JsonObject = {"environment": {"variables": variables}}
    if app.fetch:
        command["uris"] = [uri(one.wire()) for one in app.fetch]
    if app.user:
        command["user"] = app.user
    if app.cmd:
        command |= {"shell": True, "value": app.cmd}
    elif app.args:
        with_image = app.container is not None and app.container.docker is not None
        # In a container the image's entry point takes the arguments, else the first is the program.
        command |= {"shell": False, "arguments": list(app.args)}
        if not with_image:
            command["value"] = app.args[0]
    else:
        command["shell"] = False
    return command


def uri(fetch: JsonObject) -> JsonObject:
    """A file to fetch, in Mesos' words."""
    found = {name: fetch[name] for name in ("executable", "extract", "cache")}
    if "destPath" in fetch:
        found["output_file"] = fetch["destPath"]
    return {"value": fetch["uri"], **found}


def environment(placed: Placement, host: str) -> dict[str, str]:
    """What the task can know of itself; the app's own variables win."""
    app = placed.app
    found = {
        "MESOS_TASK_ID": placed.task_id,
        "MARATHON_APP_ID": app.id,
        "MARATHON_APP_VERSION": app.version,
        "MARATHON_APP_RESOURCE_CPUS": str(app.cpus),
        "MARATHON_APP_RESOURCE_MEM": str(app.mem),
        "MARATHON_APP_RESOURCE_DISK": str(app.disk),
        "MARATHON_APP_RESOURCE_GPUS": str(app.gpus),
        "HOST": host,
        **label_variables(app.labels),
        **_port_variables(app, placed.ports),
    }
    if app.container is not None and app.container.docker is not None:
        found["MARATHON_APP_DOCKER_IMAGE"] = app.container.docker.image
    return found | {name: value for name, value in app.env.items() if isinstance(value, str)}


def label_variables(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels as the task can read them."""
    fitting = {n: v for n, v in labels.items() if len(n) <= LABELS_MAX and len(v) <= LABELS_MAX}
    names = {name: _UNFIT.sub("_", name).upper() for name in fitting}
    found = {f"MARATHON_APP_LABEL_{names[name]}": value for name, value in fitting.items()}
    return {"MARATHON_APP_LABELS": " ".join(names.values()), **found}


def _port_variables(app: App, dealt: tuple[int, ...]) -> dict[str, str]:
    """PORT, PORT0 …, PORTS; PORT_NAME; in a network of its own the container's ports count."""
    inside = list(dealt) if app.on_host else [one.container_port for one in _resolved(app, dealt)]
    found = {f"PORT{i}": str(port) for i, port in enumerate(dealt)}
    if dealt:
        found |= {"PORT": str(dealt[0]), "PORTS": ",".join(map(str, dealt))}
    names = (
        [one.name for one in app.port_definitions]
        if app.on_host
        else [one.name for one in app.mappings]
    )
    for name, port in zip(names, inside, strict=False):
        if name:
            found[f"PORT_{_UNFIT.sub('_', name).upper()}"] = str(port)
    return found


def _labels(app: App) -> JsonObject:
    return {"labels": [{"key": key, "value": value} for key, value in app.labels.items()]}


def _resolved(app: App, dealt: tuple[int, ...]) -> list[PortMapping]:
    """The mappings with the host's ports filled in; 0 of the container means the same as there."""
    free, found = iter(dealt), []
    for one in app.mappings:
        outside = next(free) if one.host_port is not None else None
        inside = one.container_port or outside or 0
        found.append(one.model_copy(update={"host_port": outside, "container_port": inside}))
    return found


def _container(app: App, dealt: tuple[int, ...]) -> JsonObject | None:
    container = app.container
    if container is None and app.on_host:
        return None
    kind = "MESOS" if container is None else container.type
    found: JsonObject = {"type": kind}
    if container is not None and container.volumes:
        found["volumes"] = [_volume(one) for one in container.volumes]
    mapped = [_mapping(one) for one in _resolved(app, dealt) if one.host_port is not None]
    named = app.networks[0].name
    if not app.on_host and (kind == "MESOS" or named):
        info: JsonObject = {"name": named} if named else {}
        found["network_infos"] = [info | ({"port_mappings": mapped} if kind == "MESOS" else {})]
    docker = None if container is None else container.docker
    if docker is not None and kind == "DOCKER":
        network = "HOST" if app.on_host else "USER" if named else "BRIDGE"
        found["docker"] = {
            "image": docker.image,
            "network": network,
            "port_mappings": mapped,
            "privileged": docker.privileged,
            "parameters": [one.wire() for one in docker.parameters],
            "force_pull_image": docker.force_pull_image,
        }
    elif docker is not None:
        image = {"type": "DOCKER", "docker": {"name": docker.image}}
        found["mesos"] = {"image": {**image, "cached": not docker.force_pull_image}}
    return found


def _volume(volume: Volume) -> JsonObject:
    return {
        "container_path": volume.container_path,
        "host_path": volume.host_path,
        "mode": volume.mode,
    }


def _mapping(one: PortMapping) -> JsonObject:
    protocol = one.protocol.partition(",")[0]
    return {
        "host_port": one.host_port, "container_port": one.container_port, "protocol": protocol,
    }  # fmt: skip


def _health(check: HealthCheck, app: App, dealt: tuple[int, ...]) -> JsonObject:
    found: JsonObject = {
        "type": check.protocol.removeprefix("MESOS_").replace("HTTPS", "HTTP"),
        "delay_seconds": check.delay_seconds,
        "interval_seconds": check.interval_seconds,
        "timeout_seconds": check.timeout_seconds,
        "consecutive_failures": check.max_consecutive_failures,
        "grace_period_seconds": check.grace_period_seconds,
    }
    if check.command is not None:
        return {**found, "command": {"shell": True, "value": check.command.value}}
    port = inner_port(check, app, dealt)
    if found["type"] == "TCP":
        return {**found, "tcp": {"port": port}}
    scheme = "https" if check.protocol == "MESOS_HTTPS" else "http"
    return {**found, "http": {"scheme": scheme, "port": port, "path": check.path or "/"}}


def inner_port(check: HealthCheck, app: App, dealt: tuple[int, ...]) -> int:
    """The port that a check means, as it is known where the task is."""
    if check.port is not None:
        return check.port
    index = check.port_index or 0
    return dealt[index] if app.on_host else _resolved(app, dealt)[index].container_port


def outer_port(check: HealthCheck, app: App, dealt: tuple[int, ...]) -> tuple[int, bool]:
    """The same from outside, and whether it is one of the host (else of the container)."""
    if check.port is not None:
        return check.port, app.on_host
    index = check.port_index or 0
    if app.on_host:
        return dealt[index], True
    mapping = _resolved(app, dealt)[index]
    if mapping.host_port is not None:
        return mapping.host_port, True
    return mapping.container_port, False


def _discovery(app: App, dealt: tuple[int, ...]) -> JsonObject:
    named: Sequence[PortDefinition | PortMapping] = (
        app.port_definitions if app.on_host else app.mappings
    )
    found = [
        {"number": number, "name": one.name or "", "protocol": one.protocol.partition(",")[0]}
        for one, number in zip(named, dealt, strict=False)
    ]
    return {"visibility": "FRAMEWORK", "name": app.id.strip("/"), "ports": {"ports": found}}
