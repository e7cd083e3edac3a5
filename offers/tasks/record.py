"""A task as the master knows it: the ordered stream of its updates, and its Task object.

An update is numbered, and its uuid is derived from task, state and number: a master that starts
again sends the same. Update n+1 leaves only when n is acknowledged. Nothing here sends or stores:
`service` does. Neighbours: `observe` says what a pod means; `states` has the words.
"""

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from apimachinery import meta
from apimachinery.wire import JsonObject
from offers import identity, parts, ranges, shapes
from offers.ranges import Ranges
from offers.resources import Vector
from offers.tasks import pods, states
from offers.tasks.observe import Conclusion

NAMESPACE = uuid.UUID("6f1d2c0e-9a57-5c7b-8f0e-0b1e5e7a4d21")
"""Of the uuids of updates."""


@dataclass(slots=True)
class Task:
    """One task of one framework."""

    framework_id: str
    task_id: str
    info: JsonObject
    node: str
    role: str
    namespace: str
    pod: str
    """Name of the pod; tasks of a group share it."""
    run: str
    """Tells this launch from others of the same ids."""
    index: int = 0
    """Which of the pod's containers it is."""
    executor: JsonObject | None = None
    """Of a task group; the same for all its tasks."""
    kill: bool = False
    kill_grace: float | None = None
    kill_reason: str = ""
    """Why, if it was not its framework that asked."""
    state: str = states.STAGING
    """The latest state, whether the framework has heard of it or not."""
    sequence: int = 0
    pending: list[JsonObject] = field(default_factory=list)
    """TaskStatus messages with uuids, not yet acknowledged, oldest first."""
    forwarded: JsonObject = field(default_factory=dict)
    """The last status that was sent."""
    healthy: bool | None = None
    unreachable_since: float | None = None
    stored: bool = False
    """Whether its Task object exists."""
    pod_made: bool = False
    """Whether its pod was created; from then on its absence is its end."""
    written: int = -1
    """Up to which sequence the Task object tells the updates."""
    written_pending: int = -1
    history: list[JsonObject] = field(default_factory=list)
    """Statuses by state, for those who look on."""

    @property
    def name(self) -> str:
        return identity.object_name(self.framework_id, self.task_id)

    @property
    def container(self) -> str:
        return pods.container_name(self.index)

    @property
    def over(self) -> bool:
        return self.state in states.TERMINAL

    @property
    def executor_id(self) -> str:
        inner = self.executor or self.info.get("executor") or {}
        return str((inner.get("executor_id") or {}).get("value") or "")

    @property
    def custom(self) -> bool:
        """Whether it runs under an executor of its framework's own."""
        inner = self.executor or self.info.get("executor")
        return inner is not None and inner.get("type") != "DEFAULT"

    @property
    def checked(self) -> bool:
        return "health_check" in self.info

    @property
    def amounts(self) -> tuple[Vector, Ranges]:
        return shapes.from_mesos(self.info.get("resources") or ())

    def advance(self, seen: Conclusion, now: float, capabilities: frozenset[str]) -> bool:
        """Take a conclusion in; whether it is news, which then waits in `pending`."""
        if self.over:
            return False
        healthy = seen.healthy is not None and seen.healthy != self.healthy
        news = seen.state != self.state
        if seen.state in states.ORDER and states.ORDER[seen.state] <= states.ORDER[self.state]:
            news = False
        if not news and not (healthy and seen.state == self.state == states.RUNNING):
            return False
        if seen.began and states.ORDER[self.state] < states.ORDER[states.RUNNING]:
            running = Conclusion(states.RUNNING, container=seen.container, addresses=seen.addresses)
            self._append(running, "", now, capabilities)
        reason = seen.reason or (self.kill_reason if seen.state == states.KILLED else "")
        if not news:
            reason = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
        if seen.healthy is not None and (news is False or seen.healthy):
            self.healthy = seen.healthy
        self._append(seen, reason, now, capabilities)
        return True

    def _append(
        self, seen: Conclusion, reason: str, now: float, capabilities: frozenset[str]
    ) -> None:
        self.state = seen.state
        self.sequence += 1
        status = self.status(states.told(seen.state, capabilities), seen.source, now)
        if reason:
            status["reason"] = reason
        if seen.message:
            status["message"] = seen.message
        if seen.healthy is False or self.healthy is not None:
            status["healthy"] = bool(seen.healthy)
        if seen.container or seen.addresses:
            status["container_status"] = self._container_status(seen)
        status["uuid"] = self._uuid(seen.state)
        self.pending.append(status)
        self.history.append(status)

    def _container_status(self, seen: Conclusion) -> JsonObject:
        """The pod's uid names its container; a task of a group is a container within."""
        found: JsonObject = {}
        if seen.container:
            found["container_id"] = {"value": seen.container}
            if self.executor is not None and not self.custom:
                found["container_id"] = {"value": self.container, "parent": found["container_id"]}
        if seen.addresses:
            addresses = [
                {"protocol": "IPv6" if ":" in ip else "IPv4", "ip_address": ip}
                for ip in seen.addresses
            ]
            found["network_infos"] = [{"ip_addresses": addresses}]
        return found

    def knows(self, update: str) -> bool:
        """Whether an update with this uuid came before."""
        return any(status.get("uuid") == update for status in (*self.pending, *self.history))

    def receive(
        self,
        update: JsonObject,
        now: float,
        capabilities: frozenset[str],
        addresses: Sequence[str],
    ) -> None:
        """Take in what the task's own executor says, with the executor's uuid."""
        self.state = update["state"]
        self.sequence += 1
        status = {
            "timestamp": now,
            **update,
            "state": states.told(self.state, capabilities),
            "agent_id": {"value": self.node},
            "executor_id": {"value": self.executor_id},
        }
        if addresses and "container_status" not in status:
            seen = Conclusion(self.state, container=self.pod, addresses=tuple(addresses))
            status["container_status"] = self._container_status(seen)
        self.pending.append(status)
        self.history.append(status)

    def _uuid(self, state: str) -> str:
        text = "\0".join((self.framework_id, self.task_id, self.run, state, str(self.sequence)))
        return base64.b64encode(uuid.uuid5(NAMESPACE, text).bytes).decode()

    def status(self, state: str, source: str, now: float) -> JsonObject:
        """A TaskStatus about this task, without uuid: not to be acknowledged."""
        found: JsonObject = {
            "task_id": {"value": self.task_id},
            "state": state,
            "source": source,
            "agent_id": {"value": self.node},
            "timestamp": now,
        }
        if self.executor_id:
            found["executor_id"] = {"value": self.executor_id}
        elif source != states.MASTER:
            # The executor of a command task goes by its task's id.
            found["executor_id"] = {"value": self.task_id}
        return found

    def acknowledge(self, update: str) -> bool:
        """The framework has the first pending update; False if it is not that one."""
        if not self.pending or self.pending[0]["uuid"] != update:
            return False
        self.pending.pop(0)
        return True

    # --- the Task object

    def spec(self) -> JsonObject:
        vector, spans = self.amounts
        found: JsonObject = {
            "frameworkID": self.framework_id,
            "taskID": self.task_id,
            "agentID": self.node,
            "name": self.info["name"],
            "role": self.role,
            "pod": self.pod,
            "container": self.container,
            "run": self.run,
            "index": self.index,
            "resources": _quantities(parts.folded(vector), spans),
            "info": self.info,
        }
        if self.executor_id:
            found["executorID"] = self.executor_id
        if self.executor is not None:
            found["executor"] = self.executor
        if self.kill:
            found["kill"] = True
        return found

    def stored_status(self) -> JsonObject:
        found: JsonObject = {
            "state": self.state,
            "sequence": self.sequence,
            "podCreated": self.pod_made,
            "pending": [_update(status) for status in self.pending],
        }
        if self.forwarded:
            found["forwarded"] = self.forwarded
        if self.history and "message" in self.history[-1]:
            found["message"] = self.history[-1]["message"]
        if self.healthy is not None:
            found["healthy"] = self.healthy
        return found

    def to_object(self, owner: identity.Owner) -> JsonObject:
        return identity.owned("Task", self.namespace, self.name, owner, self.spec())


def from_object(obj: JsonObject) -> Task:
    """A Task object read back after a restart."""
    spec, status = obj["spec"], obj.get("status") or {}
    pending = [update["status"] for update in status.get("pending") or ()]
    forwarded = status.get("forwarded") or {}
    return Task(
        framework_id=spec["frameworkID"],
        task_id=spec["taskID"],
        info=spec["info"],
        node=spec["agentID"],
        role=spec["role"],
        namespace=meta.namespace(obj),
        pod=spec["pod"],
        run=spec.get("run") or "",
        index=spec.get("index") or 0,
        executor=spec.get("executor"),
        kill=bool(spec.get("kill")),
        state=status.get("state") or states.STAGING,
        sequence=status.get("sequence") or 0,
        pending=pending,
        forwarded=forwarded,
        healthy=status.get("healthy"),
        stored=True,
        pod_made=bool(status.get("podCreated")),
        written=status.get("sequence") or 0,
        written_pending=len(pending),
        history=[*([forwarded] if forwarded else []), *pending],
    )


def _update(status: JsonObject) -> JsonObject:
    """What people read beside the whole message."""
    found: JsonObject = {
        "uuid": str(uuid.UUID(bytes=base64.b64decode(status["uuid"]))),
        "state": status["state"],
        "timestamp": meta.format_micro_time(status["timestamp"]),
        "status": status,
    }
    for name in ("reason", "message"):
        if name in status:
            found[name] = status[name]
    return found


def _quantities(vector: Vector, spans: Ranges) -> dict[str, str]:
    found = {
        name: f"{value}m" if name == "cpu" else _bytes(value) for name, value in vector.items()
    }
    if spans:
        found["ports"] = str(ranges.size(spans))
    return found


def _bytes(value: int) -> str:
    return f"{value // shapes.MB}Mi" if value and value % shapes.MB == 0 else str(value)
