"""The objects that every cluster has, made at start where they are missing.

Namespaces with their default accounts, the service `kubernetes` with its endpoints, the range of
services' addresses, the system's priority classes. RBAC defaults are `rbac_defaults`' business. What exists is left alone,
except for the endpoints of this server, which must be true.
"""

import asyncio
import contextlib
import ipaddress

from apimachinery import defaults, fields, scheme, status, wire
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.admission.priority import SYSTEM_CLASSES
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.registry.strategy import Context

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
LOOPBACK_USER = wire.UserInfo("system:apiserver", groups=("system:masters",))

_DESCRIPTIONS = {
    "system-cluster-critical": (
        "Used for system critical pods that must run in the cluster, but can be moved to another "
        "node if necessary."
    ),
    "system-node-critical": (
        "Used for system critical pods that must not be moved from their current node."
    ),
}


async def ensure(core: Core) -> None:
    """Create what is missing."""
    for name in NAMESPACES:
        await _create(core, scheme.NAMESPACES, {"metadata": {"name": name}})
        account = {"metadata": {"name": "default", "namespace": name}}
        await _create(core, scheme.SERVICEACCOUNTS, account)
    for name, value in SYSTEM_CLASSES.items():
        await _create(core, scheme.PRIORITYCLASSES, _priority_class(name, value))
    ranges = {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": [core.options.service_cidr]}}
    await _create(core, scheme.SERVICECIDRS, ranges)
    await _own(core, overwrite=True)


async def keep(core: Core) -> None:
    """Make the service and endpoints of this server again when somebody deletes them.

    Runs until cancelled; wakes up only for them. Changes are left alone: another server of the
    same store may have written its own address.
    """
    await _own(core, overwrite=False)
    name = fields.from_set({"metadata.name": "kubernetes"})
    async with asyncio.TaskGroup() as group:
        for resource in (scheme.SERVICES, scheme.ENDPOINTS, scheme.ENDPOINTSLICES):
            group.create_task(_keep_one(core, resource, name))


async def _keep_one(core: Core, resource: Resource, name: fields.FieldSelector) -> None:
    while True:
        async with core.cache.watch(
            resource, "default", fields=name, after=core.cache.revision
        ) as watcher:
            async for batch in watcher:
                if any(item.type == "DELETED" for item in batch):
                    await _own(core, overwrite=False)


async def _own(core: Core, *, overwrite: bool) -> None:
    """What default/kubernetes is made of."""
    await _create(core, scheme.SERVICES, _kubernetes_service(core))
    await _endpoints(core, overwrite=overwrite)


async def _create(core: Core, resource: Resource, obj: JsonObject) -> None:
    registry = core.registries.of(resource)
    found = obj["metadata"]
    if core.cache.get(resource, found.get("namespace", ""), found["name"]) is not None:
        return
    full = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
    defaults.apply(resource, full)
    # Another server of the same store may be faster.
    with contextlib.suppress(status.AlreadyExists):
        await registry.create(full, Context(user=LOOPBACK_USER, now=core.clock.now()))


def _priority_class(name: str, value: int) -> JsonObject:
    return {
        "metadata": {"name": name},
        "value": value,
        "preemptionPolicy": "PreemptLowerPriority",
        "description": _DESCRIPTIONS[name],
    }


def _kubernetes_service(core: Core) -> JsonObject:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": core.options.kubernetes_ip,
            "ports": [
                {
                    "name": "https",
                    "port": 443,
                    "protocol": "TCP",
                    "targetPort": core.options.advertise_port,
                }
            ],
        },
    }


async def _endpoints(core: Core, *, overwrite: bool) -> None:
    """Endpoints and EndpointSlice of default/kubernetes say where this server is.

    A server that listens on the loopback only cannot be reached from a pod: it has none.
    """
    address, port = core.options.advertise_address, core.options.advertise_port
    if ipaddress.ip_address(address).is_loopback:
        return
    put = _put if overwrite else _create
    subsets = [
        {
            "addresses": [{"ip": address}],
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        }
    ]
    metadata = {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
    }
    await put(core, scheme.ENDPOINTS, {"metadata": metadata, "subsets": subsets})
    slice_metadata = {**metadata, "labels": {"kubernetes.io/service-name": "kubernetes"}}
    await put(
        core,
        scheme.ENDPOINTSLICES,
        {
            "metadata": slice_metadata,
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        },
    )


async def _put(core: Core, resource: Resource, obj: JsonObject) -> None:
    """Create it, or make its content so."""
    await _create(core, resource, obj)
    content = {key: value for key, value in obj.items() if key != "metadata"}

    async def change(old: JsonObject, entry: Entry) -> JsonObject:  # noqa: ARG001  shape of Change
        return {**old, **content}

    await core.registries.of(resource).update(
        obj["metadata"]["namespace"],
        obj["metadata"]["name"],
        change,
        Context(user=LOOPBACK_USER, now=core.clock.now()),
    )
