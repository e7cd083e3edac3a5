"""Marathon among faults: lost calls, updates twice and late, dying tasks, crashes of its own.

A master that plays along is driven by a seed, step by step, in virtual time; users change their
minds meanwhile. No launch ever makes more instances than the bounds allow. When the
storm is over everything comes to what was asked for last, and master and Marathon agree. A
failure names its seed.
"""

import random
from collections.abc import Sequence
from itertools import count

import pytest

from frameworks.marathon import rolling, updates
from frameworks.marathon.bus import Bus
from frameworks.marathon.commands import Commands
from frameworks.marathon.deployment import Kind
from frameworks.marathon.engine import Engine
from frameworks.marathon.errors import Locked, NotFound
from frameworks.marathon.journal import Journal
from frameworks.marathon.state import State
from offers.sdk import Offer, Task, TaskStatus

SEEDS = 60
STEPS = 150
CALM_ROUNDS = 100
"""Enough for every deployment to end once nothing goes wrong any more."""
NODES = ("n1", "n2", "n3")


class CrashError(Exception):
    """The process dies here."""


class Disk(Journal):
    """What survives a crash; now and then the crash comes before or after the write."""

    def __init__(self, state: State, rows: dict[tuple[str, str], str], world: "World") -> None:
        self._state, self.rows, self._world = state, rows, world

    async def written(self) -> None:
        if self._state.changed:
            self._world.maybe_crash()
        for kind, key, body in self._state.flush():
            if body is None:
                self.rows.pop((kind, key), None)
            else:
                self.rows[kind, key] = body
        self._world.maybe_crash()


class World:
    """The master, the nodes and the clock; also the engine's calls."""

    def __init__(self, seed: int) -> None:
        self.random, self.numbers, self.time = random.Random(seed), count(), 1000.0
        self.tasks: dict[str, str] = {}
        """States of tasks that exist."""
        self.updates: list[TaskStatus] = []
        self.rows: dict[tuple[str, str], str] = {}
        self.storm = True
        self.boot()

    def boot(self) -> None:
        """Marathon begins, with what is on disk."""
        self.state = State()
        self.state.load((kind, key, body) for (kind, key), body in self.rows.items())
        unique = lambda: str(next(self.numbers))  # noqa: E731  shorter than its name
        disk = Disk(self.state, self.rows, self)
        self.engine = Engine(
            self.state, disk, Bus(lambda: self.time), now=lambda: self.time, unique=unique
        )
        self.commands = Commands(self.engine, unique)

    def maybe_crash(self) -> None:
        if self.storm and self.random.random() < 0.02:
            raise CrashError

    def lost(self) -> bool:
        return self.storm and self.random.random() < 0.1

    # --- calls

    async def accept(self, offer: Offer, tasks: Sequence[Task], refuse_seconds: float) -> None:
        if self.lost():
            return
        for task in tasks:
            assert task.id not in self.tasks, "an id is used once"
            self.tasks[task.id] = "TASK_STAGING"
            self.tell(task.id)

    async def kill(self, task_id: str) -> None:
        if not self.lost():
            self.end(task_id, "TASK_KILLED" if task_id in self.tasks else "TASK_LOST")

    async def decline(self, offers: Sequence[Offer], refuse_seconds: float) -> None: ...
    async def revive(self) -> None: ...
    async def suppress(self) -> None: ...

    # --- events

    def tell(self, task_id: str) -> None:
        self.updates.append(status(task_id, self.tasks[task_id]))

    def end(self, task_id: str, state: str) -> None:
        self.tasks.pop(task_id, None)
        self.updates.append(status(task_id, state))

    async def reconnect(self) -> None:
        """A new session: the master says of each task that is asked for how it stands."""
        self.updates += [
            status(one, self.tasks.get(one, "TASK_UNKNOWN")) for one in self.state.instances
        ]
        self.updates += [status(one, state) for one, state in self.tasks.items()]
        self.engine.session(self)

    async def deliver(self) -> None:
        """The oldest update; sometimes it comes again, since the acknowledgement was lost."""
        if not self.updates:
            return
        one = self.updates[0]
        if not updates.apply(self.engine, one):
            await self.kill(one.task_id)
        await self.engine.journal.written()
        if not self.lost():
            self.updates.remove(one)

    async def offer(self) -> None:
        node = self.random.choice(NODES)
        made = Offer(
            str(next(self.numbers)), node, node, "marathon", 4, 4096, 0, ((20000, 29999),), {}, {}
        )
        before = {app_id: len(self.state.instances.of(app_id)) for app_id in self.state.apps}
        try:
            await self.engine.offered([made])
        finally:
            for app_id, number in before.items():
                if len(self.state.instances.of(app_id)) > number:
                    self.check_bounds(app_id)

    def check_bounds(self, app_id: str) -> None:
        """An app that has just got instances has not got too many."""
        app, mine = self.state.apps[app_id], self.state.instances.of(app_id)
        actions = [a for d in self.state.deployments.values() for a in d.actions]
        if any(a.app_id == app_id and a.kind is Kind.RESTART for a in actions):
            assert len(mine) <= rolling.bounds(app).max_instances
            mine = [one for one in mine if one.config == app.config]
        assert sum(not one.leaving for one in mine) <= app.instances

    def progress(self) -> None:
        """A task begins to run, or in a storm dies."""
        if not self.tasks:
            return
        task_id = self.random.choice(sorted(self.tasks))
        if self.tasks[task_id] == "TASK_STAGING":
            self.tasks[task_id] = "TASK_RUNNING"
            self.tell(task_id)
        elif self.storm and self.random.random() < 0.2:
            self.end(task_id, self.random.choice(("TASK_FAILED", "TASK_FINISHED", "TASK_KILLED")))

    # --- users

    def wish(self) -> None:
        """Somebody wants something else."""
        app_id, draw = self.random.choice(("/a", "/g/b", "/g/c")), self.random.random()
        force = self.random.random() < 0.5
        try:
            if draw < 0.1:
                self.commands.delete(app_id, force=force)
            elif draw < 0.2:
                self.commands.restart(app_id, force=force)
            elif draw < 0.3 and self.state.deployments:
                one = self.random.choice(sorted(self.state.deployments))
                self.commands.cancel(one, force=force)
            elif draw < 0.4:
                self.commands.kill_and_scale(self.state.instances.of(app_id)[:1], force=force)
            else:
                self.commands.put(app_id, self.body(app_id), force=force, partial=True)
        except (NotFound, Locked):
            pass

    def body(self, app_id: str) -> dict[str, object]:
        pick = self.random.choice
        strategy = {
            "minimumHealthCapacity": pick((0, 0.5, 1)),
            "maximumOverCapacity": pick((0, 0.3, 1)),
        }
        body: dict[str, object] = {
            "cmd": "true", "cpus": 0.1, "mem": 1, "instances": pick((0, 1, 2, 5)),
            "env": {"V": pick("12")}, "upgradeStrategy": strategy, "maxLaunchDelaySeconds": 10,
        }  # fmt: skip
        if app_id == "/g/c":
            body["dependencies"] = ["/g/b"]
        return body


def status(task_id: str, state: str) -> TaskStatus:
    return TaskStatus(task_id, state, "", "", "n1", "", {})


async def step(world: World) -> None:
    """One thing happens."""
    world.time += world.random.random() * 2
    draw = world.random.random()
    if draw < 0.1:
        world.wish()
        await world.engine.journal.written()
    elif draw < 0.15:
        await world.reconnect()
    elif draw < 0.35:
        await world.offer()
    elif draw < 0.55:
        await world.deliver()
    elif draw < 0.7:
        world.progress()
    else:
        await world.engine.turn()


async def storm(world: World) -> None:
    world.engine.session(world)
    for _ in range(STEPS):
        try:
            await step(world)
        except CrashError:
            world.boot()
            await world.reconnect()


async def calm(world: World) -> None:
    """Nothing goes wrong any more."""
    world.storm = False
    world.boot()
    await world.reconnect()
    for _ in range(CALM_ROUNDS):
        world.time += 30
        while world.updates:
            await world.deliver()
        await world.engine.turn()
        for _ in NODES:
            await world.offer()
        for task_id in sorted(world.tasks):
            if world.tasks[task_id] == "TASK_STAGING":
                world.tasks[task_id] = "TASK_RUNNING"
                world.tell(task_id)
        await world.engine.turn()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_after_every_storm_all_is_as_it_was_asked_for(seed: int) -> None:
    world = World(seed)
    await storm(world)
    await calm(world)
    state = world.state
    assert not state.deployments
    assert set(state.instances) == set(world.tasks), "master and Marathon agree"
    for app in state.apps.values():
        mine = state.instances.of(app.id)
        assert len(mine) == app.instances
        assert all(one.running and not one.leaving for one in mine)
    assert {one.app_id for one in state.instances.values()} <= set(state.apps)
    stored = State()
    stored.load((kind, key, body) for (kind, key), body in world.rows.items())
    assert dict(stored.instances) == dict(state.instances)
    assert dict(stored.apps) == dict(state.apps)
