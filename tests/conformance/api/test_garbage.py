"""What becomes of the pods of workloads that are deleted: they follow, go first, or stay."""

from collections.abc import Callable
from typing import Any

import pytest

from . import samples
from .clients import Api, eventually

REPLICAS = 4


def pods(api: Api) -> list[Any]:
    return list(api.get(api.path("pods")).json["items"])


@pytest.fixture
def make(api: Api) -> Callable[[str], str]:
    """Create a workload and wait for its pods; its path."""

    def create(plural: str) -> str:
        made = samples.deployment if plural == "deployments" else samples.replication_controller
        body = made("w", replicas=REPLICAS)
        api.post(api.path(plural), body, expect=201)
        eventually(lambda: len(pods(api)) == REPLICAS)
        return api.path(plural, "w")

    return create


def delete(api: Api, path: str, how: str) -> None:
    assert api.delete(path, {"propagationPolicy": how}).code == 200
    eventually(lambda: api.get(path).code == 404)


@pytest.mark.parametrize("plural", ["deployments", "replicationcontrollers"])
def test_pods_follow_in_the_background(api: Api, make: Callable[[str], str], plural: str) -> None:
    delete(api, make(plural), "Background")
    eventually(lambda: not pods(api))
    assert api.get(api.path("replicasets")).json["items"] == []


@pytest.mark.parametrize("plural", ["deployments", "replicationcontrollers"])
def test_pods_go_first_in_the_foreground(api: Api, make: Callable[[str], str], plural: str) -> None:
    path = make(plural)
    held = {"metadata": {"finalizers": ["conformance.example/hold"]}}
    one = api.path("pods", pods(api)[0]["metadata"]["name"])
    api.patch(one, held, expect=200)
    assert api.delete(path, {"propagationPolicy": "Foreground"}).code == 200
    eventually(lambda: len(pods(api)) == 1)
    marked = api.get(path).json["metadata"]
    assert "foregroundDeletion" in marked["finalizers"]
    assert marked["deletionTimestamp"]
    api.patch(one, {"metadata": {"finalizers": None}}, expect=200)
    eventually(lambda: api.get(path).code == 404)
    assert pods(api) == []


@pytest.mark.parametrize("plural", ["deployments", "replicationcontrollers"])
def test_pods_stay_as_orphans(api: Api, make: Callable[[str], str], plural: str) -> None:
    path = make(plural)
    before = {one["metadata"]["uid"] for one in pods(api)}
    delete(api, path, "Orphan")
    assert {one["metadata"]["uid"] for one in pods(api)} == before
    if plural == "deployments":
        (left,) = api.get(api.path("replicasets")).json["items"]
        assert "ownerReferences" not in left["metadata"]
        return
    assert not any(one["metadata"].get("ownerReferences") for one in pods(api))


def test_pods_with_another_owner_stay(api: Api, make: Callable[[str], str]) -> None:
    """Half of the pods have an owner that lives on, besides the one that waits for its pods."""
    path = make("replicationcontrollers")
    body = samples.replication_controller("other", replicas=0)
    other = api.post(api.path("replicationcontrollers"), body, expect=201).json
    kept = {one["metadata"]["name"] for one in pods(api)[: REPLICAS // 2]}
    reference = {
        "apiVersion": "v1", "kind": "ReplicationController", "name": "other",
        "uid": other["metadata"]["uid"],
    }  # fmt: skip
    for name in kept:
        change = {"metadata": {"ownerReferences": [reference]}}
        api.patch(api.path("pods", name), change, "strategic", expect=200)
    delete(api, path, "Foreground")
    left = pods(api)
    assert {one["metadata"]["name"] for one in left} == kept
    assert not any("deletionTimestamp" in one["metadata"] for one in left)


@pytest.mark.parametrize("how", ["Background", "Foreground"])
def test_a_circle_of_owners_goes(api: Api, how: str) -> None:
    made = {name: api.post(api.path("pods"), samples.pod(name), expect=201).json for name in "abc"}
    for name, owner in zip("abc", "cab", strict=True):
        reference = {
            "apiVersion": "v1", "kind": "Pod", "name": owner, "blockOwnerDeletion": True,
            "controller": True, "uid": made[owner]["metadata"]["uid"],
        }  # fmt: skip
        change = {"metadata": {"ownerReferences": [reference]}}
        api.patch(api.path("pods", name), change, expect=200)
    assert api.delete(api.path("pods", "a"), {"propagationPolicy": how}).code == 200
    eventually(lambda: not pods(api))
