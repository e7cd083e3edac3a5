"""Rules about the state of a job: what goes together, and what cannot be taken back.

Most look only at what a write changes, so that an old odd state can be mended bit by bit.
Neighbours: `jobs` has the specification, `indexes` the sets of indexes.
"""

from datetime import datetime

from apimachinery import status
from apimachinery.validation import common, indexes
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

_FINAL = ("Failed", "Complete", "FailureTarget")


class _State:
    """One state of a job, with what the rules ask of it."""

    def __init__(self, job: JsonObject) -> None:
        self.spec: JsonObject = job.get("spec") or {}
        self.status: JsonObject = job.get("status") or {}
        self.true = {
            one.get("type")
            for one in self.status.get("conditions") or ()
            if one.get("status") == "True"
        }

    @property
    def finished(self) -> bool:
        return bool(self.true & {"Complete", "Failed"})

    def count(self, key: str) -> int:
        return self.status.get(key) or 0


def update(new: JsonObject, old: JsonObject) -> Errors:
    """A write to the status."""
    now, was = _State(new), _State(old)
    return (
        _counts(now)
        + _conditions(now, was)
        + _times(now, was)
        + _ended(now, was)
        + _sets(now, was)
        + _progress(now, was)
    )


def _changed(now: _State, was: _State, *keys: str) -> bool:
    return any(now.status.get(key) != was.status.get(key) for key in keys)


def _turned(now: _State, was: _State, *kinds: str) -> bool:
    return any((kind in now.true) != (kind in was.true) for kind in kinds)


def _counts(now: _State) -> Errors:
    errors: Errors = []
    for key in ("active", "succeeded", "failed", "ready", "terminating"):
        errors += common.non_negative(now.status.get(key), f"status.{key}")
    seen: set[str] = set()
    for key in ("succeeded", "failed"):
        uncounted = (now.status.get("uncountedTerminatedPods") or {}).get(key) or ()
        for index, uid in enumerate(uncounted):
            path = f"status.uncountedTerminatedPods.{key}[{index}]"
            if not uid:
                errors.append(status.invalid_value(path, uid, "must not be empty"))
            elif uid in seen:
                errors.append(status.duplicate(path, uid))
            seen.add(uid)
    return errors


def _conditions(now: _State, was: _State) -> Errors:
    """Ends exclude each other, and each has an omen; what has ended stays so."""
    rules: tuple[tuple[bool, bool, str], ...] = (
        # looked at, wrong, why
        (
            _turned(now, was, "Complete", "Failed"),
            {"Complete", "Failed"} <= now.true,
            "cannot set Complete=True and Failed=true conditions",
        ),
        (
            _turned(now, was, "Complete", "FailureTarget"),
            {"Complete", "FailureTarget"} <= now.true,
            "cannot set Complete=True and FailureTarget=true conditions",
        ),
        (
            _turned(now, was, "Failed", "FailureTarget"),
            "Failed" in now.true and "FailureTarget" not in now.true,
            "cannot set Failed=True condition without the FailureTarget=true condition",
        ),
        (
            _turned(now, was, "Complete", "SuccessCriteriaMet"),
            "Complete" in now.true and "SuccessCriteriaMet" not in now.true,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (
            True,
            {"SuccessCriteriaMet", "Failed"} <= now.true,
            "cannot set SuccessCriteriaMet=True and Failed=true conditions",
        ),
        (
            True,
            {"SuccessCriteriaMet", "FailureTarget"} <= now.true,
            "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
        ),
        *(
            (
                True,
                kind in was.true and kind not in now.true,
                f"cannot disable the terminal {kind}=True condition",
            )
            for kind in _FINAL
        ),
        (
            True,
            "SuccessCriteriaMet" in was.true and "SuccessCriteriaMet" not in now.true,
            "cannot disable the SuccessCriteriaMet=True condition",
        ),
        (
            "Complete" in was.true,
            "SuccessCriteriaMet" in now.true and "SuccessCriteriaMet" not in was.true,
            "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
        ),
    )
    return [
        status.invalid_value("status.conditions", status.OMIT_VALUE, why)
        for looked_at, wrong, why in rules
        if looked_at and wrong
    ]


def _times(now: _State, was: _State) -> Errors:
    start, end = now.status.get("startTime"), now.status.get("completionTime")
    path = "status.completionTime"
    errors: Errors = []
    if _turned(now, was, "Complete") or _changed(now, was, "completionTime"):
        if end is not None and "Complete" not in now.true:
            detail = "cannot set completionTime when there is no Complete=True condition"
            errors.append(status.invalid_value(path, end, detail))
        if end is None and "Complete" in now.true:
            detail = "completionTime is required for Complete jobs"
            errors.append(status.required(path, detail))
    if start and end and _changed(now, was, "startTime", "completionTime") and _before(end, start):
        detail = "completionTime cannot be set before startTime"
        errors.append(status.invalid_value(path, end, detail))
    before = was.status.get("completionTime")
    if end is not None and before is not None and end != before:
        errors.append(status.invalid_value(path, end, "completionTime cannot be mutated"))
    if (
        was.status.get("startTime") is not None
        and _changed(now, was, "startTime")
        and not now.spec.get("suspend")
    ):
        detail = "startTime cannot be removed for unsuspended job"
        errors.append(status.required("status.startTime", detail))
    return errors


def _before(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) < datetime.fromisoformat(other)


def _ended(now: _State, was: _State) -> Errors:
    """A job that has ended has nothing that runs."""
    if not now.finished:
        return []
    turned = now.finished != was.finished
    errors: Errors = []
    for key in ("active", "terminating"):
        if now.count(key) > 0 and (turned or _changed(now, was, key)):
            detail = f"{key}>0 is invalid for finished job"
            errors.append(status.invalid_value(f"status.{key}", now.count(key), detail))
    if now.status.get("startTime") is None and (turned or _changed(now, was, "startTime")):
        detail = "startTime is required for finished job"
        errors.append(status.required("status.startTime", detail))
    key = "uncountedTerminatedPods"
    uncounted = now.status.get(key) or {}
    if any(uncounted.values()) and (turned or _changed(now, was, key)):
        detail = "uncountedTerminatedPods needs to be empty for finished job"
        errors.append(status.invalid_value(f"status.{key}", uncounted, detail))
    return errors


def _sets(now: _State, was: _State) -> Errors:
    """Which indexes are done and which have failed."""
    done, failed = now.status.get("completedIndexes") or "", now.status.get("failedIndexes")
    most, single = now.spec.get("completions"), now.spec.get("completionMode") != "Indexed"
    limited = now.spec.get("backoffLimitPerIndex") is not None
    new_done = _changed(now, was, "completedIndexes")
    new_failed = failed is not None and _changed(now, was, "failedIndexes")
    rows: tuple[tuple[bool, str, str], ...] = (
        # looked at, which set, what is wrong with it
        (new_done, "completedIndexes", _unread("completedIndexes", done, most)),
        (new_failed and limited, "failedIndexes", _unread("failedIndexes", failed or "", most)),
        (
            new_done and single and bool(done),
            "completedIndexes",
            "cannot set non-empty completedIndexes when non-indexed completion mode",
        ),
        (
            new_failed and not limited,
            "failedIndexes",
            "cannot set non-null failedIndexes when backoffLimitPerIndex is null",
        ),
        (new_done or new_failed, "failedIndexes", _overlap(done, failed or "", most)),
    )
    return [
        status.invalid_value(f"status.{key}", now.status.get(key, ""), wrong)
        for looked_at, key, wrong in rows
        if looked_at and wrong
    ]


def _unread(key: str, text: str, completions: int | None) -> str:
    wrong = indexes.problem(text, completions) if completions is not None else ""
    return f"error parsing {key}: {wrong}" if wrong else ""


def _overlap(done: str, failed: str, completions: int | None) -> str:
    if completions is None or any(indexes.problem(one, completions) for one in (done, failed)):
        return ""
    theirs = indexes.read(failed, completions)
    for first, last in indexes.read(done, completions):
        for low, high in theirs:
            if first <= high and low <= last:
                return f"failedIndexes and completedIndexes overlap at index: {max(first, low)}"
    return ""


def _progress(now: _State, was: _State) -> Errors:
    """Counts of what has ended only grow, unless a job as a whole got smaller."""
    errors: Errors = []
    if now.count("ready") > now.count("active") and _changed(now, was, "ready", "active"):
        detail = "cannot set more ready pods than active"
        errors.append(status.invalid_value("status.ready", now.count("ready"), detail))
    elastic = now.spec.get("completionMode") == "Indexed" and (
        now.spec.get("completions") == now.spec.get("parallelism")
    )
    for key in ("failed", "succeeded"):
        if now.count(key) < was.count(key) and not (key == "succeeded" and elastic):
            detail = f"cannot decrease the {key} counter"
            errors.append(status.invalid_value(f"status.{key}", now.count(key), detail))
    return errors
