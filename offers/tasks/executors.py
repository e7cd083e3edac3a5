"""Runs custom executors: their pods, their Executor objects, the tasks under them.

One loop over executors, of the same shape as that of `service`: look at the pod and at what the
agent says, conclude, write, tell the framework. An executor lives until it ends by itself, is shut
down, or its framework is removed; its tasks are charged one by one as they come and go. Neighbours:
`executor` (pure record), `executor_pod` (manifest), `bookings`, `late`, `journal`, `delivery`; the
agent's end of the line is `kubelet.mesos`.
"""

import asyncio
import contextlib
import logging
import secrets

from apimachinery import scheme, status
from apimachinery.client.workqueue import WorkQueue
from apimachinery.wire import JsonObject
from offers import identity
from offers.framework import Framework
from offers.tasks import executor as records
from offers.tasks import executor_pod, late, loop, observe, states
from offers.tasks.accept import Launched
from offers.tasks.bookings import Bookings
from offers.tasks.executor import Executor
from offers.tasks.late import Late
from offers.tasks.observe import Conclusion
from offers.tasks.record import Task
from offers.tasks.ties import Ties

LOG = logging.getLogger(__name__)

WORKERS = 8
REGISTRATION_S = 60.0
"""An executor that runs and has not subscribed by then is no good: Mesos' own."""
LOST_SEEN_S = 5.0
"""A pod that was made and is not in the mirror: how long the mirror may lag behind."""


class Executors:
    """See the module's docstring."""

    def __init__(self, ties: Ties) -> None:
        self._ties = ties
        self.bookings, self._late = Bookings(ties.master), Late(ties.clock)
        self.all: dict[str, Executor] = {}
        """By key: "namespace/pod"."""
        self._queue = WorkQueue()
        self._seen: set[str] = set()
        """Those whose pod was in the mirror once."""
        self._since: dict[str, float] = {}
        """When (monotonic) a pod was first missed, an executor first waited for, told to end."""
        self._deleted: set[str] = set()

    # --- what others ask

    def on(self, framework_id: str, node: str) -> dict[str, Executor]:
        """A framework's living executors on a node, by id."""
        return {
            one.executor_id: one
            for one in self.all.values()
            if (one.framework_id, one.node) == (framework_id, node)
            if not one.ended and not one.shutdown
        }

    def of_task(self, task: Task) -> Executor | None:
        return self.all.get(f"{task.namespace}/{task.pod}")

    def touch(self, key: str, delay: float = 0.0) -> None:
        self._queue.add_after(key, delay) if delay else self._queue.add(key)

    def launch(
        self, framework: Framework, launched: Launched, role: str, node: str, pod: str
    ) -> None:
        """Take over tasks whose resources are booked."""
        assert launched.executor is not None, "a custom launch names its executor"
        executor_id = launched.executor["executor_id"]["value"]
        executor = self.on(framework.id, node).get(executor_id)
        if executor is None:
            executor = self._start(framework, launched.executor, role, node, pod)
        tasks = [
            Task(
                framework_id=framework.id,
                task_id=info["task_id"]["value"],
                info=info,
                node=node,
                role=role,
                namespace=executor.namespace,
                pod=executor.pod,
                run=secrets.token_hex(8),
                executor=launched.executor if launched.group else None,
            )
            for info in launched.tasks
        ]
        for task in tasks:
            self._ties.tasks[task.framework_id, task.task_id] = task
            self.bookings.charge(task)
        executor.launch(tasks, group=launched.group)
        self.touch(executor.key)

    def _start(
        self, framework: Framework, info: JsonObject, role: str, node: str, pod: str
    ) -> Executor:
        executor = Executor(
            framework_id=framework.id,
            executor_id=info["executor_id"]["value"],
            info={"type": "CUSTOM", **info, "framework_id": {"value": framework.id}},
            framework=framework.info,
            node=node,
            role=role,
            namespace=framework.namespace,
            pod=pod,
            run=secrets.token_hex(8),
        )
        self.all[executor.key] = executor
        return executor

    def kill(self, task: Task, grace: float | None) -> None:
        executor = self.of_task(task)
        if executor is not None:
            executor.kill(task.task_id, grace)
            self.touch(executor.key)

    def acknowledged(self, task: Task, update: str) -> None:
        """The framework has an update of one of the tasks."""
        executor = self.of_task(task)
        if executor is None:
            return
        executor.acknowledge(task.task_id, update)
        self.touch(executor.key)

    def acknowledged_late(self, framework_id: str, task_id: str, update: str) -> None:
        """The framework has an update of a task whose end it knew."""
        for executor in self.all.values():
            mine = executor.framework_id == framework_id
            if mine and self._late.acknowledged(executor, task_id, update):
                executor.acknowledge(task_id, update)
                self.touch(executor.key)

    def message(self, framework: Framework, node: str, executor_id: str, data: str) -> None:
        """MESSAGE: to an executor, if there is one."""
        executor = self.on(framework.id, node).get(executor_id)
        if executor is not None:
            executor.message(data)
            self.touch(executor.key)

    def shutdown(self, framework: Framework, node: str, executor_id: str) -> None:
        """SHUTDOWN: first asked to end, then ended."""
        executor = self.on(framework.id, node).get(executor_id)
        if executor is not None:
            self._shut(executor)

    def remove_framework(self, framework: Framework) -> None:
        for executor in self.all.values():
            if executor.framework_id == framework.id:
                self._shut(executor)

    def _shut(self, executor: Executor) -> None:
        if not executor.shutdown:
            executor.shutdown = executor.dirty = True
            self.touch(executor.key)
            self.touch(executor.key, executor_pod.grace_of(executor.info))

    # --- restarting

    async def restore(self) -> None:
        """Read the Executor objects of before."""
        for obj in (await self._ties.client.list(scheme.EXECUTORS))["items"]:
            executor = records.from_object(obj)
            self.all[executor.key] = executor
            if not executor.pod_made:
                self.bookings.assume(executor)

    def adopt(self, task: Task) -> None:
        """A task of before, under its executor."""
        executor = self.of_task(task)
        if executor is None:
            # Its launch was not on record yet, or its executor is gone: it never ran, or is over.
            executor = self.all.setdefault(f"{task.namespace}/{task.pod}", _orphanage(task))
        executor.tasks[task.task_id] = task
        if not task.over:
            self.bookings.charge(task)

    # --- the loop

    async def run(self) -> None:
        """Work for ever; the mirrors must run beside this."""
        await self._ties.objects.synced()
        self._ties.objects.add_handler(self._changed)
        for key in self.all:
            self.touch(key)
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(loop.work(self._queue, self._step, "executor"))

    def _changed(self, key: str, old: JsonObject | None, new: JsonObject | None) -> None:
        del old, new
        if key in self.all:
            self.touch(key)

    async def _step(self, key: str) -> None:
        executor = self.all.get(key)
        if executor is None:
            return
        ties = self._ties
        framework = ties.frameworks.get(executor.framework_id)
        if framework is None:
            self._forget(executor)  # its objects went with the Framework's
            return
        tasks = list(executor.tasks.values())
        await ties.journal.create(tasks, framework)
        if not executor.ended:
            await self._begin(executor, framework)
            self._look(executor, framework)
        self._listen(executor, framework)
        if executor.dirty and executor.stored:
            await self._write(executor)
        if await ties.journal.update(tasks):
            ties.frameworks.touch(framework)
        for task in tasks:
            if framework.removed:
                task.pending.clear()
            else:
                ties.deliveries.send(task)
        await self._end_if_asked(executor)
        await self._erase(executor)

    async def _begin(self, executor: Executor, framework: Framework) -> None:
        """The object, then the pod; both only once."""
        ties = self._ties
        if not executor.stored:
            executor.dirty = False
            try:
                await ties.client.create(scheme.EXECUTORS, executor.to_object(framework.owner))
            except status.AlreadyExists:
                executor.dirty = True  # ours, whose answer was lost
            executor.stored = True
        if executor.pod_made:
            return
        hostname = ties.hostname_of(executor.node)
        manifest = executor_pod.pod(executor, framework.owner, hostname, ties.place)
        try:
            made = await ties.frameworks.client_of(framework).create(scheme.PODS, manifest)
        except status.AlreadyExists:
            made = await ties.client.get(scheme.PODS, executor.pod, executor.namespace)
        except (status.Invalid, status.BadRequest, status.Forbidden) as error:
            self.bookings.refused(executor)
            wrong = Conclusion(
                states.FAILED, states.AGENT, "REASON_CONTAINER_LAUNCH_FAILED", error.message
            )
            self._over(executor, framework, wrong, 1)
            return
        self.bookings.started(executor, made["metadata"]["uid"])
        executor.pod_made = executor.dirty = True

    # --- what happened

    def _look(self, executor: Executor, framework: Framework) -> None:
        """Whether it has ended."""
        if executor.ended:
            return
        pod = self._ties.pods.get(executor.key)
        if pod is None:
            self._miss(executor, framework)
            return
        self._seen.add(executor.key)
        seen = pod.containers.get("executor")
        if seen is not None and seen.waiting in observe.DOOMED:
            end = observe.conclude(pod, "executor", killed=False, checked=False)
            self._over(executor, framework, end, 1)
        elif pod.ended:
            code = seen.exit_code if seen is not None and seen.exit_code is not None else 1
            end = Conclusion(
                states.FAILED, states.AGENT, "REASON_EXECUTOR_TERMINATED",
                f"Executor terminated: {pod.message or pod.reason or f'exit status {code}'}",
            )  # fmt: skip
            self._over(executor, framework, end, code)
        elif seen is not None and seen.running:
            self._await_subscription(executor, framework)

    def _await_subscription(self, executor: Executor, framework: Framework) -> None:
        if self._said(executor).get("registeredTime"):
            return
        now = self._ties.clock.monotonic()
        since = self._since.setdefault(f"register {executor.key}", now)
        if now - since < REGISTRATION_S:
            self.touch(executor.key, since + REGISTRATION_S - now)
            return
        reason = "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
        message = f"Executor did not subscribe within {REGISTRATION_S:g} s"
        end = Conclusion(states.FAILED, states.AGENT, reason, message)
        self._over(executor, framework, end, 1)

    def _miss(self, executor: Executor, framework: Framework) -> None:
        now = self._ties.clock.monotonic()
        if executor.key not in self._seen and executor.pod_made:
            # The mirror may lag behind the creation; if the pod never shows up, it is gone.
            since = self._since.setdefault(f"pod {executor.key}", now)
            if now - since < LOST_SEEN_S:
                self.touch(executor.key, since + LOST_SEEN_S - now)
                return
        left = not self._ties.node_exists(executor.node)
        end = observe.vanished(killed=executor.shutdown, node_left=left)
        self._over(executor, framework, end, 1)

    def _over(self, executor: Executor, framework: Framework, end: Conclusion, code: int) -> None:
        """It has ended; its last updates come first, then what was left undone."""
        executor.ended = executor.shutdown = executor.dirty = True
        self._listen(executor, framework)
        if framework.removed:
            end = Conclusion(states.KILLED, states.MASTER, "REASON_FRAMEWORK_REMOVED")
        for task in executor.tasks.values():
            task.advance(end, self._ties.clock.now(), framework.capabilities)
            self.bookings.release(task)
        failure = {
            "agent_id": {"value": executor.node},
            "executor_id": {"value": executor.executor_id},
            "status": code << 8 if code < 128 else code - 128,
        }
        framework.send({"type": "FAILURE", "failure": failure})
        LOG.info("executor=%s ended code=%d: %s", executor.key, code, end.message)

    def _listen(self, executor: Executor, framework: Framework) -> None:
        """What the agent says that is news."""
        said = self._said(executor)
        pod = self._ties.pods.get(executor.key)
        addresses = pod.addresses if pod is not None else ()
        executor.take(said, self._ties.clock.now(), framework.capabilities, addresses)
        for data in executor.words(said):
            message = {
                "agent_id": {"value": executor.node},
                "executor_id": {"value": executor.executor_id},
                "data": data,
            }
            framework.send({"type": "MESSAGE", "message": message})
        if self._late.tell(executor, framework):
            self.touch(executor.key, late.AGAIN_S)
        executor.settle(said)
        for task in executor.tasks.values():
            if task.over:
                self.bookings.release(task)

    def _said(self, executor: Executor) -> JsonObject:
        obj = self._ties.objects.get(executor.key)
        found: JsonObject = (obj or {}).get("status") or {}
        return found

    # --- writing

    async def _write(self, executor: Executor) -> None:
        executor.dirty = False
        try:
            with contextlib.suppress(status.NotFound):
                await self._ties.client.patch(
                    scheme.EXECUTORS,
                    executor.pod,
                    {"spec": executor.changing()},
                    executor.namespace,
                )
        except BaseException:
            executor.dirty = True
            raise

    async def _end_if_asked(self, executor: Executor) -> None:
        """Delete the pod of one that ended or had its time to."""
        if not executor.shutdown or executor.key in self._deleted or not executor.pod_made:
            return
        now = self._ties.clock.monotonic()
        since = self._since.setdefault(f"shutdown {executor.key}", now)
        left = since + executor_pod.grace_of(executor.info) - now
        if not executor.ended and left > 0:
            self.touch(executor.key, left)
            return
        pod = self._ties.pods.get(executor.key)
        if pod is None or not pod.ended:
            with contextlib.suppress(status.NotFound):
                await self._ties.client.delete(
                    scheme.PODS, executor.pod, executor.namespace, grace_period=0
                )
        self._deleted.add(executor.key)

    async def _erase(self, executor: Executor) -> None:
        """Forget what the framework knows the end of."""
        for task in list(executor.tasks.values()):
            if task.over and not task.pending:
                await self._ties.journal.delete(task)
                self._drop(executor, task)
                self.touch(executor.key)  # more may have been said of it meanwhile
        if executor.ended and not executor.tasks:
            self._ties.retire(executor.key)
            if executor.stored:
                with contextlib.suppress(status.NotFound):
                    await self._ties.client.delete(
                        scheme.EXECUTORS, executor.pod, executor.namespace
                    )
            self._forget(executor)

    def _forget(self, executor: Executor) -> None:
        for task in list(executor.tasks.values()):
            self.bookings.release(task)
            self._drop(executor, task)
        self.all.pop(executor.key, None)
        self._seen.discard(executor.key)
        self._deleted.discard(executor.key)
        self._late.forget(executor)
        for key in [key for key in self._since if key.split(" ", 2)[1] == executor.key]:
            del self._since[key]

    def _drop(self, executor: Executor, task: Task) -> None:
        executor.tasks.pop(task.task_id, None)
        if self._ties.tasks.get((task.framework_id, task.task_id)) is task:
            del self._ties.tasks[task.framework_id, task.task_id]
        self._ties.deliveries.forget(task)
        self._ties.completed.append(task)


def pod_name(framework: Framework, info: JsonObject) -> str:
    """A new one for each start, so that one that is ending is in nobody's way."""
    executor_id = info["executor_id"]["value"]
    name, salt = framework.info["name"], secrets.token_hex(8)
    return identity.object_name(framework.id, name, executor_id, salt=salt)


def _orphanage(task: Task) -> Executor:
    """Stands in for an executor that left no object: it has ended."""
    info = task.executor or task.info["executor"]
    return Executor(
        framework_id=task.framework_id,
        executor_id=task.executor_id,
        info=info,
        framework={},
        node=task.node,
        role=task.role,
        namespace=task.namespace,
        pod=task.pod,
        run="",
        pod_made=True,
    )
