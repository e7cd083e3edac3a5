"""Rules about the kinds that keep pods running: replication controllers and apps.

Neighbours: `apimachinery.validation.pods` for the template in each of them, `.jobs` for pods that
end.
"""

from apimachinery import intstr, labels, status
from apimachinery.validation import common, pods
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MISMATCH = "`selector` does not match template `labels`"
STRATEGIES = ("Recreate", "RollingUpdate")
UPDATE_STRATEGIES = ("RollingUpdate", "OnDelete")


def _template(spec: JsonObject, selector: labels.Selector | None, kind: str) -> Errors:
    """The template of a kind that keeps pods running: labels that match, always restarted."""
    template = spec.get("template")
    if template is None:
        return [status.required("spec.template")]
    found = (template.get("metadata") or {}).get("labels") or {}
    errors: Errors = []
    if selector is not None and not selector.matches(found):
        errors.append(status.invalid_value("spec.template.metadata.labels", found, MISMATCH))
    errors += pods.template(template, "spec.template")
    pod = template.get("spec") or {}
    if pod.get("restartPolicy") != "Always":
        path = "spec.template.spec.restartPolicy"
        errors.append(status.not_supported(path, pod.get("restartPolicy", ""), ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
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
    errors = _numbers(spec, "minReadySeconds")
    chosen = spec.get("selector")
    if not chosen:
        errors.append(status.required("spec.selector"))
    errors += _numbers(spec, "replicas")
    selector = labels.from_set(chosen) if chosen else None
    return errors + _template(spec, selector, "ReplicationController")


def replica_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(spec, "replicas", "minReadySeconds")
    # Kubernetes' words: its rules for both kinds were once the same ones.
    selector, found = _selector(spec, "deployment")
    return errors + found + _template(spec, selector, "ReplicaSet")


def replica_set_update(new: JsonObject, old: JsonObject) -> Errors:
    return replica_set(new) + _same_selector(new, old)


def _same_selector(new: JsonObject, old: JsonObject) -> Errors:
    after, before = (one.get("spec") or {} for one in (new, old))
    return common.unchanged(after.get("selector"), before.get("selector"), "spec.selector")


def deployment(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(spec, "replicas")
    selector, found = _selector(spec, "deployment")
    errors += found + _template(spec, selector, "ReplicaSet")
    errors += _deployment_strategy(spec.get("strategy") or {})
    errors += _numbers(spec, "minReadySeconds", "revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        path = "spec.progressDeadlineSeconds"
        errors += common.non_negative(deadline, path)
        if deadline <= (spec.get("minReadySeconds") or 0):
            detail = "must be greater than minReadySeconds"
            errors.append(status.invalid_value(path, deadline, detail))
    return errors


def deployment_update(new: JsonObject, old: JsonObject) -> Errors:
    return deployment(new) + _same_selector(new, old)


def _deployment_strategy(strategy: JsonObject) -> Errors:
    path, kind = "spec.strategy", strategy.get("type", "")
    rolling = strategy.get("rollingUpdate")
    if kind not in STRATEGIES:
        return [status.not_supported(f"{path}.type", kind, STRATEGIES)]
    if kind == "RollingUpdate":
        return _rolling(rolling or {}, f"{path}.rollingUpdate")
    if rolling is None:
        return []
    detail = "may not be specified when strategy `type` is 'Recreate'"
    return [status.forbidden_field(f"{path}.rollingUpdate", detail)]


def _rolling(rolling: JsonObject, path: str) -> Errors:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    where = f"{path}.maxUnavailable"
    errors = common.share(unavailable, where) + common.share(surge, f"{path}.maxSurge")
    if errors:
        return errors
    if _is_zero(unavailable) and _is_zero(surge):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(status.invalid_value(where, unavailable, detail))
    return errors + common.at_most_all(unavailable, where)


def _is_zero(value: int | str) -> bool:
    return value == 0 or (isinstance(value, str) and intstr.percent(value) == 0)


def daemon_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    value = spec.get("selector")
    selector, errors = _selector(spec, "daemonset") if value is not None else (None, [])
    errors += _template(spec, selector, "DaemonSet")
    errors += _numbers(spec, "minReadySeconds")
    strategy = spec.get("updateStrategy") or {}
    kind, path = strategy.get("type", ""), "spec.updateStrategy"
    if kind not in UPDATE_STRATEGIES:
        errors.append(status.not_supported(f"{path}.type", kind, UPDATE_STRATEGIES))
    elif kind == "RollingUpdate":
        errors += _daemons_rolling(strategy.get("rollingUpdate"), f"{path}.rollingUpdate")
    return errors + _numbers(spec, "revisionHistoryLimit")


def _daemons_rolling(rolling: JsonObject | None, path: str) -> Errors:
    """Either some are gone meanwhile, or some are there twice."""
    if rolling is None:
        return [status.required(path)]
    errors: Errors = []
    for key in ("maxUnavailable", "maxSurge"):
        errors += common.share(rolling.get(key, 0), f"{path}.{key}")
    for key in ("maxUnavailable", "maxSurge"):
        errors += common.at_most_all(rolling.get(key, 0), f"{path}.{key}")
    if errors:
        return errors
    surge = rolling.get("maxSurge", 0)
    zero = _is_zero(rolling.get("maxUnavailable", 0))
    if not zero and not _is_zero(surge):
        detail = "may not be set when maxUnavailable is non-zero"
        return [status.invalid_value(f"{path}.maxSurge", surge, detail)]
    if zero and _is_zero(surge):
        return [status.required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")]
    return []


def daemon_set_update(new: JsonObject, old: JsonObject) -> Errors:
    return daemon_set(new) + _same_selector(new, old)


def stateful_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    policy = spec.get("podManagementPolicy", "")
    errors: Errors = []
    if policy not in ("OrderedReady", "Parallel"):
        detail = "must be 'OrderedReady' or 'Parallel'"
        errors.append(status.invalid_value("spec.podManagementPolicy", policy, detail))
    errors += _stateful_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled"):
        path = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
        errors += common.one_of(retention.get(key), path, ("Retain", "Delete"), needed=False)
    errors += _numbers(spec, "replicas", "minReadySeconds")
    start = (spec.get("ordinals") or {}).get("start")
    errors += common.non_negative(start, "spec.ordinals.start")
    selector, found = _selector(spec, "statefulset")
    return errors + found + _template(_with_claims(spec), selector, "StatefulSet")


def _stateful_strategy(strategy: JsonObject, path: str) -> Errors:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind not in UPDATE_STRATEGIES:
        detail = "must be 'RollingUpdate' or 'OnDelete'"
        return [status.invalid_value(path, strategy, detail)]
    if kind == "OnDelete" and rolling is not None:
        detail = "only allowed for updateStrategy 'RollingUpdate'"
        return [status.invalid_value(f"{path}.rollingUpdate", rolling, detail)]
    partition = (rolling or {}).get("partition")
    return common.non_negative(partition, f"{path}.rollingUpdate.partition")


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
