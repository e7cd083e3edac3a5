"""The ways from this node to the other nodes' pods.

Follows the Node objects: each one's podCIDR is reached through its InternalIP, which must lie on
a network of this node (a switch between them, as on one machine or in one rack). Neighbours:
`topology` makes such a network for the nodes of one machine.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apimachinery import meta, scheme
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject

LOG = logging.getLogger(__name__)

ZONE = "topology.kubernetes.io/zone"
GATHER_S = 0.02
"""Nodes register in a burst when a cluster starts: their routes are set together."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """Where a node's pods are; empty strings where the node has not said yet."""

    address: str
    pod_cidr: str
    zone: str = ""


def node_view(obj: JsonObject) -> NodeView:
    """Keep of a Node what routing reads; anything that is no address counts as unsaid."""
    addresses = (obj.get("status") or {}).get("addresses") or ()
    internal = [a["address"] for a in addresses if a.get("type") == "InternalIP"]
    zone = meta.labels(obj).get(ZONE, "")
    try:
        return NodeView(
            address=str(ipaddress.IPv4Address(internal[0])) if internal else "",
            pod_cidr=str(ipaddress.IPv4Network((obj.get("spec") or {}).get("podCIDR") or "")),
            zone=zone,
        )
    except ValueError:
        return NodeView("", "", zone)


def commands(wanted: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """`ip -batch` lines that lead from the present routes (CIDR to gateway) to the wanted."""
    gone = [f"route del {cidr}" for cidr in sorted(present.keys() - wanted.keys())]
    changed = [
        f"route replace {cidr} via {gateway}"
        for cidr, gateway in sorted(wanted.items())
        if present.get(cidr) != gateway
    ]
    return gone + changed


class RouteSync:
    """Keeps the routes true while `run` runs; they stay when it ends."""

    def __init__(self, client: Client, own_address: str) -> None:
        self._own_address = own_address
        self._nodes: Informer[NodeView] = Informer(client, scheme.NODES, node_view)
        self._wake = asyncio.Event()
        self._present: dict[str, str] = {}
        self._nodes.add_handler(self._changed)

    def listen_zone(self, node: str, listener: Callable[[str], None]) -> None:
        """Call with the zone of a node, now and when it changes."""

        def tell(name: str, _: NodeView | None, new: NodeView | None) -> None:
            if name == node and new is not None:
                listener(new.zone)

        self._nodes.add_handler(tell)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._nodes.run())
            while True:
                await self._wake.wait()
                await asyncio.sleep(GATHER_S)
                self._wake.clear()
                await self._sync()

    def _changed(self, key: str, old: NodeView | None, new: NodeView | None) -> None:
        del key
        if old != new:
            self._wake.set()

    async def _sync(self) -> None:
        wanted = {
            node.pod_cidr: node.address
            for node in self._nodes.values()
            if node.pod_cidr and node.address and node.address != self._own_address
        }
        lines = commands(wanted, self._present)
        # -force: one gateway out of reach must not keep the other routes from being set.
        if lines and not await ip_batch(lines, force=True):
            LOG.warning("not every route could be set routes=%s", wanted)
        self._present = wanted


async def ip_batch(lines: list[str], *, force: bool = False) -> bool:
    """Run `ip` commands in this process' network namespace; whether all succeeded."""
    process = await asyncio.create_subprocess_exec(
        "ip",
        *(["-force"] if force else []),
        "-batch",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.communicate("\n".join([*lines, ""]).encode())
    return process.returncode == 0
