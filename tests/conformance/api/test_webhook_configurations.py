"""Webhook configurations as objects, and a webhook that nobody can reach.

What a webhook that answers can do is in `tests/integration/apiserver`: a cluster that these tests
are pointed at need not reach the machine they run on.
"""

from collections.abc import Callable
from typing import Any

import pytest

from .clients import Api, eventually

GROUP = "/apis/admissionregistration.k8s.io/v1"
KINDS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")


def configuration(name: str, namespace: str, **more: Any) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": ["configmaps"]}  # fmt: skip
    webhook = {
        "name": f"{name}.example.com",
        "clientConfig": {"service": {"namespace": namespace, "name": "none", "path": "/x"}},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        **more,
    }
    return {"metadata": {"name": name}, "webhooks": [webhook]}


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, unique: str, cleanup: Callable[[str], Any]) -> str:
    made = f"{GROUP}/{request.param}"
    cleanup(f"{made}/{unique}")
    return made


def test_discovery(root: Api) -> None:
    rows = {one["name"] for one in root.get(GROUP).json["resources"]}
    assert set(KINDS) <= rows
    groups = root.get("/apis").json["groups"]
    (found,) = [one for one in groups if one["name"] == "admissionregistration.k8s.io"]
    assert "v1" in [one["version"] for one in found["versions"]]


def test_match_conditions_are_kept_and_updated(
    root: Api, namespace: str, unique: str, path: str
) -> None:
    first = [{"name": "one", "expression": "request.userInfo.username == 'nobody'"}]
    made = root.post(path, configuration(unique, namespace, matchConditions=first), expect=201).json
    assert made["webhooks"][0]["matchConditions"] == first
    second = [*first, {"name": "two", "expression": "object.metadata.namespace == 'none'"}]
    made["webhooks"][0]["matchConditions"] = second
    root.put(f"{path}/{unique}", made, expect=200)
    assert root.get(f"{path}/{unique}").json["webhooks"][0]["matchConditions"] == second


def test_match_conditions_that_do_not_compile(
    root: Api, namespace: str, unique: str, path: str
) -> None:
    wrong = [{"name": "bad", "expression": "... [] bad expression"}]
    answer = root.post(path, configuration(unique, namespace, matchConditions=wrong))
    assert answer.code == 422
    assert "compilation failed" in answer.message
    assert "webhooks[0].matchConditions[0].expression" in answer.message


def test_what_cannot_be_asked_is_refused(
    root: Api, api: Api, namespace: str, unique: str, path: str
) -> None:
    """Until the policy is to ignore failures."""
    root.post(path, configuration(unique, namespace), expect=201)
    config = {"metadata": {"name": "cm"}}

    def tried() -> Any:
        answer = api.post(api.path("configmaps"), config, dryRun="All")
        return answer if answer.code != 201 else None

    refused = eventually(tried)
    assert refused.code == 500
    assert f'failed calling webhook "{unique}.example.com"' in refused.message
    place = "/webhooks/0/failurePolicy"
    change = [{"op": "replace", "path": place, "value": "Ignore"}]
    root.patch(f"{path}/{unique}", change, "json", expect=200)
    eventually(lambda: api.post(api.path("configmaps"), config, dryRun="All").code == 201)
