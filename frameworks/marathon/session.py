"""The framework's line to the master: calls out, events in.

Calls that fail are logged and forgotten: the engine asks again, and reconciliation finds out what
became of launches. Neighbours: `offers.sdk` speaks the API; `engine` decides; `updates` takes
updates in.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence

import aiohttp

from frameworks.marathon import updates
from frameworks.marathon.engine import Engine
from offers.sdk import FrameworkError, Group, Offer, Offers, Scheduler, Subscribed, Task, Update

LOG = logging.getLogger(__name__)

RECONCILE_S = 600.0
"""Between two questions for the state of all tasks: the net below all that may be lost."""
FRAMEWORK_ID = "framework-id"
"""Under `facts`."""
REMOVED = "has been removed"
"""In what the master says to a framework that somebody has torn down."""


class Session:
    """One framework's connection; also the engine's `Calls`."""

    def __init__(self, engine: Engine, scheduler: Scheduler) -> None:
        self._engine, self._scheduler = engine, scheduler
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Follow events for ever; FrameworkError if the master will not have us any more."""
        while True:
            self._reading = asyncio.create_task(self._follow(), name="events")
            try:
                await self._reading
            except FrameworkError as error:
                await self._refused(error)
                raise
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
            finally:
                self._engine.session(None)
                self._reading.cancel()

    async def _refused(self, error: FrameworkError) -> None:
        """The id of a framework that was removed is refused for ever: the next start has none."""
        if REMOVED in str(error) and self._engine.state.facts.pop(FRAMEWORK_ID, ""):
            await self._engine.journal.written()

    @property
    def connected(self) -> bool:
        return self._scheduler.connected

    def abdicate(self) -> None:
        """Drop the connection and make a new one, as after an election."""
        if self._reading is not None:
            self._reading.cancel()

    async def _follow(self) -> None:
        async for event in self._scheduler.events():
            match event:
                case Subscribed(framework_id):
                    await self._subscribed(framework_id)
                case Offers(offers):
                    await self._engine.offered(offers)
                case Update(status):
                    if not updates.apply(self._engine, status):
                        LOG.warning("task=%s nobody knows it: killed", status.task_id)
                        await self.kill(status.task_id)
                    # On disk before the next event is asked for, which acknowledges this one.
                    await self._engine.journal.written()
                case _:
                    continue

    async def _subscribed(self, framework_id: str) -> None:
        state = self._engine.state
        if state.facts.get(FRAMEWORK_ID) != framework_id:
            state.facts[FRAMEWORK_ID] = framework_id
            await self._engine.journal.written()
        LOG.info("framework=%s subscribed", framework_id)
        if state.instances:
            await self._quietly(self._scheduler.reconcile(self._tasks()))
        self._engine.session(self)

    async def reconcile(self) -> None:
        """Ask for all tasks again and again, for ever."""
        while True:
            await asyncio.sleep(RECONCILE_S)
            if self._engine.calls is not None:
                await self._quietly(self._scheduler.reconcile(self._tasks()))
                await self._quietly(self._scheduler.reconcile())

    def _tasks(self) -> list[str]:
        instances = self._engine.state.instances.values()
        return [task_id for one in instances for task_id in one.tasks]

    # --- what the engine asks for

    async def kill(self, task_id: str) -> None:
        await self._quietly(self._scheduler.kill(task_id))

    async def accept(
        self, offer: Offer, tasks: Sequence[Task | Group], refuse_seconds: float
    ) -> None:
        await self._quietly(self._scheduler.accept(offer, tasks, refuse_seconds=refuse_seconds))

    async def decline(self, offers: Sequence[Offer], refuse_seconds: float) -> None:
        await self._quietly(self._scheduler.decline(offers, refuse_seconds=refuse_seconds))

    async def revive(self) -> None:
        await self._quietly(self._scheduler.revive())

    async def suppress(self) -> None:
        await self._quietly(self._scheduler.suppress())

    async def _quietly(self, call: Awaitable[None]) -> None:
        try:
            await call
        except (FrameworkError, aiohttp.ClientError, TimeoutError, OSError) as error:
            LOG.warning("call failed: %r", error)
