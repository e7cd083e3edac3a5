"""Quotas: exact also when many create at once, and a status that tells."""

import asyncio

QUOTAS = "/api/v1/namespaces/default/resourcequotas"
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


async def quota(api, hard, **spec):
    await api.made(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})


async def used(api, key, value):
    """Wait until the status of the quota shows a value."""
    async with asyncio.timeout(5):
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
