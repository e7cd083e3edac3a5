"""How workloads print: deployments and their kin, jobs, autoscalers, disruption budgets."""

from typing import Any

from apimachinery import labels, meta
from apimachinery.tables.base import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Column,
    Printer,
    Since,
    age,
    boolean,
    containers_and_images,
    format_labels,
    human_duration,
    name_of,
    number,
    since,
    wide,
)
from apimachinery.wire import JsonObject

_TEMPLATE = (wide("Containers"), wide("Images"))
_TEMPLATE_AND_SELECTOR = (*_TEMPLATE, wide("Selector"))


def _spec(obj: JsonObject) -> JsonObject:
    return obj.get("spec") or {}


def _status(obj: JsonObject) -> JsonObject:
    return obj.get("status") or {}


def _template_cells(spec: JsonObject) -> tuple[str, str]:
    return containers_and_images((spec.get("template") or {}).get("spec"))


def _deployment(obj: JsonObject) -> list[Any]:
    spec, status = _spec(obj), _status(obj)
    return [
        name_of(obj),
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas") or 0,
        status.get("availableReplicas") or 0,
        age(obj),
        *_template_cells(spec),
        labels.describe(spec.get("selector")),
    ]


DEPLOYMENT = Printer(
    (
        NAME,
        Column("Ready"),
        Column("Up-to-date"),
        Column("Available"),
        AGE,
        *_TEMPLATE_AND_SELECTOR,
    ),
    _deployment,
)


def _replica_cells(obj: JsonObject, selector: str) -> list[Any]:
    spec, status = _spec(obj), _status(obj)
    return [
        name_of(obj),
        spec.get("replicas", 1),
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        age(obj),
        *_template_cells(spec),
        selector,
    ]


def _replica_set(obj: JsonObject) -> list[Any]:
    return _replica_cells(obj, labels.describe(_spec(obj).get("selector")))


def _replication_controller(obj: JsonObject) -> list[Any]:
    return _replica_cells(obj, format_labels(_spec(obj).get("selector")))


_REPLICA_COLUMNS = (
    NAME,
    number("Desired"),
    number("Current"),
    number("Ready"),
    AGE,
    *_TEMPLATE_AND_SELECTOR,
)
REPLICA_SET = Printer(_REPLICA_COLUMNS, _replica_set)
REPLICATION_CONTROLLER = Printer(_REPLICA_COLUMNS, _replication_controller)


def _stateful_set(obj: JsonObject) -> list[Any]:
    spec = _spec(obj)
    ready = _status(obj).get("readyReplicas") or 0
    return [
        name_of(obj),
        f"{ready}/{spec.get('replicas', 1)}",
        age(obj),
        *_template_cells(spec),
    ]


STATEFUL_SET = Printer((NAME, Column("Ready"), AGE, *_TEMPLATE), _stateful_set)


def _daemon_set(obj: JsonObject) -> list[Any]:
    spec, status = _spec(obj), _status(obj)
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    return [
        name_of(obj),
        status.get("desiredNumberScheduled") or 0,
        status.get("currentNumberScheduled") or 0,
        status.get("numberReady") or 0,
        status.get("updatedNumberScheduled") or 0,
        status.get("numberAvailable") or 0,
        format_labels(pod_spec.get("nodeSelector")),
        age(obj),
        *containers_and_images(pod_spec),
        labels.describe(spec.get("selector")),
    ]


DAEMON_SET = Printer(
    (
        NAME,
        number("Desired"),
        number("Current"),
        number("Ready"),
        number("Up-to-date"),
        number("Available"),
        Column("Node Selector"),
        AGE,
        *_TEMPLATE_AND_SELECTOR,
    ),
    _daemon_set,
)

_JOB_STATES = ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet")


def _job_state(obj: JsonObject) -> str:
    conditions = _status(obj).get("conditions")
    found = [one for one in _JOB_STATES if meta.condition_is_true(conditions, one)]
    if found and found[0] in ("Complete", "Failed"):
        return found[0]
    if meta.is_deleting(obj):
        return "Terminating"
    return found[0] if found else "Running"


def _job_duration(status: JsonObject) -> "str | Since":
    start, end = status.get("startTime"), status.get("completionTime")
    if not start:
        return ""
    if not end:
        return since(start)
    try:
        return human_duration(int(meta.parse_time(end) - meta.parse_time(start)))
    except ValueError:
        return UNKNOWN


def _job_completions(spec: JsonObject, status: JsonObject) -> str:
    succeeded = status.get("succeeded") or 0
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job(obj: JsonObject) -> list[Any]:
    spec, status = _spec(obj), _status(obj)
    return [
        name_of(obj),
        _job_state(obj),
        _job_completions(spec, status),
        _job_duration(status),
        age(obj),
        *_template_cells(spec),
        labels.describe(spec.get("selector")),
    ]


JOB = Printer(
    (
        NAME,
        Column("Status"),
        Column("Completions"),
        Column("Duration"),
        AGE,
        *_TEMPLATE_AND_SELECTOR,
    ),
    _job,
)


def _cron_job(obj: JsonObject) -> list[Any]:
    spec, status = _spec(obj), _status(obj)
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    last = status.get("lastScheduleTime")
    return [
        name_of(obj),
        spec.get("schedule") or "",
        spec.get("timeZone") or NONE,
        boolean(spec.get("suspend")),
        len(status.get("active") or ()),
        since(last) if last else NONE,
        age(obj),
        *_template_cells(job),
        labels.describe(job.get("selector")) if job.get("selector") else NONE,
    ]


CRON_JOB = Printer(
    (
        NAME,
        Column("Schedule"),
        Column("Timezone"),
        Column("Suspend", "boolean"),
        number("Active"),
        Column("Last Schedule"),
        AGE,
        *_TEMPLATE_AND_SELECTOR,
    ),
    _cron_job,
)


def _pod_template(obj: JsonObject) -> list[Any]:
    template = obj.get("template") or {}
    pod_labels = format_labels((template.get("metadata") or {}).get("labels"))
    return [name_of(obj), *containers_and_images(template.get("spec")), pod_labels]


POD_TEMPLATE = Printer(
    (NAME, Column("Containers"), Column("Images"), Column("Pod Labels")), _pod_template
)


def _controller_revision(obj: JsonObject) -> list[Any]:
    owner = meta.owner_controller(obj) or {}
    kind = str(owner.get("kind", "")).lower()
    group = meta.split_api_version(str(owner.get("apiVersion", "")))[0]
    controller = f"{kind}.{group}/{owner.get('name')}" if owner else NONE
    return [name_of(obj), controller, obj.get("revision") or 0, age(obj)]


CONTROLLER_REVISION = Printer(
    (NAME, Column("Controller"), Column("Revision"), AGE), _controller_revision
)


def _budget(obj: JsonObject) -> list[Any]:
    spec = _spec(obj)
    return [
        name_of(obj),
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        _status(obj).get("disruptionsAllowed") or 0,
        age(obj),
    ]


BUDGET = Printer(
    (
        NAME,
        Column("Min Available"),
        Column("Max Unavailable"),
        number("Allowed Disruptions"),
        AGE,
    ),
    _budget,
)

# --- autoscalers ---------------------------------------------------------------------------------

MAX_METRICS = 2
"""Metrics shown in one cell; the rest is counted."""

_METRIC_FIELDS = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def _metric_label(type_: str, source: JsonObject) -> str:
    if type_ in ("Resource", "ContainerResource"):
        return f"{source.get('name', '')}: "
    return ""


def _metric_values(values: JsonObject) -> str:
    if (share := values.get("averageUtilization")) is not None:
        return f"{share}%"
    if average := values.get("averageValue"):
        return f"{average}"
    return str(values.get("value") or UNKNOWN)


def _metric(spec: JsonObject, status: JsonObject | None) -> str:
    """`cpu: 12%/80%`, `<unknown>` where nothing was measured."""
    type_ = spec.get("type") or ""
    field = _METRIC_FIELDS.get(type_)
    if field is None:
        return UNKNOWN
    wanted = (spec.get(field) or {}).get("target") or {}
    current = ((status or {}).get(field) or {}).get("current") or {}
    target = _metric_values(wanted)
    if type_ in ("Object", "External") and wanted.get("averageValue"):
        target += " (avg)"
    shown = _metric_values(current) if current else UNKNOWN
    return f"{_metric_label(type_, spec.get(field) or {})}{shown}/{target}"


def _targets(obj: JsonObject) -> str:
    metrics = _spec(obj).get("metrics") or ()
    current = _status(obj).get("currentMetrics") or ()
    values = [
        _metric(one, current[index] if index < len(current) else None)
        for index, one in enumerate(metrics)
    ]
    text = ", ".join(values[:MAX_METRICS]) or NONE
    more = len(values) - MAX_METRICS
    return f"{text} + {more} more..." if more > 0 else text


def _autoscaler(obj: JsonObject) -> list[Any]:
    spec = _spec(obj)
    target = spec.get("scaleTargetRef") or {}
    return [
        name_of(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(obj),
        str(spec.get("minReplicas", UNSET)),
        spec.get("maxReplicas") or 0,
        _status(obj).get("currentReplicas") or 0,
        age(obj),
    ]


AUTOSCALER = Printer(
    (
        NAME,
        Column("Reference"),
        Column("Targets"),
        Column("MinPods"),
        Column("MaxPods"),
        Column("Replicas"),
        AGE,
    ),
    _autoscaler,
)
