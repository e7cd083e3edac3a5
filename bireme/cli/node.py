"""`bireme node`: one node's agent, with its part of the network.

Composition only: credentials → driver and images → agent, service proxy, DNS, routes. A node of
a machine that hosts several lives in a network namespace of its own, which this process enters
before anything else exists in it. Plain asyncio: uvloop breaks what starts containers (hollow
nodes start none).
"""

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from apimachinery.aio import tasks
from apimachinery.client import kubeconfig as kubeconfigs
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apimachinery.mesos.marks import AGENT_PORT
from apimachinery.requests import CPU, MEMORY, amount
from bireme.cli import cluster, garbage, join, notify, paths, runner
from bireme.cli.errors import CommandError
from bireme.cli.paths import DataDir
from kubelet import kernel
from kubelet.options import Capacity, MesosServing, Options, Serving, machine_capacity


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
    hollow: int
    """How many nodes that run nothing to be, instead of one that does."""
    cpus: str
    memory: str
    oversubscribe: str
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
        runner.run(lambda: _main(command, dirs), uvloop=bool(command.hollow))
    except kubeconfigs.ConfigError as error:
        raise CommandError(str(error)) from error


async def _main(command: NodeCommand, dirs: DataDir) -> None:
    if command.hollow:
        if command.kubeconfig is None:
            raise CommandError("--hollow needs --kubeconfig of somebody who may be every node")
        await _run_hollow(kubeconfigs.load(command.kubeconfig), command.hollow)
        return
    name = command.name or socket.gethostname().lower()
    address = command.address or own_address(command.server)
    credentials = await _credentials(command, dirs, name, address)
    client = Client(HttpTransport(credentials.config))
    try:
        pod_cidr = command.pod_cidr or await join.pod_cidr(client, name)
        options = _options(command, dirs, name, address, pod_cidr, credentials)
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
    credentials: Credentials,
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
        oversubscribe=cluster.lending(command.oversubscribe),
        pod_cidr=pod_cidr,
        cluster_dns=(dns_address(command.service_cidr),),
        serving=credentials.serving,
        mesos=MesosServing(AGENT_PORT, (_host_of(credentials.config.server),)),
        cgroup_root=command.cgroup_root,
    )


def _host_of(server: str) -> str:
    return urlsplit(server).hostname or ""


def dns_address(service_cidr: str) -> str:
    """The cluster's DNS: the tenth address of the services' range."""
    import ipaddress

    return str(ipaddress.IPv4Network(service_cidr)[10])


async def _run(client: Client, command: NodeCommand, options: Options, dirs: DataDir) -> None:
    if command.runtime == "fake":
        await _run_fake(client, options)
    elif command.runtime == "oci":
        await _run_oci(client, command, options, dirs)
    else:
        raise CommandError(f"--runtime {command.runtime} is unknown: use oci or fake")


async def _run_fake(client: Client, options: Options) -> None:
    """A node that runs nothing, for tests of everything above it."""
    from kubelet.agent import NodeAgent
    from kubelet.images.fake import FakeImages
    from kubelet.runtime.fake import FakeDriver

    async with tasks.Supervisor() as group:
        agent = NodeAgent(client, FakeDriver(), FakeImages(), options)
        group.start(agent.run(), name="agent")
        await agent.ready.wait()
        notify.ready()


async def _run_hollow(config: kubeconfigs.Config, count: int) -> None:
    """Many such nodes in one process, called node-1 and so on."""
    from kubelet.hollow import HollowNodes, HollowOptions

    client = Client(HttpTransport(config))
    try:
        async with tasks.Supervisor() as group:
            nodes = HollowNodes(client, HollowOptions(count=count, prefix="node"))
            group.start(nodes.run(), name="hollow nodes")
            await nodes.ready.wait()
            garbage.settle()
            notify.ready()
    finally:
        await client.close()


async def _run_oci(client: Client, command: NodeCommand, options: Options, dirs: DataDir) -> None:
    """Containers, and the node's part of services, names and routes."""
    from kubelet.agent import NodeAgent
    from kubelet.images.service import LocalImages
    from kubelet.images.store import ImageStore
    from kubelet.network import dns
    from kubelet.network.catalog import Catalog
    from kubelet.network.enforcer import PolicyEnforcer
    from kubelet.network.pods import RoutedPodNetwork
    from kubelet.network.proxy import ProxyOptions, ServiceProxy
    from kubelet.network.routes import RouteSync
    from kubelet.network.rules import NodeNetwork
    from kubelet.runtime.oci.driver import OciDriver
    from kubelet.runtime.oci.node import OciOptions

    store = ImageStore(command.images or dirs.images)
    pods = RoutedPodNetwork(options.pod_cidr)
    where = OciOptions(dirs.root / "runtime", cgroup_root=options.cgroup_root)
    agent = NodeAgent(client, OciDriver(where, store, pods), LocalImages(store), options)
    catalog = Catalog(client)
    network = NodeNetwork("bireme", command.service_cidr, command.cluster_cidr, options.pod_cidr)
    proxy = ServiceProxy(
        catalog, ProxyOptions(network, node=options.node_name, addresses=(options.address,))
    )
    pods.listen(proxy.host_ports)
    enforcer = PolicyEnforcer(client, f"{network.table}_policies", options.cluster_dns[0])
    pods.listen(enforcer.attached)
    pods.hold(enforcer.admit)
    names = dns.DnsServer(catalog, options.cluster_dns[0], dns.host_nameservers())
    routes = RouteSync(client, options.address)
    routes.listen_zone(options.node_name, proxy.stands_in)
    async with tasks.Supervisor() as group:
        group.start(agent.run(), name="agent")
        # What fails of the network is tried again by itself: the pods go on meanwhile.
        group.keep(catalog.run, name="catalog")
        group.keep(proxy.run, name="service proxy")
        group.keep(enforcer.run, name="network policies")
        group.keep(names.run, name="dns")
        group.keep(routes.run, name="routes")
        await proxy.synced.wait()
        await agent.ready.wait()
        notify.ready()
