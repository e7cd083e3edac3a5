"""Rules about the kinds that keep pods running: replication controllers and apps.

Neighbours: `apimachinery.validation.pods` for the template in each of them, `.jobs` for pods that
end.
"""

from apimachinery import intstr, labels, names, status
from apimachinery.validation import common, pods
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

STRATEGIES = ("Recreate", "RollingUpdate")
UPDATE_STRATEGIES = ("RollingUpdate", "OnDelete")
_UNREADABLE = "invalid label selector"


def _template(spec: JsonObject, kind: str) -> Errors:
    """The template of a kind that keeps pods running: always restarted."""
    template = spec.get("template") or {}
    errors = pods.template(template, "spec.template")
    pod = template.get("spec") or {}
    if pod.get("restartPolicy") != "Always":
        path = "spec.template.spec.restartPolicy"
        errors.append(status.not_supported(path, pod.get("restartPolicy", ""), ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        path = "spec.template.spec.activeDeadlineSeconds"
        errors.append(status.forbidden_field(path, detail))
    return errors


def _mismatch(spec: JsonObject) -> Errors:
    """Pods must be those that the selector, which is sound, finds."""
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if common.selects(spec.get("selector"), found):
        return []
    shown = common.NIL if found is None else found
    return [status.invalid_value("spec.template.metadata.labels", shown, common.MISMATCH)]


def _empty(value: JsonObject) -> bool:
    return not value.get("matchLabels") and not value.get("matchExpressions")


def _selected(spec: JsonObject, what: str, kind: str, unreadable: str) -> Errors:
    """Selector and template; a selector that cannot be read leaves the template unjudged."""
    value = spec.get("selector")
    unsound = common.selector(value, "spec.selector")
    errors = [status.required("spec.selector")] if value is None else list(unsound)
    if value is not None and _empty(value):
        detail = f"empty selector is invalid for {what}"
        errors.append(status.invalid_value("spec.selector", value, detail))
    if unsound:
        return [*errors, status.invalid_value("spec.selector", value, unreadable)]
    if value is None or not _empty(value):
        errors += _mismatch(spec)
    return errors + _template(spec, kind)


def _strategy_value(strategy: JsonObject) -> JsonObject:
    """A strategy as Kubernetes prints it: its own names, nothing left out."""
    rolling = strategy.get("rollingUpdate")
    return {
        "Type": strategy.get("type", ""),
        "RollingUpdate": None if rolling is None else _rolling_value(rolling),
    }


def _rolling_value(rolling: JsonObject) -> JsonObject:
    return {key[:1].upper() + key[1:]: value for key, value in rolling.items()}


def _numbers(spec: JsonObject, *keys: str) -> Errors:
    errors: Errors = []
    for key in keys:
        errors += common.non_negative(spec.get(key), f"spec.{key}")
    return errors


def replication_controller(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(spec, "minReadySeconds")
    chosen, template = spec.get("selector"), spec.get("template")
    if not chosen:
        errors.append(status.required("spec.selector"))
    errors += _numbers(spec, "replicas")
    if template is None:
        return [*errors, status.required("spec.template")]
    found = (template.get("metadata") or {}).get("labels")
    if chosen and not labels.from_set(chosen).matches(found or {}):
        shown = common.NIL if found is None else found
        path = "spec.template.metadata.labels"
        errors.append(status.invalid_value(path, shown, common.MISMATCH))
    return errors + _template(spec, "ReplicationController")


def replica_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(spec, "replicas", "minReadySeconds")
    # Kubernetes' words: its rules for both kinds were once the same ones.
    return errors + _selected(spec, "deployment", "ReplicaSet", _UNREADABLE)


def replica_set_update(new: JsonObject, old: JsonObject) -> Errors:
    return replica_set(new) + _same_selector(new, old)


def _same_selector(new: JsonObject, old: JsonObject) -> Errors:
    after, before = (one.get("spec") or {} for one in (new, old))
    return common.unchanged(after.get("selector"), before.get("selector"), "spec.selector")


def deployment(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    errors = _numbers(spec, "replicas")
    errors += _selected(spec, "deployment", "ReplicaSet", _UNREADABLE)
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
        return [status.not_supported(path, _strategy_value(strategy), STRATEGIES)]
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
    if _is_zero(unavailable) and _is_zero(surge):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(status.invalid_value(where, unavailable, detail))
    return errors + common.at_most_all(unavailable, where)


def _is_zero(value: int | str) -> bool:
    """Text that is no percentage counts as nothing."""
    return not (intstr.percent(value) if isinstance(value, str) else value)


def daemon_set(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    value = spec.get("selector")
    errors = common.selector(value, "spec.selector")
    if not errors:
        errors += _mismatch(spec)
    if value is not None and _empty(value):
        detail = "empty selector is invalid for daemonset"
        errors.append(status.invalid_value("spec.selector", value, detail))
    errors += _template(spec, "DaemonSet") + _numbers(spec, "minReadySeconds")
    strategy = spec.get("updateStrategy") or {}
    kind, path = strategy.get("type", ""), "spec.updateStrategy"
    if kind not in UPDATE_STRATEGIES:
        errors.append(status.not_supported(path, _strategy_value(strategy), UPDATE_STRATEGIES))
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
    surge = rolling.get("maxSurge", 0)
    zero = _is_zero(rolling.get("maxUnavailable", 0))
    if not zero and not _is_zero(surge):
        detail = "may not be set when maxUnavailable is non-zero"
        errors.append(status.invalid_value(f"{path}.maxSurge", surge, detail))
    if zero and _is_zero(surge):
        detail = "cannot be 0 when maxSurge is 0"
        errors.append(status.required(f"{path}.maxUnavailable", detail))
    return errors


def daemon_set_update(new: JsonObject, old: JsonObject) -> Errors:
    return daemon_set(new) + _same_selector(new, old)


def stateful_set(obj: JsonObject) -> Errors:
    """A new stateful set: its name and its service's are parts of its pods' host names."""
    service = (obj.get("spec") or {}).get("serviceName", "")
    return _stateful(obj) + [
        status.invalid_value("spec.serviceName", service, text)
        for text in (names.dns1123_label(service) if service else ())
    ]


def _stateful(obj: JsonObject) -> Errors:
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
    return errors + _selected(_with_claims(spec), "statefulset", "StatefulSet", "")


def _stateful_strategy(strategy: JsonObject, path: str) -> Errors:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind not in UPDATE_STRATEGIES:
        detail = "must be 'RollingUpdate' or 'OnDelete'"
        return [status.invalid_value(path, _strategy_value(strategy), detail)]
    where = f"{path}.rollingUpdate"
    if kind == "OnDelete" and rolling is not None:
        detail = "only allowed for updateStrategy 'RollingUpdate'"
        return [status.invalid_value(where, _rolling_value(rolling), detail)]
    errors = common.non_negative((rolling or {}).get("partition"), f"{where}.partition")
    most = (rolling or {}).get("maxUnavailable")
    if most is None:
        return errors
    where = f"{where}.maxUnavailable"
    errors += common.share(most, where)
    if _is_zero(most):
        errors.append(status.invalid_value(where, most, "cannot be 0"))
    return errors + common.at_most_all(most, where)


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
    errors = _stateful(new)
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


def revision(obj: JsonObject) -> Errors:
    """A ControllerRevision."""
    errors: Errors = []
    if obj.get("data") is None:
        errors.append(status.required("data", "data is mandatory"))
    return errors + common.non_negative(obj.get("revision"), "revision")


def revision_update(new: JsonObject, old: JsonObject) -> Errors:
    return revision(new) + common.unchanged(new.get("data"), old.get("data"), "data")
