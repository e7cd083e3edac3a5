"""A custom executor as the master knows it, and its Executor object. Pure.

The object's spec is ours, its status is the agent's (`kubelet.mesos.executor` is the other end of
the line). What the status shows to be dealt with is taken out of the spec's lists; an update stays
in the status until we say that the framework has acknowledged it. Neighbours: `executors` runs them,
`record` has their tasks, `executor_pod` their pod.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from apimachinery import meta
from apimachinery.wire import JsonObject
from offers import identity
from offers.tasks.record import Task

MESSAGES_MAX = 100
"""Messages that may wait for the executor: nobody promises their delivery."""
LATE_MAX = 100
"""Updates about tasks that are over: more are acknowledged unseen."""


@dataclass(slots=True)
class Executor:
    """One executor of one framework on one node, from launch until all its tasks are known."""

    framework_id: str
    executor_id: str
    info: JsonObject
    """ExecutorInfo, with the framework's id."""
    framework: JsonObject
    """FrameworkInfo."""
    node: str
    role: str
    namespace: str
    pod: str
    run: str
    launches: list[JsonObject] = field(default_factory=list)
    kills: list[JsonObject] = field(default_factory=list)
    acknowledged: list[JsonObject] = field(default_factory=list)
    messages: list[JsonObject] = field(default_factory=list)
    sequence: int = 0
    """Number of the last launch."""
    said: int = 0
    """Number of the framework's last message."""
    heard: int = 0
    """Number of the executor's last message that the framework was sent."""
    shutdown: bool = False
    pod_made: bool = False
    stored: bool = False
    dirty: bool = False
    """Whether the spec is to be written."""
    ended: bool = False
    tasks: dict[str, Task] = field(default_factory=dict)
    """By id: those whose end is not known to the framework."""
    late: dict[tuple[str, str], JsonObject] = field(default_factory=dict)
    """(task, uuid) → what was said of tasks whose end the framework knows: passed on as it is."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.pod}"

    # --- what the framework wants

    def launch(self, tasks: list[Task], *, group: bool) -> None:
        self.sequence += 1
        infos = [_told(task, self.framework_id) for task in tasks]
        self.launches.append({"sequence": self.sequence, "group": group, "tasks": infos})
        self.tasks |= {task.task_id: task for task in tasks}
        self.dirty = True

    def kill(self, task_id: str, grace: float | None) -> None:
        self.kills = [one for one in self.kills if one["taskID"] != task_id]
        self.kills.append({"taskID": task_id, "graceSeconds": grace})
        self.dirty = True

    def message(self, data: str) -> None:
        self.said += 1
        self.messages = [*self.messages, {"sequence": self.said, "data": data}][-MESSAGES_MAX:]
        self.dirty = True

    def acknowledge(self, task_id: str, uuid: str) -> None:
        self.acknowledged.append({"taskID": task_id, "uuid": uuid})
        self.dirty = True

    # --- what the agent says

    def settle(self, status: JsonObject) -> None:
        """Take out of our lists what has been dealt with."""
        before = (
            len(self.launches), len(self.messages), len(self.acknowledged), len(self.kills),
        )  # fmt: skip
        delivered, told = status.get("delivered") or 0, status.get("told") or 0
        self.launches = [one for one in self.launches if one["sequence"] > delivered]
        self.messages = [one for one in self.messages if one["sequence"] > told]
        there = {_name(one) for one in status.get("updates") or ()}
        self.acknowledged = [one for one in self.acknowledged if _key(one) in there]
        living = {task_id for task_id, task in self.tasks.items() if not task.over}
        self.kills = [one for one in self.kills if one["taskID"] in living]
        after = (
            len(self.launches), len(self.messages), len(self.acknowledged), len(self.kills),
        )  # fmt: skip
        self.dirty = self.dirty or before != after

    def take(
        self, status: JsonObject, now: float, capabilities: frozenset[str], addresses: Sequence[str]
    ) -> None:
        """Updates that are news go to their tasks, or are passed on where those are over."""
        done = {_key(one) for one in self.acknowledged}
        for update in status.get("updates") or ():
            task = self.tasks.get(update["task_id"]["value"])
            if _name(update) in done or (task is not None and task.knows(update["uuid"])):
                continue
            if task is None:
                self._take_late(update, now)
            elif not task.over:  # else its end comes first
                task.receive(update, now, capabilities, addresses)

    def _take_late(self, update: JsonObject, now: float) -> None:
        if len(self.late) >= LATE_MAX:
            self.acknowledge(*_name(update))
            return
        where = {"agent_id": {"value": self.node}, "executor_id": {"value": self.executor_id}}
        self.late.setdefault(_name(update), {"timestamp": now, **update, **where})

    def words(self, status: JsonObject) -> list[str]:
        """Messages for the framework that it was not sent yet."""
        found = [one for one in status.get("messages") or () if one["sequence"] > self.heard]
        if found:
            self.heard = found[-1]["sequence"]
            self.dirty = True
        return [one["data"] for one in found]

    # --- the object

    def spec(self) -> JsonObject:
        return {
            "frameworkID": self.framework_id,
            "executorID": self.executor_id,
            "agentID": self.node,
            "role": self.role,
            "pod": self.pod,
            "run": self.run,
            "podCreated": self.pod_made,
            "framework": self.framework,
            "info": self.info,
            **self.changing(),
        }

    def changing(self) -> JsonObject:
        """What of the spec changes."""
        return {
            "podCreated": self.pod_made,
            "launches": list(self.launches),
            "kills": list(self.kills),
            "acknowledged": list(self.acknowledged),
            "messages": list(self.messages),
            "heard": self.heard,
            "shutdown": self.shutdown,
        }

    def to_object(self, owner: identity.Owner) -> JsonObject:
        return identity.owned("Executor", self.namespace, self.pod, owner, self.spec())


def from_object(obj: JsonObject) -> Executor:
    """An Executor object read back after a restart."""
    spec, status = obj["spec"], obj.get("status") or {}
    launches, messages = list(spec.get("launches") or ()), list(spec.get("messages") or ())
    numbers = [one["sequence"] for one in launches]
    said = [one["sequence"] for one in messages]
    return Executor(
        framework_id=spec["frameworkID"],
        executor_id=spec["executorID"],
        info=spec["info"],
        framework=spec["framework"],
        node=spec["agentID"],
        role=spec["role"],
        namespace=meta.namespace(obj),
        pod=spec["pod"],
        run=spec.get("run") or "",
        launches=launches,
        kills=list(spec.get("kills") or ()),
        acknowledged=list(spec.get("acknowledged") or ()),
        messages=messages,
        sequence=max([status.get("delivered") or 0, *numbers]),
        said=max([status.get("told") or 0, *said]),
        heard=spec.get("heard") or 0,
        shutdown=bool(spec.get("shutdown")),
        pod_made=bool(spec.get("podCreated")),
        stored=True,
    )


def _told(task: Task, framework_id: str) -> JsonObject:
    """A TaskInfo as the executor gets it: its executor's framework is filled in."""
    if "executor" not in task.info:
        return task.info
    executor = {**task.info["executor"], "framework_id": {"value": framework_id}}
    return {**task.info, "executor": executor}


def _name(update: JsonObject) -> tuple[str, str]:
    return update["task_id"]["value"], update["uuid"]


def _key(one: JsonObject) -> tuple[str, str]:
    return one["taskID"], one["uuid"]
