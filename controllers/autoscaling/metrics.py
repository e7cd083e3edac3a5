"""Reading what metrics say: of resources from `metrics.k8s.io`, others from aggregated APIs.

Neighbours: `autoscaling.estimate` decides with what is read here. Metrics of pods and objects come
from `custom.metrics.k8s.io`, those from outside from `external.metrics.k8s.io`: whoever installs an
adapter for them serves these groups; without one the answer is a NoEstimateError that says so.
Amounts are thousandths.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import orjson

from apimachinery import duration, labels, meta, scheme, status
from apimachinery.client import rest
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject
from controllers import views
from controllers.autoscaling.estimate import NoEstimateError, Reading, Target

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta2"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1"


@dataclass(frozen=True, slots=True)
class Workload:
    """The pods of a scale target."""

    namespace: str
    selector: str
    pods: tuple[JsonObject, ...]


async def workload(client: rest.Client, namespace: str, selector: str) -> Workload:
    found = await client.list(scheme.PODS, namespace, label_selector=selector, resource_version="0")
    return Workload(namespace, selector, tuple(found["items"]))


def targets(pods: Iterable[JsonObject], resource: str, container: str = "") -> list[Target]:
    """What estimates need of the pods; with a container only its requests count."""
    return [_target(pod, resource, container) for pod in pods]


def _target(pod: JsonObject, resource: str, container: str) -> Target:
    told = pod.get("status") or {}
    ready = meta.get_condition(told.get("conditions"), "Ready") or {}
    sidecars = [
        one
        for one in pod["spec"].get("initContainers") or ()
        if one.get("restartPolicy") == "Always"
    ]
    return Target(
        name=pod["metadata"]["name"],
        phase=told.get("phase") or "",
        deleting=meta.is_deleting(pod),
        started=views.time_of(told.get("startTime")),
        ready=ready.get("status") == "True",
        ready_changed=views.time_of(ready.get("lastTransitionTime")),
        requests={
            one["name"]: _request(one, resource)
            for one in (*pod["spec"]["containers"], *sidecars)
            if container in ("", one["name"])
        },
    )


def _request(container: JsonObject, resource: str) -> int | None:
    value = ((container.get("resources") or {}).get("requests") or {}).get(resource)
    return None if value is None else milli(value)


def milli(quantity: object) -> int:
    return Quantity.parse(str(quantity)).milli()


async def of_resource(
    client: rest.Client, work: Workload, resource: str, container: str = ""
) -> Mapping[str, Reading]:
    """By pod, what it (or one container of it) uses. Raises NoEstimateError."""
    unable = f"unable to get metrics for resource {resource}"
    try:
        found = await client.list(scheme.POD_METRICS, work.namespace, label_selector=work.selector)
    except status.ApiError as error:
        text = f"{unable}: unable to fetch metrics from resource metrics API: {error.message}"
        raise NoEstimateError("FailedGetResourceMetric", text) from error
    if not found["items"]:
        text = f"{unable}: no metrics returned from resource metrics API"
        raise NoEstimateError("FailedGetResourceMetric", text)
    readings: dict[str, Reading] = {}
    for item in found["items"]:
        parts = [
            one["usage"].get(resource)
            for one in item.get("containers") or ()
            if container in ("", one["name"])
        ]
        if parts and all(part is not None for part in parts):
            readings[item["metadata"]["name"]] = Reading(
                sum(milli(part) for part in parts),
                views.time_of(item["timestamp"]),
                duration.seconds(item["window"]),
            )
    return readings


async def of_pods(client: rest.Client, work: Workload, metric: JsonObject) -> Mapping[str, Reading]:
    """By pod, a custom metric. Raises NoEstimateError."""
    path = f"{CUSTOM}/namespaces/{quote(work.namespace, safe='')}/pods/*/"
    items = await _items(client, path, metric, "FailedGetPodsMetric", work.selector)
    return {
        item["describedObject"]["name"]: Reading(
            milli(item["value"]), views.time_of(item.get("timestamp")), 0.0
        )
        for item in items
    }


async def of_object(
    client: rest.Client, namespace: str, plural: str, name: str, metric: JsonObject
) -> int:
    """A custom metric of one object. Raises NoEstimateError."""
    where = f"namespaces/{quote(namespace, safe='')}/{quote(plural, safe='')}"
    path = f"{CUSTOM}/{where}/{quote(name, safe='')}/"
    items = await _items(client, path, metric, "FailedGetObjectMetric")
    return sum(milli(item["value"]) for item in items)


async def of_outside(client: rest.Client, namespace: str, metric: JsonObject) -> int:
    """A metric that belongs to no object of the cluster. Raises NoEstimateError."""
    path = f"{EXTERNAL}/namespaces/{quote(namespace, safe='')}/"
    items = await _items(client, path, metric, "FailedGetExternalMetric")
    return sum(milli(item["value"]) for item in items)


async def _items(
    client: rest.Client, path: str, metric: JsonObject, reason: str, pods: str = ""
) -> list[JsonObject]:
    selector = labels.describe(metric["selector"]) if metric.get("selector") else ""
    query = [("labelSelector", pods)] if pods else []
    if selector:
        # An adapter of custom metrics tells the pods' labels from the metric's by this name.
        query.append(
            ("metricLabelSelector" if path.startswith(CUSTOM) else "labelSelector", selector)
        )
    kind = "custom" if path.startswith(CUSTOM) else "external"
    unable = f"unable to get {'external ' if kind == 'external' else ''}metric {metric['name']}"
    try:
        answer = await client.request("GET", path + quote(metric["name"], safe=""), query)
    except status.ApiError as error:
        text = f"{unable}: unable to fetch metrics from {kind} metrics API: {error.message}"
        raise NoEstimateError(reason, text) from error
    body = answer.body
    assert isinstance(body, bytes), "an answer that was not asked for as a stream"
    items: list[JsonObject] = orjson.loads(body).get("items") or []
    if not items:
        text = f"{unable}: no metrics returned from {kind} metrics API"
        raise NoEstimateError(reason, text)
    return items
