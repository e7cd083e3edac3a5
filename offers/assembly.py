"""The Mesos side of a master, put together: frameworks, tasks, agents, the HTTP server.

Composition only; the order matters. What was before is read back while the server answers 503;
then the pods' mirror may feed the ledger, since from now on it is known which role pays for which
pod. Neighbours: `bireme.cli.server` brings the client, the master and the mirror of nodes.
"""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol, TypeVar

from apimachinery import scheme
from apimachinery.aio.clock import SystemClock
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from offers import shapes
from offers.agents import Agents, AgentView
from offers.frameworks import Frameworks
from offers.http import limits
from offers.http.access import Access
from offers.http.app import OfferServer
from offers.http.credentials import Credentials
from offers.maintenance import Maintenance
from offers.master import OfferMaster
from offers.messages import Offer
from offers.reservations import Reservations
from offers.rolekeeper import RoleKeeper
from offers.tasks import observe
from offers.tasks.service import TaskService

V_co = TypeVar("V_co", covariant=True)


class Mirror(Protocol[V_co]):
    """What is needed of the nodes' informer."""

    def add_handler(self, handler: Callable[[str, V_co | None, V_co | None], None], /) -> None: ...


class MesosSide:
    """See the module's docstring."""

    def __init__(
        self,
        client: Client,
        master: OfferMaster,
        nodes: Mirror[AgentView],
        *,
        credentials: Path | None = None,
        rate_limits: Path | None = None,
        roles_of_namespaces: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`credentials` is a file of principals and secrets, `rate_limits` one as Mesos has it.

        Raises:
            BadLimits: that file makes no sense.
        """
        self.agents = Agents()
        self.frameworks = Frameworks(client, master)
        self.reservations = Reservations(client, master, self.frameworks)
        self._pods = Informer(
            client, scheme.PODS, observe.view, label_selector=marks.FRAMEWORK_LABEL
        )
        self._executors: Informer[JsonObject] = Informer(client, scheme.EXECUTORS, lambda obj: obj)
        self.tasks = TaskService(
            client,
            master,
            self.frameworks,
            self._pods,
            self._executors,
            node_exists=self.agents.exists,
            hostname_of=self.agents.hostname,
            place=self.reservations.volumes.path,
        )
        self.roles = RoleKeeper(client, master, roles_of_namespaces)
        self.maintenance = Maintenance(
            client, master, self.agents, self.frameworks, self.tasks, SystemClock()
        )
        self.server = OfferServer(
            master,
            self.frameworks,
            self.tasks,
            self.agents,
            Access(client, Credentials(credentials)),
            self.maintenance,
            self.reservations,
            client,
            roles=self.roles.settings,
        )
        if rate_limits is not None:
            self.server.scheduler.limits = limits.read(rate_limits)
        self.frameworks.spell = self._spell
        master.cluster.amount_of_pod = self.tasks.amount_of_pod
        self.agents.on_lost = self.tasks.reach.lost
        self.agents.on_back = self.tasks.reach.back
        self.agents.on_away = self.tasks.reach.away
        self.agents.on_planned = self.maintenance.changed
        nodes.add_handler(self.agents.changed)

    def _spell(self, offer: Offer) -> JsonObject:
        """An offer as a framework gets it, with all that is known of its node."""
        hostname = self.agents.hostname(offer.node)
        framework = self.frameworks.get(offer.framework_id)
        refined = framework is not None and "RESERVATION_REFINEMENT" in framework.capabilities
        domain = shapes.domain(offer.attributes)
        made = shapes.offer(offer, hostname, domain, refined=refined)
        if ids := sorted(self.tasks.executors.on(offer.framework_id, offer.node)):
            made["executor_ids"] = [{"value": one} for one in ids]
        if (when := self.maintenance.unavailability(offer.node)) is not None:
            made["unavailability"] = when
        return made

    async def restore(self) -> None:
        """Read frameworks and tasks of before. Comes before the pods' mirror starts."""
        await self.reservations.restore()
        await self.frameworks.restore()
        await self.tasks.restore()
        for node in self.agents.views:
            if self.agents.state(node) == "unreachable":
                self.tasks.reach.away(node)

    async def run(self) -> None:
        """Work for ever; `restore` has been done, and the server listens."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in (
                    self._pods.run, self._executors.run, self.frameworks.run, self.tasks.run,
                    self.roles.run, self.reservations.run,
                ):  # fmt: skip
                    group.create_task(work())
                await self._pods.synced()
                self.server.ready()
                self.maintenance.resume()
        finally:
            self.maintenance.close()
            await self.server.stop()
