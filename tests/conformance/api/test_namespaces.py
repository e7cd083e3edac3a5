"""Namespaces: finalizers, labels, status, what every one has, and their end."""

from collections.abc import Callable
from typing import Any

import pytest

from . import samples
from .clients import Api, eventually

SPACES = "/api/v1/namespaces"
ROOT_CA = "kube-root-ca.crt"


@pytest.fixture
def space(root: Api, unique: str, cleanup: Callable[[str], Any]) -> str:
    """One that the test may end."""
    root.post(SPACES, {"metadata": {"name": unique}}, expect=201)
    cleanup(f"{SPACES}/{unique}")
    return unique


def changed(root: Api, path: str, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """PUT what is there with a change, again where somebody else was faster."""

    def put() -> Any:
        newest = root.get(path.removesuffix("/finalize")).json
        change(newest)
        answer = root.put(path, newest)
        return answer.json if answer.code == 200 else None

    return dict(eventually(put))


def test_a_finalizer_of_ones_own(root: Api, space: str) -> None:
    path, own = f"{SPACES}/{space}", "example.com/fake"
    made = changed(root, f"{path}/finalize", lambda obj: obj["spec"]["finalizers"].append(own))
    assert made["spec"]["finalizers"] == ["kubernetes", own]
    assert root.get(path).json["spec"]["finalizers"] == ["kubernetes", own]
    changed(root, f"{path}/finalize", lambda obj: obj["spec"]["finalizers"].remove(own))
    assert root.get(path).json["spec"]["finalizers"] == ["kubernetes"]


def test_labels_by_patch_and_by_update(root: Api, space: str) -> None:
    path = f"{SPACES}/{space}"
    label = {"metadata": {"labels": {"patched": "yes"}}}
    assert root.patch(path, label, "strategic", expect=200).json["metadata"]["labels"]["patched"]
    changed(root, path, lambda obj: obj["metadata"]["labels"].update(updated="yes"))
    found = root.get(path).json["metadata"]["labels"]
    assert (found["patched"], found["updated"]) == ("yes", "yes")
    assert found["kubernetes.io/metadata.name"] == space


def test_the_status_is_read_patched_and_updated(root: Api, space: str) -> None:
    path = f"{SPACES}/{space}/status"
    assert root.get(path).json["status"]["phase"] == "Active"
    condition = {"type": "Tested", "status": "True", "reason": "E2E", "message": "by patch"}
    patched = root.patch(path, {"status": {"conditions": [condition]}}, expect=200).json
    assert patched["status"]["conditions"][0]["message"] == "by patch"
    more = {**condition, "type": "Again"}
    made = changed(root, path, lambda obj: obj["status"]["conditions"].append(more))
    assert {one["type"] for one in made["status"]["conditions"]} >= {"Tested", "Again"}


def test_all_that_is_in_it_goes_with_it(root: Api, space: str) -> None:
    api = root.within(space)
    eventually(lambda: api.get(api.path("serviceaccounts", "default")).code == 200)
    api.post(api.path("pods"), samples.pod("p"), expect=201)
    api.make("services", "s", spec={"ports": [{"port": 80}]})
    assert root.delete(f"{SPACES}/{space}").code == 200
    eventually(lambda: root.get(f"{SPACES}/{space}").code == 404, within=60)
    root.post(SPACES, {"metadata": {"name": space}}, expect=201)
    for plural in ("pods", "services"):
        assert api.get(api.path(plural)).json["items"] == []


def test_every_namespace_has_the_root_certificates(api: Api) -> None:
    path = api.path("configmaps", ROOT_CA)
    made = eventually(lambda: (found := api.get(path)).code == 200 and found.json)
    assert made["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    api.delete(path)
    again = eventually(lambda: (found := api.get(path)).code == 200 and found.json)
    assert again["metadata"]["uid"] != made["metadata"]["uid"]
    api.patch(path, {"data": {"ca.crt": None, "other": "x"}}, expect=200)
    eventually(lambda: api.get(path).json["data"] == made["data"])
