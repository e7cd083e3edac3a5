"""One instance of an app, from the launch until its end is known. Pure.

What has ended is no instance any more: `after` answers None. Neighbours: `state` keeps them,
`health` says what its checks found, `rolling` counts them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from frameworks.marathon import health
from frameworks.marathon.base import JsonObject
from frameworks.marathon.health import Result
from frameworks.marathon.spec import App
from offers.sdk import ENDS, TaskStatus

STAGED = frozenset(("TASK_STAGING", "TASK_STARTING"))
GONE = ENDS | {"TASK_UNKNOWN"}
"""States after which there is nothing any more; of what is UNKNOWN nobody knows."""
SICK = GONE - {"TASK_FINISHED", "TASK_KILLED"}
"""Ends of a container that the others follow."""
ORDER = ("TASK_UNREACHABLE", "TASK_STAGING", "TASK_STARTING", "TASK_KILLING", "TASK_RUNNING")
"""Of a pod's containers the first of these speaks for all."""
FAILURES = frozenset(("TASK_FAILED", "TASK_ERROR", "TASK_FINISHED", "TASK_DROPPED", "TASK_GONE"))
"""Ends that delay the next launch: an app runs on, so even to finish is to fail."""


@dataclass(frozen=True, slots=True)
class Part:
    """One container of a pod's instance: a task of its own."""

    state: str = "TASK_STAGING"
    since: float = 0.0
    healthy: bool | None = None
    message: str = ""

    @property
    def over(self) -> bool:
        return self.state in GONE


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance; its task has the same life. A pod's has a task for each of its containers."""

    task_id: str
    app_id: str
    version: str
    config: str
    """The app's configuration when it was launched."""
    agent_id: str
    host: str
    fields: Mapping[str, str]
    """The agent's attributes, for constraints."""
    ports: tuple[int, ...]
    role: str
    staged_at: float
    state: str = "TASK_STAGING"
    started_at: float | None = None
    addresses: tuple[str, ...] = ()
    health: tuple[Result, ...] = ()
    """One for each of the app's checks, once any is known."""
    ready: bool = False
    """Whether its readiness check has passed."""
    killed_at: float | None = None
    """When its end was first asked for."""
    unreachable_at: float | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)
    """A pod's containers, once anything is known of them."""

    @property
    def id(self) -> str:
        """The instance's own id; the task is its first part."""
        return self.task_id.partition("._app.")[0]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Ids of its tasks that are not known to be over."""
        if not self.parts:
            return (self.task_id,)
        living = [name for name, part in self.parts.items() if not part.over]
        return tuple(container_task(self.task_id, name) for name in living)

    @property
    def running(self) -> bool:
        return self.state == "TASK_RUNNING"

    @property
    def leaving(self) -> bool:
        return self.killed_at is not None

    def healthy(self, app: App) -> bool:
        """Whether it does its work: it runs, and all checks that there are have passed."""
        if not self.running or self.leaving:
            return False
        return not app.checked or self.alive(app) is True

    def alive(self, app: App) -> bool | None:
        """What the checks say together; None while some have not said anything."""
        results = self.health[: len(app.health_checks)]
        if any(result.alive is False for result in results):
            return False
        passed = [result.alive for result in results]
        return (
            True if app.checked and len(passed) == len(app.health_checks) and all(passed) else None
        )

    def up(self, app: App) -> bool:
        """Whether a deployment need wait for it no longer."""
        return self.healthy(app) and (self.ready or not app.readiness_checks)

    def inactive(self, app: App, now: float) -> bool:
        """Out of sight for so long that another one shall do its work."""
        if self.unreachable_at is None or app.unreachable_strategy == "disabled":
            return False
        return now >= self.unreachable_at + app.unreachable_strategy.inactive_after_seconds

    def expunged(self, app: App, now: float) -> bool:
        """Out of sight for so long that it is forgotten."""
        if self.unreachable_at is None or app.unreachable_strategy == "disabled":
            return False
        return now >= self.unreachable_at + app.unreachable_strategy.expunge_after_seconds

    # --- at rest

    def wire(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def read(cls, obj: JsonObject) -> Self:
        return cls(
            **{
                **obj,
                "ports": tuple(obj["ports"]),
                "addresses": tuple(obj["addresses"]),
                "health": tuple(Result(**one) for one in obj["health"]),
                "parts": {name: Part(**one) for name, one in obj.get("parts", {}).items()},
            }
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """How an app's last instance that failed came to its end."""

    app_id: str
    task_id: str
    host: str
    agent_id: str
    state: str
    message: str
    timestamp: str
    version: str

    def wire(self) -> JsonObject:
        return {
            "appId": self.app_id,
            "host": self.host,
            "message": self.message,
            "state": self.state,
            "taskId": self.task_id,
            "instanceId": self.task_id.partition("._app.")[0],
            "slaveId": self.agent_id,
            "timestamp": self.timestamp,
            "version": self.version,
        }


def after(old: Instance, status: TaskStatus, app: App | None, now: float) -> Instance | None:
    """The instance after an update of its task; None once it has ended."""
    if status.state in GONE:
        return None
    if status.state == "TASK_UNREACHABLE":
        since = now if old.unreachable_at is None else old.unreachable_at
        return replace(old, state=status.state, unreachable_at=since)
    new = replace(
        old,
        state=status.state,
        unreachable_at=None,
        agent_id=status.agent_id or old.agent_id,
        addresses=addresses(status.raw) or old.addresses,
    )
    if new.running and new.started_at is None:
        new = replace(new, started_at=now)
    healthy = status.raw.get("healthy")
    if healthy is not None and app is not None:
        new = replace(new, health=health.from_executor(new.health, app, now, alive=bool(healthy)))
    return new


def container_task(instance_id: str, container: str) -> str:
    """The id of a container's task."""
    return f"{instance_id}.{container}.1"


def owner(task_id: str) -> tuple[str, str]:
    """Which instance a task is of, by its key, and which container of it (of an app's: none)."""
    head, _, number = task_id.rpartition(".")
    instance_id, _, container = head.rpartition(".")
    if number != "1" or not instance_id or container == "_app":
        return task_id, ""
    return instance_id, container


def part_after(
    old: Instance, container: str, status: TaskStatus, now: float
) -> tuple[Instance | None, TaskStatus]:
    """A pod's instance after an update of one container; None once all have ended.

    With it the update that tells of the whole: of the first that failed, when it is over.
    """
    before = old.parts.get(container, Part())
    healthy = status.raw.get("healthy")
    known = before.healthy if healthy is None else bool(healthy)
    if before.state == status.state:
        # A check's result or a reconciliation: it says nothing of how the container came here.
        part = replace(before, healthy=known)
    else:
        part = Part(status.state, now, known, status.message)
    parts = {**old.parts, container: before if before.over else part}
    states = [one.state for one in parts.values()]
    if all(one.over for one in parts.values()):
        bad = next((one for one in parts.values() if one.state in SICK), None)
        told = next(iter(parts.values())) if bad is None else bad
        return None, replace(status, state=told.state, message=told.message)
    whole = next((one for one in ORDER if one in states), status.state)
    new = after(old, replace(status, state=whole, raw={**status.raw, "healthy": None}), None, now)
    assert new is not None, "it is not over"
    results = [
        health.Result(alive=one.healthy) for one in parts.values() if one.healthy is not None
    ]
    return replace(new, parts=parts, health=tuple(results)), replace(status, state=whole)


def addresses(status: JsonObject) -> tuple[str, ...]:
    """Where the task is reached, as its executor says."""
    infos = (status.get("container_status") or {}).get("network_infos") or ()
    return tuple(
        str(one["ip_address"])
        for info in infos
        for one in info.get("ip_addresses") or ()
        if one.get("ip_address")
    )


def address(text: str) -> dict[str, str]:
    """An address as the API writes it."""
    return {"ipAddress": text, "protocol": "IPv6" if ":" in text else "IPv4"}
