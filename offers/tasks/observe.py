"""From a pod's status to the states of its tasks. Pure.

`PodView` is what is kept of a task's pod; `conclude` says how each of its tasks stands. Nothing
here remembers: `record` decides what is news. Neighbours: `pods` made the pod.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from apimachinery import meta, status
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from offers.tasks import states

DOOMED = frozenset(
    (
        "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
        "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
    )
)  # fmt: skip
"""What a container waits for in vain: a task does not wait for a registry to come back."""
REFUSED = ("OutOf", "UnexpectedAdmissionError", "NodeAffinity", "Terminated", "NodePorts")
"""The node's own admission said no: the task may be tried elsewhere."""


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container's status."""

    waiting: str = ""
    """The reason for which it waits; empty if it does not."""
    message: str = ""
    running: bool = False
    exit_code: int | None = None
    """Set once it has ended."""
    reason: str = ""
    ready: bool = False


@dataclass(frozen=True, slots=True)
class PodView:
    """What is kept of a task's pod."""

    key: str
    uid: str
    run: str
    node: str
    phase: str
    reason: str
    message: str
    deleting: bool
    addresses: tuple[str, ...]
    containers: Mapping[str, ContainerView]
    evicted: bool = False
    ended_by_node: bool = False
    """Evicted by its own node: who exits with 0 on TERM has not done his work for that."""
    """Its end was asked for, on behalf of the node or of others (Mesos: a QoS correction)."""

    @property
    def ended(self) -> bool:
        """Nothing in it runs any more, whether its phase says so already or not."""
        if self.phase in ("Succeeded", "Failed"):
            return True
        ends = [container.exit_code is not None for container in self.containers.values()]
        return bool(ends) and all(ends)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a task stands."""

    state: str
    source: str = states.EXECUTOR
    reason: str = ""
    message: str = ""
    healthy: bool | None = None
    container: str = ""
    addresses: tuple[str, ...] = ()
    began: bool = False
    """It has ended, and it ran before: whoever heard of neither hears of both."""


def view(obj: JsonObject) -> PodView:
    """Keep of a Pod what tasks' states depend on."""
    status, metadata = obj.get("status") or {}, obj["metadata"]
    disruption = meta.get_condition(status.get("conditions"), "DisruptionTarget") or {}
    return PodView(
        key=meta.key(obj),
        uid=metadata["uid"],
        run=meta.annotations(obj).get(marks.RUN, ""),
        node=obj["spec"].get("nodeName") or "",
        phase=status.get("phase") or "Pending",
        reason=status.get("reason") or "",
        message=status.get("message") or disruption.get("message") or "",
        deleting="deletionTimestamp" in metadata,
        addresses=tuple(p["ip"] for p in status.get("podIPs") or () if p.get("ip")),
        containers={c["name"]: _container(c) for c in status.get("containerStatuses") or ()},
        evicted=status.get("reason") in ("Evicted", "Preempting")
        or disruption.get("status") == "True",
        ended_by_node=disruption.get("reason") == "TerminationByKubelet",
    )


def _container(status: JsonObject) -> ContainerView:
    state = status.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated")
    return ContainerView(
        waiting=str(waiting.get("reason") or "") if "waiting" in state else "",
        message=str(waiting.get("message") or (ended or {}).get("message") or ""),
        running="running" in state,
        exit_code=int(ended.get("exitCode", 0)) if ended is not None else None,
        reason=str((ended or {}).get("reason") or ""),
        ready=bool(status.get("ready")),
    )


def refused(error: status.ApiError) -> Conclusion:
    """The API does not take the task's pod."""
    if not isinstance(error, status.Forbidden):
        return Conclusion(states.ERROR, states.MASTER, "REASON_TASK_INVALID", error.message)
    if "exceeded quota" in error.message:
        # That may change, and is no fault of the task's.
        return Conclusion(states.DROPPED, states.MASTER, "REASON_RESOURCES_UNKNOWN", error.message)
    return Conclusion(states.ERROR, states.MASTER, "REASON_TASK_UNAUTHORIZED", error.message)


def conclude(pod: PodView, container: str, *, killed: bool, checked: bool) -> Conclusion:
    """How the task in one container stands; `killed` if its end was asked for."""
    seen = pod.containers.get(container, ContainerView())
    if seen.exit_code is not None:
        return _ended(pod, seen, killed=killed, checked=checked)
    if pod.phase in ("Succeeded", "Failed"):
        return _pod_ended(pod, killed=killed)
    if seen.running:
        return Conclusion(
            states.RUNNING,
            healthy=seen.ready if checked else None,
            container=pod.uid,
            addresses=pod.addresses,
        )
    if seen.waiting in DOOMED:
        message = f"Failed to launch container: {seen.message or seen.waiting}"
        return Conclusion(states.FAILED, states.AGENT, "REASON_CONTAINER_LAUNCH_FAILED", message)
    return Conclusion(states.STARTING)


def _ended(pod: PodView, seen: ContainerView, *, killed: bool, checked: bool) -> Conclusion:
    code = seen.exit_code or 0
    if seen.reason in ("StartError", "ContainerCannotRun"):
        message = f"Failed to launch container: {seen.message}"
        return Conclusion(states.FAILED, states.AGENT, "REASON_CONTAINER_LAUNCH_FAILED", message)
    outcome = partial(Conclusion, container=pod.uid, addresses=pod.addresses, began=True)
    if killed:
        return outcome(states.KILLED, message=_how(code))
    if pod.evicted and (code or pod.ended_by_node):
        return outcome(
            states.GONE, states.AGENT, "REASON_CONTAINER_PREEMPTED", pod.message or "Evicted"
        )
    if seen.reason == "OOMKilled":
        return Conclusion(
            states.FAILED,
            states.AGENT,
            "REASON_CONTAINER_LIMITATION_MEMORY",
            "Memory limit exceeded",
            container=pod.uid,
        )
    if pod.reason == "DeadlineExceeded":
        message = "Task exceeded its maximum completion time"
        return Conclusion(
            states.FAILED, reason="REASON_MAX_COMPLETION_TIME_REACHED", message=message
        )
    if code == 0:
        return outcome(states.FINISHED, message=_how(0))
    if checked and code in (128 + signal.SIGKILL, 128 + signal.SIGTERM) and not pod.deleting:
        return Conclusion(states.KILLED, message="Task failed its health checks", healthy=False)
    return outcome(states.FAILED, message=_how(code))


def _how(code: int) -> str:
    """In the words of Mesos' executor."""
    if code > 128:
        try:
            name = signal.strsignal(code - 128)
        except ValueError:
            name = None
        if name:
            return f"Command terminated with signal {name}"
    return f"Command exited with status {code}"


def _pod_ended(pod: PodView, *, killed: bool) -> Conclusion:
    """The pod is over and this container never began."""
    message = pod.message or pod.reason
    if killed:
        return Conclusion(states.KILLED, reason="REASON_TASK_KILLED_DURING_LAUNCH")
    if pod.reason.startswith(REFUSED):
        return Conclusion(states.DROPPED, states.AGENT, "REASON_RESOURCES_UNKNOWN", message)
    if pod.reason == "DeadlineExceeded":
        return Conclusion(
            states.FAILED, reason="REASON_MAX_COMPLETION_TIME_REACHED", message=message
        )
    if pod.evicted:
        return Conclusion(states.GONE, states.AGENT, "REASON_CONTAINER_PREEMPTED", message)
    return Conclusion(states.FAILED, states.AGENT, "REASON_EXECUTOR_TERMINATED", message)


def vanished(*, killed: bool, node_left: bool) -> Conclusion:
    """The pod is gone, and nobody saw how its task ended."""
    if killed:
        return Conclusion(states.KILLED, message="Task was killed")
    if node_left:
        message = "Agent was removed with its tasks"
        return Conclusion(states.GONE, states.MASTER, "REASON_AGENT_REMOVED", message)
    return Conclusion(
        states.FAILED, states.AGENT, "REASON_EXECUTOR_TERMINATED", "The task's pod was deleted"
    )
