"""How custom executors and their tasks are booked: the executor by its pod, each task by itself.

Tasks come and go while their executor's pod stays, so they have entries of their own in the books,
under names that are no pods' uids. Neighbours: `executors` says when, `ledger` has the books.
"""

from offers import identity, messages, shapes
from offers.framework import Framework
from offers.master import OfferMaster
from offers.tasks import pods
from offers.tasks.accept import Launched
from offers.tasks.executor import Executor
from offers.tasks.record import Task


class Bookings:
    """See the module's docstring."""

    def __init__(self, master: OfferMaster) -> None:
        self._master = master

    def launches(
        self, framework: Framework, launched: Launched, role: str, pod: str
    ) -> list[messages.Launch]:
        """How a launch is booked until its pod and its tasks are there."""
        space = framework.namespace
        found = []
        if launched.own is not None:
            own, spans = launched.own, launched.own_ports
            found.append(messages.Launch(provisional(f"{space}/{pod}"), role, own, spans))
        for info in launched.tasks:
            amount, ports = shapes.from_mesos(info.get("resources") or ())
            name = identity.object_name(framework.id, info["task_id"]["value"])
            found.append(messages.Launch(f"task:{space}/{name}", role, amount, ports))
        return found

    def charge(self, task: Task) -> None:
        """A task is its executor's from now on."""
        amount, ports = task.amounts
        self._master.ledger.bound(_name(task), task.node, task.role, amount, ports)

    def release(self, task: Task) -> None:
        """What a task took is free again."""
        uid = _name(task)
        if uid in self._master.ledger.usages and not self._master.call(
            task.framework_id, messages.Abandon((uid,))
        ):
            self._master.ledger.gone(uid)

    def assume(self, executor: Executor) -> None:
        """An executor of before whose pod is yet to be made."""
        amount, ports = pods.charge([], executor.info)
        launch = messages.Launch(provisional(executor.key), executor.role, amount, ports)
        self._master.assume(launch, executor.node)

    def started(self, executor: Executor, uid: str) -> None:
        """Its pod is there."""
        self._master.ledger.rename(provisional(executor.key), uid)

    def refused(self, executor: Executor) -> None:
        """Its pod will never be."""
        self._master.ledger.gone(provisional(executor.key))


def provisional(key: str) -> str:
    """How an executor is booked before its pod has a uid."""
    return f"executor:{key}"


def _name(task: Task) -> str:
    return f"task:{task.namespace}/{task.name}"
