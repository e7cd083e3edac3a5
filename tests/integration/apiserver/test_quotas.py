"""Quotas: exact also when many create at once, and a status that tells."""

import asyncio

QUOTAS = "/api/v1/namespaces/default/resourcequotas"
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


async def quota(api, hard, **spec):
    await api.made(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})


async def used(api, key, value):
    """Wait until the status of the quota shows a value."""
    async with asyncio.timeout(30):
        async for event in api.watch(QUOTAS):
            if event["object"].get("status", {}).get("used", {}).get(key) == value:
                return event["object"]["status"]
    raise AssertionError("the watch ended")


async def test_no_more_than_allowed_however_many_ask(api):
    await quota(api, {"pods": "3"})
    answers = await asyncio.gather(*[api.post(PODS, api.pod(f"p{n}")) for n in range(12)])
    assert sorted(answer.status for answer in answers) == [201] * 3 + [403] * 9
    refused = next(answer for answer in answers if answer.status == 403)
    assert "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3" in refused.message
    assert (await used(api, "pods", "3"))["hard"] == {"pods": "3"}


async def test_a_new_quota_tells_at_once_what_is_used(api):
    await api.made(MAPS, api.config("a"))
    await quota(api, {"configmaps": "2"})
    assert (await used(api, "configmaps", "1"))["hard"] == {"configmaps": "2"}


async def test_a_status_that_somebody_else_wrote_is_put_right(api):
    await quota(api, {"configmaps": "2"})
    told = await used(api, "configmaps", "0")
    other = {"status": {"hard": {"configmaps": "9"}, "used": {"configmaps": "7"}}}
    assert (await api.patch(f"{QUOTAS}/q/status", other)).json["status"] == other["status"]
    assert await used(api, "configmaps", "0") == told
    assert (await api.get(f"{QUOTAS}/q")).json["spec"] == {"hard": {"configmaps": "2"}}


async def test_what_goes_makes_room(api):
    await quota(api, {"configmaps": "1"})
    await api.made(MAPS, api.config("a"))
    assert (await api.post(MAPS, api.config("b"))).status == 403
    await api.delete(f"{MAPS}/a")
    await api.made(MAPS, api.config("b"))


async def test_a_refused_create_takes_no_place(api):
    await quota(api, {"configmaps": "2"})
    await api.made(MAPS, api.config("a"))
    assert (await api.post(MAPS, api.config("a"))).status == 409
    assert (await api.post(MAPS, api.config("b"), dryRun="All")).status == 201
    await api.made(MAPS, api.config("b"))


async def test_amounts_are_added_up(api):
    def asking(name, cpu):
        container = {"name": "c", "image": "b", "resources": {"requests": {"cpu": cpu}}}
        return {"metadata": {"name": name}, "spec": {"containers": [container]}}

    await quota(api, {"requests.cpu": "1"})
    await api.made(PODS, asking("a", "600m"))
    answer = await api.post(PODS, asking("b", "500m"))
    assert answer.status == 403
    assert (
        "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: "
        "requests.cpu=1" in answer.message
    )
    await api.made(PODS, asking("b", "400m"))
    await used(api, "requests.cpu", "1")


async def test_a_pod_must_say_what_is_counted(api):
    await quota(api, {"limits.memory": "1Gi"})
    answer = await api.post(PODS, api.pod())
    assert answer.status == 403
    assert "failed quota: q: must specify limits.memory for: c" in answer.message


async def test_ended_pods_count_no_more(api):
    await quota(api, {"pods": "1"})
    await api.made(PODS, api.pod("a"))
    await api.patch(f"{PODS}/a/status", {"status": {"phase": "Succeeded"}})
    await api.made(PODS, api.pod("b"))


async def test_scopes(api):
    await quota(api, {"pods": "1"}, scopes=["BestEffort"])
    await api.made(PODS, api.pod("a"))
    assert (await api.post(PODS, api.pod("b"))).status == 403
    container = {"name": "c", "image": "b", "resources": {"requests": {"cpu": "1m"}}}
    await api.made(PODS, {"metadata": {"name": "c"}, "spec": {"containers": [container]}})


async def test_any_kind_may_be_counted(api):
    await quota(api, {"count/deployments.apps": "1"})
    path = "/apis/apps/v1/namespaces/default/deployments"
    await api.made(path, api.deployment("a"))
    assert (await api.post(path, api.deployment("b"))).status == 403


CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
SERVICES = "/api/v1/namespaces/default/services"


def claim(name, size, **spec):
    resources = {"requests": {"storage": size}}
    return {
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec},
    }


async def test_a_service_grows_into_a_quota(api):
    await quota(api, {"services.nodeports": "2", "services.loadbalancers": "0"})

    def service(name, kind, *ports):
        made = [{"name": f"p{one}", "port": one} for one in ports]
        return {"metadata": {"name": name}, "spec": {"type": kind, "ports": made}}

    await api.made(SERVICES, service("a", "NodePort", 1))
    await api.made(SERVICES, service("b", "ClusterIP", 1, 2))
    answer = await api.patch(f"{SERVICES}/b", {"spec": {"type": "NodePort"}})
    assert answer.status == 403
    assert (
        "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=1, limited: "
        "services.nodeports=2"
    ) in answer.message
    ports = {"spec": {"ports": [{"name": "p1", "port": 1}, {"name": "p2", "port": 2}]}}
    assert (await api.patch(f"{SERVICES}/a", ports)).status == 200
    assert (await api.patch(f"{SERVICES}/a", {"spec": {"type": "LoadBalancer"}})).status == 403


async def test_a_claim_grows_into_a_quota(api):
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    await api.made(
        classes,
        {"metadata": {"name": "fast"}, "provisioner": "x.y/z", "allowVolumeExpansion": True},
    )
    key = "fast.storageclass.storage.k8s.io/requests.storage"
    await quota(api, {"requests.storage": "10Gi", key: "5Gi"})
    await api.made(CLAIMS, claim("a", "3Gi", storageClassName="fast"))
    answer = await api.post(CLAIMS, claim("b", "3Gi", storageClassName="fast"))
    assert f"requested: {key}=3Gi, used: {key}=3Gi, limited: {key}=5Gi" in answer.message
    await api.made(CLAIMS, claim("b", "6Gi", storageClassName="slow"))
    bound = {"status": {"phase": "Bound"}}
    assert (await api.patch(f"{CLAIMS}/a/status", bound)).status == 200
    wanted = {"spec": {"resources": {"requests": {"storage": "5Gi"}}}}
    answer = await api.patch(f"{CLAIMS}/a", wanted)
    assert answer.status == 403
    assert (
        "requested: requests.storage=2Gi, used: requests.storage=9Gi, limited: "
        "requests.storage=10Gi"
    ) in answer.message
    await used(api, key, "3Gi")


async def test_scopes_with_operators(api):
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    for name in ("high", "low"):
        await api.made(classes, {"metadata": {"name": name}, "value": 10})
    expression = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
    await quota(api, {"pods": "1"}, scopeSelector={"matchExpressions": [expression]})
    for name in ("a", "b"):
        await api.made(PODS, api.pod(f"low-{name}", priorityClassName="low"))
    await api.made(PODS, api.pod("high-a", priorityClassName="high"))
    answer = await api.post(PODS, api.pod("high-b", priorityClassName="high"))
    assert "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1" in answer.message


async def test_pods_that_want_neighbours_of_other_namespaces(api):
    await quota(api, {"pods": "0"}, scopes=["CrossNamespacePodAffinity"])
    term = {"topologyKey": "zone", "labelSelector": {}, "namespaces": ["other"]}
    near = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    await api.made(PODS, api.pod("plain"))
    answer = await api.post(PODS, api.pod("near", affinity={"podAffinity": near}))
    assert answer.status == 403


async def test_a_pod_grows_by_resize(api):
    def resources(cpu):
        return {"requests": {"cpu": cpu}}

    container = {"name": "c", "image": "b", "resources": resources("500m")}
    await quota(api, {"requests.cpu": "1"})
    await api.made(PODS, {"metadata": {"name": "a"}, "spec": {"containers": [container]}})
    grown = {"spec": {"containers": [{"name": "c", "resources": resources("1500m")}]}}
    answer = await api.patch(f"{PODS}/a/resize", grown, "strategic")
    assert answer.status == 403
    assert "requested: requests.cpu=1, used: requests.cpu=500m, limited: requests.cpu=1" in (
        answer.message
    )
    fitting = {"spec": {"containers": [{"name": "c", "resources": resources("1")}]}}
    assert (await api.patch(f"{PODS}/a/resize", fitting, "strategic")).status == 200
