"""The service proxy of one node: keeps the kernel's rules true to the services of the cluster.

Snapshot, then follow: what changed is marked dirty, and one task carries all that is dirty to the
kernel in one transaction, a few milliseconds after the first mark, so that a burst costs one
load. Neighbours: `catalog` (what there is), `services` (frontends, pure), `rules` (scripts, pure), `nftables`. It runs on
plain asyncio; a load of some 0.3 ms happens on the loop.

On the machine that hosts several nodes the same proxy runs once more for the host itself, so
that ClusterIPs and NodePorts answer there too, on `localhost` as well.
"""

import asyncio
import logging
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubelet.network import conntrack, rules, services
from kubelet.network.catalog import Catalog
from kubelet.network.health import HealthPorts
from kubelet.network.nftables import Nftables, NftablesError
from kubelet.network.rules import Frontend, NodeNetwork, Target
from kubelet.network.services import Place
from kubelet.runtime.podnetwork import PodAttachment

LOG = logging.getLogger(__name__)

GATHER_S = 0.005
"""How long changes are gathered after the first: a rollout's burst becomes one load."""
HOST_PORTS = ""
"""The key under which host ports are kept among the services; no service is called so."""
REPAIR_DELAY_S = 1.0
"""After a refused script everything is loaded anew, not sooner than this."""


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """Which node the proxy serves."""

    network: NodeNetwork
    node: str = ""
    """Empty for the host of several nodes, which runs no pods itself."""
    addresses: tuple[str, ...] = ()
    """Where NodePorts answer."""
    loopback_interface: str = ""
    """On the host: the interface over which packets from 127.0.0.1 may leave to the nodes."""


class ServiceProxy:
    """See the module's docstring. `run` ends only by cancellation; the rules stay loaded."""

    def __init__(self, catalog: Catalog, options: ProxyOptions) -> None:
        self.options = options
        self.synced = asyncio.Event()
        """Set when the kernel first holds every service."""
        self._catalog = catalog
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._loaded: dict[str, Mapping[Frontend, Target]] = {}
        """Per service key: what the kernel holds."""
        self._chains: set[str] = set()
        self._ranges: set[str] = set()
        self._host_ports: dict[Frontend, Target] = {}
        self._health = HealthPorts()
        self._place = Place(options.node)
        catalog.listen(self._mark)

    async def run(self) -> None:
        """Load everything, then follow."""
        prepare_kernel(self.options)
        kernel = Nftables()
        try:
            await self._catalog.synced()
            self._load_all(kernel)
            self.synced.set()
            while True:
                await self._wake.wait()
                await asyncio.sleep(GATHER_S)
                await self._load_dirty(kernel)
        finally:
            self._health.close()
            kernel.close()

    def host_ports(self, attachments: Sequence[PodAttachment]) -> None:
        """The pods of this node that have host ports, all of them, whenever one changes."""
        self._host_ports = services.host_ports(attachments, self.options.addresses)
        self._mark(HOST_PORTS)

    def stands_in(self, zone: str) -> None:
        """The node's zone: endpoints there may be preferred."""
        if zone != self._place.zone:
            self._place = Place(self.options.node, zone)
            for key in self._catalog.service_keys():
                self._mark(key)

    def _mark(self, service: str) -> None:
        self._dirty.add(service)
        self._wake.set()

    def _wanted(self, service: str) -> dict[Frontend, Target]:
        if service == HOST_PORTS:
            return self._host_ports
        return services.frontends(
            self._catalog.service(service),
            self._catalog.slices(service),
            place=self._place,
            node_addresses=self.options.addresses,
        )

    def _tell_health(self, keys: Iterable[str]) -> None:
        """What load balancers read of this node."""
        if not self.options.node:
            return
        for key in keys:
            service, slices = self._catalog.service(key), self._catalog.slices(key)
            self._health.put(key, services.local_endpoints(service, slices, self._place))

    def _load_all(self, kernel: Nftables) -> None:
        """Replace the whole table in one transaction: packets always meet one or the other."""
        self._dirty.clear()
        self._wake.clear()
        keys = [*self._catalog.service_keys(), HOST_PORTS]
        loaded = {key: self._wanted(key) for key in keys}
        everything = {f: t for targets in loaded.values() for f, t in targets.items()}
        table = self.options.network.table
        self._ranges = self._catalog.ranges()
        kernel.run(
            rules.skeleton(self.options.network)
            + rules.more_ranges(table, self._ranges)
            + rules.change(table, {}, everything, chains=())
        )
        self._tell_health(keys)
        self._loaded = dict(loaded)
        self._chains = rules.shared_chains(everything)

    async def _load_dirty(self, kernel: Nftables) -> None:
        dirty, self._dirty = self._dirty, set()
        self._wake.clear()
        old: dict[Frontend, Target] = {}
        new: dict[Frontend, Target] = {}
        wanted = {service: self._wanted(service) for service in dirty}
        for service in dirty:
            old.update(self._loaded.get(service, {}))
            new.update(wanted[service])
        self._tell_health(dirty)
        # A range that went may stay: nobody has an address of it any more.
        ranges = self._catalog.ranges()
        script = rules.more_ranges(self.options.network.table, ranges - self._ranges)
        script += rules.change(self.options.network.table, old, new, chains=self._chains)
        self._ranges |= ranges
        if not script:
            return
        try:
            kernel.run(script)
        except NftablesError as error:
            LOG.warning("rules refused, loading all anew error=%s", error)
            await asyncio.sleep(REPAIR_DELAY_S)
            self._load_all(kernel)
            return
        await self._forget_connections(old, new)
        for service, targets in wanted.items():
            if targets:
                self._loaded[service] = targets
            else:
                self._loaded.pop(service, None)
        self._chains |= rules.shared_chains(new)

    async def _forget_connections(
        self, old: Mapping[Frontend, Target], new: Mapping[Frontend, Target]
    ) -> None:
        """UDP flows to endpoints that are gone would go on for ever."""
        lost = {
            frontend: new[frontend].backends if frontend in new else ()
            for frontend, target in old.items()
            if frontend.protocol == "udp"
            and set(target.backends) - set(new[frontend].backends if frontend in new else ())
        }
        if lost:
            try:
                await asyncio.to_thread(conntrack.flush, lost)
            except OSError as error:
                LOG.warning("stale UDP connections stay error=%s", error)


def prepare_kernel(options: ProxyOptions) -> None:
    """Forwarding on; on the host, packets from 127.0.0.1 may be sent on to the nodes."""
    settings = {"ip_forward": "1"}
    if options.loopback_interface:
        settings[f"conf/{options.loopback_interface}/route_localnet"] = "1"
    for name, value in settings.items():
        Path("/proc/sys/net/ipv4", name).write_text(value)


def remove_rules(table: str) -> None:
    """Drop a proxy's table in the caller's network namespace, if it stands."""
    subprocess.run(
        ["nft", "-f", "-"],
        input=f"table ip {table}\ndelete table ip {table}\n",
        text=True,
        capture_output=True,
        check=False,
    )
