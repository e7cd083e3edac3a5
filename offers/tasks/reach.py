"""What becomes of the tasks of an agent that is lost, comes back, is taken away or emptied.

Out of reach, tasks may or may not run: frameworks are told so, without anything to acknowledge, and
told again when the agent is back. What operators take away has ended. Neighbours: `agents` and
`maintenance` say what happened; `service` has the tasks and ends those that are killed.
"""

from collections.abc import Callable

from offers.framework import Framework
from offers.tasks import pods, states
from offers.tasks.observe import Conclusion
from offers.tasks.record import Task
from offers.tasks.ties import Ties


class Reach:
    """See the module's docstring."""

    def __init__(
        self,
        ties: Ties,
        touch: Callable[[Task], None],
        kill: Callable[[Framework, str, str, float | None], object],
    ) -> None:
        """`touch` has a task looked at, `kill` is the call of frameworks."""
        self._ties, self._touch, self._kill = ties, touch, kill

    def lost(self, node: str) -> None:
        """A node is out of reach: its tasks may or may not run."""
        now = self._ties.clock.now()
        for framework, task in self._on(node):
            task.unreachable_since = now
            update = task.status(
                states.told(states.UNREACHABLE, framework.capabilities), states.MASTER, now
            )
            update["reason"] = "REASON_AGENT_REMOVED"
            update["message"] = f"Agent {node} is unreachable"
            update["unreachable_time"] = {"nanoseconds": int(now * 1e9)}
            framework.send({"type": "UPDATE", "update": {"status": update}})
            self._ties.frameworks.touch(framework)
        self._fail(node)

    def away(self, node: str) -> None:
        """A node was lost before this master was there; frameworks have heard of that."""
        for _, task in self._on(node):
            task.unreachable_since = self._ties.clock.now()

    def back(self, node: str) -> None:
        """A node answers again: what runs there goes on."""
        for framework, task in self._on(node):
            if task.unreachable_since is None:
                continue
            task.unreachable_since = None
            state = str(task.forwarded.get("state") or states.STAGING)
            update = task.status(state, states.MASTER, self._ties.clock.now())
            update["reason"] = "REASON_AGENT_REREGISTERED"
            framework.send({"type": "UPDATE", "update": {"status": update}})
            self._ties.frameworks.touch(framework)

    def taken(self, node: str, state: str, reason: str, message: str) -> None:
        """An operator takes a node away: its tasks have ended."""
        end = Conclusion(state, states.MASTER, reason, message)
        for framework, task in self._on(node):
            task.advance(end, self._ties.clock.now(), framework.capabilities)
            self._touch(task)
        self._fail(node)

    def drain(self, node: str, grace: float | None) -> None:
        """An operator empties a node: its tasks are killed, no later than `grace` says."""
        for framework, task in self._on(node):
            own = pods.grace_of(task.info)
            task.kill_reason = "REASON_AGENT_DRAINING"
            self._kill(framework, task.task_id, node, own if grace is None else min(own, grace))

    def _fail(self, node: str) -> None:
        for framework in self._ties.frameworks.living():
            framework.send({"type": "FAILURE", "failure": {"agent_id": {"value": node}}})

    def _on(self, node: str) -> list[tuple[Framework, Task]]:
        """The tasks of a node that are not over."""
        return [
            (framework, task)
            for task in self._ties.tasks.values()
            if task.node == node and not task.over
            if (framework := self._ties.frameworks.get(task.framework_id)) is not None
        ]
