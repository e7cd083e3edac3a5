"""HorizontalPodAutoscalers against the API server, in virtual time; what pods use is the test's."""

import time
from collections.abc import Iterable

import pytest

from apimachinery import meta, scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)


class Load:
    """An `apiserver.live.LiveResource`: every pod uses the same."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster
        self.millicores = 0

    async def objects(self, namespace: str, name: str = "") -> Iterable[dict]:
        pods = await self.cluster.pods(namespace=namespace or "default")
        return [
            {
                "apiVersion": "metrics.k8s.io/v1beta1",
                "kind": "PodMetrics",
                "metadata": {key: pod["metadata"].get(key) for key in ("name", "namespace")}
                | {"labels": pod["metadata"].get("labels") or {}},
                "timestamp": meta.format_time(self.cluster.time.now()),
                "window": "10.5s",
                "containers": [
                    {"name": "c", "usage": {"cpu": f"{self.millicores}m", "memory": "10Mi"}}
                ],
            }
            for pod in pods
            if name in ("", meta.name(pod))
        ]


async def deploy(cluster) -> Load:
    """Two pods past the minutes in which the CPU of a start does not count."""
    found = Load(cluster)
    cluster.server.core.live["pods.metrics.k8s.io"] = found
    container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": "100m"}}}
    labels = {"app": "web"}
    await cluster.client.create(
        scheme.DEPLOYMENTS,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [container]},
                },
            },
        },
    )
    await cluster.pods_are(2)
    await cluster.settle(400)
    return found


async def autoscale(cluster, **spec) -> None:
    target = {"type": "Utilization", "averageUtilization": 50}
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 6,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            **spec,
        },
    }
    await cluster.client.create(scheme.HORIZONTALPODAUTOSCALERS, body)


async def status(cluster) -> dict:
    found = await cluster.client.get(scheme.HORIZONTALPODAUTOSCALERS, "web", "default")
    return found.get("status") or {}


def condition(told: dict, kind: str) -> tuple[str, str]:
    found = meta.get_condition(told.get("conditions"), kind) or {}
    return found.get("status", ""), found.get("reason", "")


async def test_up_with_the_load_and_down_after_five_quiet_minutes(cluster, nodes) -> None:
    load = await deploy(cluster)
    load.millicores = 150
    await autoscale(cluster)
    await cluster.settle(60)
    assert len(await cluster.pods()) == 6
    told = await status(cluster)
    assert told["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 150
    assert condition(told, "ScalingActive") == ("True", "ValidMetricFound")
    load.millicores = 5
    await cluster.settle(240)
    assert len(await cluster.pods()) == 6
    await cluster.settle(500)
    assert len(await cluster.pods()) == 1
    assert condition(await status(cluster), "AbleToScale") == ("True", "ReadyForNewScale")


async def test_within_the_tolerance_nothing_changes(cluster, nodes) -> None:
    load = await deploy(cluster)
    load.millicores = 53
    await autoscale(cluster)
    await cluster.settle(60)
    told = await status(cluster)
    assert (told["currentReplicas"], told["desiredReplicas"]) == (2, 2)
    assert "lastScaleTime" not in told


async def test_a_target_that_is_not_there_is_said(cluster, nodes) -> None:
    await deploy(cluster)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}
    await autoscale(cluster, scaleTargetRef=target)
    await cluster.settle(5)
    assert condition(await status(cluster), "AbleToScale") == ("False", "FailedGetScale")


async def test_a_workload_at_zero_is_left_alone(cluster, nodes) -> None:
    await deploy(cluster)
    change = {"spec": {"replicas": 0}}
    await cluster.client.patch(scheme.DEPLOYMENTS, "web", change, "default")
    await autoscale(cluster)
    await cluster.settle(60)
    assert await cluster.pods() == []
    assert condition(await status(cluster), "ScalingActive") == ("False", "ScalingDisabled")


async def test_metrics_that_nobody_serves_are_said(cluster, nodes) -> None:
    await deploy(cluster)
    source = {
        "metric": {"name": "queue_length"},
        "target": {"type": "AverageValue", "averageValue": "5"},
    }
    await autoscale(cluster, metrics=[{"type": "External", "external": source}])
    await cluster.settle(5)
    told = await status(cluster)
    assert condition(told, "ScalingActive") == ("False", "FailedGetExternalMetric")
    assert len(await cluster.pods()) == 2
