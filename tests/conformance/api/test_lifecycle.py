"""How objects end, who owns what of them, and evictions."""

from typing import Any

import pytest

from . import samples
from .clients import Api, eventually, status_of


def test_deletion_of_what_nothing_holds(api: Api) -> None:
    made = api.make("configmaps", "cm")
    answer = api.delete(api.path("configmaps", "cm")).json
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"]["uid"] == made["metadata"]["uid"]
    assert status_of(api.delete(api.path("configmaps", "cm"))) == (404, "NotFound")


def test_finalizers_hold(api: Api) -> None:
    held = {"finalizers": ["conformance.example/a", "conformance.example/b"]}
    api.make("configmaps", "cm", metadata=held)
    path = api.path("configmaps", "cm")
    marked = api.delete(path).json
    assert marked["metadata"]["deletionTimestamp"]
    more = {"metadata": {"finalizers": [*held["finalizers"], "conformance.example/c"]}}
    assert status_of(api.patch(path, more)) == (422, "Invalid")
    api.patch(path, {"metadata": {"finalizers": ["conformance.example/b"]}}, expect=200)
    assert api.get(path).code == 200
    api.patch(path, {"metadata": {"finalizers": []}}, expect=200)
    assert api.get(path).code == 404


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_preconditions(api: Api, field: str) -> None:
    made = api.make("configmaps", "cm")
    path = api.path("configmaps", "cm")
    answer = api.delete(path, {"preconditions": {field: "0"}})
    assert status_of(answer) == (409, "Conflict")
    assert api.get(path).json == made
    assert api.delete(path, {"preconditions": {field: made["metadata"][field]}}).code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"propagationPolicy": "Sideways"},
        {"propagationPolicy": "Orphan", "orphanDependents": True},
        {"gracePeriodSeconds": "soon"},
    ],
    ids=str,
)
def test_options_that_make_no_sense(api: Api, options: dict[str, Any]) -> None:
    made = api.make("configmaps", "cm")
    assert status_of(api.delete(api.path("configmaps", "cm"), options))[0] in (400, 422)
    assert api.get(api.path("configmaps", "cm")).json == made


def owned(api: Api, name: str, owner: Any, *, block: bool = False) -> None:
    reference = {
        "apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": block,
    }  # fmt: skip
    api.make("configmaps", name, metadata={"ownerReferences": [reference]})


def test_dependents_follow_in_the_background(api: Api) -> None:
    owned(api, "child", api.make("configmaps", "owner"))
    api.delete(api.path("configmaps", "owner"), {"propagationPolicy": "Background"})
    assert api.get(api.path("configmaps", "owner")).code == 404
    eventually(lambda: api.get(api.path("configmaps", "child")).code == 404)


def test_dependents_go_first_in_the_foreground(api: Api) -> None:
    owned(api, "child", api.make("configmaps", "owner"), block=True)
    marked = api.delete(api.path("configmaps", "owner"), {"propagationPolicy": "Foreground"}).json
    assert "foregroundDeletion" in marked["metadata"]["finalizers"]
    eventually(lambda: api.get(api.path("configmaps", "owner")).code == 404)
    assert api.get(api.path("configmaps", "child")).code == 404


def test_orphans_lose_their_owner(api: Api) -> None:
    owned(api, "child", api.make("configmaps", "owner"))
    api.delete(api.path("configmaps", "owner"), {"propagationPolicy": "Orphan"})
    eventually(lambda: api.get(api.path("configmaps", "owner")).code == 404)
    assert "ownerReferences" not in api.get(api.path("configmaps", "child")).json["metadata"]


def test_owners_that_never_were(api: Api) -> None:
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-4000-8000-000000000000"}}
    owned(api, "child", ghost)
    eventually(lambda: api.get(api.path("configmaps", "child")).code == 404)


def test_a_collection_goes_by_selector(api: Api) -> None:
    for name in ("a", "b"):
        api.make("configmaps", name, metadata={"labels": {"gone": name}})
    assert api.delete(api.path("configmaps"), labelSelector="gone=a").code == 200
    assert api.get(api.path("configmaps", "a")).code == 404
    assert api.get(api.path("configmaps", "b")).code == 200


def test_a_running_pod_has_its_grace(api: Api, node: str) -> None:
    pod = samples.pod("p", node=node, terminationGracePeriodSeconds=33)
    api.post(api.path("pods"), pod, expect=201)
    path = api.path("pods", "p")
    assert api.delete(path).json["metadata"]["deletionGracePeriodSeconds"] == 33
    assert api.delete(path, {"gracePeriodSeconds": 5}).code == 200
    assert api.get(path).json["metadata"]["deletionGracePeriodSeconds"] == 5
    assert api.delete(path, {"gracePeriodSeconds": 0}).code == 200
    assert api.get(path).code == 404


def evict(api: Api, name: str, **options: Any) -> Any:
    body = {"metadata": {"name": name}, "deleteOptions": {"gracePeriodSeconds": 0, **options}}
    return api.post(api.path("pods", name, "eviction"), body)


def test_evictions_keep_to_budgets(api: Api, node: str) -> None:
    for name in ("a", "b"):
        pod = samples.pod(name, node=node, labels={"app": "x"})
        api.post(api.path("pods"), pod, expect=201)
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        api.patch(api.path("pods", name, "status"), {"status": ready}, expect=200)
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}
    api.make("poddisruptionbudgets", "b", spec=spec)
    budget = api.path("poddisruptionbudgets", "b")
    eventually(lambda: api.get(budget).json["status"]["disruptionsAllowed"] == 1)
    assert evict(api, "a").code == 201
    answer = evict(api, "b")
    assert status_of(answer) == (429, "TooManyRequests")
    assert "would violate the pod's disruption budget" in answer.message
    assert api.get(api.path("pods", "b")).code == 200


@pytest.mark.parametrize("version", ["policy/v1", "policy/v1beta1"])
def test_evictions_of_each_version(api: Api, node: str, version: str) -> None:
    api.post(api.path("pods"), samples.pod("p", node=node), expect=201)
    body = {"apiVersion": version, "kind": "Eviction", "metadata": {"name": "p"}}
    assert api.post(api.path("pods", "p", "eviction"), body).code == 201


def test_eviction_of_nothing(api: Api) -> None:
    assert status_of(evict(api, "nope")) == (404, "NotFound")


def apply(api: Api, manager: str, data: dict[str, str], **query: str) -> Any:
    body = samples.configmap("cm", None, **data)
    path = api.path("configmaps", "cm")
    return api.patch(path, body, "apply", fieldManager=manager, **query)


def test_apply_owns_what_it_says(api: Api) -> None:
    assert apply(api, "one", {"a": "1", "b": "1"}).code == 201
    assert apply(api, "two", {"c": "1"}).code == 200
    made = apply(api, "one", {"a": "2"}).json
    assert made["data"] == {"a": "2", "c": "1"}
    entries = {one["manager"]: one for one in made["metadata"]["managedFields"]}
    assert entries["one"]["fieldsV1"] == {"f:data": {"f:a": {}}}
    assert (entries["two"]["operation"], entries["two"]["apiVersion"]) == ("Apply", "v1")


def test_apply_conflicts_are_told_and_forced(api: Api) -> None:
    apply(api, "one", {"a": "1"})
    answer = apply(api, "two", {"a": "2"})
    assert status_of(answer) == (409, "Conflict")
    assert answer.causes == [("FieldManagerConflict", ".data.a")]
    assert 'conflict with "one"' in answer.message
    forced = apply(api, "two", {"a": "2"}, force="true").json
    assert [one["manager"] for one in forced["metadata"]["managedFields"]] == ["two"]


def test_the_same_value_is_shared(api: Api) -> None:
    apply(api, "one", {"a": "1"})
    assert apply(api, "two", {"a": "1"}).code == 200
    assert apply(api, "one", {}).json["data"] == {"a": "1"}
    assert "data" not in apply(api, "two", {}).json


def test_other_writers_own_their_changes(api: Api) -> None:
    apply(api, "one", {"a": "1"})
    path = api.path("configmaps", "cm")
    changed = api.patch(path, {"data": {"a": "3"}}, expect=200, fieldManager="editor").json
    entries = {one["manager"]: one["operation"] for one in changed["metadata"]["managedFields"]}
    assert entries["editor"] == "Update"
    assert apply(api, "one", {"a": "1"}).code == 409


def test_apply_without_manager(api: Api) -> None:
    path = api.path("configmaps", "cm")
    answer = api.patch(path, samples.configmap("cm"), "apply")
    assert status_of(answer)[0] in (400, 422)
    assert "fieldManager" in answer.message


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
def test_apply_of_what_the_kind_does_not_have(api: Api, validation: str) -> None:
    """Field validation is no matter: nobody can own a field that is not there."""
    path = api.path("configmaps", "cm")
    wanted = samples.configmap("cm") | {"nonsense": 1}
    wanted["metadata"]["other"] = "a"
    answer = api.patch(path, wanted, "apply", fieldManager="one", fieldValidation=validation)
    assert status_of(answer)[0] in (400, 500)
    assert "failed to create typed patch object (/cm; /v1, Kind=ConfigMap): " in answer.message
    assert ".nonsense: field not declared in schema" in answer.message
    assert ".metadata.other: field not declared in schema" in answer.message
    assert api.get(path).code == 404


def test_apply_of_what_is_said_twice(api: Api) -> None:
    path, head = api.path("configmaps", "cm"), "apiVersion: v1\nkind: ConfigMap\n"
    text = f"{head}metadata: {{name: cm}}\ndata:\n  a: one\n  a: two\n".encode()
    headers = {"Content-Type": "application/apply-patch+yaml"}
    query = {"fieldManager": "one", "fieldValidation": "Strict"}
    answer = api.send("PATCH", path, text, headers=headers, query=query)
    assert status_of(answer)[0] == 400
    assert 'line 6: key "a" already set in map' in answer.message


def test_managed_fields_may_be_cleared(api: Api) -> None:
    apply(api, "one", {"a": "1"})
    path = api.path("configmaps", "cm")
    cleared = api.patch(path, {"metadata": {"managedFields": [{}]}}, expect=200).json
    assert not cleared["metadata"].get("managedFields")
