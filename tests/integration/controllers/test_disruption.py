"""PodDisruptionBudgets say how many pods may be evicted, and evictions heed them."""

import time

import pytest

from apimachinery import meta, scheme, status

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


async def test_a_bare_pod_has_no_controller_to_measure_by(cluster, nodes, make) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", **make.template()}
    pod["metadata"] |= {"name": "bare", "namespace": "default"}
    await cluster.client.create(scheme.PODS, pod)
    await cluster.client.create(scheme.PODDISRUPTIONBUDGETS, budget(maxUnavailable=1))
    await cluster.settle()
    found = await cluster.client.get(scheme.PODDISRUPTIONBUDGETS, "b", "default")
    (condition,) = found["status"]["conditions"]
    assert (found["status"]["disruptionsAllowed"], condition["reason"]) == (0, "SyncFailed")


async def test_an_eviction_that_breaks_the_budget_is_refused(web, nodes) -> None:
    await web.client.create(scheme.PODDISRUPTIONBUDGETS, budget(minAvailable=4))
    await web.settle()
    name = meta.name((await web.pods())[0])
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    with pytest.raises(status.TooManyRequests):
        await web.client.create(scheme.PODS, eviction, "default", subresource="eviction", name=name)
    await web.client.patch(
        scheme.PODDISRUPTIONBUDGETS, "b", {"spec": {"minAvailable": 3}}, "default"
    )
    await web.settle()
    await web.client.create(scheme.PODS, eviction, "default", subresource="eviction", name=name)
    await web.settle()
    assert name not in {meta.name(pod) for pod in await web.pods()}
