"""One look at one autoscaler's metrics: each is read and judged by its type.

Neighbours: `autoscaling.controller` makes a look, `metrics` reads, `estimate` judges. The answers
are an estimate and what `status.currentMetrics` tells of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apimachinery.client import rest
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject
from controllers import kinds
from controllers.autoscaling import estimate, metrics, model
from controllers.autoscaling.estimate import Estimate, NoEstimateError, Reading


@dataclass(frozen=True, slots=True)
class Look:
    """What all metrics of one look share."""

    client: rest.Client
    known: kinds.Kinds
    scaler: model.Autoscaler
    work: metrics.Workload
    current: int
    now: float

    @property
    def tolerance(self) -> estimate.Tolerance:
        """Each direction may have its own."""
        return estimate.Tolerance(
            _or_default(self.scaler.down.tolerance), _or_default(self.scaler.up.tolerance)
        )

    async def at(self, metric: JsonObject) -> tuple[Estimate, JsonObject]:
        """Raises NoEstimateError."""
        match metric.get("type"):
            case "Resource":
                return await self._resource("resource", metric["resource"])
            case "ContainerResource":
                return await self._resource("containerResource", metric["containerResource"])
            case "Pods":
                return await self._pods(metric["pods"])
            case "Object":
                return await self._object(metric["object"])
            case "External":
                return await self._external(metric["external"])
            case other:
                text = f"unknown metric source type {other!r}"
                raise NoEstimateError("InvalidMetricSourceType", text)

    async def _resource(self, field: str, source: JsonObject) -> tuple[Estimate, JsonObject]:
        name, container = source["name"], source.get("container") or ""
        target = source.get("target") or {}
        percent = target.get("averageUtilization")
        try:
            readings = await metrics.of_resource(self.client, self.work, name, container)
            if percent is None:
                found = self._average(readings, name, container, target)
            else:
                pods = metrics.targets(self.work.pods, name, container)
                found = estimate.by_utilization(
                    pods, readings, name, int(percent), self.current, self.now, self.tolerance
                )
        except NoEstimateError as trouble:
            what = "usage" if percent is None else "utilization"
            text = f"failed to get {name} {what}: {trouble}"
            raise NoEstimateError(trouble.reason, text) from trouble
        current: JsonObject = {"averageValue": _text(found.average, name)}
        if found.utilization is not None:
            current["averageUtilization"] = found.utilization
        told = {"name": name, "current": current}
        if container:
            told["container"] = container
        return found, {"type": field[:1].upper() + field[1:], field: told}

    async def _pods(self, source: JsonObject) -> tuple[Estimate, JsonObject]:
        metric = source["metric"]
        readings = await metrics.of_pods(self.client, self.work, metric)
        found = self._average(readings, metric["name"], "", source.get("target") or {})
        current = {"averageValue": _text(found.average)}
        return found, {"type": "Pods", "pods": {"metric": metric, "current": current}}

    async def _object(self, source: JsonObject) -> tuple[Estimate, JsonObject]:
        metric, object_ = source["metric"], source["describedObject"]
        resource = self.known.find(object_.get("apiVersion") or "v1", object_["kind"])
        if resource is None:
            text = f'no matches for kind "{object_["kind"]}"'
            raise NoEstimateError("FailedGetObjectMetric", text)
        plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
        value = await metrics.of_object(
            self.client, self.work.namespace, plural, object_["name"], metric
        )
        found, current = self._number(value, source.get("target") or {})
        told = {"metric": metric, "describedObject": object_, "current": current}
        return found, {"type": "Object", "object": told}

    async def _external(self, source: JsonObject) -> tuple[Estimate, JsonObject]:
        metric = source["metric"]
        value = await metrics.of_outside(self.client, self.work.namespace, metric)
        found, current = self._number(value, source.get("target") or {})
        return found, {"type": "External", "external": {"metric": metric, "current": current}}

    def _average(
        self, readings: Mapping[str, Reading], name: str, container: str, target: JsonObject
    ) -> Estimate:
        wanted = metrics.milli(target.get("averageValue") or 0)
        if wanted <= 0:
            raise NoEstimateError("InvalidTarget", f"metric {name} has no average to be kept at")
        pods = metrics.targets(self.work.pods, name, container)
        return estimate.by_average(
            pods, readings, name, wanted, self.current, self.now, self.tolerance
        )

    def _number(self, value: int, target: JsonObject) -> tuple[Estimate, JsonObject]:
        """One number for all pods, or a share of it for each."""
        if target.get("averageValue") is not None:
            wanted = max(metrics.milli(target["averageValue"]), 1)
            found = estimate.by_share(value, wanted, self.current, self.tolerance)
            return found, {"averageValue": _text(found.average)}
        ready = sum(pod.ready for pod in metrics.targets(self.work.pods, ""))
        wanted = max(metrics.milli(target.get("value") or 0), 1)
        found = estimate.by_value(value, wanted, ready, self.current, self.tolerance)
        return found, {"value": _text(value)}


def without_value(metric: JsonObject) -> str:
    """How messages name a metric that could not be had, in Kubernetes' words."""
    match metric.get("type"):
        case "Resource":
            return f"{metric['resource']['name']} resource"
        case "ContainerResource":
            return f"{metric['containerResource']['container']} container"
        case "External":
            return f"{metric['external']['metric']['name']} external"
        case other:
            return str(other).lower()


def describe(metric: JsonObject) -> str:
    """How messages name a metric, in Kubernetes' words."""
    match metric.get("type"):
        case "Resource":
            name, target = metric["resource"]["name"], metric["resource"].get("target") or {}
            if target.get("averageUtilization") is not None:
                return f"{name} resource utilization (percentage of request)"
            return f"{name} resource"
        case "ContainerResource":
            source = metric["containerResource"]
            return f"{source['name']} container resource of container {source['container']}"
        case "Pods":
            return f"pods metric {metric['pods']['metric']['name']}"
        case "Object":
            source = metric["object"]
            return f"{source['describedObject']['kind']} metric {source['metric']['name']}"
        case _:
            return f"external metric {metric['external']['metric']['name']}"


def _text(milli: int, resource: str = "") -> str:
    """Thousandths as a quantity; bytes in whole ones."""
    if resource not in ("", "cpu"):
        return str(Quantity.of(milli // 1000))
    return str(Quantity.of_milli(milli))


def _or_default(tolerance: float | None) -> float:
    return estimate.TOLERANCE if tolerance is None else tolerance
