"""Several nodes on one machine: a network namespace for each, joined by a switch of their own.

The bridge stands in a namespace with empty packet filters: a bridge on the host would be at the
mercy of the host's own rules (Docker sets FORWARD to DROP). The host has one veth into it.
With slot s (0 to 7, so that several clusters live on one machine) and node n (from 1):

    host 10.(71+s).0.1/24 -- switch -- node n 10.(71+s).0.(10+n)/24, its pods 10.(71+s).n.0/24

Routes between the nodes' pod ranges are each agent's business, as on machines far apart.
Neighbours: `bireme.cli.up` and `down` create and remove it; a node's agent lives in it.
What commands to run is decided by pure functions; `ip -batch` carries them out.
"""

import ipaddress
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PREFIX = "bireme"
"""Every namespace, interface and table made on the host begins with this (interfaces: brm)."""
SLOTS = 8
"""Clusters with nodes on one machine at once; more would eat into what users keep in 10/8."""
NODES_MAX = 99
"""Nodes of one slot: node addresses end in 11 to 109, pod ranges in 1 to 99."""
NETNS_DIRECTORY = Path("/run/netns")
IP_TIMEOUT_S = 30.0
"""`ip` answers in milliseconds; this only guards against a stuck kernel lock."""


class TopologyError(Exception):
    """The nodes' network can't be made; the message holds what `ip` said."""


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where one node of this machine lives."""

    name: str
    netns: Path
    address: str
    pod_cidr: str


@dataclass(frozen=True, slots=True)
class Topology:
    """The plan of one cluster's network on this machine: names and addresses, no I/O."""

    slot: int
    nodes: int

    @property
    def network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(f"10.{71 + self.slot}.0.0/16")

    @property
    def service_cidr(self) -> str:
        return f"10.{96 + self.slot}.0.0/16"

    @property
    def host_address(self) -> str:
        return str(self.network[1])

    @property
    def switch(self) -> str:
        return f"{PREFIX}{self.slot}-switch"

    @property
    def table(self) -> str:
        """The nftables table that the host's own service proxy keeps."""
        return f"{PREFIX}{self.slot}"

    @property
    def host_interface(self) -> str:
        return f"brm{self.slot}host"

    def place(self, number: int) -> NodePlace:
        """Node `number`, counted from 1."""
        return NodePlace(
            name=f"node-{number}",
            netns=NETNS_DIRECTORY / f"{PREFIX}{self.slot}-node-{number}",
            address=str(self.network[10 + number]),
            pod_cidr=f"{self.network[256 * number]}/24",
        )

    @property
    def places(self) -> tuple[NodePlace, ...]:
        return tuple(self.place(number) for number in range(1, self.nodes + 1))

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.switch, *(place.netns.name for place in self.places))


def host_commands(plan: Topology) -> list[str]:
    """The host's end: its veth into the switch and the way to each node's pods."""
    interface = plan.host_interface
    return [
        f"link add {interface} type veth peer name host netns {plan.switch}",
        f"addr add {plan.host_address}/24 dev {interface}",
        f"link set {interface} up",
        *(f"route add {place.pod_cidr} via {place.address}" for place in plan.places),
        # The host's own proxy rewrites ClusterIPs; the route gives them a way out and a source.
        *(f"route add {plan.service_cidr} via {place.address}" for place in plan.places[:1]),
    ]


def bridge_commands() -> list[str]:
    """The switch itself; it must stand before the host's veth can be plugged in."""
    return ["link add switch type bridge", "link set switch up"]


def port_commands(plan: Topology) -> list[str]:
    """The switch's ports: one per node, whose other end is the node's eth0, and the host's."""
    ports = [f"node-{number}" for number in range(1, plan.nodes + 1)]
    wires = [
        f"link add {port} type veth peer name eth0 netns {place.netns.name}"
        for port, place in zip(ports, plan.places, strict=True)
    ]
    return [
        *wires,
        *(f"link set {port} master switch up" for port in ["host", *ports]),
    ]


def node_commands(plan: Topology, place: NodePlace) -> list[str]:
    """Inside one node: its address and its way out."""
    return [
        "link set lo up",
        f"addr add {place.address}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {plan.host_address}",
    ]


def clashes(plan: Topology, routes: Sequence[str]) -> str | None:
    """The first of the host's routes (CIDRs) that overlaps with what the plan would take."""
    wanted = (plan.network, ipaddress.IPv4Network(plan.service_cidr))
    for route in routes:
        if route == "default":
            continue
        there = ipaddress.ip_network(route, strict=False)
        if there.version == 4 and any(there.overlaps(mine) for mine in wanted):
            return route
    return None


def _ip(*arguments: str, stdin: str = "") -> str:
    try:
        done = subprocess.run(
            ["ip", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=IP_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise TopologyError("`ip` is missing: apt-get install iproute2") from None
    if done.returncode != 0:
        raise TopologyError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _batch(commands: Sequence[str], *, netns: str = "") -> None:
    where = ["-n", netns] if netns else []
    _ip(*where, "-batch", "-", stdin="\n".join(commands) + "\n")


def exists(plan: Topology) -> bool:
    """Whether this slot's network stands (this cluster's or another's)."""
    return (NETNS_DIRECTORY / plan.switch).exists()


def stands(plan: Topology) -> bool:
    """Whether all of it is there, with the host's end."""
    return Path(f"/sys/class/net/{plan.host_interface}").exists() and all(
        (NETNS_DIRECTORY / name).exists() for name in plan.namespaces
    )


def free_slot(nodes: int) -> int:
    """The first slot that neither another cluster nor a route of the host occupies."""
    routes = [entry["dst"] for entry in json.loads(_ip("-4", "-json", "route", "show"))]
    for slot in range(SLOTS):
        plan = Topology(slot, nodes)
        if not exists(plan) and clashes(plan, routes) is None:
            return slot
    raise TopologyError(
        f"all {SLOTS} address ranges (10.71.0.0/16 and on) are taken by other clusters or routes:"
        " stop one of them with `bireme down --data-dir …`"
    )


def create(plan: Topology) -> None:
    """Make the network; what was half made is removed before the error is raised."""
    if plan.nodes > NODES_MAX:
        raise TopologyError(f"{plan.nodes} nodes are too many for one machine: {NODES_MAX} at most")
    try:
        _batch([f"netns add {name}" for name in plan.namespaces])
        _batch(bridge_commands(), netns=plan.switch)
        _batch(host_commands(plan))
        _batch(port_commands(plan), netns=plan.switch)
        for place in plan.places:
            _batch(node_commands(plan, place), netns=place.netns.name)
    except TopologyError:
        remove(plan)
        raise


def remove(plan: Topology) -> None:
    """Remove whatever of it stands; the interfaces go with their namespaces."""
    standing = [
        path.name
        for path in NETNS_DIRECTORY.glob(f"{PREFIX}{plan.slot}-*")
        if path.name == plan.switch or path.name.startswith(f"{PREFIX}{plan.slot}-node-")
    ]
    if Path(f"/sys/class/net/{plan.host_interface}").exists():
        _ip("link", "del", plan.host_interface)
    if standing:
        _batch([f"netns del {name}" for name in standing])
