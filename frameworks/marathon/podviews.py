"""Pods and their instances as `/v2/pods::status` shows them. Pure.

Neighbours: `podspec` shows definitions, `views` apps; `http.pods` asks.
"""

from frameworks.marathon import podlaunch, podspec, times
from frameworks.marathon.base import JsonObject
from frameworks.marathon.instance import STAGED, Instance, Part, container_task
from frameworks.marathon.podspec import Pod, PodContainer
from frameworks.marathon.spec import App
from frameworks.marathon.state import State


def status(state: State, app: App, now: float) -> JsonObject:
    """A pod and what runs of it."""
    mine = [instance(state, one) for one in state.instances.of(app.id)]
    up = sum(one["status"] == "STABLE" for one in mine)
    stable = up == len(mine) == app.instances and not state.at_work({app.id})
    return {
        "id": app.id,
        "spec": podspec.definition(app),
        "status": "STABLE" if stable else "DEGRADED",
        "statusSince": max((one["statusSince"] for one in mine), default=app.version),
        "instances": mine,
        "terminationHistory": _endings(state, app),
        "lastUpdated": times.stamp(now),
        "lastChanged": max((one["lastChanged"] for one in mine), default=app.version),
    }


def _endings(state: State, app: App) -> list[JsonObject]:
    """How the last instance that failed came to its end."""
    found = state.failures.get(app.id)
    if found is None:
        return []
    end = {"name": "", "containerId": found.task_id, "termination": {"message": found.message}}
    return [{"instanceID": found.task_id, "message": found.message, "startedAt": found.version,
             "terminatedAt": found.timestamp, "containers": [end]}]  # fmt: skip


def instance(state: State, one: Instance) -> JsonObject:
    """One instance and its containers."""
    app = state.app_of(one)
    pod = podspec.of(app) if app is not None and app.pod is not None else None
    containers = [_container(one, pod, each) for each in pod.containers] if pod else []
    since = times.stamp(max([one.staged_at, *(part.since for part in one.parts.values())]))
    found: JsonObject = {
        "id": one.task_id,
        "status": _condition(one, app),
        "statusSince": since,
        "conditions": [],
        "agentHostname": one.host,
        "agentId": one.agent_id,
        "resources": {
            "cpus": app.cpus if app else 0, "mem": app.mem if app else 0,
            "disk": app.disk if app else 0, "gpus": app.gpus if app else 0,
        },
        "networks": _networks(one, pod),
        "containers": containers,
        "specReference": f"/v2/pods{one.app_id}::versions/{one.version}",
        "localVolumes": [],
        "lastUpdated": since,
        "lastChanged": since,
        "role": one.role,
    }  # fmt: skip
    for name, ours in (("agentRegion", "@region"), ("agentZone", "@zone")):
        if ours in one.fields:
            found[name] = one.fields[ours]
    return found


def _condition(one: Instance, app: App | None) -> str:
    if one.leaving:
        return "TERMINAL"
    if one.state in STAGED:
        return "STAGING" if one.parts else "PENDING"
    return "STABLE" if app is not None and one.healthy(app) else "DEGRADED"


def _networks(one: Instance, pod: Pod | None) -> list[JsonObject]:
    if pod is None or pod.on_host or not one.addresses:
        return []
    name = pod.networks[0].name
    return [{**({"name": name} if name else {}), "addresses": list(one.addresses)}]


def _container(one: Instance, pod: Pod | None, spec: PodContainer) -> JsonObject:
    part = one.parts.get(spec.name, Part(since=one.staged_at))
    since = times.stamp(part.since)
    found: JsonObject = {
        "name": spec.name,
        "status": part.state,
        "statusSince": since,
        "conditions": [],
        "containerId": container_task(one.task_id, spec.name),
        "endpoints": [],
        "resources": spec.resources.wire(),
        "lastUpdated": since,
        "lastChanged": since,
    }
    if part.message:
        found["message"] = part.message
    if part.healthy is not None:
        healthy = {"name": "healthy", "value": str(part.healthy).lower()}
        found["conditions"] = [{**healthy, "lastChanged": since, "lastUpdated": since}]
    ports = podlaunch.dealt(pod, one.ports) if pod is not None else {}
    for endpoint in spec.endpoints:
        shown: JsonObject = {"name": endpoint.name}
        if endpoint.name in ports:
            shown["allocatedHostPort"] = ports[endpoint.name]
        if part.healthy is not None:
            shown["healthy"] = part.healthy
        found["endpoints"].append(shown)
    return found
