"""What a Deployment's status says: counts, and the conditions Available, Progressing and
ReplicaFailure with Kubernetes' reasons and sentences, which `kubectl rollout status` reads.

Neighbours: `deployment.plan` calls it after it has ordered its changes. Pure.
"""

from collections.abc import Sequence

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers import views
from controllers.deployment.model import Deployment, ReplicaSet, total

AVAILABLE = "MinimumReplicasAvailable"
UNAVAILABLE = "MinimumReplicasUnavailable"
CREATED = "NewReplicaSetCreated"
FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
COMPLETE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
NOT_CREATED = "ReplicaSetCreateError"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"


def counted(
    deployment: Deployment,
    sets: Sequence[ReplicaSet],
    new: ReplicaSet | None,
    conditions: list[JsonObject],
    now: float,
) -> JsonObject:
    """The status with fresh counts and the Available condition; zeros are left out."""
    available = sum(one.available for one in sets)
    counts = {
        "observedGeneration": deployment.meta.generation,
        "replicas": sum(one.running for one in sets),
        "updatedReplicas": new.running if new is not None else 0,
        "readyReplicas": sum(one.ready for one in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(total(sets) - available, 0),
        "collisionCount": deployment.collisions,
    }
    if available >= deployment.replicas - deployment.unavailable:
        condition = ("True", AVAILABLE, "Deployment has minimum availability.")
    else:
        condition = ("False", UNAVAILABLE, "Deployment does not have minimum availability.")
    out: JsonObject = {name: count for name, count in counts.items() if count}
    out["conditions"] = put(conditions, "Available", *condition, now)
    return out


def put(
    conditions: Sequence[JsonObject], kind: str, value: str, reason: str, message: str, now: float
) -> list[JsonObject]:
    """The condition set, at the end. The same status for the same reason changes nothing."""
    old = meta.get_condition(conditions, kind)
    if old is not None and old.get("status") == value and old.get("reason") == reason:
        return list(conditions)
    stamp = meta.format_time(now)
    same = old is not None and old.get("status") == value
    new = {
        "type": kind,
        "status": value,
        "lastUpdateTime": stamp,
        "lastTransitionTime": old["lastTransitionTime"] if old is not None and same else stamp,
        "reason": reason,
        "message": message,
    }
    return [*meta.without_condition(conditions, kind), new]


def of_rollout(
    deployment: Deployment,
    sets: Sequence[ReplicaSet],
    new: ReplicaSet | None,
    conditions: list[JsonObject],
    now: float,
) -> JsonObject:
    """The status during a rollout: counts, how it progresses, and whether pods cannot be made."""
    status = counted(deployment, sets, new, conditions, now)
    current = meta.get_condition(conditions, "Progressing")
    if not deployment.has_deadline:
        status["conditions"] = meta.without_condition(status["conditions"], "Progressing")
    elif not _was_complete(status, current):
        status["conditions"] = _progress(deployment, status, new, current, now)
    failures = _failures(sets, new)
    rest = meta.without_condition(status["conditions"], "ReplicaFailure")
    if failures:
        reported = meta.get_condition(status["conditions"], "ReplicaFailure")
        same = reported is not None and reported.get("reason") == failures[0].get("reason")
        rest.append(reported if reported is not None and same else _from_set(failures[0], now))
    status["conditions"] = rest
    return status


def is_complete(deployment: Deployment, status: JsonObject) -> bool:
    """All pods are of the new template, available, and no old one is left."""
    wanted = deployment.replicas
    return bool(
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= deployment.meta.generation
    )


def seconds_until_stuck(deployment: Deployment, status: JsonObject, now: float) -> float:
    """When to look whether the rollout is stuck; 0 = no need."""
    current = meta.get_condition(status.get("conditions"), "Progressing")
    if not deployment.has_deadline or current is None:
        return 0.0
    if is_complete(deployment, status) or current.get("reason") in (TIMED_OUT, COMPLETE):
        return 0.0
    due = views.time_of(current.get("lastUpdateTime")) + deployment.deadline
    # One second more, since timestamps are whole seconds.
    return max(due - now, 0.0) + 1.0


def _was_complete(status: JsonObject, current: JsonObject | None) -> bool:
    """A complete rollout stays so while its pods come and go."""
    return (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current is not None
        and current.get("reason") == COMPLETE
    )


def _progress(
    deployment: Deployment,
    status: JsonObject,
    new: ReplicaSet | None,
    current: JsonObject | None,
    now: float,
) -> list[JsonObject]:
    subject = f'ReplicaSet "{new.meta.name}"' if new else f'Deployment "{deployment.meta.name}"'
    conditions: list[JsonObject] = status["conditions"]
    if is_complete(deployment, status):
        text = f"{subject} has successfully progressed."
        return put(conditions, "Progressing", "True", COMPLETE, text, now)
    if _moved(deployment.status, status):
        stamp = meta.format_time(now)
        kept = current is not None and current.get("status") == "True"
        condition = {
            "type": "Progressing",
            "status": "True",
            "lastUpdateTime": stamp,
            "lastTransitionTime": current["lastTransitionTime"] if current and kept else stamp,
            "reason": UPDATED,
            "message": f"{subject} is progressing.",
        }
        return [*meta.without_condition(conditions, "Progressing"), condition]
    if _timed_out(deployment, current, now):
        text = f"{subject} has timed out progressing."
        return put(conditions, "Progressing", "False", TIMED_OUT, text, now)
    return conditions


def _moved(old: JsonObject, new: JsonObject) -> bool:
    """Whether the counts came closer to the goal."""

    def outdated(status: JsonObject) -> int:
        return int(status.get("replicas", 0) - status.get("updatedReplicas", 0))

    return outdated(new) < outdated(old) or any(
        new.get(name, 0) > old.get(name, 0)
        for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _timed_out(deployment: Deployment, current: JsonObject | None, now: float) -> bool:
    if current is None or current.get("reason") == COMPLETE:
        return False
    if current.get("reason") == TIMED_OUT:
        return True
    return views.time_of(current.get("lastUpdateTime")) + deployment.deadline < now


def _failures(sets: Sequence[ReplicaSet], new: ReplicaSet | None) -> list[JsonObject]:
    """ReplicaFailure conditions: the new ReplicaSet's, else those of the others."""
    ordered = ([new] if new is not None else []) + [one for one in sets if one is not new]
    found = [meta.get_condition(one.conditions, "ReplicaFailure") for one in ordered]
    return [one for one in found if one is not None]


def _from_set(condition: JsonObject, now: float) -> JsonObject:
    return {
        "type": "ReplicaFailure",
        "status": condition.get("status", "True"),
        "lastUpdateTime": meta.format_time(now),
        "lastTransitionTime": condition.get("lastTransitionTime") or meta.format_time(now),
        "reason": condition.get("reason", ""),
        "message": condition.get("message", ""),
    }
