"""Runs frameworks' tasks: their pods, their durable records, their status updates.

One loop over runs (a run is a pod and the tasks in it): look at the pod, conclude, write what is
news into the Task objects, then tell the framework. A Task is written before its pod is made, a
kill before the pod is deleted, an update before it is sent; so whoever starts again finds all of
it. Neighbours: `accept`, `pods`, `observe` (pure), `record` (a task), `delivery` (updates on their
way); `offers.frameworks` knows who listens; `offers.master` keeps the books.
"""

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from apimachinery import scheme, status
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.client.workqueue import WorkQueue
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from offers import identity, messages, parts, resources
from offers.framework import Framework, usage
from offers.frameworks import Frameworks
from offers.master import OfferMaster
from offers.resources import Vector
from offers.tasks import loop, observe, operations, pods, record, states
from offers.tasks.accept import Known, Launched
from offers.tasks.containers import Place
from offers.tasks.delivery import Deliveries
from offers.tasks.executors import Executors, pod_name
from offers.tasks.journal import Journal
from offers.tasks.observe import Conclusion, PodView
from offers.tasks.reach import Reach
from offers.tasks.record import Task
from offers.tasks.ties import Ties

LOG = logging.getLogger(__name__)

WORKERS = 64
"""Runs worked on at once: each waits for the API most of its time."""
COMPLETED_KEPT = 1000
"""Tasks that are over, kept for those who look on."""
FINISHED_PODS_KEPT = 50
"""Pods of tasks that are over and acknowledged, kept so that their logs can be read."""
ACK_DELAY_S = 1.0
"""Acknowledgements alone are written this late: a new state takes them along."""
LOST_SEEN_S = 5.0
"""A pod that was made and is not in the mirror: how long the mirror may lag behind."""


@dataclass(frozen=True, slots=True)
class Run:
    """A launch on its way: what, for whom, where, and how it is booked."""

    launched: Launched
    role: str
    node: str
    pod: str
    launches: tuple[messages.Launch, ...]


class TaskService:
    """See the module's docstring."""

    def __init__(
        self,
        client: Client,
        master: OfferMaster,
        frameworks: Frameworks,
        pod_mirror: Informer[PodView],
        executor_mirror: Informer[JsonObject],
        *,
        node_exists: Callable[[str], bool],
        hostname_of: Callable[[str], str],
        place: Place,
        clock: Clock | None = None,
    ) -> None:
        self.tasks: dict[tuple[str, str], Task] = {}
        self.completed: deque[Task] = deque(maxlen=COMPLETED_KEPT)
        self._client, self._master, self._frameworks = client, master, frameworks
        self._pods = pod_mirror
        self._node_exists, self._place = node_exists, place
        self._clock = clock or SystemClock()
        self._runs: dict[str, list[Task]] = {}
        """Pod ("namespace/name") → its tasks, in the order of its containers."""
        self._queue = WorkQueue()
        self._finished: deque[str] = deque()
        self._deliveries = Deliveries(frameworks.get)
        self._seen: set[str] = set()
        """Runs whose pod was in the mirror once."""
        self._missing: dict[str, float] = {}
        """Runs whose pod was made but is not in the mirror yet → since when (monotonic)."""
        self.journal = Journal(client)
        ties = Ties(
            client=client,
            master=master,
            frameworks=frameworks,
            pods=pod_mirror,
            objects=executor_mirror,
            journal=self.journal,
            deliveries=self._deliveries,
            tasks=self.tasks,
            completed=self.completed,
            node_exists=node_exists,
            hostname_of=hostname_of,
            place=place,
            retire=self._finished.append,
            clock=self._clock,
        )
        self.executors = Executors(ties)
        self.reach = Reach(ties, self._touch, self.kill)
        self._doomed: dict[str, float] = {}
        """Runs whose pod's deletion was asked for → with which grace."""
        frameworks.on_removed = self.remove_framework
        frameworks.usage_of = self.usage_of

    # --- what others ask

    def role_of_pod(self, key: str) -> str:
        """The role that pays for a pod; empty if it is none of ours."""
        tasks = self._runs.get(key)
        if tasks:
            return tasks[0].role
        executor = self.executors.all.get(key)
        return executor.role if executor is not None else ""

    def of_framework(self, framework_id: str) -> list[Task]:
        return [task for task in self.tasks.values() if task.framework_id == framework_id]

    def known(self, framework: Framework, node: str) -> Known:
        """What an ACCEPT is checked against."""
        ids = {task.task_id for task in self.of_framework(framework.id)}
        executors = self.executors.on(framework.id, node)
        infos = {executor_id: one.info for executor_id, one in executors.items()}
        account = self._master.ledger.accounts.get(node)
        volumes = operations.volumes_of(account.capacity) if account else set()
        return Known(
            ids,
            infos,
            uses_host=framework.uses_host,
            principal=framework.principal,
            volumes=volumes,
            in_use=operations.volumes_in_use(self._master.ledger, node),
        )

    def amount_of_pod(self, key: str) -> Vector | None:
        """What a pod holds, where it is more than its requests say; None if it is not."""
        tasks = self._runs.get(key)
        if not tasks:
            return None
        amount, _ = pods.charge([task.info for task in tasks], tasks[0].executor)
        return amount if parts.is_mixed(amount) else None

    def usage_of(self, framework_id: str) -> JsonObject:
        """What a Framework's status tells of its tasks."""
        # What is out of reach is no part of the cluster.
        running = [
            task
            for task in self.of_framework(framework_id)
            if not task.over and task.unreachable_since is None
        ]
        total: Vector = {}
        for task in running:
            total = resources.add(total, parts.folded(task.amounts[0]))
        return usage(len(running), total)

    async def restore(self) -> None:
        """Read the Task objects of before; runs without a pod hold their resources again."""
        await self.executors.restore()
        for obj in (await self._client.list(scheme.TASKS))["items"]:
            task = record.from_object(obj)
            if task.custom:
                self.tasks[task.framework_id, task.task_id] = task
                self.executors.adopt(task)
            else:
                self._add(task)
        for key, tasks in self._runs.items():
            tasks.sort(key=lambda task: task.index)
            if not tasks[0].pod_made and not all(task.over for task in tasks):
                amount, ports = pods.charge([t.info for t in tasks], tasks[0].executor)
                launch = messages.Launch(_provisional(key), tasks[0].role, amount, ports)
                self._master.assume(launch, tasks[0].node)

    def _add(self, task: Task) -> None:
        self.tasks[task.framework_id, task.task_id] = task
        self._runs.setdefault(f"{task.namespace}/{task.pod}", []).append(task)

    def prepare(self, framework: Framework, launched: Launched, role: str, node: str) -> Run:
        """How a launch is booked until its pod exists."""
        pod = self._pod_name(framework, launched)
        if launched.custom:
            booked = self.executors.bookings.launches(framework, launched, role, pod)
        else:
            key = _provisional(f"{framework.namespace}/{pod}")
            booked = [messages.Launch(key, role, launched.amount, launched.ports)]
        return Run(launched, role, node, pod, tuple(booked))

    def launch(self, framework: Framework, run: Run) -> None:
        """Take over tasks whose resources are booked."""
        launched = run.launched
        if launched.custom:
            self.executors.launch(framework, launched, run.role, run.node, run.pod)
            return
        token = secrets.token_hex(8)
        for index, info in enumerate(launched.tasks):
            self._add(
                Task(
                    framework_id=framework.id,
                    task_id=info["task_id"]["value"],
                    info=info,
                    node=run.node,
                    role=run.role,
                    namespace=framework.namespace,
                    pod=run.pod,
                    run=token,
                    index=index,
                    executor=launched.executor,
                )
            )
        self._queue.add(f"{framework.namespace}/{run.pod}")

    @staticmethod
    def _pod_name(framework: Framework, launched: Launched) -> str:
        if launched.custom and launched.executor is not None:
            return pod_name(framework, launched.executor)
        ids = [info["task_id"]["value"] for info in launched.tasks]
        return identity.object_name(framework.id, framework.info["name"], ids[0], *ids[1:2])

    def kill(self, framework: Framework, task_id: str, node: str, grace: float | None) -> bool:
        """KILL; False if the task is unknown."""
        task = self.tasks.get((framework.id, task_id))
        if task is None:
            return False
        if node and node != task.node:
            return True  # a wrong agent: ignored, as in Mesos
        if task.custom:
            self.executors.kill(task, grace)
            return True
        for other in self._runs[f"{task.namespace}/{task.pod}"]:
            if not other.over:
                other.kill = True
                other.kill_grace = pods.grace_of(other.info) if grace is None else grace
        if "TASK_KILLING_STATE" in framework.capabilities:
            killing = Conclusion(states.KILLING)
            task.advance(killing, self._clock.now(), framework.capabilities)
        self._queue.add(f"{task.namespace}/{task.pod}")
        return True

    def acknowledge(self, framework: Framework, task_id: str, update: str) -> None:
        """ACKNOWLEDGE; one that fits no update is ignored."""
        task = self.tasks.get((framework.id, task_id))
        if task is None:
            self.executors.acknowledged_late(framework.id, task_id, update)
        if task is None or not task.acknowledge(update):
            return
        self._deliveries.acknowledged(task)
        if task.custom:
            self.executors.acknowledged(task, update)
            return
        key = f"{task.namespace}/{task.pod}"
        if task.over and not task.pending:
            self._queue.add(key)
        else:
            self._queue.add_after(key, ACK_DELAY_S)

    def connected(self, framework: Framework) -> None:
        """The framework is back: what it has not acknowledged comes again."""
        for task in self.of_framework(framework.id):
            self._deliveries.again(task)

    def remove_framework(self, framework: Framework) -> None:
        """Its tasks end, and nobody will acknowledge it."""
        for task in self.of_framework(framework.id):
            task.kill = True
            self._deliveries.forget(task)
            if not task.custom:
                self._queue.add(f"{task.namespace}/{task.pod}")
        self.executors.remove_framework(framework)

    def _touch(self, task: Task) -> None:
        if task.custom:
            self.executors.touch(f"{task.namespace}/{task.pod}")
        else:
            self._queue.add(f"{task.namespace}/{task.pod}")

    # --- the loop

    async def run(self) -> None:
        """Work for ever; the pods' mirror must run beside this."""
        await self._pods.synced()
        self._pods.add_handler(self._pod_changed)
        for key in self._runs:
            self._queue.add(key)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.executors.run())
            for _ in range(WORKERS):
                group.create_task(loop.work(self._queue, self._step, "task pod"))

    def _pod_changed(self, key: str, old: PodView | None, new: PodView | None) -> None:
        del old
        if key in self._runs:
            self._queue.add(key)
        elif key in self.executors.all:
            self.executors.touch(key)
        elif new is not None and new.ended:
            self._finished.append(key)

    async def _step(self, key: str) -> None:
        tasks = self._runs.get(key)
        if not tasks:
            return
        framework = self._frameworks.get(tasks[0].framework_id)
        if framework is None:
            # Its object was deleted: the pods go with it, and nobody is left to hear of it.
            await self._erase(key, tasks)
            return
        await self.journal.create(tasks, framework)
        if not tasks[0].pod_made and not all(task.over for task in tasks):
            await self._begin(key, tasks, framework)
        self._look(key, tasks, framework)
        if await self.journal.update(tasks):
            self._frameworks.touch(framework)
        await self._end_if_asked(key, tasks)
        for task in tasks:
            if framework.removed:
                task.pending.clear()
            else:
                self._deliveries.send(task)
        if all(task.over and not task.pending for task in tasks):
            await self._erase(key, tasks)

    async def _begin(self, key: str, tasks: list[Task], framework: Framework) -> None:
        """Make the pod, unless it is to end before it began."""
        if any(task.kill for task in tasks):
            during = Conclusion(states.KILLED, reason="REASON_TASK_KILLED_DURING_LAUNCH")
            self._conclude(tasks, during, framework)
            self._release(key)
            return
        first = tasks[0]
        infos = [task.info for task in tasks]
        manifest = pods.pod(
            first.pod, first.namespace, first.node, first.run, framework.owner, infos,
            first.executor, self._place,
        )  # fmt: skip
        try:
            client = self._frameworks.client_of(framework)
            made = await self._create_pod(client, key, manifest, first.run)
        except (status.Invalid, status.BadRequest, status.Forbidden) as error:
            self._conclude(tasks, observe.refused(error), framework)
            self._release(key)
            return
        self._master.ledger.rename(_provisional(key), made["metadata"]["uid"])
        for task in tasks:
            task.pod_made = True
        begun = Conclusion(states.STARTING, container=made["metadata"]["uid"])
        self._conclude(tasks, begun, framework)

    async def _create_pod(
        self, client: Client, key: str, manifest: JsonObject, run: str
    ) -> JsonObject:
        namespace, _, name = key.partition("/")
        for _ in range(2):
            try:
                return await client.create(scheme.PODS, manifest)
            except status.AlreadyExists:
                there = await self._client.get(scheme.PODS, name, namespace)
                annotations = there["metadata"].get("annotations") or {}
                if annotations.get(marks.RUN) == run:
                    return there  # ours, whose answer was lost
                await self._delete_pod(key, 0)
        return await client.create(scheme.PODS, manifest)

    def _look(self, key: str, tasks: list[Task], framework: Framework) -> None:
        """Conclude from the pod, or from its absence."""
        pod = self._pods.get(key)
        if pod is not None and pod.run != tasks[0].run:
            return  # of an earlier launch: ours will show up
        if pod is None:
            self._miss(key, tasks, framework)
            return
        self._seen.add(tasks[0].run)
        for task in tasks:
            seen = observe.conclude(pod, task.container, killed=task.kill, checked=task.checked)
            task.advance(seen, self._clock.now(), framework.capabilities)
        if len(tasks) > 1 and any(t.over and t.state != states.FINISHED for t in tasks):
            # In a group one that fails takes the others along.
            for task in tasks:
                task.kill = True

    def _miss(self, key: str, tasks: list[Task], framework: Framework) -> None:
        if not tasks[0].pod_made or all(task.over for task in tasks):
            return
        run, now = tasks[0].run, self._clock.monotonic()
        if run not in self._seen:
            # The mirror may lag behind the creation; if the pod never shows up, it is gone.
            since = self._missing.setdefault(run, now)
            if now - since < LOST_SEEN_S:
                self._queue.add_after(key, since + LOST_SEEN_S - now)
                return
        for task in tasks:
            left = not self._node_exists(task.node)
            end = observe.vanished(killed=task.kill, node_left=left)
            task.advance(end, self._clock.now(), framework.capabilities)

    def _conclude(self, tasks: Iterable[Task], seen: Conclusion, framework: Framework) -> None:
        for task in tasks:
            task.advance(seen, self._clock.now(), framework.capabilities)

    def _release(self, key: str) -> None:
        """Nothing will run: what was booked is free again."""
        framework_id = self._runs[key][0].framework_id
        if not self._master.call(framework_id, messages.Abandon((_provisional(key),))):
            self._master.ledger.gone(_provisional(key))

    async def _end_if_asked(self, key: str, tasks: list[Task]) -> None:
        """Delete the pod once a kill is on record, or when it waits in vain."""
        pod = self._pods.get(key)
        if pod is None or pod.run != tasks[0].run or pod.ended:
            return
        if any(task.kill for task in tasks):
            graces = [task.kill_grace for task in tasks if task.kill_grace is not None]
            grace = min(graces) if graces else max(pods.grace_of(task.info) for task in tasks)
        elif all(task.over for task in tasks):
            grace = 0.0
        else:
            return
        if self._doomed.get(key, float("inf")) <= grace:
            return
        await self.journal.doom(tasks)
        await self._delete_pod(key, grace)
        self._doomed[key] = grace

    async def _delete_pod(self, key: str, grace: float) -> None:
        namespace, _, name = key.partition("/")
        with contextlib.suppress(status.NotFound):
            await self._client.delete(
                scheme.PODS, name, namespace, grace_period=0 if grace <= 0 else max(1, round(grace))
            )

    async def _erase(self, key: str, tasks: list[Task]) -> None:
        """All is over and known: forget the run, and old pods with it."""
        pod = self._pods.get(key)
        if pod is not None and not pod.ended and not pod.deleting and tasks[0].pod_made:
            await self._delete_pod(key, 0.0)
        for task in tasks:
            await self.journal.delete(task)
            self.tasks.pop((task.framework_id, task.task_id), None)
            self._deliveries.forget(task)
            self.completed.append(task)
        self._runs.pop(key, None)
        self._seen.discard(tasks[0].run)
        self._missing.pop(tasks[0].run, None)
        self._doomed.pop(key, None)
        if pod is not None:
            self._finished.append(key)
        while len(self._finished) > FINISHED_PODS_KEPT:
            old = self._finished.popleft()
            if old not in self._runs:
                await self._delete_pod(old, 0.0)


def _provisional(key: str) -> str:
    """How a run is booked before its pod has a uid."""
    return f"task:{key}"
