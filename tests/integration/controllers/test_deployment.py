"""Deployments roll, recreate, scale, pause, roll back and report, as kubectl expects."""

import time

import pytest

from apimachinery import meta, scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)

REVISION = "deployment.kubernetes.io/revision"


class Rollout:
    """One Deployment, watched."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster

    async def get(self):
        return await self.cluster.client.get(scheme.DEPLOYMENTS, "web", "default")

    async def patch(self, **spec):
        await self.cluster.client.patch(scheme.DEPLOYMENTS, "web", {"spec": spec}, "default")

    async def image(self, image: str) -> None:
        containers = [{"name": "c", "image": image}]
        await self.patch(template={"spec": {"containers": containers}})

    async def sets(self):
        found = await self.cluster.client.list(scheme.REPLICASETS, "default")
        return {
            one["spec"]["template"]["spec"]["containers"][0]["image"]: one for one in found["items"]
        }

    async def condition(self, kind: str):
        state = (await self.get()).get("status") or {}
        return meta.get_condition(state.get("conditions"), kind) or {}

    async def done(self, seconds: float = 60):
        """What `kubectl rollout status` waits for."""

        async def check():
            found = await self.get()
            state, wanted = found.get("status") or {}, found["spec"]["replicas"]
            return (
                state.get("observedGeneration", 0) >= found["metadata"]["generation"]
                and state.get("updatedReplicas", 0) == wanted
                and state.get("replicas", 0) == wanted
                and state.get("availableReplicas", 0) == wanted
            ) and found

        return await self.cluster.eventually(check, seconds)


@pytest.fixture
def rollout(cluster) -> Rollout:
    return Rollout(cluster)


@pytest.fixture
async def web(cluster, nodes, make, rollout) -> Rollout:
    """A Deployment of 4, all available."""
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(4))
    await rollout.done()
    return rollout


async def test_a_new_deployment_becomes_available(web) -> None:
    found = await web.get()
    assert found["metadata"]["annotations"][REVISION] == "1"
    assert (await web.condition("Available"))["reason"] == "MinimumReplicasAvailable"
    await web.cluster.settle()
    progress = await web.condition("Progressing")
    assert (progress["status"], progress["reason"]) == ("True", "NewReplicaSetAvailable")


async def test_pods_and_replicaset_carry_the_hash(web) -> None:
    (one,) = (await web.sets()).values()
    digest = one["metadata"]["labels"]["pod-template-hash"]
    assert one["metadata"]["name"] == f"web-{digest}"
    assert len(await web.cluster.pods(f"pod-template-hash={digest}")) == 4
    assert one["spec"]["selector"]["matchLabels"]["pod-template-hash"] == digest


async def test_rolls_to_a_new_template_within_bounds(web) -> None:
    client = web.cluster.client
    worst_available, most = 99, 0

    async def watched():
        nonlocal worst_available, most
        pods = (await client.list(scheme.PODS, "default"))["items"]
        live = [pod for pod in pods if not meta.is_deleting(pod)]
        ready = [
            pod
            for pod in live
            if meta.condition_is_true((pod.get("status") or {}).get("conditions"), "Ready")
        ]
        worst_available, most = min(worst_available, len(ready)), max(most, len(live))
        sets = await web.sets()
        return "new" in sets and sets["new"]["status"].get("availableReplicas") == 4 == len(pods)

    await web.image("new")
    await web.cluster.eventually(watched)
    sets = await web.sets()
    assert sets["new"]["spec"]["replicas"] == 4
    assert sets["busybox"]["spec"]["replicas"] == 0
    assert worst_available >= 3
    assert most <= 5


async def test_another_change_in_mid_rollout_is_rolled_over_to(web, nodes) -> None:
    nodes.broken_images.add("broken")
    await web.image("broken")
    await web.cluster.settle()
    assert (await web.sets())["broken"]["spec"]["replicas"] > 0
    await web.image("new")
    await web.done()
    sets = await web.sets()
    counts = {image: one["spec"]["replicas"] for image, one in sets.items()}
    assert counts == {"busybox": 0, "broken": 0, "new": 4}


async def test_rolling_back_reuses_the_old_replicaset(web) -> None:
    await web.image("new")
    await web.done()
    await web.image("busybox")
    found = await web.done()
    sets = await web.sets()
    assert len(sets) == 2
    assert found["metadata"]["annotations"][REVISION] == "3"
    annotations = sets["busybox"]["metadata"]["annotations"]
    assert annotations[REVISION] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"


async def test_a_broken_template_stops_and_keeps_what_works(web, nodes) -> None:
    nodes.broken_images.add("broken")
    await web.image("broken")
    await web.cluster.settle(30)
    state = (await web.get())["status"]
    assert state["availableReplicas"] == 3
    assert (await web.sets())["busybox"]["spec"]["replicas"] == 3


async def test_a_stuck_rollout_is_reported_after_its_deadline(web, nodes) -> None:
    nodes.broken_images.add("broken")
    await web.patch(progressDeadlineSeconds=20)
    await web.image("broken")
    await web.cluster.settle(15)
    assert (await web.condition("Progressing"))["status"] == "True"
    await web.cluster.settle(15)
    progress = await web.condition("Progressing")
    assert (progress["status"], progress["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert progress["message"].endswith("has timed out progressing.")


async def test_scales_up_and_down(web) -> None:
    await web.patch(replicas=7)
    await web.done()
    await web.patch(replicas=2)
    await web.done()
    assert len(await web.cluster.pods()) == 2


async def test_scaling_in_mid_rollout_keeps_proportions(cluster, nodes, make, rollout) -> None:
    rolling = {"maxSurge": 3, "maxUnavailable": 2}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(10, strategy=strategy))
    await rollout.done()
    nodes.broken_images.add("broken")
    await rollout.image("broken")
    await cluster.settle()
    sets = await rollout.sets()
    assert {image: one["spec"]["replicas"] for image, one in sets.items()} == {
        "busybox": 8,
        "broken": 5,
    }
    await rollout.patch(replicas=15)
    await cluster.settle()
    sets = await rollout.sets()
    assert {image: one["spec"]["replicas"] for image, one in sets.items()} == {
        "busybox": 11,
        "broken": 7,
    }


async def test_recreate_never_mixes_templates(cluster, nodes, make, rollout) -> None:
    await cluster.client.create(
        scheme.DEPLOYMENTS, make.deployment(3, strategy={"type": "Recreate"})
    )
    await rollout.done()
    mixed = False

    async def watched():
        nonlocal mixed
        pods = (await cluster.client.list(scheme.PODS, "default"))["items"]
        mixed = mixed or len({pod["spec"]["containers"][0]["image"] for pod in pods}) > 1
        return (
            all(pod["spec"]["containers"][0]["image"] == "new" for pod in pods) and len(pods) == 3
        )

    await rollout.image("new")
    await cluster.eventually(watched)
    assert not mixed


async def test_paused_means_no_rollout_but_scaling(web) -> None:
    await web.patch(paused=True)
    await web.image("new")
    await web.cluster.settle()
    assert set(await web.sets()) == {"busybox"}
    assert (await web.condition("Progressing"))["reason"] == "DeploymentPaused"
    await web.patch(replicas=6)
    await web.cluster.pods_are(6)
    await web.patch(paused=False)
    await web.done()
    assert (await web.sets())["new"]["spec"]["replicas"] == 6


async def test_history_is_trimmed_to_its_limit(cluster, nodes, make, rollout) -> None:
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(1, revisionHistoryLimit=1))
    await rollout.done()
    for image in ("two", "three", "four"):
        await rollout.image(image)
        await rollout.done()
        await cluster.settle()
    assert set(await rollout.sets()) == {"three", "four"}


async def test_a_taken_name_is_got_around(cluster, nodes, make, rollout) -> None:
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(1))
    found = await rollout.done()
    (one,) = (await rollout.sets()).values()
    name = meta.name(one)
    await cluster.client.delete(scheme.DEPLOYMENTS, "web", "default")
    await cluster.gone(scheme.REPLICASETS, name)
    squatter = make.replicaset(0, "other") | {"metadata": {"name": name, "namespace": "default"}}
    await cluster.client.create(scheme.REPLICASETS, squatter)
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(1))
    again = await rollout.done()
    assert again["status"]["collisionCount"] == 1
    assert meta.uid(again) != meta.uid(found)


async def test_scales_to_nothing(web) -> None:
    await web.patch(replicas=0)
    await web.done()
    await web.cluster.settle()
    assert (await web.get())["status"].get("replicas", 0) == 0


async def test_deleting_takes_replicasets_and_pods_along(web) -> None:
    (one,) = (await web.sets()).values()
    await web.cluster.client.delete(scheme.DEPLOYMENTS, "web", "default")
    await web.cluster.gone(scheme.REPLICASETS, meta.name(one))
    await web.cluster.pods_are(0)


async def test_tells_how_it_scales(web) -> None:
    await web.cluster.settle()
    events = await web.cluster.client.list(scheme.EVENTS, "default")
    (one,) = (await web.sets()).values()
    texts = [e["message"] for e in events["items"] if e["reason"] == "ScalingReplicaSet"]
    assert texts == [f"Scaled up replica set {meta.name(one)} from 0 to 4"]
