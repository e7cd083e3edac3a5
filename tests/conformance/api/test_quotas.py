"""ResourceQuotas: what a status tells as objects come and go, what is refused, and by which scope."""

from typing import Any

import pytest

from . import samples
from .clients import Api, eventually

QUOTA = "resourcequotas"


def quota(api: Api, hard: dict[str, str], name: str = "q", **spec: Any) -> None:
    """Create one; it has told of its namespace when this returns."""
    api.make(QUOTA, name, spec={"hard": hard, **spec})
    eventually(lambda: status(api, name).get("hard") == hard)


def status(api: Api, name: str = "q") -> dict[str, Any]:
    return dict(api.get(api.path(QUOTA, name)).json.get("status") or {})


def used(api: Api, key: str, amount: str, name: str = "q") -> None:
    eventually(lambda: status(api, name)["used"][key] == amount)


def asking(name: str, *, deadline: int | None = None, **requests: str) -> dict[str, Any]:
    amounts = {key.replace("_", "-"): value for key, value in requests.items()}
    if gpu := amounts.pop("gpu", None):
        amounts["example.com/gpu"] = gpu
    container = {"name": "app", "image": "registry.example/app:1",
                 "resources": {"requests": amounts, "limits": amounts}}  # fmt: skip
    more = {"activeDeadlineSeconds": deadline} if deadline else {}
    return samples.pod(name, containers=[container], **more)


def test_a_status_is_promptly_calculated(api: Api) -> None:
    hard = {"resourcequotas": "1", "pods": "5", "services": "10", "secrets": "10"}
    quota(api, hard)
    used(api, "resourcequotas", "1")
    assert status(api)["used"] == {"resourcequotas": "1", "pods": "0", "services": "0",
                                   "secrets": "0"}  # fmt: skip


def workload(kind: str) -> dict[str, Any]:
    selector: dict[str, Any] = {"app": "w"}
    template = {"metadata": {"labels": selector}, "spec": samples.pod("x")["spec"]}
    if kind == "replicasets":
        selector = {"matchLabels": selector}
    return {"spec": {"replicas": 0, "selector": selector, "template": template}}


@pytest.mark.parametrize(
    ("plural", "key", "content"),
    [
        ("configmaps", "configmaps", {"data": {"a": "b"}}),
        ("secrets", "secrets", {"data": {"a": "Yg=="}}),
        ("services", "services", {"spec": {"ports": [{"port": 80}]}}),
        ("replicasets", "count/replicasets.apps", workload("replicasets")),
        ("replicationcontrollers", "replicationcontrollers", workload("replicationcontrollers")),
    ],
    ids=["configmap", "secret", "service", "replicaset", "replicationcontroller"],
)
def test_the_life_of_an_object(api: Api, plural: str, key: str, content: dict[str, Any]) -> None:
    before = len(api.get(api.path(plural)).json["items"])
    quota(api, {key: str(before + 1)})
    used(api, key, str(before))
    api.make(plural, "one", **content)
    used(api, key, str(before + 1))
    refused = api.post(api.path(plural), {"metadata": {"name": "two"}, **content})
    assert refused.code == 403
    assert f"exceeded quota: q, requested: {key}=1" in refused.message
    api.delete(api.path(plural, "one"))
    used(api, key, str(before))


def test_kinds_of_services(api: Api) -> None:
    quota(api, {"services": "3", "services.nodeports": "1", "services.loadbalancers": "1"})
    port = {"port": 80}
    api.make("services", "a", spec={"ports": [port]})
    api.make("services", "b", spec={"ports": [port], "type": "NodePort"})
    used(api, "services.nodeports", "1")
    used(api, "services", "2")
    for kind in ("LoadBalancer", "NodePort"):  # either needs a port of the nodes
        body = {"metadata": {"name": "c"}, "spec": {"ports": [port], "type": kind}}
        assert api.post(api.path("services"), body).code == 403
    for name in "ab":
        api.delete(api.path("services", name))
    used(api, "services", "0")
    used(api, "services.nodeports", "0")


def test_the_life_of_a_pod(api: Api) -> None:
    hard = {
        "pods": "5", "cpu": "1", "memory": "500Mi", "ephemeral-storage": "50Gi",
        "requests.example.com/gpu": "3",
    }  # fmt: skip
    quota(api, hard)
    pods = api.path("pods")
    first = asking("a", cpu="500m", memory="252Mi", ephemeral_storage="30Gi", gpu="2")
    api.post(pods, first, expect=201)
    used(api, "pods", "1")
    assert status(api)["used"] == {
        "pods": "1", "cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi",
        "requests.example.com/gpu": "2",
    }  # fmt: skip
    most = {"cpu": "600m", "memory": "100Mi", "ephemeral_storage": "30Gi"}
    assert api.post(pods, asking("b", **most)).code == 403
    one = {"cpu": "100m", "memory": "100Mi", "ephemeral_storage": "1Gi"}
    assert api.post(pods, asking("b", **one, gpu="2")).code == 403
    newest = api.get(api.path("pods", "a")).json
    newest["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "100m"
    assert api.put(api.path("pods", "a"), newest).code == 422, "requests change by resize only"
    assert status(api)["used"]["cpu"] == "500m"
    api.delete(api.path("pods", "a"))
    used(api, "pods", "0")
    assert set(status(api)["used"].values()) == {"0"}


@pytest.mark.parametrize(
    ("scopes", "pods", "deadline"),
    [
        (("BestEffort", "NotBestEffort"), ({}, {"cpu": "5m", "memory": "5Mi"}), None),
        (("NotTerminating", "Terminating"), ({"cpu": "5m"}, {"cpu": "5m"}), 3600),
    ],
    ids=["effort", "deadline"],
)
def test_scopes(
    api: Api, scopes: tuple[str, str], pods: tuple[dict[str, str], ...], deadline: int | None
) -> None:
    """The first pod counts for the first quota alone, the second for the second."""
    names = [scope.lower() for scope in scopes]
    for name, scope in zip(names, scopes, strict=True):
        quota(api, {"pods": "5"}, name, scopes=[scope])
    for number, requests in enumerate(pods):
        body = asking("p", deadline=deadline if number else None, **requests)
        api.post(api.path("pods"), body, expect=201)
        used(api, "pods", "1", names[number])
        assert status(api, names[1 - number])["used"]["pods"] == "0"
        api.delete(api.path("pods", "p"))
        used(api, "pods", "0", names[number])


def test_a_changed_quota_counts_and_a_deleted_one_does_not(api: Api) -> None:
    quota(api, {"cpu": "1", "memory": "500Mi"})
    more = {"cpu": "2", "memory": "1Gi"}

    def put() -> bool:
        newest = api.get(api.path(QUOTA, "q")).json
        newest["spec"]["hard"] = more
        return api.put(api.path(QUOTA, "q"), newest).code == 200

    eventually(put)
    eventually(lambda: status(api)["hard"] == more)
    body = asking("p", cpu="1500m", memory="10Mi")
    api.post(api.path("pods"), body, dryRun="All", expect=201)
    api.delete(api.path(QUOTA, "q"))
    eventually(lambda: api.get(api.path(QUOTA, "q")).code == 404)
    body = asking("p", cpu="9", memory="10Mi")
    eventually(lambda: api.post(api.path("pods"), body, dryRun="All").code == 201)


def test_a_status_may_be_written_and_leaves_the_spec_alone(api: Api) -> None:
    hard = {"cpu": "500m", "memory": "500Mi"}
    quota(api, hard)
    path = api.path(QUOTA, "q", "status")

    def put() -> bool:
        newest = api.get(path).json
        newest["status"]["hard"] = {"cpu": "1", "memory": "1Gi"}
        answer = api.put(path, newest)
        return answer.code == 200 and answer.json["status"]["hard"]["cpu"] == "1"

    eventually(put)
    # A server need not look at what others wrote before the spec changes.
    more = {"cpu": "2", "memory": "2Gi"}
    api.patch(api.path(QUOTA, "q"), {"spec": {"hard": more}}, expect=200)
    eventually(lambda: api.get(path).json["status"]["hard"] == more)
    patched = api.patch(path, {"status": {"hard": {"cpu": "10"}}}, expect=200).json
    assert patched["status"]["hard"]["cpu"] == "10"
    assert patched["spec"]["hard"] == more
