"""Does what the planner decides: kills, launches, steps of deployments.

Whatever changes pokes it; it then decides anew, writes down, and acts, one turn at a time. What it
asks the master for may be lost (the connection breaks, the process dies): kills are repeated, and
tasks that never came to be are found missing by reconciliation. Neighbours: `planner` decides,
`session` carries calls and brings events, `journal` writes.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from frameworks.marathon import matching, paths, planner, podlaunch, podspec
from frameworks.marathon.bus import Bus
from frameworks.marathon.constraints import Fields
from frameworks.marathon.deployment import Deployment
from frameworks.marathon.instance import Instance, Part
from frameworks.marathon.journal import Journal
from frameworks.marathon.launch import task
from frameworks.marathon.matching import Placement
from frameworks.marathon.queue import LaunchQueue
from frameworks.marathon.spec import App
from frameworks.marathon.state import State
from offers.sdk import Group, Offer, Task

KILL_RETRY_S = 10.0
"""Until the end of a task is asked for again."""
REVIVE_INTERVAL_S = 0.25
"""Between two calls for offers: a roll of many instances asks once for several."""
DECLINE_S = 120.0
"""Offers that are of no use are not made again for so long, or until a revive."""


class Calls(Protocol):
    """What the engine asks the master for. Nothing fails: what is lost is healed later."""

    async def kill(self, task_id: str) -> None: ...
    async def accept(
        self, offer: Offer, tasks: Sequence[Task | Group], refuse_seconds: float
    ) -> None: ...
    async def decline(self, offers: Sequence[Offer], refuse_seconds: float) -> None: ...
    async def revive(self) -> None: ...
    async def suppress(self) -> None: ...


class Engine:
    """One state's hands."""

    def __init__(
        self,
        state: State,
        journal: Journal,
        bus: Bus,
        *,
        now: Callable[[], float],
        unique: Callable[[], str],
    ) -> None:
        self.state, self.journal, self.bus, self.now = state, journal, bus, now
        self.queue = LaunchQueue()
        self.calls: Calls | None = None
        """Set while a session stands."""
        self._unique = unique
        self._turn = asyncio.Lock()
        self._poked = asyncio.Event()
        self._turned = asyncio.Event()
        self._kill_asked: dict[str, float] = {}
        self._revived = 0.0
        self._quiet: bool | None = None
        """Whether offers are suppressed, if that is known."""

    def poke(self) -> None:
        """Something has changed."""
        self._poked.set()

    async def run(self) -> None:
        """Decide and act for ever."""
        while True:
            self._poked.clear()
            wake = await self.turn()
            self._turned.set()
            self._turned = asyncio.Event()
            wait = None if wake is None else max(0.0, wake - self.now())
            try:
                async with asyncio.timeout(wait):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def turned(self) -> None:
        """Wait for the end of the next turn."""
        await self._turned.wait()

    async def turn(self) -> float | None:
        """Decide once and act; when to do it again though nothing has changed."""
        async with self._turn:
            again = [self._decide()]
            await self.journal.written()
            again += self.queue.deadlines(self.state.apps, self.now())
            again += [await self._kill(), await self._ask()]
            return min((one for one in again if one is not None), default=None)

    def _decide(self) -> float | None:
        """What is decided becomes the state; when time alone will change the answer."""
        state, now = self.state, self.now()
        made = planner.decide(state.apps, state.deployments.values(), state.instances.values(), now)
        for task_id in made.expunge:
            self._expunge(task_id)
        for task_id in made.kill:
            state.instances[task_id] = replace(state.instances[task_id], killed_at=now)
        for deployment_id in made.stepped:
            self._step(state.deployments[deployment_id])
        self.queue.want(made.launch, state.apps, now)
        self.queue.settle(state.apps, now)
        return made.wake

    # --- deployments

    def _step(self, deployment: Deployment) -> None:
        """Its current step is done."""
        step = deployment.actions
        moved = replace(deployment, current=deployment.current + 1)
        if step:
            self._tell("deployment_step_success", deployment)
        if moved.current < len(moved.steps):
            self.state.deployments[moved.id] = moved
            self._tell("deployment_info", moved)
        else:
            self.finish(deployment, success=True)
        self.poke()

    def began(self, deployment: Deployment) -> None:
        """One is new."""
        self._tell("deployment_info", deployment)
        self.poke()

    def finish(self, deployment: Deployment, *, success: bool) -> None:
        """It is over."""
        del self.state.deployments[deployment.id]
        kind = "deployment_success" if success else "deployment_failed"
        self.bus.publish(kind, id=deployment.id, plan=deployment.plan())
        for app_id in deployment.original.keys() - deployment.target.keys():
            if success and app_id not in self.state.apps:
                self.bus.publish("app_terminated_event", appId=app_id)

    def _tell(self, kind: str, deployment: Deployment) -> None:
        actions = [action.wire() for action in deployment.actions]
        self.bus.publish(kind, plan=deployment.plan(), currentStep={"actions": actions})

    # --- instances

    def changed(self, instance: Instance, condition: str) -> None:
        """Tell that an instance is in another condition."""
        self.bus.publish(
            "instance_changed_event",
            instanceId=instance.id,
            slaveId=instance.agent_id,
            condition=condition,
            host=instance.host,
            runSpecId=instance.app_id,
            runSpecVersion=instance.version,
        )

    def _expunge(self, task_id: str) -> None:
        one = self.state.instances.pop(task_id)
        self._kill_asked.pop(task_id, None)
        self.changed(one, "Unreachable")

    def ended(self, task_id: str) -> None:
        """It is gone: nothing is to be asked of it any more."""
        del self.state.instances[task_id]
        self._kill_asked.pop(task_id, None)
        self.poke()

    def kill(self, tasks: Iterable[Instance]) -> list[Instance]:
        """Have these end; those that are new to it."""
        going = [one for one in tasks if not one.leaving]
        for one in going:
            self.state.instances[one.task_id] = replace(one, killed_at=self.now())
        self.poke()
        return going

    async def _kill(self) -> float | None:
        """Ask for the end of all that shall end; when to ask again."""
        now, calls = self.now(), self.calls
        if calls is None:
            return None
        leaving = [one for one in self.state.instances.values() if one.leaving]
        for one in leaving:
            if now >= self._kill_asked.get(one.task_id, 0.0) + KILL_RETRY_S:
                self._kill_asked[one.task_id] = now
                for task_id in one.tasks:
                    await calls.kill(task_id)
        asked = (self._kill_asked.get(one.task_id, now) + KILL_RETRY_S for one in leaving)
        return min(asked, default=None)

    # --- offers

    def session(self, calls: Calls | None) -> None:
        """There is a session, or none any more: what was asked for may be lost."""
        self.calls = calls
        self._kill_asked.clear()
        self._quiet = None
        self.queue.asked({}, self.now())
        self.poke()

    async def _ask(self) -> float | None:
        """Ask for offers while something is ready; when to see again, if it is too early."""
        apps, now = self.state.apps, self.now()
        if self.calls is None:
            return None
        if not self.queue.ready(apps, now):
            if self._quiet is not True:
                self._quiet = True
                await self.calls.suppress()
            return None
        if self._quiet is not False or self.queue.grown(apps, now):
            if now < self._revived + REVIVE_INTERVAL_S:
                return self._revived + REVIVE_INTERVAL_S
            self._quiet, self._revived = False, now
            self.queue.asked(apps, now)
            await self.calls.revive()
        return None

    async def offered(self, offers: Sequence[Offer]) -> None:
        """Launch what fits; give the rest back."""
        async with self._turn:
            if (calls := self.calls) is None:
                return
            self._decide()  # somebody may want something else since the last turn
            placed = [(offer, self._place(offer)) for offer in offers]
            await self.journal.written()
            more = bool(self.queue.ready(self.state.apps, self.now()))
            for offer, found in placed:
                if found:
                    full = len(found) >= matching.PER_OFFER and more
                    tasks = [_launched(one, offer.hostname) for one in found]
                    await calls.accept(offer, tasks, 0.0 if full else DECLINE_S)
            if more and any(found for _, found in placed):
                # Constraints may allow now what they forbade before: all shall be offered again.
                self.queue.asked({}, self.now())
            unused = [offer for offer, found in placed if not found]
            if unused:
                await calls.decline(unused, DECLINE_S)
        self.poke()

    def _place(self, offer: Offer) -> list[Placement]:
        """Instances for one offer, noted before they are launched: nothing runs unknown."""
        state, now = self.state, self.now()
        wanted = self.queue.ready(state.apps, now)
        others = {app.id: self._fields(app) for app, _ in wanted}
        found = matching.match(offer, wanted, others, self._task_id)
        for one in found.placements:
            state.instances[one.task_id] = _instance(one, offer, now)
            self.queue.used(one.app.id, now)
            self.changed(state.instances[one.task_id], "Scheduled")
        for app_id, reason in found.reasons.items():
            self.queue.unused(app_id, reason, offer.raw, now)
        return found.placements

    def _fields(self, app: App) -> list[Fields]:
        now, mine = self.now(), self.state.instances.of(app.id)
        return [
            one.fields
            for one in mine
            if one.config == app.config and not one.leaving and not one.inactive(app, now)
        ]

    def _task_id(self, app: App) -> str:
        instance_id = f"{paths.flat(app.id)}.instance-{self._unique()}"
        return instance_id if app.pod is not None else f"{instance_id}._app.1"


def _launched(placed: Placement, host: str) -> Task | Group:
    return task(placed, host) if placed.app.pod is None else podlaunch.group(placed, host)


def _instance(placed: Placement, offer: Offer, now: float) -> Instance:
    return Instance(
        task_id=placed.task_id,
        app_id=placed.app.id,
        version=placed.app.version,
        config=placed.app.config,
        agent_id=offer.agent_id,
        host=offer.hostname,
        fields=dict(placed.fields),
        ports=placed.ports,
        role=offer.role,
        staged_at=now,
        parts={}
        if placed.app.pod is None
        else {one.name: Part(since=now) for one in podspec.of(placed.app).containers},
    )
