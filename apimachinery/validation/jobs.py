"""Rules about pods that end: jobs, and cron jobs that make them.

Neighbours: `apimachinery.validation.pods` for the template, `apimachinery.cron` for schedules.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from apimachinery import cron, labels, names, status
from apimachinery.validation import common, indexes, pods
from apimachinery.validation.common import Errors
from apimachinery.validation.indexes import MAX_RULES
from apimachinery.wire import JsonObject

MAX_CRON_NAME = 52
"""Characters of a CronJob's name: its jobs add a dash and ten digits, and are labels of pods."""
MAX_SCHEDULE = 256
"""Characters of a cron schedule: far more than any has."""
MAX_INDEXED = 100_000
"""Pods of an indexed job at a time."""
MAX_OF_MANY = 10_000
"""Of its pods at a time and failures in all, where it has more indexes than that."""
MAX_CODES = 255
"""Exit codes of a rule about failures."""
MAX_MANAGER = 63
"""Characters of who manages a job."""

MODES = ("NonIndexed", "Indexed")
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
REPLACEMENTS = ("Failed", "TerminatingOrFailed")
CONDITION_STATES = ("False", "True", "Unknown")
_NOT_INDEXED = "requires indexed completion mode"
_ZONE_PART = re.compile(r"(?!-|\.\.?$)[A-Za-z._0-9+-]{1,14}")
_AUTOMATIC = ("controller-uid", "job-name")
_PREFIXES = ("batch.kubernetes.io/", "")


def job(obj: JsonObject) -> Errors:
    """A new job."""
    spec = obj.get("spec") or {}
    return _generated(obj, spec) + _own(spec) + _pod_names(obj, spec)


def _own(spec: JsonObject) -> Errors:
    """The specification with its selector, which templates of jobs have not."""
    errors = _spec(spec, "spec")
    chosen = spec.get("selector")
    unsound = common.selector(chosen, "spec.selector")
    errors += [status.required("spec.selector")] if chosen is None else unsound
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not unsound and not common.selects(chosen, found):
        shown = common.NIL if found is None else found
        errors.append(status.invalid_value("spec.template.metadata.labels", shown, common.MISMATCH))
    return errors


def _generated(obj: JsonObject, spec: JsonObject) -> Errors:
    """Unless the user insists on a selector, labels and selector are those of this very job."""
    chosen = spec.get("selector")
    if spec.get("manualSelector") or chosen is None:
        return []
    meta = obj.get("metadata") or {}
    wanted = {
        prefix + key: value
        for prefix in _PREFIXES
        for key, value in zip(_AUTOMATIC, (meta.get("uid", ""), meta.get("name", "")), strict=True)
    }
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    errors: Errors = []
    for key, value in wanted.items():
        path = f"spec.template.metadata.labels[{key}]"
        if key not in found:
            errors.append(status.required(path, f"must be '{value}'"))
        elif found[key] != value:
            errors.append(status.invalid_value(path, found, f"must be '{value}'"))
    if not common.selector(chosen, "") and not labels.from_label_selector(chosen).matches(wanted):
        detail = "`selector` not auto-generated"
        errors.append(status.invalid_value("spec.selector", chosen, detail))
    return errors


def _pod_names(obj: JsonObject, spec: JsonObject) -> Errors:
    """An indexed job's pods are hosts named after it."""
    name = (obj.get("metadata") or {}).get("name", "")
    most = spec.get("completions") or 0
    if spec.get("completionMode") != "Indexed" or not most or not name:
        return []
    last = f"{name}-{most - 1}"
    return [
        status.invalid_value(
            "metadata.name", name, f"will not able to create pod with invalid DNS label: {last}"
        )
        for _ in names.dns1123_label(last)[:1]
    ]


def _spec(spec: JsonObject, path: str) -> Errors:
    """What jobs and templates of jobs have in common."""
    errors: Errors = []
    for key in (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ):
        errors += common.non_negative(spec.get(key), f"{path}.{key}")
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        detail = "when maxFailedIndexes is specified"
        errors.append(status.required(f"{path}.backoffLimitPerIndex", detail))
    if spec.get("managedBy") is not None:
        errors += _manager(spec["managedBy"], f"{path}.managedBy")
    errors += _mode(spec, path)
    failures = spec.get("podFailurePolicy")
    if failures is not None:
        errors += _failure_policy(spec, failures, f"{path}.podFailurePolicy")
    enough = spec.get("successPolicy")
    if enough is not None:
        errors += _success(spec, enough, f"{path}.successPolicy")
    replaced = spec.get("podReplacementPolicy")
    valid = REPLACEMENTS[:1] if failures is not None else REPLACEMENTS
    if replaced is not None and replaced not in valid:
        errors.append(status.not_supported(f"{path}.podReplacementPolicy", replaced, valid))
    return errors + _template(spec, path)


def _manager(name: str, path: str) -> Errors:
    """Who looks after the job instead of Kubernetes' own controller."""
    errors = common.domain_prefixed_path(name, path)
    return errors + ([status.too_long(path, MAX_MANAGER)] if len(name) > MAX_MANAGER else [])


def _success(spec: JsonObject, policy: JsonObject, path: str) -> Errors:
    if spec.get("completionMode") != "Indexed":
        return [status.invalid_value(path, policy, _NOT_INDEXED)]
    return indexes.success_policy(policy, spec.get("completions"), path)


def _mode(spec: JsonObject, path: str) -> Errors:
    mode = spec.get("completionMode")
    errors: Errors = []
    if mode is not None and mode not in MODES:
        errors.append(status.not_supported(f"{path}.completionMode", mode, MODES))
    elif mode == "Indexed":
        errors += _indexed(spec, path)
    else:
        errors += (
            status.invalid_value(f"{path}.{key}", spec[key], _NOT_INDEXED)
            for key in ("backoffLimitPerIndex", "maxFailedIndexes")
            if spec.get(key) is not None
        )
    return errors


def _indexed(spec: JsonObject, path: str) -> Errors:
    """Bounds that keep the state of an indexed job small."""
    parallel, most = spec.get("parallelism") or 0, spec.get("completions")
    failed, where = spec.get("maxFailedIndexes"), f"{path}.maxFailedIndexes"
    errors: Errors = []
    if most is None:
        detail = "when completion mode is Indexed"
        errors.append(status.required(f"{path}.completions", detail))
    if parallel > MAX_INDEXED:
        detail = f"must be less than or equal to {MAX_INDEXED} when completion mode is Indexed"
        errors.append(status.invalid_value(f"{path}.parallelism", parallel, detail))
    if failed is not None and most is not None and failed > most:
        detail = "must be less than or equal to completions"
        errors.append(status.invalid_value(where, failed, detail))
    if failed is not None and failed > MAX_INDEXED:
        detail = f"must be less than or equal to {MAX_INDEXED}"
        errors.append(status.invalid_value(where, failed, detail))
    if most is None or most <= MAX_INDEXED or spec.get("backoffLimitPerIndex") is None:
        return errors
    if failed is None:
        detail = f"must be specified when completions is above {MAX_INDEXED}"
        errors.append(status.required(where, detail))
    detail = (
        f"must be less than or equal to {MAX_OF_MANY} when completions are above {MAX_INDEXED} "
        "and used with backoff limit per index"
    )
    return errors + [
        status.invalid_value(f"{path}.{key}", spec[key], detail)
        for key in ("parallelism", "maxFailedIndexes")
        if (spec.get(key) or 0) > MAX_OF_MANY
    ]


def _failure_policy(spec: JsonObject, policy: JsonObject, path: str) -> Errors:
    rules = policy.get("rules") or ()
    errors: Errors = []
    if len(rules) > MAX_RULES:
        errors.append(status.too_many(f"{path}.rules", len(rules), MAX_RULES))
    names_of = [
        one.get("name")
        for key in ("containers", "initContainers")
        for one in ((spec.get("template") or {}).get("spec") or {}).get(key) or ()
    ]
    for index, rule in enumerate(rules[:MAX_RULES]):
        errors += _failure_rule(spec, rule, f"{path}.rules[{index}]", names_of)
    return errors


def _failure_rule(spec: JsonObject, rule: JsonObject, path: str, known: list[Any]) -> Errors:
    action = rule.get("action", "")
    errors = _word(action, f"{path}.action", ACTIONS)
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        detail = "requires the backoffLimitPerIndex to be set"
        errors.append(status.invalid_value(f"{path}.action", action, detail))
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if codes is not None:
        errors += _exit_codes(codes, f"{path}.onExitCodes", known)
    errors += _conditions(conditions, f"{path}.onPodConditions")
    if (codes is not None) == bool(conditions):
        detail = (
            "specifying both OnExitCodes and OnPodConditions is not supported"
            if codes is not None
            else "specifying one of OnExitCodes and OnPodConditions is required"
        )
        errors.append(status.invalid_value(path, status.OMIT_VALUE, detail))
    return errors


def _word(value: str, path: str, valid: tuple[str, ...]) -> Errors:
    """One of a few words; where there is none, all of them are told."""
    if not value:
        shown = " ".join(status.quote(one) for one in valid)
        return [status.required(path, f"valid values: [{shown}]")]
    return common.one_of(value, path, valid)


def _conditions(patterns: Sequence[JsonObject], path: str) -> Errors:
    errors: Errors = []
    if len(patterns) > MAX_RULES:
        errors.append(status.too_many(path, len(patterns), MAX_RULES))
    for index, one in enumerate(patterns[:MAX_RULES]):
        where, kind = f"{path}[{index}]", one.get("type", "")
        errors += (
            status.invalid_value(f"{where}.type", kind, text) for text in names.qualified_name(kind)
        )
        errors += _word(one.get("status", ""), f"{where}.status", CONDITION_STATES)
    return errors


def _exit_codes(codes: JsonObject, path: str, known: list[Any]) -> Errors:
    operator, values = codes.get("operator", ""), codes.get("values") or []
    errors = _word(operator, f"{path}.operator", ("In", "NotIn"))
    name = codes.get("containerName")
    if name is not None and name not in known:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(status.invalid_value(f"{path}.containerName", name, detail))
    where = f"{path}.values"
    if not values:
        detail = "at least one value is required"
        errors.append(status.invalid_value(where, codes.get("values", common.NIL), detail))
    if len(values) > MAX_CODES:
        errors.append(status.too_many(where, len(values), MAX_CODES))
    for index, value in enumerate(values[:MAX_CODES]):
        if operator == "In" and value == 0:
            detail = "must not be 0 for the In operator"
            errors.append(status.invalid_value(f"{where}[{index}]", 0, detail))
        if value in values[:index]:
            errors.append(status.duplicate(f"{where}[{index}]", value))
    if values != sorted(values):
        errors.append(status.invalid_value(where, values, "must be ordered"))
    return errors


def _template(spec: JsonObject, path: str) -> Errors:
    """Pods that end: they may not be restarted forever."""
    template = spec.get("template") or {}
    errors = pods.template(template, f"{path}.template")
    policy = (template.get("spec") or {}).get("restartPolicy") or "Always"
    where = f"{path}.template.spec.restartPolicy"
    if policy == "Always":
        errors.append(status.required(where, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(status.not_supported(where, policy, ("OnFailure", "Never")))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        detail = 'only "Never" is supported when podFailurePolicy is specified'
        errors.append(status.invalid_value(where, policy, detail))
    return errors


def job_update(new: JsonObject, old: JsonObject) -> Errors:
    """What a job is made of stays; a suspended one that never ran may be placed otherwise."""
    after, before = (one.get("spec") or {} for one in (new, old))
    errors = _own(after) + _completions(after, before)
    errors += _same(after, before, "selector")
    placed = before
    if before.get("suspend") and not (old.get("status") or {}).get("startTime"):
        placed = {**before, "template": _placed(after, before)}
    errors += _same(after, placed, "template")
    for key in (
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ):
        errors += _same(after, before, key)
    return errors


def _same(after: JsonObject, before: JsonObject, key: str) -> Errors:
    return common.unchanged(after.get(key), before.get(key), f"spec.{key}")


def _completions(after: JsonObject, before: JsonObject) -> Errors:
    """An indexed job may grow and shrink as a whole."""
    if after.get("completionMode") != "Indexed" or after.get("completions") is None:
        return _same(after, before, "completions")
    most = after["completions"]
    if most == before.get("completions") or most == after.get("parallelism"):
        return []
    detail = "can only be modified in tandem with spec.parallelism"
    return [status.invalid_value("spec.completions", most, detail)]


def _placed(after: JsonObject, before: JsonObject) -> JsonObject:
    """The old template with what says where its pods go taken from the new one."""
    template = {**(before.get("template") or {})}
    fresh = after.get("template") or {}
    meta, pod = {**(template.get("metadata") or {})}, {**(template.get("spec") or {})}
    for key in ("labels", "annotations"):
        _take(meta, fresh.get("metadata") or {}, key)
    wanted = fresh.get("spec") or {}
    for key in ("nodeSelector", "tolerations", "schedulingGates"):
        _take(pod, wanted, key)
    affinity = {**(pod.get("affinity") or {})}
    _take(affinity, wanted.get("affinity") or {}, "nodeAffinity")
    if affinity or "affinity" in wanted:
        pod["affinity"] = affinity
    else:
        pod.pop("affinity", None)
    template["spec"] = pod
    if meta or "metadata" in fresh:
        template["metadata"] = meta
    return template


def _take(into: JsonObject, source: JsonObject, key: str) -> None:
    if key in source:
        into[key] = source[key]
    else:
        into.pop(key, None)


def cron_job(obj: JsonObject) -> Errors:
    """A new cron job."""
    errors = _cron(obj.get("spec") or {}, None)
    name = (obj.get("metadata") or {}).get("name", "")
    if len(name) > MAX_CRON_NAME:
        detail = f"must be no more than {MAX_CRON_NAME} characters"
        errors.append(status.invalid_value("metadata.name", name, detail))
    return errors


def cron_job_update(new: JsonObject, old: JsonObject) -> Errors:
    """The length of a name is no matter of an update, and an old time zone may stay."""
    return _cron(new.get("spec") or {}, old.get("spec") or {})


def _cron(spec: JsonObject, old: JsonObject | None) -> Errors:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if not schedule:
        errors: Errors = [status.required("spec.schedule")]
    else:
        errors = _schedule(schedule, zone, (old or {}).get("schedule", ""))
    errors += common.non_negative(
        spec.get("startingDeadlineSeconds"), "spec.startingDeadlineSeconds"
    )
    if old is None or old.get("timeZone") != zone:
        errors += _zone(zone)
    policy = spec.get("concurrencyPolicy")
    errors += common.one_of(policy, "spec.concurrencyPolicy", ("Allow", "Forbid", "Replace"))
    template: Any = (spec.get("jobTemplate") or {}).get("spec") or {}
    path = "spec.jobTemplate.spec"
    errors += _spec(template, path)
    if template.get("selector") is not None:
        detail = "`selector` will be auto-generated"
        errors.append(status.invalid_value(f"{path}.selector", template["selector"], detail))
    if template.get("manualSelector"):
        errors.append(status.not_supported(f"{path}.manualSelector", True, ("nil", "false")))
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += common.non_negative(spec.get(key), f"spec.{key}")
    return errors


def _schedule(text: str, zone: str | None, old: str) -> Errors:
    """What the controller can work with; zones inside of schedules are a thing of the past."""
    path = "spec.schedule"
    if len(text) > MAX_SCHEDULE:
        return [status.too_long(path, MAX_SCHEDULE)]
    errors = [] if "TZ" in text else _refused(path, text, lambda: cron.parse(text))
    if "TZ" in text and "TZ" not in old:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(status.invalid_value(path, text, detail))
    elif "TZ" in text and zone is not None:
        detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        errors.append(status.invalid_value(path, text, detail))
    return errors


def _zone(name: str | None) -> Errors:
    path = "spec.timeZone"
    if name is None:
        return []
    if not name:
        return [status.invalid_value(path, name, "timeZone must be nil or non-empty string")]
    if not all(_ZONE_PART.fullmatch(part) for part in name.split("/")):
        return [status.invalid_value(path, name, f"unknown time zone {name}")]
    errors: Errors = []
    if name.lower() == "local":
        detail = (
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        )
        errors.append(status.invalid_value(path, name, detail))
    if name == "Local":  # the language that Kubernetes is written in knows this one
        return errors
    return errors + _refused(path, name, lambda: cron.zone_of(name))


def _refused(path: str, value: str, read: Callable[[], object]) -> Errors:
    try:
        read()
    except cron.CronError as error:
        return [status.invalid_value(path, value, str(error))]
    return []
