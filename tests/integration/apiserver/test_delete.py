"""DELETE: grace, finalizers, propagation, preconditions, collections."""

import pytest

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CONTROLLERS = "/api/v1/namespaces/default/replicationcontrollers"


async def bound(api, name="a", **more):
    made = await api.made(PODS, api.pod(name, **more))
    target = {"metadata": {"name": name}, "target": {"kind": "Node", "name": "n1"}}
    assert (await api.post(f"{PODS}/{name}/binding", target)).status == 201
    return made


async def test_what_nothing_holds_goes_at_once(api):
    made = await api.made(MAPS, api.config())
    answer = await api.delete(f"{MAPS}/c")
    assert answer.status == 200
    assert answer.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "c", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    assert (await api.get(f"{MAPS}/c")).status == 404


async def test_a_pod_without_a_node_goes_at_once(api):
    await api.made(PODS, api.pod())
    answer = await api.delete(f"{PODS}/a")
    assert answer.json["kind"] == "Pod"
    assert (await api.get(f"{PODS}/a")).status == 404


async def test_a_running_pod_is_marked_and_goes_when_its_node_says_so(api):
    await bound(api)
    marked = (await api.delete(f"{PODS}/a")).json["metadata"]
    assert marked["deletionGracePeriodSeconds"] == 30
    assert marked["deletionTimestamp"] > marked["creationTimestamp"]
    assert (await api.get(f"{PODS}/a")).status == 200
    await api.delete(f"{PODS}/a", {"gracePeriodSeconds": 0})
    assert (await api.get(f"{PODS}/a")).status == 404


async def test_grace_may_be_shortened_not_lengthened(api):
    await bound(api)
    await api.delete(f"{PODS}/a", {"gracePeriodSeconds": 20})
    longer = (await api.delete(f"{PODS}/a", {"gracePeriodSeconds": 50})).json
    assert longer["metadata"]["deletionGracePeriodSeconds"] == 20
    shorter = (await api.delete(f"{PODS}/a", {"gracePeriodSeconds": 5})).json["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < longer["metadata"]["deletionTimestamp"]


async def test_a_pods_own_grace_counts(api):
    await bound(api, terminationGracePeriodSeconds=7)
    answer = await api.delete(f"{PODS}/a")
    assert answer.json["metadata"]["deletionGracePeriodSeconds"] == 7


async def test_an_ended_pod_needs_no_grace(api):
    await bound(api)
    await api.patch(f"{PODS}/a/status", {"status": {"phase": "Succeeded"}})
    await api.delete(f"{PODS}/a")
    assert (await api.get(f"{PODS}/a")).status == 404


async def test_finalizers_hold_until_the_last_has_gone(api):
    body = api.config()
    body["metadata"]["finalizers"] = ["example.com/a", "example.com/b"]
    await api.made(MAPS, body)
    answer = await api.delete(f"{MAPS}/c")
    assert answer.json["metadata"]["deletionTimestamp"]
    one = {"metadata": {"finalizers": ["example.com/b"]}}
    assert (await api.patch(f"{MAPS}/c", one)).status == 200
    assert (await api.get(f"{MAPS}/c")).status == 200
    assert (await api.patch(f"{MAPS}/c", {"metadata": {"finalizers": None}})).status == 200
    assert (await api.get(f"{MAPS}/c")).status == 404


async def test_no_new_finalizer_on_what_is_going(api):
    body = api.config()
    body["metadata"]["finalizers"] = ["example.com/a"]
    await api.made(MAPS, body)
    await api.delete(f"{MAPS}/c")
    change = {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}
    answer = await api.patch(f"{MAPS}/c", change)
    assert answer.status == 422
    assert "no new finalizers can be added if the object is being deleted" in answer.message


@pytest.mark.parametrize(
    ("body", "finalizers"),
    [
        ({"propagationPolicy": "Foreground"}, ["foregroundDeletion"]),
        ({"propagationPolicy": "Orphan"}, ["orphan"]),
        ({"orphanDependents": True}, ["orphan"]),
    ],
)
async def test_propagation_leaves_a_finalizer_for_the_collector(api, body, finalizers):
    await api.made(DEPLOYMENTS, api.deployment())
    answer = await api.delete(f"{DEPLOYMENTS}/d", body)
    assert answer.json["metadata"]["finalizers"] == finalizers
    assert answer.json["metadata"]["generation"] == 2


async def test_background_is_the_default(api):
    await api.made(DEPLOYMENTS, api.deployment())
    assert (await api.delete(f"{DEPLOYMENTS}/d")).json["kind"] == "Status"


async def test_replication_controllers_orphan_by_default(api):
    body = {
        "metadata": {"name": "r"},
        "spec": {
            "selector": {"a": "b"},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "busybox"}]},
            },
        },
    }
    await api.made(CONTROLLERS, body)
    answer = await api.delete(f"{CONTROLLERS}/r")
    assert answer.json["metadata"]["finalizers"] == ["orphan"]


async def test_preconditions(api):
    made = (await api.made(MAPS, api.config()))["metadata"]
    answer = await api.delete(f"{MAPS}/c", {"preconditions": {"uid": "other"}})
    assert answer.status == 409
    assert answer.message.endswith(
        f"the UID in the precondition (other) does not match the UID in record ({made['uid']}). "
        "The object might have been deleted and then recreated"
    )
    answer = await api.delete(f"{MAPS}/c", {"preconditions": {"resourceVersion": "1"}})
    assert answer.status == 409
    exact = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    assert (await api.delete(f"{MAPS}/c", {"preconditions": exact})).status == 200


async def test_options_may_come_in_the_query(api):
    await bound(api)
    answer = await api.delete(f"{PODS}/a", gracePeriodSeconds="3")
    assert answer.json["metadata"]["deletionGracePeriodSeconds"] == 3


async def test_a_dry_run_deletes_nothing(api):
    await api.made(MAPS, api.config())
    assert (await api.delete(f"{MAPS}/c", {"dryRun": ["All"]})).status == 200
    assert (await api.delete(f"{MAPS}/c", dryRun="All")).status == 200
    assert (await api.get(f"{MAPS}/c")).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        ({"kind": "Pod"}, 400),
        ({"gracePeriodSeconds": "x"}, 400),
        (b'{"gracePeriodSeconds": 1180591620717411303424}', 400),
        ({"propagationPolicy": "Sideways"}, 422),
        ({"propagationPolicy": 5}, 422),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422),
        ({"preconditions": []}, 400),
        ({"preconditions": {"uid": 5}}, 400),
        ({"dryRun": ["Some"]}, 422),
    ],
)
async def test_bad_options(api, body, status):
    await api.made(MAPS, api.config())
    answer = await api.delete(f"{MAPS}/c", body)
    assert answer.status == status, answer.raw
    assert (await api.get(f"{MAPS}/c")).status == 200


async def test_a_collection_goes_by_selector(api):
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        body = api.config(name)
        body["metadata"]["labels"] = {"k": label}
        await api.made(MAPS, body)
    answer = await api.delete(MAPS, labelSelector="k=x")
    assert [one["metadata"]["name"] for one in answer.json["items"]] == ["a", "c"]
    left = (await api.get(MAPS)).json["items"]
    assert [one["metadata"]["name"] for one in left] == ["b"]


async def test_the_first_namespaces_stay(api):
    for name in ("default", "kube-system", "kube-public"):
        assert (await api.delete(f"/api/v1/namespaces/{name}")).status == 403


async def test_a_namespace_ends_in_two_steps(api):
    await api.made("/api/v1/namespaces", {"metadata": {"name": "x"}})
    marked = (await api.delete("/api/v1/namespaces/x")).json
    assert marked["status"]["phase"] == "Terminating"
    answer = await api.post("/api/v1/namespaces/x/configmaps", api.config())
    assert answer.status == 403
    assert "because it is being terminated" in answer.message
    marked["spec"]["finalizers"] = []
    assert (await api.put("/api/v1/namespaces/x/finalize", marked)).status == 200
    assert (await api.get("/api/v1/namespaces/x")).status == 404


async def test_a_namespaces_finalizer_is_not_for_users(api):
    made = await api.made("/api/v1/namespaces", {"metadata": {"name": "x"}})
    made["spec"]["finalizers"] = []
    answer = await api.put("/api/v1/namespaces/x", made)
    assert answer.json["spec"]["finalizers"] == ["kubernetes"]
