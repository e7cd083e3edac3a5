"""One container's entry in the pod's status. Pure; `kubelet.status` puts the entries together.

Reasons and messages of waiting and ended containers are Kubernetes', word for word: tools and
people search for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apimachinery import duration, meta
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import standing
from kubelet.desired import Container, Desired, Role
from kubelet.observed import PULL_ERROR, Attempt, Run, Seen, backoff
from kubelet.standing import Stage, Standing

PULL_SETTLE_S = 1.0
"""How long a failed pull shows as ErrImagePull before it shows as ImagePullBackOff."""
PULL_REASONS = (PULL_ERROR,)


@dataclass(frozen=True, slots=True)
class View:
    """One pod at one moment: what all entries are made from."""

    pod: JsonObject
    wanted: Desired
    seen: Seen
    now: float
    runtime_name: str
    in_force: Mapping[str, JsonObject] = field(default_factory=dict)
    """Resources that the kernel was told, by container id."""

    def standing(self, container: Container) -> Standing:
        return standing.of(self.wanted, container, self.seen, self.now)

    def stage(self, container: Container) -> Stage:
        return self.standing(container).stage

    @property
    def initialized(self) -> bool:
        return standing.initialized(self.wanted, self.seen)

    def container_id(self, attempt: Attempt | None) -> str:
        return f"{self.runtime_name}://{attempt.id}" if attempt is not None and attempt.id else ""


def entry(view: View, container: Container, spec: JsonObject) -> JsonObject:
    """The whole entry."""
    seen = view.seen
    latest = seen.latest(container.name)
    state, last = _states(view, container)
    result: JsonObject = {
        "name": container.name,
        "state": state,
        "lastState": last,
        "ready": _is_ready(view, container),
        "restartCount": latest.number if latest is not None else 0,
        "image": (latest.image if latest is not None else "") or spec.get("image", ""),
        "imageID": latest.image_id if latest is not None else "",
        "started": standing.started(container, seen),
    }
    if view.container_id(latest):
        result["containerID"] = view.container_id(latest)
    if latest is not None and latest.user:
        uid, *groups = latest.user
        result["user"] = {"linux": {"uid": uid, "gid": groups[0], "supplementalGroups": groups}}
    if signal := (spec.get("lifecycle") or {}).get("stopSignal"):
        result["stopSignal"] = signal
    if spec.get("volumeMounts"):
        result["volumeMounts"] = [_mount(one) for one in spec["volumeMounts"]]
    granted = spec.get("resources") or {}
    if granted.get("requests"):
        result["allocatedResources"] = granted["requests"]
    if told := view.in_force.get(latest.id if latest is not None else "", granted):
        result["resources"] = told
    return result


def _mount(wanted: JsonObject) -> JsonObject:
    """One mount as it was made."""
    shown = {"name": wanted["name"], "mountPath": wanted["mountPath"]}
    if not wanted.get("readOnly"):
        return shown
    recursive = wanted.get("recursiveReadOnly") in ("Enabled", "IfPossible")
    return {**shown, "readOnly": True, "recursiveReadOnly": "Enabled" if recursive else "Disabled"}


def _is_ready(view: View, container: Container) -> bool:
    """An init container is ready when it has done its work; an ephemeral one never."""
    if container.role is Role.INIT:
        return view.stage(container) is Stage.SUCCEEDED
    return container.role is not Role.EPHEMERAL and standing.ready(container, view.seen)


def _states(view: View, container: Container) -> tuple[JsonObject, JsonObject]:
    """(state, lastState)."""
    attempts = view.seen.attempts.get(container.name, ())
    latest = attempts[-1] if attempts else None
    before = attempts[-2] if len(attempts) > 1 else None
    last = _terminated(view, before) if before is not None and before.over else {}
    if latest is not None and latest.run is Run.RUNNING:
        return {"running": {"startedAt": meta.format_time(latest.started_at)}}, last
    ended = _terminated(view, latest) if latest is not None and latest.over else None
    waiting = _waiting(view, container)
    if waiting is not None:
        return {"waiting": waiting}, ended or last
    if ended is not None:
        return ended, last
    has_init = bool(view.wanted.of(Role.INIT, Role.SIDECAR))
    reason = "PodInitializing" if has_init and not view.initialized else "ContainerCreating"
    return {"waiting": {"reason": reason}}, last


def _waiting(view: View, container: Container) -> JsonObject | None:
    """What keeps it from being started again: an error, or a back-off after a crash."""
    if view.seen.ending is not None:
        return None
    stage = view.stage(container)
    failure = view.seen.failures.get(container.name)
    if failure is not None and stage is not Stage.SUCCEEDED:
        if failure.reason not in PULL_REASONS or view.now - failure.at < PULL_SETTLE_S:
            return {"reason": failure.reason, "message": failure.message}
        image = reading.container_spec(view.pod, container.name).get("image", "")
        text = f'Back-off pulling image "{image}": {failure.reason}: {failure.message}'
        return {"reason": "ImagePullBackOff", "message": text}
    if stage is not Stage.BACKOFF:
        return None
    delay = backoff(view.seen.crashes.get(container.name, 0))
    message = (
        f"back-off {duration.spelt(delay)} restarting failed container={container.name} "
        f"pod={reading.full_name(view.pod)}"
    )
    return {"reason": "CrashLoopBackOff", "message": message}


def _terminated(view: View, attempt: Attempt) -> JsonObject:
    state: JsonObject = {
        "exitCode": 137 if attempt.run is Run.UNKNOWN else attempt.exit_code,
        "reason": attempt.reason or _reason_of(attempt),
        "message": attempt.message,
        "startedAt": meta.format_time(attempt.started_at) if attempt.started_at else None,
        "finishedAt": meta.format_time(attempt.finished_at) if attempt.finished_at else None,
        "containerID": view.container_id(attempt),
    }
    return {"terminated": {k: v for k, v in state.items() if v or k == "exitCode"}}


def _reason_of(attempt: Attempt) -> str:
    if attempt.run is Run.UNKNOWN:
        return "ContainerStatusUnknown"
    return "Error" if attempt.exit_code else "Completed"
