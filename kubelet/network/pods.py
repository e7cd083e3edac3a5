"""A pod's place in the network: a routed veth pair, a /32 address, no bridge.

Inside, the pod sees eth0 with its address and a default route by 169.254.1.1, a neighbour that is
answered by the host's end of the pair (permanent entry, no ARP). Outside, the node has a /32 route
to the host's end. All traffic between pods is so routed, and service rules apply to all of it.

Runs in the node's own network namespace (the process's). Addresses come from `addresses.py`, the
kernel's messages from `netlink.py`. Host ports and services are rules of the service proxy.
"""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from kubelet import kernel
from kubelet.network import netlink
from kubelet.network.addresses import AddressesExhaustedError, AddressPool
from kubelet.runtime.config import PortMapping
from kubelet.runtime.podnetwork import NetworkError, PodAttachment

# Of every interface that we make for a pod: leftovers are found by it.
INTERFACE_PREFIX = "brm"
GATEWAY = "169.254.1.1"
POD_INTERFACE = "eth0"
DEFAULT_MTU = 1500
_SYSCTLS = Path("/proc/sys/net/ipv4")


class RoutedPodNetwork:
    """`interface.PodNetwork` for the node whose namespace this process lives in."""

    def __init__(self, pod_cidr: str, mtu: int = DEFAULT_MTU) -> None:
        self._pool = AddressPool(pod_cidr)
        self._mtu = mtu
        self._attached: dict[str, PodAttachment] = {}
        self._listeners: list[Callable[[Sequence[PodAttachment]], None]] = []
        self._gates: list[Callable[[PodAttachment], Awaitable[None]]] = []
        self._lock = asyncio.Lock()

    def listen(self, listener: Callable[[Sequence[PodAttachment]], None]) -> None:
        """Who makes host ports work, or policies: hears of all attachments when one changes."""
        self._listeners.append(listener)
        listener(list(self._attached.values()))

    def hold(self, gate: Callable[[PodAttachment], Awaitable[None]]) -> None:
        """No container of a pod starts before the gate lets it."""
        self._gates.append(gate)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener(list(self._attached.values()))

    async def start(self) -> None:
        try:
            _write_sysctl("ip_forward", "1")
            # A reply may leave by another way than the request came: services see to that.
            _write_sysctl("conf/all/rp_filter", "0")
            _write_sysctl("conf/default/rp_filter", "0")
        except OSError as error:
            raise NetworkError(
                f"cannot switch on IP forwarding ({error}): run the node as root"
            ) from error

    async def restore(self, attachments: Sequence[PodAttachment]) -> None:
        async with self._lock:
            for attachment in attachments:
                self._pool.take(attachment.ip)
                self._attached[attachment.sandbox_id] = attachment
            self._tell()
            keep = {attachment.interface for attachment in attachments}
            try:
                await asyncio.to_thread(_remove_strays, keep, self._pool)
            except OSError as error:
                raise NetworkError(f"cannot remove left-over interfaces: {error}") from error

    async def setup(
        self,
        sandbox_id: str,
        pod_uid: str,
        netns_path: str,
        port_mappings: Sequence[PortMapping] = (),
    ) -> PodAttachment:
        async with self._lock:
            known = self._attached.get(sandbox_id)
            if known is not None:
                return known
            try:
                ip = self._pool.allocate()
            except AddressesExhaustedError as error:
                raise NetworkError(f"no address for the pod: {error}") from error
            name = interface_name(sandbox_id)
            attachment = PodAttachment(sandbox_id, pod_uid, ip, name, tuple(port_mappings))
            self._attached[sandbox_id] = attachment
        try:
            await kernel.in_thread(lambda: _wire(name, ip, netns_path, self._mtu))
        except BaseException as error:
            await asyncio.shield(self.teardown(attachment))
            if isinstance(error, OSError):
                raise NetworkError(f"cannot set up the pod's network: {error}") from error
            raise
        self._tell()
        for gate in self._gates:
            await gate(attachment)
        return attachment

    async def teardown(self, attachment: PodAttachment) -> None:
        async with self._lock:
            try:
                await asyncio.to_thread(_unwire, attachment.interface)
            except OSError as error:
                raise NetworkError(f"cannot remove the pod's network: {error}") from error
            if self._attached.pop(attachment.sandbox_id, None) is not None:
                self._pool.release(attachment.ip)
        self._tell()


def interface_name(sandbox_id: str) -> str:
    """The host's end: the prefix and 48 bits of a hash, 15 characters."""
    return INTERFACE_PREFIX + hashlib.sha256(sandbox_id.encode()).hexdigest()[:12]


def pod_hardware_address(ip: str) -> bytes:
    """Locally administered, made from the address: the same pod address is the same machine."""
    return b"\x0a\x58" + bytes(int(part) for part in ip.split("."))


def _wire(name: str, ip: str, netns_path: str, mtu: int) -> None:
    """In a thread of its own: it ends up in the pod's namespace."""
    descriptor = os.open(netns_path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with netlink.Netlink() as host:
            host.delete_link(name)
            host.add_veth(name, POD_INTERFACE, descriptor, mtu, pod_hardware_address(ip))
            gateway_mac = host.hardware_address(name)
            _write_sysctl(f"conf/{name}/rp_filter", "0")
            # A host port on 127.0.0.1 leads here; the service rules keep others off the loopback.
            _write_sysctl(f"conf/{name}/route_localnet", "1")
            host.replace_route(f"{ip}/32", interface=netlink.interface_index(name))
    finally:
        os.close(descriptor)
    kernel.setns(netns_path, kernel.CLONE_NEWNET)
    with netlink.Netlink() as pod:
        eth0 = netlink.interface_index(POD_INTERFACE)
        pod.set_up(netlink.interface_index("lo"))
        pod.add_address(eth0, ip, 32)
        pod.set_up(eth0)
        pod.add_neighbour(eth0, GATEWAY, gateway_mac)
        pod.replace_route(f"{GATEWAY}/32", interface=eth0)
        pod.replace_route("0.0.0.0/0", interface=eth0, gateway=GATEWAY)


def _unwire(name: str) -> None:
    # Deleting one end deletes the other and the routes over it.
    with netlink.Netlink() as host:
        host.delete_link(name)


def _remove_strays(keep: set[str], pool: AddressPool) -> None:
    """Interfaces of pods that nobody knows any more."""
    with netlink.Netlink() as host:
        for name in host.link_names():
            if _is_ours(name) and name not in keep and _serves(host, name, pool):
                host.delete_link(name)


def _is_ours(name: str) -> bool:
    return name.startswith(INTERFACE_PREFIX) and len(name) == len(INTERFACE_PREFIX) + 12


def _serves(host: netlink.Netlink, name: str, pool: AddressPool) -> bool:
    """Whether the pod behind it has an address of this node: others may share the namespace."""
    index = netlink.interface_index(name)
    routes = [route for route in host.routes() if route.interface_index == index]
    return not routes or all(
        pool.contains(route.destination) for route in routes if route.prefix_length == 32
    )


def _write_sysctl(name: str, value: str) -> None:
    """Of the namespace of the calling thread; not written when it has the value already."""
    path = _SYSCTLS / name
    if path.read_text().strip() != value:
        path.write_text(value)
