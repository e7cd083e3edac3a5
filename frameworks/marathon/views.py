"""Apps, tasks, deployments and the queue as the API shows them. Pure.

Clients read strictly: no key that is not Marathon's. Neighbours: `state` is what is shown, the
`http` modules ask.
"""

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

from frameworks.marathon import podspec, times
from frameworks.marathon.base import JsonObject
from frameworks.marathon.deployment import Deployment
from frameworks.marathon.health import Result
from frameworks.marathon.instance import STAGED, Instance, address
from frameworks.marathon.matching import REASONS
from frameworks.marathon.queue import Waiting
from frameworks.marathon.spec import App
from frameworks.marathon.state import State

COUNTS, DEPLOYMENTS, TASKS = "app.counts", "app.deployments", "app.tasks"
FAILURE, STATS, READINESS = "app.lastTaskFailure", "app.taskStats", "app.readiness"
FAILURES = "app.failures"
"""An old word for both of the last failure and the tasks."""


def app(state: State, one: App, embed: Collection[str], now: float) -> JsonObject:
    """An app with what is embedded in it."""
    found = bare(one)
    mine = state.instances.of(one.id)
    if COUNTS in embed:
        found |= counts(one, mine, "tasks")
    if DEPLOYMENTS in embed:
        found["deployments"] = [{"id": d.id} for d in state.at_work({one.id})]
    if TASKS in embed or FAILURES in embed:
        found["tasks"] = [task(one, instance) for instance in mine]
    if (FAILURE in embed or FAILURES in embed) and one.id in state.failures:
        found["lastTaskFailure"] = state.failures[one.id].wire()
    if STATS in embed:
        found["taskStats"] = stats(one, mine, now)
    if READINESS in embed:
        found["readinessCheckResults"] = []
    return found


def bare(one: App) -> JsonObject:
    """An app alone, as a version of it is."""
    found = one.wire()
    if one.on_host:
        found["ports"] = one.service_ports
    return found


def counts(one: App, instances: Sequence[Instance], prefix: str) -> JsonObject:
    """How many are in which condition."""
    alive = [instance.alive(one) for instance in instances if instance.running]
    numbers = {
        "staged": sum(instance.state in STAGED for instance in instances),
        "running": len(alive),
        "healthy": sum(one is True for one in alive),
        "unhealthy": sum(one is False for one in alive),
    }
    return {f"{prefix}{k.capitalize()}" if prefix else k: v for k, v in numbers.items()}


def stats(one: App, instances: Sequence[Instance], now: float) -> JsonObject:
    """Counts and ages, in the groups that anyone has asked about."""
    scaled = times.seconds(one.version_info.last_scaling_at)
    parts = {
        "startedAfterLastScaling": [i for i in instances if i.staged_at >= scaled],
        "withLatestConfig": [i for i in instances if i.config == one.config],
        "withOutdatedConfig": [i for i in instances if i.config != one.config],
        "totalSummary": list(instances),
    }
    return {name: {"stats": _stats(one, part, now)} for name, part in parts.items() if part}


def _stats(one: App, instances: Sequence[Instance], now: float) -> JsonObject:
    found: JsonObject = {"counts": counts(one, instances, "")}
    ages = [now - i.started_at for i in instances if i.started_at is not None]
    if ages:
        found["lifeTime"] = {
            "averageSeconds": statistics.fmean(ages),
            "medianSeconds": statistics.median(ages),
        }
    return found


def task(one: App | None, instance: Instance) -> JsonObject:
    """An instance's task."""
    found: JsonObject = {
        "id": instance.task_id,
        "appId": instance.app_id,
        "host": instance.host,
        "ports": list(instance.ports),
        "servicePorts": [] if one is None else one.service_ports,
        "slaveId": instance.agent_id,
        "state": "TASK_KILLING" if instance.leaving else instance.state,
        "stagedAt": times.stamp(instance.staged_at),
        "startedAt": times.optional(instance.started_at),
        "version": instance.version,
        "ipAddresses": [address(text) for text in instance.addresses],
        "localVolumes": [],
        "role": instance.role,
    }
    for name in ("region", "zone"):
        if f"@{name}" in instance.fields:
            found[name] = instance.fields[f"@{name}"]
    if instance.health:
        found["healthCheckResults"] = [_health(one, instance.id) for one in instance.health]
    return found


def _health(result: Result, instance_id: str) -> JsonObject:
    return {
        "alive": result.alive is True,
        "consecutiveFailures": result.failures,
        "firstSuccess": times.optional(result.first_success),
        "lastSuccess": times.optional(result.last_success),
        "lastFailure": times.optional(result.last_failure),
        "lastFailureCause": result.cause,
        "instanceId": instance_id,
    }


def deployment(
    one: Deployment, answers: Mapping[str, Mapping[str, object]], instances: Iterable[Instance]
) -> JsonObject:
    """A deployment on its way."""
    by_app: dict[str, list[Mapping[str, object]]] = {}
    for instance in instances:
        if instance.task_id in answers:
            by_app.setdefault(instance.app_id, []).append(answers[instance.task_id])
    pods = {action.app_id for step in one.steps for action in step if action.pod}
    return {
        "id": one.id,
        "version": one.version,
        "affectedApps": [each for each in one.affected if each not in pods],
        "affectedPods": [each for each in one.affected if each in pods],
        "steps": [{"actions": [action.wire() for action in step]} for step in one.steps],
        "currentActions": [
            {**action.wire(), "readinessCheckResults": by_app.get(action.app_id, [])}
            for action in one.actions
        ],
        "currentStep": min(one.current + 1, len(one.steps)),
        "totalSteps": len(one.steps),
    }


def queued(one: App, entry: Waiting, delay: float, *, offers: bool) -> JsonObject:
    """An entry of the launch queue."""
    found: JsonObject = {
        **({"app": bare(one)} if one.pod is None else {"pod": podspec.definition(one)}),
        "count": entry.count,
        "delay": {"timeLeftSeconds": math.ceil(delay), "overdue": delay <= 0},
        "since": times.stamp(entry.since),
        "processedOffersSummary": _summary(entry),
    }
    if offers:
        found["lastUnusedOffers"] = [
            {**offer, "timestamp": times.stamp(offer["at"])} for offer in entry.offers
        ]
        for offer in found["lastUnusedOffers"]:
            del offer["at"]
    return found


def _summary(entry: Waiting) -> JsonObject:
    """Each reason as a sieve: how many offers came to it, and how many it let go."""
    sieves, left = [], entry.processed
    for reason in REASONS:
        sieves.append({"reason": reason, "declined": entry.reasons[reason], "processed": left})
        left -= entry.reasons[reason]
    found: JsonObject = {
        "processedOffersCount": entry.processed,
        "unusedOffersCount": entry.unused,
        "rejectSummaryLaunchAttempt": sieves,
        "rejectSummaryLastOffers": sieves,
    }
    if entry.last_unused is not None:
        found["lastUnusedOfferAt"] = times.stamp(entry.last_unused)
    if entry.last_used is not None:
        found["lastUsedOfferAt"] = times.stamp(entry.last_used)
    return found
