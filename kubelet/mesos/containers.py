"""Which process a Mesos container id means: a pod's container, or a session within one.

A command task's container, and an executor's, goes by its pod's uid (or name); a task of a group by
its container's name, with the pod as its parent; what is launched within one of these has that
one as its parent. Neighbours: `sessions` has what was launched; `calls` answers with both.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.observed import Attempt, Run
from kubelet.worker import PodWorker

Path = tuple[str, ...]
"""A container id with its parents, the outermost first."""
DEPTH_MAX = 8
"""Containers within containers: here there are never more than three."""


@dataclass(frozen=True, slots=True)
class Target:
    """A container of a pod."""

    worker: PodWorker
    name: str

    @property
    def attempt(self) -> Attempt | None:
        """As it is now; None if it never began."""
        return self.worker.ledger.latest(self.name)

    @property
    def running(self) -> bool:
        attempt = self.attempt
        return attempt is not None and attempt.run is Run.RUNNING


def path_of(container_id: JsonObject) -> Path:
    """Of a ContainerID message; empty if it makes no sense."""
    found: list[str] = []
    one: JsonObject | None = container_id
    while one is not None and len(found) <= DEPTH_MAX:
        found.insert(0, str(one["value"]))
        one = one.get("parent")
    return tuple(found) if all(found) and len(found) <= DEPTH_MAX else ()


def message_of(path: Path) -> JsonObject:
    """The ContainerID message."""
    found: JsonObject = {"value": path[-1]}
    return found | {"parent": message_of(path[:-1])} if path[1:] else found


class Containers:
    """The containers of a node's tasks."""

    def __init__(self, workers: Callable[[], Iterable[PodWorker]]) -> None:
        """`workers` tells the pods that are frameworks'."""
        self._workers = workers

    def find(self, path: Path) -> Target | None:
        """A pod's container, or None if it is nothing or a session."""
        if not path or path[2:]:
            return None
        for worker in self._workers():
            if path[0] not in (worker.uid, reading.name(worker.pod)):
                continue
            names = [str(spec["name"]) for spec in worker.pod["spec"]["containers"]]
            if not path[1:]:
                return Target(worker, names[0])
            return Target(worker, path[1]) if path[1] in names else None
        return None
