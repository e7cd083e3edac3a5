"""Deciding the next step of a Job: which pods to count, create and delete, and whether it is over.

Pure. Every finished pod counts once, however often we look and whenever it is deleted: pods carry
a finalizer; a finished pod's uid is first written into `status.uncountedTerminatedPods`, then the
finalizer is taken off, and when the pod shows without it the counter goes up and the uid goes.
Each of these is one step, decided on what the server has stored.

Neighbours: `job.policy` says what a failure means, `job.controller` acts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers import views
from controllers.job import indexes, policy

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"

MANAGER = "kubernetes.io/job-controller"
"""How `spec.managedBy` names us; a job with another manager is not ours."""

BURST = 500
"""Pods created or deleted in one go."""

BACKOFF_FIRST, BACKOFF_MAX = 10.0, 600.0
"""Seconds before a failed pod is replaced: doubled with each failure (Kubernetes' numbers)."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for, and the status as stored."""

    meta: views.Meta
    parallelism: int
    completions: int | None
    """None: the first success ends it."""
    backoff_limit: int
    index_limit: int | None
    """backoffLimitPerIndex; None: failures count for the job as a whole."""
    failed_indexes_max: int | None
    failure_rules: tuple[JsonObject, ...]
    success_rules: tuple[JsonObject, ...]
    only_failed: bool
    """podReplacementPolicy Failed: a pod on its way out holds its place until it has ended."""
    deadline: float
    """activeDeadlineSeconds; 0 = none."""
    keep_seconds: float
    """ttlSecondsAfterFinished; below 0 = for ever."""
    suspended: bool
    ours: bool
    """Not managed by a foreign controller."""
    indexed: bool
    template: JsonObject
    selector: JsonObject
    status: JsonObject

    @property
    def finished(self) -> bool:
        conditions = self.status.get("conditions")
        return any(meta.condition_is_true(conditions, one) for one in ("Complete", "Failed"))


def job_of(obj: JsonObject) -> Job:
    spec = obj["spec"]

    def number(name: str, default: int) -> int:
        value = spec.get(name)
        return default if value is None else int(value)

    return Job(
        meta=views.meta_of(obj),
        parallelism=number("parallelism", 1),
        completions=spec.get("completions"),
        backoff_limit=number("backoffLimit", 6),
        index_limit=spec.get("backoffLimitPerIndex"),
        failed_indexes_max=spec.get("maxFailedIndexes"),
        failure_rules=tuple((spec.get("podFailurePolicy") or {}).get("rules") or ()),
        success_rules=tuple((spec.get("successPolicy") or {}).get("rules") or ()),
        only_failed=spec.get("podReplacementPolicy") == "Failed" or "podFailurePolicy" in spec,
        deadline=number("activeDeadlineSeconds", 0),
        keep_seconds=number("ttlSecondsAfterFinished", -1),
        suspended=bool(spec.get("suspend")),
        ours=spec.get("managedBy") in (None, MANAGER),
        indexed=spec.get("completionMode") == "Indexed",
        template=spec.get("template") or {},
        selector=spec.get("selector") or {},
        status=obj.get("status") or {},
    )


@dataclass(slots=True)
class Plan:
    """One step: pods to free of their finalizer, to delete, to create; then the status."""

    free: list[views.Pod] = field(default_factory=list)
    delete: list[views.Pod] = field(default_factory=list)
    create: int = 0
    create_indexes: list[int] = field(default_factory=list)
    """For an indexed job: the indexes of the pods to create."""
    index_failures: dict[int | None, int] = field(default_factory=dict)
    """How often these have failed, where that is limited."""
    status: JsonObject = field(default_factory=dict)
    look_again: float = 0.0
    expired: bool = False
    """Finished and kept long enough: delete the job."""


NotBefore = Mapping[int | None, float]
"""No pod is created earlier (back-off after failures): by index, None = any pod."""


def plan(job: Job, pods: Sequence[views.Pod], not_before: NotBefore, now: float) -> Plan:
    step = Plan()
    tally = _Tally(job, pods)
    step.free = tally.to_free
    active = [pod for pod in pods if _is_active(pod)]
    status = tally.status(job)
    conditions = list(job.status.get("conditions") or ())
    if job.finished:
        step.delete = active
        _expire(job, step, now)
    else:
        verdict = _verdict(job, tally, active, now)
        conditions = _suspension(job, conditions, now)
        if verdict is not None:
            step.delete = active
            settled = not active and not tally.open
            conditions = _ending(conditions, verdict, now, settled=settled)
            if settled and verdict[0] == "Complete":
                status["completionTime"] = meta.format_time(now)
        elif job.suspended:
            step.delete = active
        else:
            leaving = sum(pod.meta.deleting and not pod.finished for pod in pods)
            _staff(job, tally, active, leaving if job.only_failed else 0, step, not_before, now)
            step.index_failures = tally.index_failures
    _fill(job, status, active, conditions, now)
    status["terminating"] = sum(pod.meta.deleting and not pod.finished for pod in pods)
    step.status = status
    if job.deadline and status.get("startTime") and not job.finished:
        due = views.time_of(status["startTime"]) + job.deadline - now
        step.look_again = min(step.look_again or due, due) if due > 0 else step.look_again
    return step


class _Tally:
    """Who has finished how: counters as stored, plus uids on their way into them."""

    def __init__(self, job: Job, pods: Sequence[views.Pod]) -> None:
        stored = job.status.get("uncountedTerminatedPods") or {}
        tracked = {pod.meta.uid: pod for pod in pods if TRACKING in pod.meta.finalizers}
        self.to_free: list[views.Pod] = []
        self.uids: dict[str, list[str]] = {}
        self.counts: dict[str, int] = {}
        noted: set[str] = set()
        for outcome in ("succeeded", "failed"):
            before = stored.get(outcome) or []
            noted.update(before)
            self.to_free += [tracked[uid] for uid in before if uid in tracked]
            kept = [uid for uid in before if uid in tracked]
            self.uids[outcome] = kept
            self.counts[outcome] = int(job.status.get(outcome) or 0) + len(before) - len(kept)
        # An indexed job may have become smaller.
        wanted = range(job.completions or 0)
        self.completed = indexes.parse(job.status.get("completedIndexes") or "") & {*wanted}
        self.failed_indexes = indexes.parse(job.status.get("failedIndexes") or "") & {*wanted}
        self.failed_job = ""
        """Why the failure policy ends the job."""
        self.index_failures: dict[int | None, int] = {}
        if job.index_limit is not None:
            self._count_per_index(job, pods)
        for pod in tracked.values():
            outcome = _outcome(job, pod)
            if not outcome or pod.meta.uid in noted:
                continue
            if outcome == "failed" and not job.finished and self._is_ignored(job, pod):
                self.to_free.append(pod)
                continue
            if job.indexed and outcome == "succeeded" and index_of(pod) in wanted:
                self.completed.add(index_of(pod))
            if job.finished:
                # The numbers of a finished job stand; its last pods only need to be freed.
                self.to_free.append(pod)
            else:
                self.uids[outcome].append(pod.meta.uid)
        self.open = sum(map(len, self.uids.values()))

    def _count_per_index(self, job: Job, pods: Sequence[views.Pod]) -> None:
        """How often each index has failed, as far as its pods are still there to tell."""
        for pod in pods:
            count = pod.index_failures
            if _outcome(job, pod) == "failed":
                count += policy.judge(job.failure_rules, pod)[0] != policy.IGNORE
            index = index_of(pod)
            self.index_failures[index] = max(self.index_failures.get(index, 0), count)

    def _is_ignored(self, job: Job, pod: views.Pod) -> bool:
        """Whether a failure does not count; notes what it means if it does."""
        action, message = policy.judge(job.failure_rules, pod)
        if action == policy.FAIL_JOB:
            self.failed_job = self.failed_job or message
        limit = job.index_limit
        if limit is not None and (action == policy.FAIL_INDEX or pod.index_failures >= limit):
            self.failed_indexes.add(index_of(pod))
        return action == policy.IGNORE

    def total(self, outcome: str) -> int:
        return self.counts[outcome] + len(self.uids[outcome])

    def successes(self, job: Job) -> int:
        return len(self.completed) if job.indexed else self.total("succeeded")

    def status(self, job: Job) -> JsonObject:
        out: JsonObject = {name: count for name, count in self.counts.items() if count}
        uncounted = {name: uids for name, uids in self.uids.items() if uids}
        # An empty object, not nothing: it says that the job's pods are tracked.
        out["uncountedTerminatedPods"] = uncounted
        if job.indexed and self.completed:
            out["completedIndexes"] = indexes.render(self.completed)
        if job.index_limit is not None:
            out["failedIndexes"] = indexes.render(self.failed_indexes)
        return out


def index_of(pod: views.Pod) -> int:
    text = pod.meta.labels.get(INDEX, "")
    return int(text) if text.isdecimal() else -1


def _outcome(job: Job, pod: views.Pod) -> str:
    if pod.phase == "Succeeded":
        return "succeeded"
    # A pod that somebody deletes before its end has failed; a job that asks how waits for it.
    return "failed" if pod.phase == "Failed" or (pod.meta.deleting and not job.only_failed) else ""


def _is_active(pod: views.Pod) -> bool:
    return not pod.finished and not pod.meta.deleting


Verdict = tuple[str, str, str]
"""(Complete or Failed, reason, message)."""


def _verdict(job: Job, tally: _Tally, active: Sequence[views.Pod], now: float) -> Verdict | None:
    for kind, final in (("FailureTarget", "Failed"), ("SuccessCriteriaMet", "Complete")):
        decided = meta.get_condition(job.status.get("conditions"), kind)
        if decided is not None and decided.get("status") == "True":
            return (final, decided.get("reason") or "", decided.get("message") or "")
    if tally.failed_job:
        return ("Failed", "PodFailurePolicy", tally.failed_job)
    if tally.total("failed") > job.backoff_limit or _restarts_too_often(job, active):
        return ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    start = views.time_of(job.status.get("startTime"))
    if job.deadline and start and now >= start + job.deadline and not job.suspended:
        text = "Job was active longer than specified deadline"
        return ("Failed", "DeadlineExceeded", text)
    if (failed := _failed_indexes(job, tally)) is not None:
        return failed
    if message := policy.succeeded(job.success_rules, tally.completed):
        return ("Complete", "SuccessPolicy", message)
    done = tally.successes(job)
    first_wins = job.completions is None and done > 0 and not active
    if first_wins or (job.completions is not None and done >= job.completions):
        text = "Reached expected number of succeeded pods"
        return ("Complete", "CompletionsReached", text)
    return None


def _failed_indexes(job: Job, tally: _Tally) -> Verdict | None:
    if job.index_limit is None or not tally.failed_indexes:
        return None
    if job.failed_indexes_max is not None and len(tally.failed_indexes) > job.failed_indexes_max:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return ("Failed", "MaxFailedIndexesExceeded", text)
    if len(tally.completed | tally.failed_indexes) >= (job.completions or 0):
        return ("Failed", "FailedIndexes", "Job has failed indexes")
    return None


def _restarts_too_often(job: Job, active: Sequence[views.Pod]) -> bool:
    """Containers that are restarted in place count against the same limit."""
    if (job.template.get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(pod.restarts for pod in active)
    return restarts > 0 if job.backoff_limit == 0 else restarts >= job.backoff_limit


def _ending(
    conditions: list[JsonObject], verdict: Verdict, now: float, *, settled: bool
) -> list[JsonObject]:
    """First what was decided; the end itself when no pod runs and all are counted."""
    final, reason, message = verdict
    kinds = ["FailureTarget" if final == "Failed" else "SuccessCriteriaMet"]
    kinds += [final] if settled else []
    for kind in kinds:
        if not meta.condition_is_true(conditions, kind):
            conditions = [*conditions, _condition(kind, "True", reason, message, now)]
    return conditions


def _suspension(job: Job, conditions: list[JsonObject], now: float) -> list[JsonObject]:
    is_so = meta.condition_is_true(conditions, "Suspended")
    if job.suspended == is_so:
        return conditions
    if job.suspended:
        new = _condition("Suspended", "True", "JobSuspended", "Job suspended", now)
    else:
        new = _condition("Suspended", "False", "JobResumed", "Job resumed", now)
    return [*meta.without_condition(conditions, "Suspended"), new]


def _condition(kind: str, value: str, reason: str, message: str, now: float) -> JsonObject:
    stamp = meta.format_time(now)
    return {
        "type": kind,
        "status": value,
        "lastProbeTime": stamp,
        "lastTransitionTime": stamp,
        "reason": reason,
        "message": message,
    }


def _staff(
    job: Job,
    tally: _Tally,
    active: list[views.Pod],
    leaving: int,
    step: Plan,
    not_before: NotBefore,
    now: float,
) -> None:
    """As many pods at a time as wanted, and no more than are still needed."""
    done = tally.successes(job) + len(tally.failed_indexes)
    if job.completions is None:
        wanted = len(active) if done else job.parallelism
    else:
        wanted = min(job.parallelism, job.completions - done)
    if job.indexed:
        step.delete, active = _sort_out(job, active)
    surplus = len(active) - wanted
    if surplus > 0:
        step.delete += sorted(active, key=lambda pod: (pod.ready, -pod.meta.created))[:surplus]
        return
    missing = min(-surplus - leaving, BURST)
    if missing <= 0:
        return
    if now < not_before.get(None, 0.0):
        step.look_again = not_before[None] - now
        return
    step.create = missing
    if job.indexed:
        taken = tally.completed | tally.failed_indexes | {index_of(pod) for pod in active}
        free = [one for one in range(job.completions or 0) if one not in taken]
        due = [index for index in free if not_before.get(index, 0.0) <= now]
        step.create_indexes = due[:missing]
        step.create = len(step.create_indexes)
        waits = [not_before[index] - now for index in free if index not in due]
        if step.create < missing and waits:
            step.look_again = min(waits)


def _sort_out(job: Job, active: Sequence[views.Pod]) -> tuple[list[views.Pod], list[views.Pod]]:
    """(pods of no index that is wanted, or of one that another pod has; the others)."""
    best: dict[int, views.Pod] = {}
    for pod in sorted(active, key=lambda pod: (not pod.ready, pod.meta.created, pod.meta.name)):
        if 0 <= index_of(pod) < (job.completions or 0):
            best.setdefault(index_of(pod), pod)
    kept = {pod.meta.uid for pod in best.values()}
    return [pod for pod in active if pod.meta.uid not in kept], list(best.values())


def _expire(job: Job, step: Plan, now: float) -> None:
    if job.keep_seconds < 0:
        return
    ends = [
        views.time_of(one.get("lastTransitionTime"))
        for one in job.status.get("conditions") or ()
        if one.get("type") in ("Complete", "Failed") and one.get("status") == "True"
    ]
    due = max(ends, default=now) + job.keep_seconds - now
    step.expired = due <= 0
    step.look_again = max(due, 0.0)


def _fill(
    job: Job,
    status: JsonObject,
    active: Sequence[views.Pod],
    conditions: list[JsonObject],
    now: float,
) -> None:
    for name in ("startTime", "completionTime"):
        if job.status.get(name):
            status.setdefault(name, job.status[name])
    if job.suspended and not job.finished:
        status.pop("startTime", None)
    elif "startTime" not in status:
        status["startTime"] = meta.format_time(now)
    if active:
        status["active"] = len(active)
    status["ready"] = sum(pod.ready for pod in active)
    if conditions:
        status["conditions"] = conditions


def failures(job: Job, pods: Sequence[views.Pod]) -> dict[int | None, int]:
    """How often each index has failed, where that is limited; else the whole job, as None."""
    if job.index_limit is not None:
        return _Tally(job, pods).index_failures
    uncounted = (TRACKING in pod.meta.finalizers for pod in pods if pod.phase == "Failed")
    return {None: int(job.status.get("failed") or 0) + sum(uncounted)}


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    if failures <= 0:
        return 0.0
    return min(BACKOFF_FIRST * 2.0 ** min(failures - 1, 32), BACKOFF_MAX)


def pod_from(job: Job, reference: JsonObject, index: int | None, failures: int = 0) -> JsonObject:
    """A new pod; for an indexed job it knows its index by label, annotation, name and variable.

    `failures` is how often the index has failed, where that is limited.
    """
    template = job.template.get("metadata") or {}
    spec = dict(job.template.get("spec") or {})
    labels = dict(template.get("labels") or {})
    annotations = dict(template.get("annotations") or {})
    prefix = f"{job.meta.name}-"
    if index is not None:
        prefix += f"{index}-"
        labels[INDEX] = annotations[INDEX] = str(index)
        if job.index_limit is not None:
            annotations[views.INDEX_FAILURES] = str(failures)
        spec.setdefault("hostname", f"{job.meta.name}-{index}")
        source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
        variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
        for field_ in ("containers", "initContainers"):
            if spec.get(field_):
                spec[field_] = [_with_variable(one, variable) for one in spec[field_]]
    metadata: JsonObject = {
        "generateName": prefix,
        "namespace": job.meta.namespace,
        "labels": labels,
        "finalizers": [*(template.get("finalizers") or ()), TRACKING],
        "ownerReferences": [reference],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _with_variable(container: JsonObject, variable: JsonObject) -> JsonObject:
    present = container.get("env") or []
    if any(one.get("name") == variable["name"] for one in present):
        return container
    return container | {"env": [*present, variable]}
