"""Binding, scale, eviction, ephemeral containers, resize, tokens."""

import asyncio

import pytest

PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


def binding(node="n1", name="a", **metadata):
    return {
        "metadata": {"name": name, **metadata},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    }


async def test_a_binding_places_a_pod(api):
    await api.made(PODS, api.pod())
    answer = await api.post(f"{PODS}/a/binding", binding(annotations={"x": "y"}))
    assert answer.status == 201
    assert answer.json["status"] == "Success"
    pod = (await api.get(f"{PODS}/a")).json
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["metadata"]["annotations"] == {"x": "y"}
    (condition,) = pod["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("PodScheduled", "True")
    assert pod["metadata"]["generation"] == 1


async def test_a_pod_is_bound_once(api):
    await api.made(PODS, api.pod())
    nodes = [f"n{number}" for number in range(8)]
    answers = await asyncio.gather(
        *[api.post(f"{PODS}/a/binding", binding(node)) for node in nodes]
    )
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    winner = (await api.get(f"{PODS}/a")).json["spec"]["nodeName"]
    lost = next(answer for answer in answers if answer.status == 409)
    assert lost.message == (
        'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node '
        f'"{winner}"'
    )


async def test_the_old_bindings_collection(api):
    await api.made(PODS, api.pod())
    answer = await api.post("/api/v1/namespaces/default/bindings", binding())
    assert answer.status == 201
    assert (await api.get(f"{PODS}/a")).json["spec"]["nodeName"] == "n1"


async def test_a_binding_replaces_the_reason_for_waiting(api):
    await api.made(PODS, api.pod())
    waiting = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    await api.patch(f"{PODS}/a/status", {"status": {"conditions": [waiting]}})
    await api.post(f"{PODS}/a/binding", binding())
    (condition,) = (await api.get(f"{PODS}/a")).json["status"]["conditions"]
    assert condition["status"] == "True"
    assert "reason" not in condition


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (binding(node=""), 422),
        ({"metadata": {"name": "a"}, "target": {"kind": "Pod", "name": "x"}}, 422),
        ({"metadata": {"name": "a"}}, 422),
        (binding(name="other"), 400),
        (binding(uid="other"), 409),
        (binding(namespace="other"), 400),
        ({"kind": "Pod", "metadata": {"name": "a"}}, 400),
        (b"{", 400),
    ],
)
async def test_bad_bindings(api, body, status):
    await api.made(PODS, api.pod())
    answer = await api.post(f"{PODS}/a/binding", body)
    assert answer.status == status, answer.raw
    assert "nodeName" not in (await api.get(f"{PODS}/a")).json["spec"]


async def test_nothing_to_bind(api):
    assert (await api.post(f"{PODS}/a/binding", binding())).status == 404


async def test_a_scale_shows_a_workload(api):
    made = await api.made(DEPLOYMENTS, api.deployment(replicas=3))
    scale = (await api.get(f"{DEPLOYMENTS}/d/scale")).json
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 0, "selector": "app=d"}
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_scale_without_content_type(api):
    await api.made(DEPLOYMENTS, api.deployment())
    scale = (await api.get(f"{DEPLOYMENTS}/d/scale")).json
    scale["spec"]["replicas"] = 5
    answer = await api.put(f"{DEPLOYMENTS}/d/scale", scale)
    assert answer.json["spec"] == {"replicas": 5}
    workload = (await api.get(f"{DEPLOYMENTS}/d")).json
    assert workload["spec"]["replicas"] == 5
    assert workload["metadata"]["generation"] == 2


async def test_a_stale_scale_is_a_conflict(api):
    await api.made(DEPLOYMENTS, api.deployment())
    scale = (await api.get(f"{DEPLOYMENTS}/d/scale")).json
    await api.patch(f"{DEPLOYMENTS}/d", {"spec": {"replicas": 9}})
    assert (await api.put(f"{DEPLOYMENTS}/d/scale", scale)).status == 409


async def test_a_scale_may_be_patched_to_nothing(api):
    await api.made(DEPLOYMENTS, api.deployment())
    answer = await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 0}})
    assert answer.status == 200, answer.raw
    assert (await api.get(f"{DEPLOYMENTS}/d")).json["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"spec": {"replicas": -1}}, 422),
        ({"spec": {"replicas": "3"}}, 400),
        ({"spec": []}, 400),
        ({"kind": "Pod"}, 400),
        ({"metadata": {"name": "other"}}, 400),
        ({"metadata": {"uid": "other"}}, 409),
    ],
)
async def test_bad_scales(api, change, status):
    await api.made(DEPLOYMENTS, api.deployment())
    answer = await api.patch(f"{DEPLOYMENTS}/d/scale", change)
    assert answer.status == status, answer.raw
    assert (await api.get(f"{DEPLOYMENTS}/d")).json["spec"]["replicas"] == 2


async def running(api, name="a"):
    body = api.pod(name)
    body["metadata"]["labels"] = {"app": "x"}
    await api.made(PODS, body)
    await api.post(f"{PODS}/{name}/binding", binding(name=name))
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await api.patch(f"{PODS}/{name}/status", {"status": ready})


async def budget(api, allowed, name="b"):
    body = {
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}},
    }
    await api.made(BUDGETS, body)
    status = {
        "disruptionsAllowed": allowed,
        "currentHealthy": 1 + allowed,
        "desiredHealthy": 1,
        "expectedPods": 1 + allowed,
        "observedGeneration": 1,
    }
    answer = await api.patch(f"{BUDGETS}/{name}/status", {"status": status})
    assert answer.status == 200, answer.raw


async def test_an_eviction_is_a_delete_with_a_reason(api):
    await running(api)
    answer = await api.post(f"{PODS}/a/eviction", {"metadata": {"name": "a"}})
    assert answer.status == 201, answer.raw
    pod = (await api.get(f"{PODS}/a")).json
    assert pod["metadata"]["deletionTimestamp"]
    reasons = [one.get("reason") for one in pod["status"]["conditions"]]
    assert "EvictionByEvictionAPI" in reasons


async def test_a_budget_is_spent_once(api):
    for name in ("a", "b", "c"):
        await running(api, name)
    await budget(api, allowed=1)
    answers = await asyncio.gather(
        *[
            api.post(f"{PODS}/{name}/eviction", {"metadata": {"name": name}})
            for name in ("a", "b", "c")
        ]
    )
    assert sorted(answer.status for answer in answers) == [201, 429, 429]
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.message == ("Cannot evict pod as it would violate the pod's disruption budget.")
    assert refused.json["details"]["causes"][0]["reason"] == "DisruptionBudget"


async def test_a_pod_that_never_ran_needs_no_budget(api):
    body = api.pod()
    body["metadata"]["labels"] = {"app": "x"}
    await api.made(PODS, body)
    await budget(api, allowed=0)
    answer = await api.post(f"{PODS}/a/eviction", {"metadata": {"name": "a"}})
    assert answer.status == 201
    assert (await api.get(f"{PODS}/a")).status == 404


async def test_ephemeral_containers_only_join(api):
    await running(api)
    change = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}]}}
    answer = await api.patch(f"{PODS}/a/ephemeralcontainers", change, "strategic")
    assert answer.status == 200, answer.raw
    (container,) = answer.json["spec"]["ephemeralContainers"]
    assert container["name"] == "debug"
    gone = {"spec": {"ephemeralContainers": None, "nodeName": "other"}}
    refused = await api.patch(f"{PODS}/a/ephemeralcontainers", gone)
    assert refused.status == 422
    assert "may not be removed" in refused.message
    assert (await api.get(f"{PODS}/a")).json["spec"]["nodeName"] == "n1"


async def test_a_resize_changes_resources_only(api):
    container = {
        "name": "c",
        "image": "busybox",
        "resources": {"requests": {"cpu": "100m"}},
    }
    await api.made(PODS, {"metadata": {"name": "a"}, "spec": {"containers": [container]}})
    await api.post(f"{PODS}/a/binding", binding())
    wanted = {"name": "c", "image": "other", "resources": {"requests": {"cpu": "200m"}}}
    answer = await api.patch(f"{PODS}/a/resize", {"spec": {"containers": [wanted]}}, "strategic")
    assert answer.status == 200, answer.raw
    (found,) = answer.json["spec"]["containers"]
    assert found["resources"] == {"requests": {"cpu": "200m"}}
    assert found["image"] == "busybox"
    assert answer.json["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("resources", "refusal"),
    [
        ({"requests": {"cpu": "1", "memory": "2Mi"}}, ""),
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": None}}, ""),
        ({"requests": {"memory": None}}, "resource requests cannot be removed"),
        ({"limits": {"cpu": None}}, "resource limits cannot be removed"),
        ({"requests": {"ephemeral-storage": "1Mi"}}, "only cpu and memory resources are mutable"),
    ],
)
async def test_a_resize_changes_processors_and_memory(api, resources, refusal):
    given = {"requests": {"cpu": "100m", "memory": "1Mi"}, "limits": {"cpu": "2"}}
    container = {"name": "c", "image": "busybox", "resources": given}
    await api.made(PODS, {"metadata": {"name": "a"}, "spec": {"containers": [container]}})
    wanted = {"spec": {"containers": [{"name": "c", "resources": resources}]}}
    answer = await api.patch(f"{PODS}/a/resize", wanted, "strategic")
    assert answer.status == (422 if refusal else 200), answer.raw
    assert refusal in answer.raw.decode()


async def test_an_init_container_is_resized_only_if_it_stays(api):
    def first(**more):
        resources = {"requests": {"cpu": "100m"}}
        return {"name": "first", "image": "busybox", "resources": resources, **more}

    larger = {
        "spec": {"initContainers": [{"name": "first", "resources": {"requests": {"cpu": "1"}}}]}
    }
    for name, more, status in (("once", {}, 422), ("stays", {"restartPolicy": "Always"}, 200)):
        spec = {
            "containers": [{"name": "c", "image": "busybox"}],
            "initContainers": [first(**more)],
        }
        await api.made(PODS, {"metadata": {"name": name}, "spec": spec})
        answer = await api.patch(f"{PODS}/{name}/resize", larger, "strategic")
        assert answer.status == status, answer.raw


async def test_what_a_node_runs_from_a_file_is_not_resized(api):
    body = api.pod()
    body["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    body["spec"]["nodeName"] = "n1"
    await api.made(PODS, body)
    wanted = {"name": "c", "resources": {"requests": {"cpu": "1"}}}
    answer = await api.patch(f"{PODS}/a/resize", {"spec": {"containers": [wanted]}}, "strategic")
    assert answer.status == 422
    assert "static pods cannot be resized" in answer.message


async def test_what_runs_on_windows_is_not_resized(api):
    body = api.pod()
    body["spec"]["os"] = {"name": "windows"}
    await api.made(PODS, body)
    wanted = {"name": "c", "resources": {"requests": {"cpu": "1"}}}
    answer = await api.patch(f"{PODS}/a/resize", {"spec": {"containers": [wanted]}}, "strategic")
    assert "windows pods cannot be resized" in answer.message


async def test_a_resize_keeps_the_quality_of_service(api):
    await api.made(PODS, api.pod())
    wanted = {"name": "c", "resources": {"requests": {"cpu": "1"}}}
    answer = await api.patch(f"{PODS}/a/resize", {"spec": {"containers": [wanted]}}, "strategic")
    assert answer.status == 422
    assert "QOS Class may not change" in answer.message


class Issuer:
    def issue(self, **wanted):
        self.wanted = wanted
        return "signed", 1_800_000_000.0


async def test_a_token_for_a_pod(api):
    issuer = api.server.core.tokens = Issuer()
    made = await api.made(PODS, api.pod())
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "a", "uid": made["metadata"]["uid"]}
    body = {"spec": {"audiences": ["me"], "expirationSeconds": 900, "boundObjectRef": reference}}
    answer = await api.post(f"{ACCOUNTS}/default/token", body)
    assert answer.status == 201, answer.raw
    assert answer.json["status"] == {
        "token": "signed",
        "expirationTimestamp": "2027-01-15T08:00:00Z",
    }
    assert issuer.wanted["audiences"] == ("me",)
    assert issuer.wanted["expires_in"] == 900
    assert issuer.wanted["bound"]["uid"] == made["metadata"]["uid"]


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"expirationSeconds": 5}, 422),
        ({"expirationSeconds": 2**40}, 422),
        ({"boundObjectRef": {"kind": "Pod", "name": "none"}}, 404),
        ({"boundObjectRef": {"kind": "Service", "name": "x"}}, 400),
        ({"audiences": "me"}, 400),
    ],
)
async def test_bad_token_requests(api, spec, status):
    api.server.core.tokens = Issuer()
    answer = await api.post(f"{ACCOUNTS}/default/token", {"spec": spec})
    assert answer.status == status, answer.raw


async def test_no_token_for_nobody(api):
    api.server.core.tokens = Issuer()
    assert (await api.post(f"{ACCOUNTS}/none/token", {"spec": {}})).status == 404


async def test_a_strategic_patch_of_a_scale_may_name_the_workloads_kind(api):
    await api.made(DEPLOYMENTS, api.deployment("d", 2))
    change = {"kind": "Deployment", "apiVersion": "apps/v1", "spec": {"replicas": 3}}
    answer = await api.patch(f"{DEPLOYMENTS}/d/scale", change, "strategic")
    assert (answer.status, answer.json["kind"], answer.json["spec"]) == (
        200, "Scale", {"replicas": 3},
    )  # fmt: skip
    assert (await api.patch(f"{DEPLOYMENTS}/d/scale", change)).status == 400
