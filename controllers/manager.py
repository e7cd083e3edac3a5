"""All control loops of the cluster in one place: composed, started in order, stopped together.

Mirrors first; when they are complete, the loops start. With an election, only the leader runs
them. Neighbours: `bireme.cli` makes one manager; each loop lives in a folder of its own. The
pod scheduler and the offer master are no controllers of this house.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from apimachinery import scheme as schemes
from apimachinery.aio import clock as clocks
from apimachinery.aio import tasks
from apimachinery.client import events, leader, rest
from controllers import accounts, base, informers, kinds
from controllers.autoscaling.controller import Autoscalers
from controllers.certificates.controller import Certificates, Sign
from controllers.cronjob.controller import CronJobs
from controllers.daemonset.controller import DaemonSets
from controllers.deployment.controller import Deployments
from controllers.disruption.controller import Disruptions
from controllers.endpoints.controller import Endpoints
from controllers.endpointslice.controller import EndpointSlices
from controllers.garbage.controller import GarbageCollector
from controllers.job.controller import Jobs
from controllers.loadbalancer.controller import LoadBalancers
from controllers.namespace.controller import Namespaces
from controllers.nodeipam.controller import NodeRanges
from controllers.nodelifecycle.controller import NodeLifecycle, Timing
from controllers.podgc.controller import QUARANTINE_SECONDS, PodGarbage
from controllers.protection.controller import Protection
from controllers.provision import plan as provisions
from controllers.provision.controller import Provisioner
from controllers.replication import controller as replication
from controllers.service_mirror import ServiceMirror
from controllers.servicecidr.addresses import ServiceAddresses
from controllers.servicecidr.controller import ServiceRanges
from controllers.statefulset.controller import StatefulSets
from controllers.tokens.controller import MakeToken, TokenSecrets
from controllers.volumes.controller import Volumes
from controllers.volumes.ephemeral import EphemeralVolumes

LOG = logging.getLogger(__name__)

COMPONENT = "kube-controller-manager"


@dataclass(frozen=True, slots=True)
class Options:
    """What a cluster may decide about its controllers."""

    scheme: schemes.Scheme = field(default_factory=lambda: schemes.BUILTIN)
    """Which kinds exist, besides those of definitions: namespaces are emptied and garbage is
    collected of these."""
    nodes: Timing = field(default_factory=Timing)
    """How long nodes may be silent."""
    pod_quarantine: float = QUARANTINE_SECONDS
    """Seconds before the pods of a deleted node are removed."""
    cluster_cidr: str = ""
    """The range from which nodes get pod addresses; empty where they bring their own."""
    node_prefix: int = 24
    root_ca: str = ""
    """PEM of the cluster's CA, published to every namespace; empty = not."""
    sign: Sign | None = None
    """Signs certificate requests; None = somebody else does."""
    make_token: MakeToken | None = None
    """Makes the tokens of token secrets; None = they stay empty."""
    server_ports: Mapping[int, str] = field(default_factory=dict)
    """On which other servers listen on the API servers' addresses, and whose they are: no service
    may take them there."""
    local_storage: bool = False
    """Offer the nodes' own disks as the default storage class."""
    client_of: Callable[[str], rest.Client] | None = None
    """The client of a controller's account (`accounts.user`); None = all act as the manager."""


class ControllerManager:
    """Runs every controller of the cluster. `run` ends when cancelled."""

    def __init__(
        self,
        client: rest.Client,
        *,
        clock: clocks.Clock | None = None,
        options: Options | None = None,
        elector: leader.LeaderElector | None = None,
    ) -> None:
        self.options = options or Options()
        self._elector = elector
        self._clock = clock or clocks.SystemClock()
        self._client = client
        self.ready = asyncio.Event()
        """Set when the loops work (in the process that leads)."""

    async def run(self) -> None:
        """Campaign if there is an election, then run all loops."""
        if self._elector is None:
            await self._run_loops(0)
        else:
            await self._elector.run(self._run_loops)

    async def _run_loops(self, epoch: int) -> None:
        client = self._client
        if self._elector is not None:
            # Whoever has taken over since shall find nothing changed by us.
            client = self._elector.fenced(client, epoch)
        mirrors = informers.Informers(client)
        recorder = events.Recorder(client, component=COMPONENT, clock=self._clock)
        context = base.Context(client, mirrors, recorder, self._clock)
        loops = compose(context, self.options)
        try:
            async with tasks.Supervisor() as supervisor:
                supervisor.start(mirrors.run(), name="informers")
                supervisor.start(recorder.run(), name="events")
                await mirrors.synced()
                for loop in loops:
                    supervisor.start(loop.run(), name=loop.name)
                LOG.info("%d controllers run", len(loops))
                self.ready.set()
        finally:
            self.ready.clear()


def compose(context: base.Context, options: Options) -> Sequence[base.Controller]:
    """Every loop, with what it shares with others."""

    def acting(account: str) -> base.Context:
        recorder = context.recorder.speaking_as(accounts.component(account))
        client = context.client if options.client_of is None else options.client_of(account)
        return replace(context, client=client, recorder=recorder)

    joined = ServiceMirror(context)
    loops: list[base.Controller] = [
        replication.Replication(acting("replicaset-controller"), replication.REPLICASET),
        replication.Replication(
            acting("replication-controller"), replication.REPLICATIONCONTROLLER
        ),
        Deployments(acting("deployment-controller")),
        Jobs(acting("job-controller")),
        CronJobs(acting("cronjob-controller")),
        DaemonSets(acting("daemon-set-controller")),
        StatefulSets(acting("statefulset-controller")),
        Endpoints(acting("endpoint-controller"), joined),
        EndpointSlices(acting("endpointslice-controller"), joined),
        LoadBalancers(acting("service-controller"), joined, options.server_ports),
        ServiceRanges(acting("service-cidrs-controller")),
        ServiceAddresses(acting("service-cidrs-controller")),
        NodeLifecycle(acting("node-controller"), options.nodes),
        PodGarbage(acting("pod-garbage-collector"), quarantine=options.pod_quarantine),
        Volumes(acting("persistent-volume-binder"), default_class=options.local_storage),
        EphemeralVolumes(acting("ephemeral-volume-controller")),
        Protection(acting("pvc-protection-controller"), acting("pv-protection-controller")),
    ]
    if options.cluster_cidr:
        ranges = NodeRanges(acting("node-controller"), options.cluster_cidr, options.node_prefix)
        loops.append(ranges)
    if options.sign is not None:
        loops.append(Certificates(acting("certificate-controller"), options.sign))
    if options.make_token is not None:
        loops.append(TokenSecrets(context, options.make_token, options.root_ca))
    known = kinds.Kinds(context, options.scheme)
    provider = acting("service-account-controller")
    loops.append(Provisioner(provider, provisions.default_account()))
    if options.root_ca:
        publisher = acting("root-ca-cert-publisher")
        loops.append(Provisioner(publisher, provisions.root_ca(options.root_ca)))
    loops += [
        Namespaces(acting("namespace-controller"), known),
        GarbageCollector(acting("generic-garbage-collector"), known),
        Autoscalers(acting("horizontal-pod-autoscaler"), known),
        Disruptions(acting("disruption-controller"), known),
    ]
    known.follow()
    return loops
