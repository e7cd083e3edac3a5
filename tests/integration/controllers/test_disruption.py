"""PodDisruptionBudgets say how many pods may be evicted."""

import time

import pytest

from apimachinery import scheme
from tests.integration.controllers.widgets import WIDGETS, define, reference, widget

pytestmark = pytest.mark.looptime(start=time.monotonic)


def budget(**spec):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}} | spec,
    }


@pytest.fixture
async def web(cluster, nodes, make):
    """A Deployment of 4 ready pods."""
    for name in nodes.names:
        await cluster.add_node(name)
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(4))

    async def ready():
        found = await cluster.client.get(scheme.DEPLOYMENTS, "web", "default")
        return (found.get("status") or {}).get("availableReplicas") == 4

    await cluster.eventually(ready)
    return cluster


async def allowed(cluster) -> tuple[int, int, int, int]:
    await cluster.settle()
    found = (await cluster.client.get(scheme.PODDISRUPTIONBUDGETS, "b", "default"))["status"]
    names = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    return tuple(found[name] for name in names)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"minAvailable": 3}, (1, 4, 3, 4)),
        ({"minAvailable": "60%"}, (1, 4, 3, 4)),
        ({"maxUnavailable": 1}, (1, 4, 3, 4)),
        ({"maxUnavailable": "50%"}, (2, 4, 2, 4)),
        ({"minAvailable": 9}, (0, 4, 9, 4)),
        ({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "none"}}}, (0, 0, 0, 0)),
    ],
)
async def test_counts(web, spec, expected) -> None:
    await web.client.create(scheme.PODDISRUPTIONBUDGETS, budget(**spec))
    assert await allowed(web) == expected


def owned_pod(make, *owners):
    pod = {"apiVersion": "v1", "kind": "Pod", **make.template()}
    pod["metadata"] |= {"name": "one", "namespace": "default", "ownerReferences": list(owners)}
    return pod


async def condition_and_news(cluster) -> tuple[str, set[str]]:
    await cluster.settle()
    found = await cluster.client.get(scheme.PODDISRUPTIONBUDGETS, "b", "default")
    events = await cluster.client.list(scheme.EVENTS, "default")
    told = {one["reason"] for one in events["items"] if one["involvedObject"]["name"] == "b"}
    return found["status"]["conditions"][0]["reason"], told


async def test_a_bare_pod_has_no_controller_to_measure_by(cluster, nodes, make) -> None:
    await cluster.client.create(scheme.PODS, owned_pod(make))
    await cluster.client.create(scheme.PODDISRUPTIONBUDGETS, budget(maxUnavailable=1))
    assert await allowed(cluster) == (0, 1, 0, 0)
    assert await condition_and_news(cluster) == ("InsufficientPods", {"UnmanagedPods"})


@pytest.mark.parametrize("has_scale", [True, False])
async def test_a_controller_of_a_foreign_kind_is_measured_by_its_scale(
    cluster, nodes, make, has_scale
) -> None:
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    await define(cluster, **({"scale": scale} if has_scale else {}))
    owner = await cluster.client.create(WIDGETS, widget("w", replicas=3))
    await cluster.client.create(scheme.PODS, owned_pod(make, reference(owner)))
    await cluster.client.create(scheme.PODDISRUPTIONBUDGETS, budget(maxUnavailable=2))
    if has_scale:
        assert await allowed(cluster) == (0, 1, 1, 3)
    else:
        assert await condition_and_news(cluster) == (
            "SyncFailed",
            {"CalculateExpectedPodCountFailed"},
        )
