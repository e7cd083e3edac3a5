"""PUT and PATCH: compare-and-swap, what each path may change, generation."""

import asyncio

import pytest

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


async def test_a_stale_version_is_a_conflict(api):
    made = await api.made(MAPS, api.config(a="1"))
    assert (await api.put(f"{MAPS}/c", {**made, "data": {"a": "2"}})).status == 200
    answer = await api.put(f"{MAPS}/c", {**made, "data": {"a": "3"}})
    assert answer.status == 409
    assert answer.message == (
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; please '
        "apply your changes to the latest version and try again"
    )
    assert (await api.get(f"{MAPS}/c")).json["data"] == {"a": "2"}


async def test_without_a_version_the_last_writer_wins(api):
    await api.made(MAPS, api.config(a="1"))
    answer = await api.put(f"{MAPS}/c", api.config(a="2"))
    assert answer.status == 200
    assert answer.json["data"] == {"a": "2"}


async def test_a_lease_must_name_the_version_that_it_replaces(api):
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    await api.made(path, {"metadata": {"name": "l"}})
    answer = await api.put(f"{path}/l", {"metadata": {"name": "l"}})
    assert answer.status == 422
    assert "must be specified for an update" in answer.message


async def test_an_update_that_changes_nothing_writes_nothing(api):
    made = await api.made(MAPS, api.config(a="1"))
    again = (await api.put(f"{MAPS}/c", made)).json
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_another_objects_uid_is_a_conflict(api):
    made = await api.made(MAPS, api.config(a="1"))
    made["metadata"]["uid"] = "other"
    answer = await api.put(f"{MAPS}/c", made)
    assert answer.status == 409
    assert "Precondition failed: UID in precondition: other" in answer.message


async def test_the_name_must_be_that_of_the_url(api):
    await api.made(MAPS, api.config())
    answer = await api.put(f"{MAPS}/c", api.config("other"))
    assert answer.status == 400
    assert answer.message == (
        "the name of the object (other) does not match the name on the URL (c)"
    )


async def test_put_creates_where_kubernetes_lets_it(api):
    services = "/api/v1/namespaces/default/services"
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    assert (await api.put(f"{services}/s", body)).status == 201
    assert (await api.put(f"{MAPS}/c", api.config())).status == 404


async def test_generation_grows_with_the_spec_only(api):
    made = await api.made(DEPLOYMENTS, api.deployment())
    path = f"{DEPLOYMENTS}/d"
    labelled = (await api.patch(path, {"metadata": {"labels": {"x": "y"}}})).json
    assert labelled["metadata"]["generation"] == 1
    scaled = (await api.patch(path, {"spec": {"replicas": 3}})).json
    assert scaled["metadata"]["generation"] == 2
    status = (await api.patch(f"{path}/status", {"status": {"replicas": 3}})).json
    assert status["metadata"]["generation"] == 2
    noted = (await api.patch(path, {"metadata": {"annotations": {"x": "y"}}})).json
    assert noted["metadata"]["generation"] == 3
    assert made["metadata"]["uid"] == noted["metadata"]["uid"]


async def test_the_main_path_leaves_the_status_alone(api):
    await api.made(DEPLOYMENTS, api.deployment())
    await api.patch(f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 3}})
    answer = await api.patch(f"{DEPLOYMENTS}/d", {"status": {"replicas": 7}})
    assert answer.json["status"] == {"replicas": 3}


async def test_the_status_path_leaves_the_spec_alone(api):
    await api.made(DEPLOYMENTS, api.deployment(replicas=2))
    change = {"spec": {"replicas": 9}, "status": {"replicas": 2}}
    answer = await api.patch(f"{DEPLOYMENTS}/d/status", change)
    assert answer.json["spec"]["replicas"] == 2
    assert answer.json["status"] == {"replicas": 2}


async def test_the_system_keeps_its_metadata(api):
    made = await api.made(MAPS, api.config())
    change = {
        "metadata": {
            "creationTimestamp": "2001-01-01T00:00:00Z",
            "deletionTimestamp": "2001-01-01T00:00:00Z",
            "generation": 77,
            "selfLink": "/x",
        }
    }
    answer = await api.patch(f"{MAPS}/c", change)
    assert answer.json["metadata"] == made["metadata"]


async def test_a_name_cannot_be_patched(api):
    await api.made(MAPS, api.config())
    answer = await api.patch(f"{MAPS}/c", {"metadata": {"name": "other"}})
    assert answer.status == 400
    assert "(other) does not match the name on the URL (c)" in answer.message


async def test_a_json_patch(api):
    await api.made(MAPS, api.config(a="1"))
    operations = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "2"},
    ]
    assert (await api.patch(f"{MAPS}/c", operations, "json")).json["data"] == {"a": "2"}
    answer = await api.patch(f"{MAPS}/c", operations, "json")
    assert answer.status == 422


async def test_a_strategic_patch_merges_lists_by_key(api):
    await api.made(DEPLOYMENTS, api.deployment())
    change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "new"}]}}}}
    answer = await api.patch(f"{DEPLOYMENTS}/d", change, "strategic")
    (container,) = answer.json["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "new"
    assert container["terminationMessagePath"] == "/dev/termination-log"


async def test_a_patch_that_names_a_stale_version_is_a_conflict(api):
    made = await api.made(MAPS, api.config(a="1"))
    await api.patch(f"{MAPS}/c", {"data": {"a": "2"}})
    version = made["metadata"]["resourceVersion"]
    change = {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}
    assert (await api.patch(f"{MAPS}/c", change)).status == 409


async def test_concurrent_patches_all_count(api):
    await api.made(MAPS, api.config())
    answers = await asyncio.gather(
        *[api.patch(f"{MAPS}/c", {"data": {f"k{number}": "v"}}) for number in range(8)]
    )
    assert {answer.status for answer in answers} == {200}
    assert len((await api.get(f"{MAPS}/c")).json["data"]) == 8


async def test_a_patch_of_nothing_is_not_found(api):
    assert (await api.patch(f"{MAPS}/none", {"data": {}})).status == 404


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("merge", b"{", 400),
        ("merge", b"[]", 400),
        ("merge", b"5", 400),
        ("strategic", b"[]", 400),
        ("json", b"{}", 400),
        ("json", b'[{"op":"fly"}]', 422),
        ("json", b"[" * 5000, 400),
        ("merge", b'{"data":{"a":{}}}', 400),
        ("merge", b'{"kind":"Secret"}', 400),
        ("text/plain", b"{}", 415),
        ("application/json", b"{}", 415),
        ("apply", b"{", 400),
    ],
)
async def test_bad_patches(api, kind, body, status):
    await api.made(MAPS, api.config())
    answer = await api.patch(f"{MAPS}/c", body, kind, fieldManager="me")
    assert answer.status == status, answer.raw


async def test_a_dry_run_update_stores_nothing(api):
    await api.made(MAPS, api.config(a="1"))
    answer = await api.patch(f"{MAPS}/c", {"data": {"a": "2"}}, dryRun="All")
    assert answer.json["data"] == {"a": "2"}
    assert (await api.get(f"{MAPS}/c")).json["data"] == {"a": "1"}


async def test_apply_creates_then_updates_then_does_nothing(api):
    body = api.deployment(replicas=2)
    first = await api.patch(f"{DEPLOYMENTS}/d", body, "apply", fieldManager="me")
    assert first.status == 201, first.raw
    body["spec"]["replicas"] = 3
    second = await api.patch(f"{DEPLOYMENTS}/d", body, "apply", fieldManager="me")
    assert second.status == 200
    assert second.json["spec"]["replicas"] == 3
    third = await api.patch(f"{DEPLOYMENTS}/d", body, "apply", fieldManager="me")
    assert third.json == second.json


async def test_apply_conflicts_with_another_manager_until_forced(api):
    body = api.deployment(replicas=2)
    await api.patch(f"{DEPLOYMENTS}/d", body, "apply", fieldManager="me")
    body["spec"]["replicas"] = 3
    answer = await api.patch(f"{DEPLOYMENTS}/d", body, "apply", fieldManager="you")
    assert answer.status == 409
    assert answer.json["details"]["causes"][0]["field"] == ".spec.replicas"
    forced = await api.patch(f"{DEPLOYMENTS}/d", body, "apply", fieldManager="you", force="true")
    assert forced.json["spec"]["replicas"] == 3


async def test_apply_needs_a_manager(api):
    answer = await api.patch(f"{DEPLOYMENTS}/d", api.deployment(), "apply")
    assert answer.status == 422
    assert "fieldManager: Required value: is required for apply patch" in answer.message


async def test_writers_are_accounted_for(api):
    await api.made(DEPLOYMENTS, api.deployment(), fieldManager="maker")
    await api.patch(f"{DEPLOYMENTS}/d", {"spec": {"replicas": 4}}, fieldManager="scaler")
    answer = await api.patch(f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 4}})
    managers = {
        (one["manager"], one.get("subresource", ""))
        for one in answer.json["metadata"]["managedFields"]
    }
    assert managers == {("maker", ""), ("scaler", ""), ("pytest", "status")}


async def test_concurrent_applies_create_once(api):
    answers = await asyncio.gather(
        *[
            api.patch(f"{DEPLOYMENTS}/d", api.deployment(), "apply", fieldManager="me")
            for _ in range(6)
        ]
    )
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]


async def test_a_deletion_meets_a_patch(api):
    await api.made(MAPS, api.config())
    deleted, *patched = await asyncio.gather(
        api.delete(f"{MAPS}/c"),
        *[api.patch(f"{MAPS}/c", {"data": {"k": str(number)}}) for number in range(4)],
    )
    assert deleted.status == 200
    assert {answer.status for answer in patched} <= {200, 404}
    assert (await api.get(f"{MAPS}/c")).status == 404
