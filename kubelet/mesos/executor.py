"""One custom executor as its agent knows it: what is due to it, what it has said. Pure.

The Executor object is the line to the offer master. Its spec is the master's: launches, kills,
messages, acknowledgements. Its status is ours: what was handed over, and the updates and messages
that the master has not taken yet. Each side takes out of its own lists what the other has dealt
with, so whoever starts again finds everything that is still to be done. Neighbours: `executors`
keeps them all and writes the status; `server` has the connections.
"""

import base64
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from apimachinery.wire import JsonObject

MESSAGES_MAX = 100
"""Messages that may wait for the master: nobody promises their delivery."""
UPDATES_MAX = 10_000
"""Updates that may wait for the framework's acknowledgement: a task has a handful."""
NAMESPACE = uuid.UUID("0b4f7d3c-52b1-5d0e-9a53-7d2e3f1c8a90")
"""Of the uuids of updates that the agent makes itself."""
TERMINAL = frozenset(
    ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED",
     "TASK_GONE")
)  # fmt: skip


class TooManyError(Exception):
    """The executor says more than anybody takes."""


@dataclass(slots=True)
class Executor:
    """See the module's docstring. Methods that return events leave the sending to the caller."""

    key: str
    spec: JsonObject
    connected: bool = False
    registered: str = ""
    delivered: int = 0
    told: int = 0
    said: int = 0
    """Number of its last message."""
    updates: list[JsonObject] = field(default_factory=list)
    messages: list[JsonObject] = field(default_factory=list)
    tasks: dict[str, JsonObject] = field(default_factory=dict)
    """Those that were handed over and are not known to be over, for those who look on."""
    version: int = 0
    """Grows with every change that the master must hear of."""
    written: int = -1
    _kills: set[tuple[str, float | None]] = field(default_factory=set)
    """Kills that were told on this connection."""
    _dropped: set[str] = field(default_factory=set)
    """Tasks that were killed before they were handed over."""
    _shutdown: bool = False

    @property
    def id(self) -> str:
        return str(self.spec["executorID"])

    @property
    def framework_id(self) -> str:
        return str(self.spec["frameworkID"])

    def resume(self, status: JsonObject) -> None:
        """What an earlier agent had written."""
        self.registered = status.get("registeredTime") or ""
        self.delivered, self.told = status.get("delivered") or 0, status.get("told") or 0
        self.updates = list(status.get("updates") or ())
        self.messages = list(status.get("messages") or ())
        heard = int(self.spec.get("heard") or 0)
        self.said = max([heard, *(one["sequence"] for one in self.messages)])
        if status.get("connected"):
            self.version += 1

    def status(self) -> JsonObject:
        """For the object; a merge takes the lists whole."""
        return {
            "connected": self.connected,
            "registeredTime": self.registered or None,
            "delivered": self.delivered,
            "told": self.told,
            "updates": list(self.updates),
            "messages": list(self.messages),
        }

    # --- what the master wants

    def follow(self, spec: JsonObject) -> list[JsonObject]:
        """The spec is this now: events for the executor."""
        self.spec = spec
        heard = int(spec.get("heard") or 0)
        waiting = [one for one in self.messages if one["sequence"] > heard]
        if len(waiting) < len(self.messages):
            self.messages = waiting
            self.version += 1
        return [*self._acknowledged(), *self.due()]

    def _acknowledged(self) -> list[JsonObject]:
        known = {(one["taskID"], one["uuid"]) for one in self.spec.get("acknowledged") or ()}
        done = [one for one in self.updates if (_task(one), one["uuid"]) in known]
        if not done:
            return []
        self.updates = [one for one in self.updates if one not in done]
        self.version += 1
        if not self.connected:
            return []  # it will say again what it does not know to be acknowledged
        return [
            {
                "type": "ACKNOWLEDGED",
                "acknowledged": {"task_id": one["task_id"], "uuid": one["uuid"]},
            }
            for one in done
        ]

    def due(self) -> list[JsonObject]:
        """What is to be handed over; while it is not connected only kills have an effect."""
        killed = {one["taskID"]: one.get("graceSeconds") for one in self.spec.get("kills") or ()}
        events: list[JsonObject] = []
        waiting = [
            one for one in self.spec.get("launches") or () if one["sequence"] > self.delivered
        ]
        for launch in waiting:
            for info in launch["tasks"]:
                if _id(info) in killed and _id(info) not in self._dropped:
                    self._drop(info)
        if not self.connected:
            return events
        for launch in waiting:
            events += self._launch(launch)
        for task_id, grace in killed.items():
            if (task_id, grace) not in self._kills and task_id not in self._dropped:
                self._kills.add((task_id, grace))
                events.append(_kill(task_id, grace))
        for one in self.spec.get("messages") or ():
            if one["sequence"] > self.told:
                self.told = one["sequence"]
                self.version += 1
                events.append({"type": "MESSAGE", "message": {"data": one["data"]}})
        if self.spec.get("shutdown") and not self._shutdown:
            self._shutdown = True
            events.append({"type": "SHUTDOWN"})
        return events

    def _launch(self, launch: JsonObject) -> list[JsonObject]:
        self.delivered = launch["sequence"]
        self.version += 1
        infos = [
            info
            for info in launch["tasks"]
            if _id(info) not in self._dropped and _id(info) not in self.tasks
        ]
        self.tasks |= {_id(info): info for info in infos}
        if launch.get("group"):
            group = {"task_group": {"tasks": infos}}
            return [{"type": "LAUNCH_GROUP", "launch_group": group}] if infos else []
        return [{"type": "LAUNCH", "launch": {"task": info}} for info in infos]

    def _drop(self, info: JsonObject) -> None:
        """Killed before the executor ever heard of it."""
        self._dropped.add(_id(info))
        name = uuid.uuid5(NAMESPACE, "\0".join((self.spec.get("run") or "", _id(info))))
        self.updates.append(
            {
                "task_id": info["task_id"],
                "state": "TASK_KILLED",
                "source": "SOURCE_AGENT",
                "reason": "REASON_TASK_KILLED_DURING_LAUNCH",
                "message": "Killed before delivery to the executor",
                "executor_id": {"value": self.id},
                "uuid": base64.b64encode(name.bytes).decode(),
            }
        )
        self.version += 1

    # --- what the executor says

    def subscribe(
        self, tasks: Iterable[JsonObject], updates: Iterable[JsonObject], now: str
    ) -> list[JsonObject]:
        """It is (again) connected, and knows of these tasks and unacknowledged updates."""
        self.connected = True
        self.registered = self.registered or now
        self._kills.clear()
        self._shutdown = False
        self.version += 1
        for info in tasks:
            self.tasks.setdefault(_id(info), info)
        for update in updates:
            self.update(update["status"])
        return self.due()

    def disconnect(self) -> None:
        self.connected = False
        self.version += 1

    def update(self, status: JsonObject) -> None:
        """An update of one of its tasks; the same once more changes nothing. TooManyError."""
        task_id = _task(status)
        if status["state"] in TERMINAL:
            self.tasks.pop(task_id, None)
        if any(one["uuid"] == status["uuid"] and _task(one) == task_id for one in self.updates):
            return
        if len(self.updates) >= UPDATES_MAX:
            raise TooManyError(f"{UPDATES_MAX} updates wait for an acknowledgement")
        self.updates.append({**status, "executor_id": {"value": self.id}})
        self.version += 1

    def message(self, data: str) -> None:
        """A message for the framework; the oldest is lost where too many wait."""
        self.said += 1
        self.messages = [*self.messages, {"sequence": self.said, "data": data}][-MESSAGES_MAX:]
        self.version += 1


def _id(info: JsonObject) -> str:
    return str(info["task_id"]["value"])


def _task(status: JsonObject) -> str:
    return str(status["task_id"]["value"])


def _kill(task_id: str, grace: float | None) -> JsonObject:
    kill: JsonObject = {"task_id": {"value": task_id}}
    if grace is not None:
        kill["kill_policy"] = {"grace_period": {"nanoseconds": int(grace * 1e9)}}
    return {"type": "KILL", "kill": kill}
