"""Rules about the kinds that run pods: replication controllers, apps and batch.

Neighbour: `apimachinery.validation.pods` for the template in each of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

from apimachinery import cron, intstr, labels, status
from apimachinery.validation import common, pods
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MISMATCH = "`selector` does not match template `labels`"
STRATEGIES = ("Recreate", "RollingUpdate")
UPDATE_STRATEGIES = ("OnDelete", "RollingUpdate")
MAX_CRON_NAME = 52
"""Characters of a CronJob's name: its jobs add a dash and ten digits, and are labels of pods."""
MAX_SCHEDULE = 256
"""Characters of a cron schedule: far more than any has."""


def _template(
    spec: JsonObject, selector: labels.Selector | None, kind: str, policies: Sequence[str]
) -> Errors:
    """The template of a kind that keeps pods running: labels that match, a policy it can have."""
    template = spec.get("template")
    if template is None:
        return [status.required("spec.template")]
    found = (template.get("metadata") or {}).get("labels") or {}
    errors: Errors = []
    if selector is not None and not selector.matches(found):
        errors.append(status.invalid_value("spec.template.metadata.labels", found, MISMATCH))
    errors += pods.template(template, "spec.template")
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy in pods.RESTART_POLICIES and policy not in policies:
        path = "spec.template.spec.restartPolicy"
        errors.append(status.not_supported(path, policy, policies))
    if (template.get("spec") or {}).get("activeDeadlineSeconds") is not None and kind:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        path = "spec.template.spec.activeDeadlineSeconds"
        errors.append(status.forbidden_field(path, detail))
    return errors


def _selector(spec: JsonObject, what: str) -> tuple[labels.Selector | None, Errors]:
    """The label selector, which must select something."""
    value = spec.get("selector")
    if value is None:
        return None, [status.required("spec.selector")]
    errors = common.selector(value, "spec.selector")
    if not value.get("matchLabels") and not value.get("matchExpressions"):
        detail = f"empty selector is invalid for {what}"
        return None, [*errors, status.invalid_value("spec.selector", value, detail)]
    if errors:
        return None, errors
    return labels.from_label_selector(value), []


def _numbers(spec: JsonObject, *keys: str) -> Errors:
    errors: Errors = []
    for key in keys:
        errors += common.non_negative(spec.get(key), f"spec.{key}")
    return errors


def replication_controller(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(spec, "minReadySeconds", "replicas")
    chosen = spec.get("selector")
    if not chosen:
        errors.append(status.required("spec.selector"))
    errors += common.labels(chosen, "spec.selector")
    selector = labels.from_set(chosen) if chosen else None
    return errors + _template(spec, selector, "ReplicationController", ("Always",))


def replica_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    selector, errors = _selector(spec, "replicaset")
    errors += _numbers(spec, "replicas", "minReadySeconds")
    return errors + _template(spec, selector, "ReplicaSet", ("Always",))


def replica_set_update(new: JsonObject, old: JsonObject) -> Errors:
    return replica_set(new) + _same_selector(new, old)


def _same_selector(new: JsonObject, old: JsonObject) -> Errors:
    after, before = (one.get("spec") or {} for one in (new, old))
    return common.unchanged(after.get("selector"), before.get("selector"), "spec.selector")


def deployment(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    selector, errors = _selector(spec, "deployment")
    errors += _numbers(spec, "replicas", "minReadySeconds", "revisionHistoryLimit")
    errors += _deployment_strategy(spec.get("strategy") or {})
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        path = "spec.progressDeadlineSeconds"
        errors += common.non_negative(deadline, path)
        if deadline <= (spec.get("minReadySeconds") or 0):
            detail = "must be greater than minReadySeconds"
            errors.append(status.invalid_value(path, deadline, detail))
    return errors + _template(spec, selector, "Deployment", ("Always",))


def deployment_update(new: JsonObject, old: JsonObject) -> Errors:
    return deployment(new) + _same_selector(new, old)


def _deployment_strategy(strategy: JsonObject) -> Errors:
    path = "spec.strategy"
    errors = common.one_of(strategy.get("type"), f"{path}.type", STRATEGIES)
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        errors.append(status.forbidden_field(f"{path}.rollingUpdate", detail))
    elif strategy.get("type") == "RollingUpdate":
        errors += _rolling(rolling or {}, f"{path}.rollingUpdate")
    return errors


def _rolling(rolling: JsonObject, path: str) -> Errors:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    where = f"{path}.maxUnavailable"
    errors = common.share(unavailable, where, at_most_all=True)
    errors += common.share(surge, f"{path}.maxSurge")
    if not errors and _is_zero(unavailable) and _is_zero(surge):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(status.invalid_value(where, unavailable, detail))
    return errors


def _is_zero(value: int | str) -> bool:
    return value == 0 or (isinstance(value, str) and intstr.percent(value) == 0)


def daemon_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    selector, errors = _selector(spec, "daemonset")
    errors += _numbers(spec, "minReadySeconds", "revisionHistoryLimit")
    strategy = spec.get("updateStrategy") or {}
    kind = strategy.get("type")
    errors += common.one_of(kind, "spec.updateStrategy.type", UPDATE_STRATEGIES)
    if kind == "RollingUpdate":
        path = "spec.updateStrategy.rollingUpdate"
        rolling = strategy.get("rollingUpdate")
        errors += _rolling(rolling, path) if rolling is not None else [status.required(path)]
    return errors + _template(spec, selector, "DaemonSet", ("Always",))


def daemon_set_update(new: JsonObject, old: JsonObject) -> Errors:
    return daemon_set(new) + _same_selector(new, old)


def stateful_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    selector, errors = _selector(spec, "statefulset")
    errors += _numbers(spec, "replicas", "minReadySeconds", "revisionHistoryLimit")
    policy = spec.get("podManagementPolicy")
    errors += common.one_of(policy, "spec.podManagementPolicy", ("OrderedReady", "Parallel"))
    strategy = spec.get("updateStrategy") or {}
    errors += common.one_of(strategy.get("type"), "spec.updateStrategy.type", UPDATE_STRATEGIES)
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    errors += common.non_negative(partition, "spec.updateStrategy.rollingUpdate.partition")
    start = (spec.get("ordinals") or {}).get("start")
    errors += common.non_negative(start, "spec.ordinals.start")
    return errors + _template(_with_claims(spec), selector, "StatefulSet", ("Always",))


def _with_claims(spec: JsonObject) -> JsonObject:
    """As its pods will be: each claim template is a volume, and hides one of the same name."""
    claims = [
        (one.get("metadata") or {}).get("name") for one in spec.get("volumeClaimTemplates") or ()
    ]
    template = spec.get("template")
    if not claims or template is None:
        return spec
    pod = template.get("spec") or {}
    kept = [one for one in pod.get("volumes") or () if one.get("name") not in claims]
    made = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    return {**spec, "template": {**template, "spec": {**pod, "volumes": [*kept, *made]}}}


_STATEFUL_MUTABLE = frozenset(
    (
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    )
)


def stateful_set_update(new: JsonObject, old: JsonObject) -> Errors:
    errors = stateful_set(new)
    after, before = (one.get("spec") or {} for one in (new, old))
    for key in after.keys() | before.keys():
        if key not in _STATEFUL_MUTABLE and after.get(key) != before.get(key):
            detail = (
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                "'template', 'updateStrategy', 'revisionHistoryLimit', "
                "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
            )
            return [*errors, status.forbidden_field("spec", detail)]
    return errors


def job(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(
        spec,
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    )
    if spec.get("selector") is None:
        errors.append(status.required("spec.selector"))
    else:
        errors += common.selector(spec["selector"], "spec.selector")
    mode = spec.get("completionMode")
    errors += common.one_of(mode, "spec.completionMode", ("NonIndexed", "Indexed"))
    if mode == "Indexed" and spec.get("completions") is None:
        detail = "when completion mode is Indexed"
        errors.append(status.required("spec.completions", detail))
    return errors + job_template(spec, "spec")


def job_template(spec: JsonObject, path: str) -> Errors:
    """Pods that end: they may not be restarted forever."""
    template = spec.get("template")
    if template is None:
        return [status.required(f"{path}.template")]
    errors = pods.template(template, f"{path}.template")
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        where = f"{path}.template.spec.restartPolicy"
        detail = 'valid values: "OnFailure", "Never"'
        errors.append(status.required(where, detail))
    return errors


def job_update(new: JsonObject, old: JsonObject) -> Errors:
    errors = job(new)
    after, before = (one.get("spec") or {} for one in (new, old))
    keys = ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"]
    if after.get("completionMode") != "Indexed":
        keys.append("completions")
    if not before.get("suspend") or (old.get("status") or {}).get("startTime"):
        keys.append("template")
    for key in keys:
        errors += common.unchanged(after.get(key), before.get(key), f"spec.{key}")
    return errors


def cron_job(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(
        spec, "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"
    )
    name = (obj.get("metadata") or {}).get("name", "")
    if len(name) > MAX_CRON_NAME:
        detail = f"must be no more than {MAX_CRON_NAME} characters"
        errors.append(status.invalid_value("metadata.name", name, detail))
    schedule = spec.get("schedule", "")
    if not schedule:
        errors.append(status.required("spec.schedule"))
    else:
        errors += _schedule(schedule, spec.get("timeZone"))
    policy = spec.get("concurrencyPolicy")
    errors += common.one_of(policy, "spec.concurrencyPolicy", ("Allow", "Forbid", "Replace"))
    template: Any = (spec.get("jobTemplate") or {}).get("spec") or {}
    return errors + job_template(template, "spec.jobTemplate.spec")


def _schedule(text: str, zone: str | None) -> Errors:
    """What the controller can work with."""
    path, where = "spec.schedule", "spec.timeZone"
    if len(text) > MAX_SCHEDULE:
        return [status.too_long(path, MAX_SCHEDULE)]
    if "TZ" in text:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        return [status.invalid_value(path, text, detail)]
    errors = []
    if zone == "":
        errors.append(status.invalid_value(where, zone, "timeZone must be nil or non-empty string"))
    elif zone is not None:
        errors += _refused(where, zone, lambda: cron.zone_of(zone))
    return errors + _refused(path, text, lambda: cron.parse(text))


def _refused(path: str, value: str, read: Callable[[], object]) -> Errors:
    try:
        read()
    except cron.CronError as error:
        return [status.invalid_value(path, value, str(error))]
    return []
