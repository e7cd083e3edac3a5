"""`bireme node`: one node's agent, with its part of the network.

Composition only: credentials → driver and images → agent, service proxy, DNS, routes. A node of
a machine that hosts several lives in a network namespace of its own, which this process enters
before anything else exists in it. Plain asyncio: uvloop breaks what starts containers.
"""

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from apimachinery.client import kubeconfig as kubeconfigs
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apimachinery.requests import CPU, MEMORY, amount
from bireme.cli import join, notify, paths, runner
from bireme.cli.errors import CommandError
from bireme.cli.paths import DataDir
from kubelet import kernel
from kubelet.images.interface import ImageService
from kubelet.options import Capacity, Options, Serving, machine_capacity
from kubelet.runtime.interface import RuntimeDriver

KUBELET_PORT = 10250


@dataclass(frozen=True, slots=True)
class NodeCommand:
    """What the command line says."""

    name: str
    server: str
    token: str
    kubeconfig: Path | None
    address: str
    pod_cidr: str
    service_cidr: str
    cluster_cidr: str
    netns: Path | None
    images: Path | None
    runtime: str
    cpus: str
    memory: str
    cgroup_root: str
    port: int
    tls_cert_file: Path | None
    tls_private_key_file: Path | None
    client_ca_file: Path | None


def run(command: NodeCommand, data_dir: Path | None) -> None:
    """Run until SIGTERM."""
    dirs = paths.data_dir(data_dir)
    dirs.create()
    if command.netns is not None:
        try:
            kernel.setns(str(command.netns), kernel.CLONE_NEWNET)
        except OSError as error:
            raise CommandError(f"--netns {command.netns}: {error.strerror}") from error
    try:
        runner.run(lambda: _main(command, dirs))
    except kubeconfigs.ConfigError as error:
        raise CommandError(str(error)) from error


async def _main(command: NodeCommand, dirs: DataDir) -> None:
    name = command.name or socket.gethostname().lower()
    address = command.address or own_address(command.server)
    credentials = await _credentials(command, dirs, name, address)
    client = Client(HttpTransport(credentials.config))
    try:
        pod_cidr = command.pod_cidr or await join.pod_cidr(client, name)
        options = _options(command, dirs, name, address, pod_cidr, credentials.serving)
        await _run(client, command, options, dirs)
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the node is towards the API, and the certificate that it serves with."""

    config: kubeconfigs.Config
    serving: Serving | None


async def _credentials(command: NodeCommand, dirs: DataDir, name: str, address: str) -> Credentials:
    """Given on the command line, kept from an earlier join, or asked for with the token."""
    if command.kubeconfig is not None:
        serving = None
        if command.tls_cert_file and command.tls_private_key_file and command.client_ca_file:
            serving = Serving(
                command.tls_cert_file,
                command.tls_private_key_file,
                command.client_ca_file,
                address,
                command.port,
            )
        return Credentials(kubeconfigs.load(command.kubeconfig), serving)
    joined = join.Files(dirs.root / "pki", dirs.kubeconfig)
    if not joined.complete:
        if not command.server or not command.token:
            raise CommandError(
                "a node joins with --server URL and --token T (`bireme token create` prints one)"
            )
        await join.join(command.server, command.token, name, address, joined)
    serving = Serving(joined.server_cert, joined.server_key, joined.ca, address, command.port)
    return Credentials(kubeconfigs.load(joined.kubeconfig), serving)


def own_address(server: str) -> str:
    """The address of the interface that leads to the API server."""
    host = (
        server.rsplit("://", maxsplit=1)[-1].split("/", maxsplit=1)[0].rsplit(":", 1)[0]
        or "127.0.0.1"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError as error:
            raise CommandError(
                f"no way to {host} ({error.strerror}): name this node's address with --address"
            ) from error
        found: str = probe.getsockname()[0]
        return found


def _options(
    command: NodeCommand,
    dirs: DataDir,
    name: str,
    address: str,
    pod_cidr: str,
    serving: Serving | None,
) -> Options:
    whole = machine_capacity(dirs.root)
    return Options(
        node_name=name,
        data_dir=dirs.root,
        address=address,
        capacity=Capacity(
            cpu_milli=amount(CPU, command.cpus) if command.cpus else whole.cpu_milli,
            memory_bytes=amount(MEMORY, command.memory) if command.memory else whole.memory_bytes,
            ephemeral_bytes=whole.ephemeral_bytes,
        ),
        pod_cidr=pod_cidr,
        cluster_dns=(dns_address(command.service_cidr),),
        serving=serving,
        cgroup_root=command.cgroup_root,
    )


def dns_address(service_cidr: str) -> str:
    """The cluster's DNS: the tenth address of the services' range."""
    import ipaddress

    return str(ipaddress.IPv4Network(service_cidr)[10])


def _driver(
    command: NodeCommand, options: Options, dirs: DataDir
) -> tuple[RuntimeDriver, ImageService]:
    if command.runtime == "fake":
        from kubelet.images.fake import FakeImages
        from kubelet.runtime.fake import FakeDriver

        return FakeDriver(), FakeImages()
    if command.runtime != "oci":
        raise CommandError(f"--runtime {command.runtime} is unknown: use oci or fake")
    from kubelet.images.service import LocalImages
    from kubelet.images.store import ImageStore
    from kubelet.network.pods import RoutedPodNetwork
    from kubelet.runtime.oci.driver import OciDriver
    from kubelet.runtime.oci.node import OciOptions

    store = ImageStore(command.images or dirs.images)
    network = RoutedPodNetwork(options.pod_cidr)
    where = OciOptions(dirs.root / "runtime", cgroup_root=options.cgroup_root)
    return OciDriver(where, store, network), LocalImages(store)


async def _run(client: Client, command: NodeCommand, options: Options, dirs: DataDir) -> None:
    from kubelet.agent import NodeAgent

    driver, images = _driver(command, options, dirs)
    agent = NodeAgent(client, driver, images, options)
    async with asyncio.TaskGroup() as group:
        group.create_task(agent.run())
        if command.runtime == "oci" and os.geteuid() == 0:
            await _network(client, command, options, group)
        await agent.ready.wait()
        notify.ready()


async def _network(
    client: Client, command: NodeCommand, options: Options, group: asyncio.TaskGroup
) -> None:
    """Services, names and the way to the other nodes' pods."""
    from kubelet.network import dns
    from kubelet.network.catalog import Catalog
    from kubelet.network.proxy import ProxyOptions, ServiceProxy
    from kubelet.network.routes import RouteSync
    from kubelet.network.rules import NodeNetwork

    catalog = Catalog(client)
    network = NodeNetwork("bireme", command.service_cidr, command.cluster_cidr, options.pod_cidr)
    proxy = ServiceProxy(
        catalog, ProxyOptions(network, node=options.node_name, addresses=(options.address,))
    )
    names = dns.DnsServer(catalog, options.cluster_dns[0], dns.host_nameservers())
    routes = RouteSync(client, options.address)
    for work in (catalog.run, proxy.run, names.run, routes.run):
        group.create_task(work())
    await proxy.synced.wait()
