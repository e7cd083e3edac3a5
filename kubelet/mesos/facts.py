"""What this node runs for frameworks, in the shapes of the Mesos agent's endpoints.

Made from the pods' workers and the executors' objects when it is asked for; nothing is kept.
Neighbours: `server` answers with it, `sandbox` has the files.
"""

from collections.abc import Iterator
from pathlib import Path

from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.kit import Kit
from kubelet.mesos.executor import Executor
from kubelet.mesos.executors import Executors
from kubelet.mesos.sandbox import Sandbox
from kubelet.pods import Pods
from kubelet.worker import PodWorker

MB = 1 << 20


class Facts:
    """See the module's docstring."""

    def __init__(self, kit: Kit, pods: Pods, executors: Executors, port: int) -> None:
        self._kit, self._pods, self._executors = kit, pods, executors
        self._started = kit.clock.now()
        self.port = port

    @property
    def address(self) -> str:
        return self._kit.options.address

    @property
    def pid(self) -> str:
        return f"slave(1)@{self.address}:{self.port}"

    def uptime(self) -> float:
        """Seconds since this agent came up."""
        return self._kit.clock.now() - self._started

    def flags(self) -> dict[str, str]:
        """With what it was started, in the names of Mesos' agents."""
        return {
            "hostname": self.address,
            "ip": self.address,
            "port": str(self.port),
            "work_dir": str(self._kit.options.data_dir),
        }

    def sandboxes(self) -> dict[str, Sandbox]:
        """By virtual path, which names node, framework and executor as Mesos' agents do."""
        found: dict[str, Sandbox] = {}
        for worker in self.workers():
            below = self._kit.options.pods_dir / worker.uid / "volumes" / "empty"
            outer, ids = self._directory(worker), mark(worker, marks.TASK_IDS).split("\n")
            specs = worker.pod["spec"]["containers"]
            found[outer] = Sandbox(below / marks.SANDBOX_VOLUME, _log(worker, specs[0]["name"]))
            for task_id, spec in zip(ids, specs, strict=False) if len(specs) > 1 else ():
                for mount in spec.get("volumeMounts") or ():
                    if marks.is_sandbox(mount["name"]):
                        inner = Sandbox(below / mount["name"], _log(worker, spec["name"]))
                        found[f"{outer}/tasks/{task_id}"] = inner
        return found

    def agent_info(self) -> JsonObject:
        """An AgentInfo message."""
        name = self._kit.options.node_name
        return {
            "id": {"value": name},
            "hostname": self.address,
            "port": self.port,
            "resources": [
                {"name": key, "type": "SCALAR", "scalar": {"value": value}, "role": "*"}
                for key, value in self._resources().items()
            ],
        }

    def _resources(self) -> dict[str, float]:
        capacity = self._kit.capacity
        return {
            "cpus": capacity.cpu_milli / 1000,
            "mem": float(capacity.memory_bytes // MB),
            "disk": float(capacity.ephemeral_bytes // MB),
        }

    def state(self) -> JsonObject:
        """`/state`."""
        whole = {**self._resources(), "gpus": 0.0}
        return {
            "version": marks.VERSION,
            "build_time": 0.0,
            "build_user": "bireme",
            "start_time": self._started,
            "id": self._kit.options.node_name,
            "pid": self.pid,
            "hostname": self.address,
            "resources": whole,
            "reserved_resources": {},
            "unreserved_resources": whole,
            "attributes": {},
            "master_hostname": "",
            "log_dir": str(self._kit.options.logs_dir),
            "flags": self.flags(),
            "frameworks": self.frameworks(),
            "completed_frameworks": [],
        }

    def frameworks(self) -> list[JsonObject]:
        found: dict[str, JsonObject] = {}
        for worker in self.workers():
            framework_id = mark(worker, marks.FRAMEWORK_ID)
            one = found.setdefault(
                framework_id,
                {
                    "id": framework_id,
                    "name": framework_id,
                    "user": "",
                    "executors": [],
                    "completed_executors": [],
                },
            )
            executor = self.executor_of(worker)
            if executor is not None:
                info = executor.spec.get("framework") or {}
                one["name"], one["user"] = info.get("name", ""), info.get("user", "")
            kind = "completed_executors" if reading.finished(worker.pod) else "executors"
            one[kind].append(self._executor(worker, executor))
        return list(found.values())

    def _executor(self, worker: PodWorker, executor: Executor | None) -> JsonObject:
        ids = mark(worker, marks.TASK_IDS).split("\n")
        tasks = [{"id": each, "name": each} for each in ids if each]
        info: JsonObject = {}
        if executor is not None:
            info = executor.spec.get("info") or {}
            tasks = [{"id": key, "name": one["name"]} for key, one in executor.tasks.items()]
        return {
            "id": executor_id(worker),
            "name": info.get("name", ""),
            "source": info.get("source", ""),
            "container": worker.uid,
            "directory": self._directory(worker),
            "resources": {},
            "tasks": tasks,
            "queued_tasks": [],
            "completed_tasks": [],
        }

    def containers(self) -> list[JsonObject]:
        """`/containers` and GET_CONTAINERS."""
        return [
            {
                "container_id": worker.uid,
                "executor_id": executor_id(worker),
                "executor_name": "",
                "framework_id": mark(worker, marks.FRAMEWORK_ID),
                "source": "",
                "statistics": {"timestamp": self._kit.clock.now()},
                "status": {"container_id": {"value": worker.uid}},
            }
            for worker in self.workers()
            if not reading.finished(worker.pod)
        ]

    def workers(self) -> Iterator[PodWorker]:
        for worker in self._pods.workers():
            if marks.FRAMEWORK_ID in (worker.pod["metadata"].get("annotations") or {}):
                yield worker

    def executor_of(self, worker: PodWorker) -> Executor | None:
        executor_id = mark(worker, marks.EXECUTOR_ID)
        if not executor_id:
            return None
        return self._executors.find(mark(worker, marks.FRAMEWORK_ID), executor_id)

    def _directory(self, worker: PodWorker) -> str:
        return (
            f"/slaves/{self._kit.options.node_name}/frameworks/{mark(worker, marks.FRAMEWORK_ID)}"
            f"/executors/{executor_id(worker)}/runs/{worker.uid}"
        )


def mark(worker: PodWorker, name: str) -> str:
    return str((worker.pod["metadata"].get("annotations") or {}).get(name, ""))


def executor_id(worker: PodWorker) -> str:
    """A command task's executor goes by the task's id."""
    return mark(worker, marks.EXECUTOR_ID) or mark(worker, marks.TASK_IDS).split("\n")[0]


def _log(worker: PodWorker, container: str) -> Path | None:
    for attempt in reversed(worker.ledger.attempts.get(container, ())):
        if path := worker.ledger.log_path(attempt.id):
            return Path(path)
    return None
