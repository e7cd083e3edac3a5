"""Volumes on the nodes' own disks: asking an agent to remove the directory of one.

Neighbours: `volumes.controller` calls; the agent's side is `kubelet.volumes.local`, which made the
directory when it first mounted the volume. The way there is the API server's proxy of nodes.
"""

from urllib.parse import quote

from apimachinery import scheme, status
from apimachinery.client import rest
from controllers.volumes.model import SELECTED_NODE, Volume


class Disks:
    """See the module's docstring."""

    def __init__(self, client: rest.Client) -> None:
        self._client = client

    async def remove(self, volume: Volume) -> None:
        """The directory is gone when this returns, or its node is. Raises ApiError."""
        live = await self._client.get(scheme.PERSISTENTVOLUMES, volume.meta.name)
        node = (live["metadata"].get("annotations") or {}).get(SELECTED_NODE) or ""
        try:
            await self._client.get(scheme.NODES, node)
        except status.NotFound:
            return
        where = f"/api/v1/nodes/{quote(node, safe='')}/proxy/localVolumes/"
        try:
            await self._client.request("DELETE", where + quote(volume.handle, safe=""))
        except status.NotFound:
            return
