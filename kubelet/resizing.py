"""Brings the running containers of one pod into line with what the node has set aside for it.

A `Resizer` belongs to one pod's worker: it knows what is in force in each container, tells the
runtime of changes and says in conditions how far it got. Containers that want a restart for it are
left to `lifecycle.plan`, which sees another definition. Neighbours: `kubelet.allocation` (pure)
reads the amounts, `kubelet.pods` grants or refuses a resize.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from apimachinery.wire import JsonObject
from kubelet import allocation, resources
from kubelet import desired as reading
from kubelet.attempts import Ledger
from kubelet.desired import Desired
from kubelet.kit import Kit
from kubelet.runtime.config import Resources
from kubelet.runtime.errors import RuntimeDriverError

RETRY_S = 10.0
"""After the runtime refused: memory that is in use may be given back meanwhile."""
PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
DEFERRED, INFEASIBLE = "Deferred", "Infeasible"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the node has not set aside what the spec asks for."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class _Change:
    """One running container whose amounts are not in force yet."""

    container_id: str
    name: str


class Resizer:
    """See the module's docstring."""

    def __init__(self, kit: Kit, pod: JsonObject) -> None:
        self._kit = kit
        self.amounts = allocation.remembered(pod)
        """Set aside by the node."""
        self.in_force = allocation.in_force(pod)
        """By container id."""
        self.refusal: Refusal | None = None
        self._error = ""
        self._retry_at = 0.0

    def applied(self, pod: JsonObject) -> JsonObject:
        """The pod with the amounts that hold on this node."""
        return allocation.applied(pod, self.amounts)

    def differs(self, pod: JsonObject) -> bool:
        """The spec asks for something else than what is set aside."""
        return allocation.asked(pod) != self.amounts

    def grant(self, pod: JsonObject) -> None:
        self.amounts = allocation.asked(pod)
        self.refusal, self._error, self._retry_at = None, "", 0.0

    def started(self, pod: JsonObject, container_id: str, name: str) -> None:
        """A container was made with the amounts of this pod."""
        self.in_force[container_id] = reading.container_spec(pod, name).get("resources") or {}

    def pending(
        self, wanted: Desired, ledger: Ledger, now: float
    ) -> tuple[list[_Change], float | None]:
        """What is to be told to the runtime now, and when to look again if that is later."""
        hashes = {container.name: container.spec_hash for container in wanted.containers}
        running = ledger.running()
        ids = {attempt.id for attempt in running}
        self.in_force = {key: value for key, value in self.in_force.items() if key in ids}
        changes = [
            _Change(attempt.id, attempt.name)
            for attempt in running
            if attempt.name in self.amounts
            and self.in_force.get(attempt.id, self.amounts[attempt.name])
            != self.amounts[attempt.name]
            and attempt.spec_hash in ("", hashes.get(attempt.name))
        ]
        if changes and now < self._retry_at:
            return [], self._retry_at
        return changes, None

    async def carry_out(self, pod: JsonObject, sandbox_id: str, changes: list[_Change]) -> None:
        """Widen the pod's group, change the containers, narrow the group to what is left."""
        pod = self.applied(pod)
        amounts = self.amounts
        try:
            for change in changes:
                await self._refuse_less_than_used(pod, change)
            told = {**amounts, **{c.name: self.in_force.get(c.container_id, {}) for c in changes}}
            before = resources.sandbox_resources(allocation.applied(pod, told))
            after = resources.sandbox_resources(pod)
            await self._kit.driver.update_sandbox_resources(sandbox_id, _widest(before, after))
            for change in changes:
                spec = reading.container_spec(pod, change.name)
                wanted = resources.container_resources(pod, spec, self._kit.capacity.memory_bytes)
                await self._kit.driver.update_container_resources(change.container_id, wanted)
                self.in_force[change.container_id] = amounts[change.name]
            await self._kit.driver.update_sandbox_resources(sandbox_id, after)
        except RuntimeDriverError as error:
            self._error = str(error)
            self._retry_at = self._kit.clock.now() + RETRY_S
            self._kit.warn(pod, "ResizeError", self._error)
        else:
            self._error = ""
            self._kit.tell(pod, "ResizeCompleted", "Pod resize completed")

    async def _refuse_less_than_used(self, pod: JsonObject, change: _Change) -> None:
        """The kernel would kill processes to get below the limit; that is not what was asked."""
        spec = reading.container_spec(pod, change.name)
        limit = resources.container_resources(pod, spec, 0).memory_limit_bytes
        if not limit:
            return
        used = (await self._kit.driver.container_stats(change.container_id)).memory_usage_bytes
        if used > limit:
            raise RuntimeDriverError(
                f"cannot lower the memory limit of container {change.name} to {limit} bytes: "
                f"{used} bytes are in use"
            )

    def conditions(self, running: Mapping[str, str]) -> list[JsonObject]:
        """What is not yet as the spec asks; `running` has names by container id."""
        result: list[JsonObject] = []
        if self.refusal is not None:
            told = {"reason": self.refusal.reason, "message": self.refusal.message}
            result.append({"type": PENDING, **told})
        behind = any(
            self.in_force.get(key, self.amounts.get(name)) != self.amounts.get(name)
            for key, name in running.items()
            if name in self.amounts
        )
        if behind:
            told = {"reason": "Error", "message": self._error} if self._error else {}
            result.append({"type": IN_PROGRESS, **told})
        return result


def _widest(one: Resources, other: Resources) -> Resources:
    """Room for both: a child's limit may at no moment exceed its parent's. 0 is no limit."""
    if one.cpu_period and other.cpu_period and one.cpu_quota and other.cpu_quota:
        quota = max(one.cpu_quota, other.cpu_quota)
    else:
        quota = 0
    both_limited = one.memory_limit_bytes and other.memory_limit_bytes
    memory = max(one.memory_limit_bytes, other.memory_limit_bytes) if both_limited else 0
    return replace(other, cpu_quota=quota, memory_limit_bytes=memory)
