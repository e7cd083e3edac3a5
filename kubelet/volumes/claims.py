"""The volume behind a claim: waited for while the claim is being bound, refused if it is not ours.

A class that waits for the first consumer binds its claims once the pod has a node, so the agent
comes when nothing is bound yet. Neighbours: `volumes.manager` mounts the path, `controllers.volumes`
binds, `volumes.local` keeps directories.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from apimachinery import scheme
from apimachinery import status as errors
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet.volumes import local
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.paths import ensure_host_path

BINDING_S = 10.0
"""How long a claim may take to be bound before an Event says that the pod waits for it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a claim's volume lies on this node."""

    path: Path
    owned: bool
    """It is the pods' alone: their fsGroup may have its files. Not so a hostPath."""


async def find(client: Client, root: Path, namespace: str, claim: str) -> Place:
    """The claim's volume; `root` is where the node's own ones are.

    Raises:
        VolumeError: no such claim or volume, not bound, or of a kind that nodes cannot mount.
        ApiError
    """
    try:
        bound = await _volume_name(client, namespace, claim)
        volume = await client.get(scheme.PERSISTENTVOLUMES, bound)
    except errors.NotFound as error:
        raise VolumeError(error.message) from error
    spec = volume.get("spec") or {}
    csi = spec.get("csi") or {}
    if csi.get("driver") == local.DRIVER:
        handle = str(csi.get("volumeHandle") or "")
        return Place(await asyncio.to_thread(local.directory, root, handle), owned=True)
    source = spec.get("hostPath") or spec.get("local")
    if source is None:
        raise VolumeError(f'persistentvolume "{bound}" is not of a type that this node supports')
    path = await asyncio.to_thread(
        ensure_host_path, str(source["path"]), str(source.get("type") or "")
    )
    return Place(path, owned="local" in spec)


async def _volume_name(client: Client, namespace: str, name: str) -> str:
    found = await client.get(scheme.PERSISTENTVOLUMECLAIMS, name, namespace)
    if bound := _bound(found):
        return bound
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BINDING_S):
            return await _when_bound(client, namespace, name, found)
    raise VolumeError(f'persistentvolumeclaim "{name}" is not bound to a volume yet')


async def _when_bound(client: Client, namespace: str, name: str, seen: JsonObject) -> str:
    events = client.watch(
        scheme.PERSISTENTVOLUMECLAIMS,
        namespace,
        resource_version=seen["metadata"]["resourceVersion"],
        field_selector=f"metadata.name={name}",
        timeout=BINDING_S,
    )
    async with contextlib.aclosing(events):
        async for event in events:
            if event.type == "DELETED":
                raise errors.not_found("persistentvolumeclaims", name)
            if bound := _bound(event.object()):
                return bound
    raise TimeoutError


def _bound(claim: JsonObject) -> str:
    """Both sides have agreed once the status says so."""
    if (claim.get("status") or {}).get("phase") != "Bound":
        return ""
    return str((claim.get("spec") or {}).get("volumeName") or "")
