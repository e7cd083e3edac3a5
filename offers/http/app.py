"""The offer API's own HTTP server: routes and its beginning and end.

It has a port of its own (Mesos' paths collide with Kubernetes' core API). Neighbours: `scheduler`
(frameworks), `legacy` and `operator` (those who look on); `bireme.cli.server` composes.
"""

import logging

from aiohttp import web

from apimachinery.aio.clock import Clock, SystemClock
from offers.agents import Agents
from offers.frameworks import Frameworks
from offers.http.access import Access
from offers.http.calls import Calls
from offers.http.legacy import Legacy
from offers.http.operator import Operator
from offers.http.scheduler import SchedulerEndpoint
from offers.master import OfferMaster
from offers.tasks.service import TaskService

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
        *,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        calls = Calls(master, frameworks, tasks, node_state=agents.state, clock=clock)
        self.scheduler = SchedulerEndpoint(frameworks, tasks, calls, access, master_id=master.id)
        self._legacy = Legacy(master, frameworks, tasks, agents, clock)
        self._operator = Operator(master, frameworks, tasks, agents, self._legacy)
        self._runner: web.AppRunner | None = None
        self.address: tuple[str, int] = ("", 0)
        """Where it listens, once started."""

    async def start(self, host: str, port: int) -> None:
        """Listen; OSError where that can't be. Answers 503 until `ready`."""
        app = web.Application(client_max_size=BODY_MAX)
        for path in ("/api/v1/scheduler", "/master/api/v1/scheduler"):
            app.router.add_route("*", path, self.scheduler.handle)
        self._operator.routes(app)
        self._legacy.routes(app)
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_S,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, reuse_address=True)
        try:
            await site.start()
        except BaseException:
            await self.stop()
            raise
        self.address = self._legacy.address = self._runner.addresses[0][:2]
        LOG.info("offer API address=http://%s:%d", *self.address)

    def ready(self) -> None:
        """What was before is read back: frameworks may subscribe."""
        self.scheduler.ready = True

    async def stop(self) -> None:
        """End the streams and stop listening."""
        self.scheduler.close()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
