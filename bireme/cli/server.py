"""`bireme server`: the control plane, in one process or one part of it.

Composition only: store → API server → controllers, offer master and pod scheduler, which reach
the API by a direct call as users of their own. With `--only` a part runs by itself, reaches the
API over HTTPS, and campaigns for its lease. On a machine that hosts several nodes, the host's own
service proxy runs here too.
"""

import asyncio
import errno
import ipaddress
import logging
import os
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apimachinery import scheme, wire
from apimachinery.aio import tasks
from apimachinery.aio.clock import SystemClock
from apimachinery.client import kubeconfig as kubeconfigs
from apimachinery.client.events import Recorder
from apimachinery.client.informer import Informer
from apimachinery.client.leader import LeaderElector
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport, HttpTransport
from apiserver import stores
from bireme.cli import garbage, keys, notify, paths, runner
from bireme.cli.errors import CommandError
from bireme.cli.paths import DataDir
from controllers import accounts

if TYPE_CHECKING:
    from apiserver.admission import plugins
    from apiserver.components import Check
    from apiserver.core import Core
    from apiserver.identity import configuration, pki
    from apiserver.live import LiveResource
    from apiserver.server import ApiServer
    from offers.http.app import OfferServer

LOG = logging.getLogger(__name__)

PARTS = ("apiserver", "controllers", "scheduling")
OFFERS_HOST, OFFERS_PORT = "127.0.0.1", 5050
"""Mesos' own port, which frameworks expect; plain HTTP, so only on loopback."""

RATE_LIMITS = "offers-rate-limits"
"""In the data directory, if calls of frameworks are to be limited: Mesos' `--rate_limits`."""

SERVICE_PREFIX_MAX = 28
"""Of the range of ClusterIPs: the first and the tenth address have their fixed owners."""
CLUSTER_PREFIX_MAX = 23
"""Of the range of pods: a /24 for at least one node, beside this machine's own half."""

SCHEDULER = wire.UserInfo("system:kube-scheduler", groups=("system:authenticated",))
PROXY = wire.UserInfo("system:kube-proxy", groups=("system:node-proxier", "system:authenticated"))

LEASES_NAMESPACE = "kube-system"
CONTROLLERS_LEASE, SCHEDULING_LEASE = "bireme-controllers", "bireme-scheduling"
ROLE_LABEL = "offers.bireme.dev/role"
"""On a namespace: the role that its pods are charged to, instead of kubernetes/NAMESPACE."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What the command line says."""

    port: int
    bind: tuple[str, ...]
    store: str
    service_cidr: str
    cluster_cidr: str
    node_monitor_grace_period: float
    slot: int | None
    """Of this machine's node network, whose host-side services run here."""
    only: str
    kubeconfig: Path | None
    offers_port: int | None = None
    """Of the offer API; None: Mesos' own, or a free one where that is taken."""
    offers_bind: str = "127.0.0.1"
    """Where the offer API listens. Beyond loopback it speaks TLS and asks for credentials."""
    offer_rivals: int = 1
    """How many frameworks are offered the same at a time; the first to accept has it."""
    region: str = ""
    """The master's: nodes of others are offered to those who say that they know of regions."""
    admission: Path | None = None
    """The file that configures admission plugins."""
    authentication: Path | None = None
    """The file that names issuers of tokens."""
    offers_credentials: Path | None = None
    """Principals and their secrets; None: `offers-credentials` in the data directory."""


def run(options: ServerOptions, data_dir: Path | None) -> None:
    """Run until SIGTERM."""
    if options.only and options.only not in PARTS:
        raise CommandError(f"--only {options.only} is unknown: use one of {', '.join(PARTS)}")
    if options.only in ("controllers", "scheduling") and options.kubeconfig is None:
        raise CommandError(f"--only {options.only} needs --kubeconfig: it reaches the API with it")
    _check(options)
    dirs = paths.data_dir(data_dir)
    dirs.create()
    _check_limits(dirs)
    reaches = options.only in ("controllers", "scheduling")
    child = None if reaches else keys.begin(dirs.pki, _hosts(options))
    try:
        runner.run(lambda: _main(options, dirs, child), uvloop=True)
    except (stores.BadStore, kubeconfigs.ConfigError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            where = ", ".join(options.bind)
            raise CommandError(
                f"can't listen on port {options.port} of {where} ({error.strerror}):"
                " choose another with --port or --bind"
            ) from error
        raise


def _check(options: ServerOptions) -> None:
    """Refuse values that could only fail later."""
    for option, text, most in (
        ("--service-cidr", options.service_cidr, SERVICE_PREFIX_MAX),
        ("--cluster-cidr", options.cluster_cidr, CLUSTER_PREFIX_MAX),
    ):
        try:
            bits = ipaddress.IPv4Network(text).prefixlen
        except ValueError as error:
            raise CommandError(f"{option} {text} is no IPv4 range ({error})") from error
        if bits > most:
            raise CommandError(f"{option} {text} is too small: /{most} at least")
    try:
        ipaddress.ip_address(options.offers_bind)
    except ValueError as error:
        raise CommandError(f"--offers-bind {options.offers_bind} is no address") from error
    if options.only == "scheduling" and not options.offers_bind.startswith("127."):
        raise CommandError(
            "--offers-bind beyond loopback needs the API server's certificate:"
            " not with --only scheduling"
        )
    if options.offer_rivals < 1:
        raise CommandError(f"--offer-rivals {options.offer_rivals}: 1 at least")
    if not 0 <= options.port < 65536:
        raise CommandError(f"--port {options.port}: ports are between 0 and 65535")
    if options.port == 0 and _outside(options):
        raise CommandError("--port 0 takes any free port, so it is for loopback only: name a port")
    if not options.node_monitor_grace_period > 0:
        raise CommandError(
            f"--node-monitor-grace-period {options.node_monitor_grace_period:g}: give seconds"
        )


def _check_limits(dirs: DataDir) -> None:
    """A file of limits that makes no sense is said at once."""
    if (dirs.root / RATE_LIMITS).exists():
        from offers.http import limits

        try:
            limits.read(dirs.root / RATE_LIMITS)
        except limits.BadLimits as error:
            raise CommandError(str(error)) from error


def _outside(options: ServerOptions) -> list[str]:
    """The addresses that other machines and pods can reach."""
    return [address for address in options.bind if not address.startswith("127.")]


async def _main(options: ServerOptions, dirs: DataDir, maker: int | None) -> None:
    """`maker` is the child that makes an API server's keys."""
    if maker is None:
        assert options.kubeconfig is not None
        transport = HttpTransport(kubeconfigs.load(options.kubeconfig))
        client = Client(transport)
        try:
            work = _controllers if options.only == "controllers" else _scheduling
            notify.ready()
            await work(client, options, dirs)
        finally:
            await client.close()
        return
    from apiserver import components

    async with _api_server(options, dirs, maker) as server, tasks.Supervisor() as parts:
        handle = server.handle
        # A part that fails is started again by itself: the API stays up meanwhile.
        if not options.only:
            controllers = Client(DirectTransport(handle, accounts.MANAGER))

            def client_of(account: str) -> Client:
                return Client(DirectTransport(handle, accounts.user(account)))

            scheduling = Client(DirectTransport(handle, SCHEDULER))
            loops = Part(lambda: _controllers(controllers, options, dirs, client_of))
            parts.keep(loops.run, name="controllers")
            live = server.core.live
            scheduler = Part(lambda: _schedule(scheduling, 0, options, dirs, live))
            parts.keep(scheduler.run, name="scheduling")
            _show_components(server.core, loops.check, scheduler.check)
        else:
            core, where = server.core, LEASES_NAMESPACE
            leases = (CONTROLLERS_LEASE, SCHEDULING_LEASE)
            _show_components(core, *(components.held(core, where, lease) for lease in leases))
        if options.slot is not None:
            proxy = Client(DirectTransport(handle, PROXY))
            parts.keep(lambda: _host_services(proxy, options), name="host services")
        notify.ready()
        garbage.settle()
        await garbage.collect_when_quiet()  # until cancelled by a signal


class Part:
    """Something that runs in this process, and is started again where it fails."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._runs = False

    async def run(self) -> None:
        self._runs = True
        try:
            await self._work()
        finally:
            self._runs = False

    async def check(self) -> None:
        """Raise while it does not run."""
        if not self._runs:
            raise RuntimeError("it has failed and is started again")


def _show_components(core: "Core", controllers: "Check", scheduler: "Check") -> None:
    """What `kubectl get componentstatuses` prints."""
    from apiserver import components

    parts = {"scheduler": scheduler, "controller-manager": controllers}
    core.live[components.RESOURCE] = components.Components(core, parts)


@asynccontextmanager
async def _api_server(
    options: ServerOptions, dirs: DataDir, maker: int
) -> AsyncIterator["ApiServer"]:
    """Serve the API; gives the direct way in."""
    from apiserver import assembly
    from apiserver.identity import pki
    from apiserver.options import Options

    configured = _configured(options.admission) if options.admission is not None else None
    believed = _believed(options.authentication)
    keys.wait(maker)
    own = pki.Pki(dirs.pki)
    outside = _outside(options)
    advertised = outside[0] if outside else "127.0.0.1"
    process = assembly.Process(
        stores.open_store(_store_address(options.store, dirs)),
        assembly.Security(keys=own, hosts=_hosts(options), authentication=believed),
        Options(
            service_cidr=options.service_cidr,
            advertise_address=advertised,
            advertise_port=options.port,
        ),
        configured=configured,
    )
    try:
        await process.start([(address, options.port) for address in options.bind])
        _, port = process.front.addresses[0]
        write_kubeconfig(dirs, own, f"https://{options.bind[0]}:{port}")
        yield process.server
    finally:
        await process.stop()


def _configured(path: Path) -> "plugins.Configured":
    from apiserver import settings
    from apiserver.admission import plugins

    try:
        return plugins.configured(path)
    except settings.BadConfiguration as error:
        raise CommandError(f"--admission-control-config-file: {error}") from error


def _believed(path: Path | None) -> "configuration.Configuration":
    from apiserver import settings
    from apiserver.identity import configuration

    if path is None:
        return configuration.Configuration()
    try:
        return configuration.read(path)
    except settings.BadConfiguration as error:
        raise CommandError(f"--authentication-config: {error}") from error


def write_kubeconfig(dirs: DataDir, own: "pki.Pki", url: str) -> None:
    """The administrator's kubeconfig."""
    from apiserver.identity import pki

    pki.write_kubeconfig(dirs.kubeconfig, server=url, ca=own.ca.cert, client=own.admin())


def _store_address(store: str, dirs: DataDir) -> str:
    return f"sqlite:{dirs.database}" if store == "sqlite" else store


def _kubernetes_ip(options: ServerOptions) -> str:
    return str(ipaddress.IPv4Network(options.service_cidr)[1])


async def _controllers(
    client: Client,
    options: ServerOptions,
    dirs: DataDir,
    client_of: Callable[[str], Client] | None = None,
) -> None:
    """Every control loop of the cluster, each with its own rights; elected where all act as one."""
    from apiserver.identity import legacy_tokens, pki
    from apiserver.identity.signing import Signer
    from controllers.manager import ControllerManager, Options
    from controllers.nodelifecycle.controller import Timing

    own = pki.Pki(dirs.pki)
    signer = Signer(own.service_account_key())
    grace = options.node_monitor_grace_period
    settings = Options(
        nodes=Timing(grace=grace),
        cluster_cidr=_free_cidr(options),
        root_ca=own.ca.cert.read_text(),
        sign=own.sign,
        make_token=lambda account, secret: signer.sign(legacy_tokens.claims(account, secret)),
        server_ports=_ports_beside_the_api(options),
        local_storage=True,
        client_of=client_of,
    )
    # With the API server in one process there is nobody to elect.
    elector = _elector(client, CONTROLLERS_LEASE) if client_of is None else None
    await ControllerManager(client, options=settings, elector=elector).run()


def _ports_beside_the_api(options: ServerOptions) -> dict[int, str]:
    """What of a loopback address is nobody's but this machine's, and in no service's way."""
    if options.offers_bind.startswith("127."):
        return {}
    return {options.offers_port or OFFERS_PORT: "the offer API"}


def _free_cidr(options: ServerOptions) -> str:
    """Where nodes that bring no pod range get theirs: beside those of this machine's own nodes."""
    whole = ipaddress.IPv4Network(options.cluster_cidr)
    return str(whole if options.slot is None else list(whole.subnets())[1])


async def _scheduling(client: Client, options: ServerOptions, dirs: DataDir) -> None:
    """The offer master and the pod scheduler, which share one process and one lease."""
    await _elector(client, SCHEDULING_LEASE).run(
        lambda epoch: _schedule(
            # Whoever has taken over since shall find nothing changed by us.
            client.fenced(LEASES_NAMESPACE, SCHEDULING_LEASE, epoch),
            epoch,
            options,
            dirs,
            {},
        )
    )


def _elector(client: Client, lease: str) -> LeaderElector:
    identity = f"{socket.gethostname()}-{os.getpid()}"
    return LeaderElector(
        client, namespace=LEASES_NAMESPACE, name=lease, identity=identity, clock=SystemClock()
    )


async def _schedule(
    client: Client,
    epoch: int,
    options: ServerOptions,
    dirs: DataDir,
    live: "dict[str, LiveResource]",
) -> None:
    """`live` is what an API server in this process shows without storing it."""
    from offers.assembly import MesosSide
    from offers.live import RESOURCE, LiveOffers
    from offers.master import OfferMaster
    from offers.messages import FrameworkInfo
    from scheduler.service import PodScheduler
    from scheduler.views import node_info, pod_info

    nodes = Informer(client, scheme.NODES, node_info)
    pods = Informer(client, scheme.PODS, pod_info)
    namespaces = Informer(client, scheme.NAMESPACES, _role_label)

    def role_of(namespace: str) -> str:
        return namespaces.get(namespace) or f"kubernetes/{namespace}"

    def role_of_pod(key: str) -> str:
        return mesos.tasks.role_of_pod(key)

    master = OfferMaster(
        nodes,
        pods,
        role_of_namespace=role_of,
        role_of_pod=role_of_pod,
        rivals=options.offer_rivals,
        region=options.region,
        epoch=epoch,
        master_id=f"{epoch}-{secrets.token_hex(4)}",
    )
    known = options.offers_credentials or dirs.root / "offers-credentials"
    mesos = MesosSide(
        client,
        master,
        nodes,
        credentials=known,
        rate_limits=dirs.root / RATE_LIMITS,
        roles_of_namespaces=lambda: {
            role_of(name)
            for name in namespaces.keys()  # noqa: SIM118  an informer, no mapping
        },
    )
    live[RESOURCE] = LiveOffers(master)
    recorder = Recorder(client, component="default-scheduler", clock=SystemClock())
    await _listen(mesos.server, options, dirs)
    async with asyncio.TaskGroup() as group:
        group.create_task(namespaces.run())
        await namespaces.synced()
        await mesos.restore()
        session = master.subscribe(FrameworkInfo("kubernetes", ("kubernetes",), id="kubernetes"))
        scheduler = PodScheduler(
            client, session, nodes, pods, role_of_namespace=role_of, recorder=recorder
        )
        for work in (nodes.run, pods.run, master.run, scheduler.run, recorder.run, mesos.run):
            group.create_task(work())


async def _listen(server: "OfferServer", options: ServerOptions, dirs: DataDir) -> None:
    """Serve the offer API; on loopback a default port that is taken gives way."""
    if not options.offers_bind.startswith("127."):
        server.access.required = True
        port = options.offers_port if options.offers_port is not None else OFFERS_PORT
        await server.start(options.offers_bind, port, tls=_offers_tls(options, dirs))
        return
    if options.offers_port is not None:
        await server.start(OFFERS_HOST, options.offers_port)
        return
    # Whoever wants any free port for the API (a test) wants no fixed one here either.
    preferred = OFFERS_PORT if options.port else 0
    try:
        await server.start(OFFERS_HOST, preferred)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        await server.start(OFFERS_HOST, 0)
        LOG.warning("port %d is in use: the offer API has %d", preferred, server.address[1])


def _offers_tls(options: ServerOptions, dirs: DataDir) -> ssl.SSLContext:
    """The API server's certificate is good for both."""
    from apiserver.identity import pki

    pair = pki.Pki(dirs.pki).api_server(_hosts(options))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pair.cert, pair.key)
    return context


def _hosts(options: ServerOptions) -> tuple[str, ...]:
    """The addresses that the API server's certificate is for."""
    beyond = () if options.offers_bind in options.bind else (options.offers_bind,)
    return (*options.bind, _kubernetes_ip(options), *beyond)


def _role_label(namespace: wire.JsonObject) -> str:
    labels = namespace["metadata"].get("labels") or {}
    return str(labels.get(ROLE_LABEL, ""))


async def _host_services(client: Client, options: ServerOptions) -> None:
    """ClusterIPs and NodePorts on the host of several nodes, `localhost` among them."""
    from kubelet.network.catalog import Catalog
    from kubelet.network.proxy import ProxyOptions, ServiceProxy
    from kubelet.network.routes import RouteSync
    from kubelet.network.rules import NodeNetwork
    from kubelet.network.topology import Topology

    assert options.slot is not None
    plan = Topology(options.slot, 0)
    catalog = Catalog(client)
    proxy = ServiceProxy(
        catalog,
        ProxyOptions(
            network=NodeNetwork(plan.table, plan.service_cidr, str(plan.network)),
            addresses=("127.0.0.1", plan.host_address),
            loopback_interface=plan.host_interface,
        ),
    )
    # Nodes of other machines too: this machine's own have their routes already.
    routes = RouteSync(client, plan.host_address)
    async with asyncio.TaskGroup() as group:
        for work in (catalog.run, proxy.run, routes.run):
            group.create_task(work())
