"""The pod's status from what is desired and seen. Pure; the counterpart of `lifecycle.plan`.

`kubelet.publisher` sends what `pod_status` gives when it differs from what the API has. Messages and
reasons are Kubernetes'. Times of conditions move only when the condition does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from apimachinery import meta
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import lifecycle
from kubelet.lifecycle import Attempt, Container, Desired, Role, Run, Seen, Stage, Standing

PULL_SETTLE_S = 1.0
"""How long a failed pull shows as ErrImagePull before it shows as ImagePullBackOff."""
OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
PULL_REASONS = (lifecycle.PULL_ERROR,)
TERMINAL = ("Succeeded", "Failed")


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


def pod_status(
    pod: JsonObject, wanted: Desired, seen: Seen, around: Surroundings, now: float
) -> JsonObject:
    """The whole status, but for conditions and fields that belong to others."""
    if around.rejected is not None:
        return _rejected_status(around)
    standings = {c.name: lifecycle.standing(wanted, c, seen, now) for c in wanted.containers}
    phase, reason, message = _phase(wanted, seen, standings, around)
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
    done = lifecycle.initialized(wanted, seen)
    for key, roles in (
        ("initContainerStatuses", (Role.INIT, Role.SIDECAR)),
        ("containerStatuses", (Role.MAIN,)),
        ("ephemeralContainerStatuses", (Role.EPHEMERAL,)),
    ):
        entries = [
            _container_status(
                specs[c.name], c, pod, wanted, seen, standings[c.name], around, done, now
            )
            for c in wanted.of(*roles)
        ]
        if entries:
            result[key] = entries
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


def _phase(
    wanted: Desired, seen: Seen, standings: Mapping[str, Standing], around: Surroundings
) -> tuple[str, str, str]:
    """(phase, reason, message); terminal only when nothing runs any more, and then for ever."""
    before = around.previous.get("phase")
    if before in TERMINAL:
        return before, around.previous.get("reason", ""), around.previous.get("message", "")
    running = any(a.run is Run.RUNNING for many in seen.attempts.values() for a in many)
    ending = seen.ending
    if ending is not None and ending.failed:
        if not running and not seen.busy:
            return "Failed", ending.reason, ending.message
        return (before or "Pending"), "", ""
    phase = _phase_of(wanted, seen, standings, ending=ending is not None)
    if phase in TERMINAL and (running or seen.busy):
        return (before if before == "Pending" and not _ran(wanted, seen) else "Running"), "", ""
    return phase, "", ""


def _ran(wanted: Desired, seen: Seen) -> bool:
    return any(seen.latest(c.name) is not None for c in wanted.of(Role.MAIN))


def _phase_of(
    wanted: Desired, seen: Seen, standings: Mapping[str, Standing], *, ending: bool
) -> str:
    init = [standings[c.name].stage for c in wanted.of(Role.INIT)]
    if Stage.FAILED in init:
        return "Failed"
    mains = wanted.of(Role.MAIN)
    stages = [standings[c.name].stage for c in mains]
    if stages and all(stage in (Stage.SUCCEEDED, Stage.FAILED) for stage in stages):
        return "Failed" if Stage.FAILED in stages else "Succeeded"
    if ending and _ran(wanted, seen):
        return _ended_phase(wanted, seen)
    waiting = [c for c in mains if _never_ran(seen.latest(c.name))]
    return "Pending" if waiting or not lifecycle.initialized(wanted, seen) else "Running"


def _ended_phase(wanted: Desired, seen: Seen) -> str:
    """A pod that was stopped on request: Running while something runs, then by exit codes."""
    latest = [seen.latest(c.name) for c in wanted.of(Role.MAIN)]
    if any(a is not None and a.run is Run.RUNNING for a in latest):
        return "Running"
    good = all(a is not None and a.run is Run.EXITED and a.exit_code == 0 for a in latest)
    return "Succeeded" if good else "Failed"


def _never_ran(attempt: Attempt | None) -> bool:
    return attempt is None or (attempt.run is Run.CREATED and attempt.number == 0)


def _container_status(
    spec: JsonObject,
    container: Container,
    pod: JsonObject,
    wanted: Desired,
    seen: Seen,
    where: Standing,
    around: Surroundings,
    initialized: bool,
    now: float,
) -> JsonObject:
    attempts = seen.attempts.get(container.name, ())
    latest = attempts[-1] if attempts else None
    before = attempts[-2] if len(attempts) > 1 else None
    is_ready = lifecycle.ready(container, seen)
    if container.role is Role.INIT:
        is_ready = where.stage is Stage.SUCCEEDED
    elif container.role is Role.EPHEMERAL:
        is_ready = False
    state, last = _states(container, wanted, seen, where, latest, before, around, initialized, now)
    if state.keys() == {"waiting"} and state["waiting"].get("reason") == "CrashLoopBackOff":
        delay = lifecycle.backoff(seen.crashes.get(container.name, 0))
        state["waiting"]["message"] = (
            f"back-off {_span(delay)} restarting failed container={container.name} "
            f"pod={reading.full_name(pod)}"
        )
    result: JsonObject = {
        "name": container.name,
        "state": state,
        "lastState": last,
        "ready": is_ready,
        "restartCount": latest.number if latest is not None else 0,
        "image": (latest.image if latest is not None else "") or spec.get("image", ""),
        "imageID": latest.image_id if latest is not None else "",
        "started": lifecycle.started(container, seen),
    }
    if latest is not None and latest.id:
        result["containerID"] = f"{around.runtime_name}://{latest.id}"
    if spec.get("resources"):
        result["resources"] = spec["resources"]
        if spec["resources"].get("requests"):
            result["allocatedResources"] = spec["resources"]["requests"]
    return result


def _states(
    container: Container,
    wanted: Desired,
    seen: Seen,
    where: Standing,
    latest: Attempt | None,
    before: Attempt | None,
    around: Surroundings,
    initialized: bool,
    now: float,
) -> tuple[JsonObject, JsonObject]:
    """(state, lastState)."""
    last = _terminated(before, around) if before is not None and before.over else {}
    if latest is not None and latest.run is Run.RUNNING:
        return {"running": {"startedAt": meta.format_time(latest.started_at)}}, last
    failure = seen.failures.get(container.name)
    ended = _terminated(latest, around) if latest is not None and latest.over else None
    if failure is not None and where.stage is not Stage.SUCCEEDED and seen.ending is None:
        return {"waiting": _waiting_failure(failure, now)}, ended or last
    if ended is not None:
        if where.stage is Stage.BACKOFF and seen.ending is None:
            return {"waiting": {"reason": "CrashLoopBackOff"}}, ended
        return ended, last
    has_init = bool(wanted.of(Role.INIT, Role.SIDECAR))
    reason = "PodInitializing" if has_init and not initialized else "ContainerCreating"
    return {"waiting": {"reason": reason}}, last


def _waiting_failure(failure: lifecycle.StartFailure, now: float) -> JsonObject:
    if failure.reason in PULL_REASONS and now - failure.at >= PULL_SETTLE_S:
        return {"reason": "ImagePullBackOff", "message": failure.message}
    return {"reason": failure.reason, "message": failure.message}


def _terminated(attempt: Attempt, around: Surroundings) -> JsonObject:
    unknown = attempt.run is Run.UNKNOWN
    state: JsonObject = {
        "exitCode": 137 if unknown else attempt.exit_code,
        "reason": attempt.reason
        or (
            "ContainerStatusUnknown"
            if unknown
            else "Completed"
            if not attempt.exit_code
            else "Error"
        ),
        "message": attempt.message,
        "startedAt": meta.format_time(attempt.started_at) if attempt.started_at else None,
        "finishedAt": meta.format_time(attempt.finished_at) if attempt.finished_at else None,
        "containerID": f"{around.runtime_name}://{attempt.id}" if attempt.id else "",
    }
    kept = {key: value for key, value in state.items() if value or key == "exitCode"}
    return {"terminated": kept}


def _span(seconds: float) -> str:
    """As Go prints a duration: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


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
    for kind in OWN_CONDITIONS:
        answer = answers[kind]
        before = old.get(kind)
        same = before is not None and before.get("status") == answer.status
        moved = before.get("lastTransitionTime") if same and before is not None else stamp
        condition: JsonObject = {
            "type": kind,
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
    if lifecycle.initialized(wanted, seen):
        return _Answer("True")
    missing = [
        c.name
        for c in wanted.of(Role.INIT, Role.SIDECAR)
        if not (
            lifecycle.started(c, seen)
            if c.role is Role.SIDECAR
            else _succeeded(seen.latest(c.name))
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
    not_ready = [c.name for c in wanted.of(Role.SIDECAR, Role.MAIN) if not lifecycle.ready(c, seen)]
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


def frozen_final(seen: Seen) -> Seen:
    """The same without operations in flight: how things stand once all is stopped."""
    return replace(seen, busy=frozenset(), stopping={})
