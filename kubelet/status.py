"""The pod's status from what is desired and seen. Pure; the counterpart of `lifecycle.plan`.

`kubelet.publisher` sends what `pod_status` gives when it differs from what the API has. Phases,
conditions and addresses are here, containers in `kubelet.container_status`. Times of conditions move
only when the condition does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apimachinery import meta
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import standing
from kubelet.container_status import PULL_REASONS, PULL_SETTLE_S, View, entry
from kubelet.desired import Desired, Role
from kubelet.eviction import EVICTED
from kubelet.observed import Attempt, Run, Seen
from kubelet.standing import Stage

TERMINAL = ("Succeeded", "Failed")
ENTRIES = {
    "initContainerStatuses": (Role.INIT, Role.SIDECAR),
    "containerStatuses": (Role.MAIN,),
    "ephemeralContainerStatuses": (Role.EPHEMERAL,),
}
"""The lists of a status, and whose entries stand in each."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the status says and neither the pod nor the runtime knows."""

    host_ip: str
    started_at: float
    """When this agent (or the one before it) took the pod."""
    runtime_name: str = "bireme-oci"
    rejected: tuple[str, str] | None = None
    """Reason and message of the node's own admission when it refused the pod."""
    previous: JsonObject = field(default_factory=dict)
    """The status that the API has."""
    in_force: Mapping[str, JsonObject] = field(default_factory=dict)
    """Resources that the kernel was told, by container id."""
    more: Sequence[JsonObject] = ()
    """Conditions that are there only as long as they hold: of a resize that is not done."""


def pod_status(
    pod: JsonObject, wanted: Desired, seen: Seen, around: Surroundings, now: float
) -> JsonObject:
    """The whole status, but for conditions and fields that belong to others."""
    if around.rejected is not None:
        return _rejected_status(around)
    view = View(pod, wanted, seen, now, around.runtime_name, around.in_force)
    phase, reason, message = _phase(view, around)
    result: JsonObject = {
        "phase": phase,
        "startTime": meta.format_time(around.started_at),
        "hostIP": around.host_ip,
        "hostIPs": [{"ip": around.host_ip}],
        "qosClass": (pod.get("status") or {}).get("qosClass"),
        "observedGeneration": pod["metadata"].get("generation"),
        "reason": reason,
        "message": message,
    }
    result = {key: value for key, value in result.items() if value}
    _set_addresses(result, pod, seen, around)
    specs = {c["name"]: c for c, _ in reading.containers(pod)}
    for key, roles in ENTRIES.items():
        entries = [entry(view, c, specs[c.name]) for c in wanted.of(*roles)]
        if entries:
            result[key] = entries
    if pod["spec"].get("resources"):
        result["resources"] = pod["spec"]["resources"]
        result["allocatedResources"] = pod["spec"]["resources"].get("requests") or {}
    result["conditions"] = _conditions(pod, wanted, seen, phase, around, now)
    return result


def _rejected_status(around: Surroundings) -> JsonObject:
    assert around.rejected is not None, "only for pods that the node refused"
    reason, message = around.rejected
    return {
        "phase": "Failed",
        "reason": reason,
        "message": message,
        "startTime": meta.format_time(around.started_at),
    }


def _set_addresses(result: JsonObject, pod: JsonObject, seen: Seen, around: Surroundings) -> None:
    """Addresses stay in the status after the sandbox has gone: logs and people refer to them."""
    if pod["spec"].get("hostNetwork"):
        ips: tuple[str, ...] = (around.host_ip,) if seen.sandbox is not None else ()
    else:
        ips = seen.sandbox.ips if seen.sandbox is not None else ()
    if ips:
        result["podIP"] = ips[0]
        result["podIPs"] = [{"ip": ip} for ip in ips]
    elif around.previous.get("podIP") and (seen.sandbox is None or not seen.sandbox.ready):
        result["podIP"] = around.previous["podIP"]
        result["podIPs"] = around.previous.get("podIPs") or [{"ip": around.previous["podIP"]}]


def _phase(view: View, around: Surroundings) -> tuple[str, str, str]:
    """(phase, reason, message); terminal only when nothing runs any more, and then for ever."""
    seen = view.seen
    before = around.previous.get("phase")
    if before in TERMINAL:
        return before, around.previous.get("reason", ""), around.previous.get("message", "")
    running = any(a.run is Run.RUNNING for many in seen.attempts.values() for a in many)
    still_works = running or bool(seen.busy)
    ending = seen.ending
    if ending is not None and ending.failed:
        if not still_works:
            return "Failed", ending.reason, ending.message
        return (before or "Pending"), "", ""
    phase = _phase_of(view)
    if phase in TERMINAL and still_works:
        never_ran = before == "Pending" and not _ran(view)
        return ("Pending" if never_ran else "Running"), "", ""
    return phase, "", ""


def _ran(view: View) -> bool:
    return any(view.seen.latest(c.name) is not None for c in view.wanted.of(Role.MAIN))


def _phase_of(view: View) -> str:
    if any(view.stage(c) is Stage.FAILED for c in view.wanted.of(Role.INIT)):
        return "Failed"
    mains = view.wanted.of(Role.MAIN)
    stages = [view.stage(c) for c in mains]
    if stages and all(stage in (Stage.SUCCEEDED, Stage.FAILED) for stage in stages):
        return "Failed" if Stage.FAILED in stages else "Succeeded"
    if view.seen.ending is not None and _ran(view):
        return _ended_phase(view)
    waiting = any(_never_ran(view.seen.latest(c.name)) for c in mains)
    return "Pending" if waiting or not view.initialized else "Running"


def _ended_phase(view: View) -> str:
    """A pod that was stopped on request: Running while something runs, then by exit codes."""
    latest = [view.seen.latest(c.name) for c in view.wanted.of(Role.MAIN)]
    if any(a is not None and a.run is Run.RUNNING for a in latest):
        return "Running"
    return "Succeeded" if all(_succeeded(a) for a in latest) else "Failed"


def _never_ran(attempt: Attempt | None) -> bool:
    return attempt is None or (attempt.run is Run.CREATED and attempt.number == 0)


def _conditions(
    pod: JsonObject, wanted: Desired, seen: Seen, phase: str, around: Surroundings, now: float
) -> list[JsonObject]:
    """Our four conditions; what others set (PodScheduled, readiness gates) is not repeated."""
    has_sandbox = seen.sandbox is not None and seen.sandbox.ready
    answers = {
        "PodReadyToStartContainers": _answer(has_sandbox),
        "Initialized": _initialized(wanted, seen, phase),
        "Ready": _ready(pod, wanted, seen, phase),
        "ContainersReady": _containers_ready(wanted, seen, phase),
    }
    old = {c.get("type"): c for c in around.previous.get("conditions") or ()}
    stamp = meta.format_time(now)
    result = []
    answers |= {
        one["type"]: _Answer("True", one.get("reason", ""), one.get("message", ""))
        for one in around.more
    }
    ending = seen.ending
    if ending is not None and ending.reason == EVICTED:
        answers["DisruptionTarget"] = _Answer("True", "TerminationByKubelet", ending.message)
    for kind, answer in answers.items():
        before = old.get(kind)
        same = before is not None and before.get("status") == answer.status
        moved = before.get("lastTransitionTime") if same and before is not None else stamp
        condition: JsonObject = {
            "type": kind,
            "observedGeneration": pod["metadata"].get("generation", 0),
            "status": answer.status,
            "lastTransitionTime": moved or stamp,
        }
        if answer.reason:
            condition["reason"] = answer.reason
        if answer.message:
            condition["message"] = answer.message
        result.append(condition)
    return result


@dataclass(frozen=True, slots=True)
class _Answer:
    status: str
    reason: str = ""
    message: str = ""


def _answer(yes: bool, reason: str = "", message: str = "") -> _Answer:
    return _Answer("True") if yes else _Answer("False", reason, message)


def _listing(names: list[str]) -> str:
    return f"[{' '.join(names)}]"


def _initialized(wanted: Desired, seen: Seen, phase: str) -> _Answer:
    if phase == "Succeeded":
        return _Answer("True", "PodCompleted")
    if standing.initialized(wanted, seen):
        return _Answer("True")
    missing = [
        c.name
        for c in wanted.of(Role.INIT, Role.SIDECAR)
        if not (
            standing.started(c, seen) if c.role is Role.SIDECAR else _succeeded(seen.latest(c.name))
        )
    ]
    text = f"containers with incomplete status: {_listing(missing)}"
    return _Answer("False", "ContainersNotInitialized", text)


def _succeeded(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.run is Run.EXITED and attempt.exit_code == 0


def _containers_ready(wanted: Desired, seen: Seen, phase: str) -> _Answer:
    if phase == "Succeeded":
        return _Answer("False", "PodCompleted")
    if phase == "Failed":
        return _Answer("False", "PodFailed")
    not_ready = [c.name for c in wanted.of(Role.SIDECAR, Role.MAIN) if not standing.ready(c, seen)]
    text = f"containers with unready status: {_listing(not_ready)}"
    return _answer(not not_ready, "ContainersNotReady", text)


def _ready(pod: JsonObject, wanted: Desired, seen: Seen, phase: str) -> _Answer:
    """Containers ready, and every readiness gate set to True by whoever owns it."""
    containers = _containers_ready(wanted, seen, phase)
    if containers.status != "True":
        return containers
    present = {
        c.get("type"): c.get("status") for c in (pod.get("status") or {}).get("conditions") or ()
    }
    problems = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate.get("conditionType")
        if kind not in present:
            problems.append(
                f'corresponding condition of pod readiness gate "{kind}" does not exist.'
            )
        elif present[kind] != "True":
            problems.append(
                f'the status of pod readiness gate "{kind}" is not "True", but {present[kind]}'
            )
    return _answer(not problems, "ReadinessGatesNotReady", ", ".join(problems))


def is_ready(status: JsonObject) -> bool:
    return meta.condition_is_true(status.get("conditions"), "Ready")


def without_moves(status: JsonObject) -> JsonObject:
    """For comparing: what matters of a status, transition times left out."""
    conditions = [
        {k: v for k, v in c.items() if k not in ("lastTransitionTime", "lastProbeTime")}
        for c in status.get("conditions") or ()
    ]
    return {**status, "conditions": conditions}


def settle_at(seen: Seen, now: float) -> float | None:
    """When a waiting reason will read differently although nothing happens."""
    times = [
        f.at + PULL_SETTLE_S
        for f in seen.failures.values()
        if f.reason in PULL_REASONS and now - f.at < PULL_SETTLE_S
    ]
    return min(times) if times else None
