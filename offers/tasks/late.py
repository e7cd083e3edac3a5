"""Updates that executors send of tasks that had ended already: passed on until acknowledged.

Mesos forwards them as they are; ours have no Task object any more, so they are remembered by their
executor and said again from time to time. Neighbours: `executors` calls; `executor` has them.
"""

from apimachinery.aio.clock import Clock
from offers.framework import Framework
from offers.tasks.executor import Executor

AGAIN_S = 10.0
"""Until an update that is not acknowledged is sent again."""


class Late:
    """See the module's docstring."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[str, dict[tuple[str, str], float]] = {}
        """Executor → (task, update) → when (monotonic) it was sent last."""

    def tell(self, executor: Executor, framework: Framework) -> bool:
        """Say what is due; whether there is more to say later."""
        if not executor.late or framework.removed:
            executor.late.clear()
            return False
        now = self._clock.monotonic()
        sent = self._sent.setdefault(executor.key, {})
        for key, status in executor.late.items():
            if now >= sent.get(key, -AGAIN_S) + AGAIN_S:
                sent[key] = now
                framework.send({"type": "UPDATE", "update": {"status": status}})
        return True

    def acknowledged(self, executor: Executor, task_id: str, update: str) -> bool:
        """The framework has one; False if this executor sent no such update."""
        if (task_id, update) not in executor.late:
            return False
        del executor.late[task_id, update]
        self._sent.get(executor.key, {}).pop((task_id, update), None)
        return True

    def forget(self, executor: Executor) -> None:
        self._sent.pop(executor.key, None)
