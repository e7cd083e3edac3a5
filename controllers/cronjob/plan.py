"""Deciding the next step of a CronJob: which job to start, which to remove, when to look again.

Pure. Neighbours: `apimachinery.cron` reads schedules, `cronjob.controller` acts. Of times that
were missed only the latest is made up for, and only within the starting deadline, as in Kubernetes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from apimachinery import cron, meta
from apimachinery.wire import JsonObject
from controllers import views

UNEXPECTED, MISSED, TOO_MANY = "UnexpectedJob", "MissSchedule", "TooManyMissedTimes"
WARNINGS = frozenset({UNEXPECTED, MISSED, TOO_MANY})
"""The reasons of Events that are no normal course of things."""
MANY_MISSED = 100
"""Times missed at a stretch, from which on Kubernetes warns."""
TOO_MANY_MISSED = (
    "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
)
SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


@dataclass(frozen=True, slots=True)
class CronJob:
    """What is asked for, and the status as stored."""

    meta: views.Meta
    schedule: cron.Schedule
    deadline: float
    """startingDeadlineSeconds; below 0 = a missed time is made up for however late."""
    policy: str
    suspended: bool
    keep_succeeded: int
    keep_failed: int
    template: JsonObject
    status: JsonObject


def cron_job_of(obj: JsonObject) -> CronJob:
    """Raises `cron.CronError` for a schedule that a server of another day let in."""
    spec = obj["spec"]

    def number(name: str, default: int) -> int:
        value = spec.get(name)
        return default if value is None else int(value)

    return CronJob(
        meta=views.meta_of(obj),
        schedule=cron.parse(spec["schedule"], spec.get("timeZone") or ""),
        deadline=number("startingDeadlineSeconds", -1),
        policy=spec.get("concurrencyPolicy") or "Allow",
        suspended=bool(spec.get("suspend")),
        keep_succeeded=number("successfulJobsHistoryLimit", 3),
        keep_failed=number("failedJobsHistoryLimit", 1),
        template=spec.get("jobTemplate") or {},
        status=obj.get("status") or {},
    )


@dataclass(frozen=True, slots=True)
class Child:
    """A job of ours as far as we care."""

    meta: views.Meta
    outcome: str
    """Complete, Failed, or empty while it runs."""
    scheduled: bool
    """Made for a time of the schedule; others were made by hand in our name."""
    started: float
    completed: float
    """When it succeeded, epoch seconds; 0 = not."""


def child_of(obj: JsonObject) -> Child:
    status = obj.get("status") or {}
    conditions = status.get("conditions")
    outcome = next(
        (one for one in ("Complete", "Failed") if meta.condition_is_true(conditions, one)), ""
    )
    return Child(
        meta=views.meta_of(obj),
        outcome=outcome,
        scheduled=SCHEDULED_AT in meta.annotations(obj),
        started=views.time_of(status.get("startTime")),
        completed=views.time_of(status.get("completionTime")) if outcome == "Complete" else 0.0,
    )


@dataclass(slots=True)
class Plan:
    """One step. The status is written after the acts."""

    remove: list[Child] = field(default_factory=list)
    """History beyond the limits, and what a new job replaces."""
    start: float | None = None
    """The scheduled time of the job to start."""
    news: list[tuple[str, str]] = field(default_factory=list)
    """Reasons and messages of Events, in Kubernetes' words."""
    status: JsonObject = field(default_factory=dict)
    next_look: float | None = None
    """Epoch seconds; None = only when something changes."""


def plan(job: CronJob, children: Sequence[Child], now: float) -> Plan:
    step = Plan()
    known = {str(one.get("uid")): str(one.get("name")) for one in job.status.get("active") or ()}
    unfinished = [child for child in children if not child.outcome and not child.meta.deleting]
    running = [child for child in unfinished if child.scheduled or child.meta.uid in known]
    step.news += [
        (UNEXPECTED, f"Saw a job that the controller did not create or forgot: {one.meta.name}")
        for one in unfinished
        if one not in running
    ]
    step.news += _of_the_active(known, children)
    step.remove = _beyond_limits(job, children)
    last = views.time_of(job.status.get("lastScheduleTime"))
    if not job.meta.deleting and not job.suspended:
        last = _schedule(job, step, running, last, now)
    step.status = _status(job, running, children, last)
    return step


def _of_the_active(known: Mapping[str, str], children: Sequence[Child]) -> list[tuple[str, str]]:
    """What has become of the jobs, by uid, that were active when we looked last."""
    news = [
        ("SawCompletedJob", f"Saw completed job: {one.meta.name}, condition: {one.outcome}")
        for one in children
        if one.outcome and one.meta.uid in known
    ]
    there = {child.meta.uid for child in children}
    gone = [name for uid, name in known.items() if uid not in there]
    return news + [("MissingJob", f"Active job went missing: {name}") for name in gone]


def _missed_many(job: CronJob, since: float, now: float) -> bool:
    """Whether so many times have passed that something must be wrong with clock or deadline."""
    if job.deadline >= 0:
        since = max(since, now - job.deadline)
    first = job.schedule.next(since)
    if first > now:
        return False
    return (now - first) / (job.schedule.next(first) - first) >= MANY_MISSED


def _schedule(job: CronJob, step: Plan, running: list[Child], last: float, now: float) -> float:
    """Whether a job is due; answers the new lastScheduleTime."""
    step.next_look = job.schedule.next(now)
    due = job.schedule.latest(now, last or job.meta.created)
    if due is None:
        return last
    if _missed_many(job, last or job.meta.created, now):
        step.news.append((TOO_MANY, TOO_MANY_MISSED))
    if 0 <= job.deadline < now - due:
        when = format_datetime(datetime.fromtimestamp(due, UTC))
        step.news.append((MISSED, f"Missed scheduled time to start a job: {when}"))
        return last
    if running and job.policy == "Forbid":
        text = (
            "Not starting job because prior execution is running and concurrency policy is Forbid"
        )
        step.news.append(("JobAlreadyActive", text))
        return last
    if running and job.policy == "Replace":
        step.remove += running
        running.clear()
    step.start = due
    return due


def _beyond_limits(job: CronJob, children: Sequence[Child]) -> list[Child]:
    """The oldest of those that ended, beyond what is kept of each outcome."""
    found: list[Child] = []
    for outcome, keep in (("Complete", job.keep_succeeded), ("Failed", job.keep_failed)):
        ended = [one for one in children if one.outcome == outcome and not one.meta.deleting]
        ended.sort(key=lambda one: (one.started or one.meta.created, one.meta.name))
        found += ended[: max(len(ended) - keep, 0)]
    return found


def _status(
    job: CronJob, running: list[Child], children: Sequence[Child], last: float
) -> JsonObject:
    succeeded = max(
        (child.completed for child in children),
        default=0.0,
    )
    succeeded = max(succeeded, views.time_of(job.status.get("lastSuccessfulTime")))
    # A job's version changes as it runs; that alone is no news.
    told = {one.get("uid"): one for one in job.status.get("active") or ()}
    status: JsonObject = {}
    if running:
        status["active"] = [told.get(one.meta.uid) or reference(one.meta) for one in running]
    if last:
        status["lastScheduleTime"] = meta.format_time(last)
    if succeeded:
        status["lastSuccessfulTime"] = meta.format_time(succeeded)
    return status


def reference(child: views.Meta) -> JsonObject:
    """How `status.active` names a job."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": child.name,
        "namespace": child.namespace,
        "resourceVersion": child.version,
        "uid": child.uid,
    }


def job_from(job: CronJob, owner: JsonObject, due: float) -> JsonObject:
    """The job for one scheduled time: its name tells the time, so that none starts twice."""
    head = job.template.get("metadata") or {}
    when = meta.format_time(due)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{job.meta.name}-{int(due) // 60}",
            "namespace": job.meta.namespace,
            "labels": dict(head.get("labels") or {}),
            "annotations": {**(head.get("annotations") or {}), SCHEDULED_AT: when},
            "ownerReferences": [owner],
        },
        "spec": job.template.get("spec") or {},
    }
