"""The offer API's own HTTP server: routes and its beginning and end.

It has a port of its own (Mesos' paths collide with Kubernetes' core API). Neighbours: `scheduler`
(frameworks), `legacy` and `operator` (those who look on); `bireme.cli.server` composes.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.rest import Client
from offers.agents import Agents
from offers.frameworks import Frameworks
from offers.http import sight
from offers.http.access import CHALLENGE, Access, Caller
from offers.http.actions import Actions
from offers.http.calls import Calls
from offers.http.legacy import Legacy
from offers.http.legacy_actions import LegacyActions
from offers.http.operator import Operator
from offers.http.scheduler import SchedulerEndpoint
from offers.http.watchers import Watchers
from offers.maintenance import Maintenance
from offers.master import OfferMaster
from offers.reservations import Reservations
from offers.rolekeeper import RoleView
from offers.tasks.record import Task
from offers.tasks.service import TaskService

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOG = logging.getLogger(__name__)

BODY_MAX = 32 << 20
"""An ACCEPT of ten thousand tasks is about 10 MB."""
KEEPALIVE_S = 86400.0
"""Clients keep a connection for acknowledgements and die when it is dropped while idle."""
SHUTDOWN_S = 2.0


class OfferServer:
    """Serves one master's frameworks."""

    def __init__(
        self,
        master: OfferMaster,
        frameworks: Frameworks,
        tasks: TaskService,
        agents: Agents,
        access: Access,
        maintenance: Maintenance,
        reservations: Reservations,
        client: Client,
        *,
        roles: Callable[[], Iterable[RoleView]],
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.access, self._watchers = access, Watchers()
        calls = Calls(
            master,
            frameworks,
            tasks,
            maintenance,
            reservations,
            node_state=agents.state,
            clock=clock,
        )
        self.scheduler = SchedulerEndpoint(
            frameworks, tasks, calls, access, maintenance, reservations, master_id=master.id
        )
        self._legacy = Legacy(master, frameworks, tasks, agents, clock, roles)
        self._legacy.limits = lambda: self.scheduler.limits
        actions = Actions(client, master, frameworks, maintenance, reservations, access, roles)
        self._operator = Operator(
            master, frameworks, tasks, agents, self._legacy, actions, maintenance,
            self._watchers, access, self._sight,
        )  # fmt: skip
        self._legacy_actions = LegacyActions(
            self._legacy, actions, maintenance, access, self._sight
        )
        self._frameworks, self._master = frameworks, master
        self._maintenance = maintenance
        tasks.journal.on_added = self._task_added
        tasks.journal.on_updated = self._watchers.task_updated
        frameworks.on_changed = self._watchers.framework_changed
        agents.on_removed = self._watchers.agent_removed
        agents.on_added = self._agent_added
        self._runner: web.AppRunner | None = None
        self.address: tuple[str, int] = ("", 0)
        """Where it listens, once started."""

    def _task_added(self, task: Task) -> None:
        self._watchers.task_added(task)
        self._maintenance.launched(task.framework_id, task.node)

    def _agent_added(self, node: str) -> None:
        # The books may hear of the node after this: it is told when they have.
        loop = asyncio.get_running_loop()
        loop.call_soon(self._tell_of_agent, node)

    def _tell_of_agent(self, node: str) -> None:
        agent = self._operator.agent(node)
        if agent is not None:
            self._watchers.agent_added(agent)

    async def start(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        """Listen; OSError where that can't be. Answers 503 until `ready`."""
        app = web.Application(client_max_size=BODY_MAX, middlewares=[self._guard])
        for path in ("/api/v1/scheduler", "/master/api/v1/scheduler"):
            app.router.add_route("*", path, self.scheduler.handle)
        self._operator.routes(app)
        self._legacy.routes(app)
        self._legacy_actions.routes(app)
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_S,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, reuse_address=True, ssl_context=tls)
        try:
            await site.start()
        except BaseException:
            await self.stop()
            raise
        self.address = self._legacy.address = self._runner.addresses[0][:2]
        LOG.info("offer API address=%s://%s:%d", "https" if tls else "http", *self.address)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Where credentials are asked for, nothing is shown without them but whether we live."""
        if request.path in ("/health", "/master/health"):
            return await handler(request)
        if self.access.required or "Authorization" in request.headers:
            caller = self.access.identify(request)
            if caller is None:
                return web.Response(status=401, headers=CHALLENGE)
            if request.method == "GET":
                request[sight.OF_REQUEST] = await self._sight(caller)
        return await handler(request)

    async def _sight(self, caller: Caller) -> sight.Sight:
        """What somebody may look at."""
        roles = self._master.ledger.roles.paths()
        return await sight.of(self.access, caller, self._frameworks.known.values(), roles)

    def ready(self) -> None:
        """What was before is read back: frameworks may subscribe."""
        self.scheduler.ready = True

    async def stop(self) -> None:
        """End the streams and stop listening."""
        self.scheduler.close()
        self._watchers.close()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
