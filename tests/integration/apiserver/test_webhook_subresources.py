"""What webhooks and policies are told of writes through subresources, and of other versions."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from apiserver.server import ApiServer
from apiserver.stores import open_store

from .conftest import PODS, Api
from .test_admission_policies import bound, policy
from .test_certificates import body as signing_request
from .test_certificates import pem
from .test_webhooks import HOOKS, Hook, hook, patch

__all__ = ["hook", "pem"]

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
SCALERS = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


class Tokens:
    """Signs nothing; enough for a TokenRequest to go its way."""

    def issue(self, **_: Any) -> tuple[str, float]:
        return "signed", 0.0

    def key_set(self) -> dict[str, Any]:
        return {}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = ApiServer(open_store("memory"), tokens=Tokens())
    await server.start()
    yield Api(server)
    await server.stop()


async def configured(api: Api, hook: Hook, kind: str = "validating", **more: Any) -> None:
    """A webhook that is asked about everything."""
    every = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    entry = hook.entry("/seen", **{"rules": [every], **more})
    hook.judges.setdefault("/seen", lambda _: {})
    body = {"metadata": {"name": "w"}, "webhooks": [entry]}
    await api.made(f"{HOOKS}/{kind}webhookconfigurations", body)


def told(request: dict[str, Any]) -> dict[str, Any]:
    kind, resource = request["kind"], request["resource"]
    return {
        "operation": request["operation"],
        "kind": f"{kind['group']}/{kind['version']} {kind['kind']}",
        "resource": f"{resource['group']}/{resource['version']} {resource['resource']}",
        "sub": request.get("subResource", ""),
        "object": (request["object"] or {}).get("kind"),
        "old": (request["oldObject"] or {}).get("kind"),
    }


def of(operation: str, kind: str, resource: str, sub: str, *, old: bool = True) -> dict[str, Any]:
    name = kind.rpartition(" ")[2]
    return {
        "operation": operation,
        "kind": kind,
        "resource": resource,
        "sub": sub,
        "object": name,
        "old": name if old else None,
    }


async def test_each_subresource_is_told_as_what_it_takes(api: Api, hook: Hook, pem: bytes) -> None:
    await api.made(ACCOUNTS, {"metadata": {"name": "robot"}})
    await api.made(DEPLOYMENTS, api.deployment())
    sized = {"name": "c", "image": "busybox", "resources": {"requests": {"cpu": "1"}}}
    for name in ("a", "b"):
        await api.made(PODS, api.pod(name, containers=[sized]))
    await api.made(REQUESTS, signing_request(pem))
    await configured(api, hook)

    change = {"metadata": {"labels": {"x": "y"}}}
    image = {"name": "d", "image": "busybox", "targetContainerName": "c"}
    larger = {"name": "c", "resources": {"requests": {"cpu": "2"}}}
    approved = {"type": "Approved", "status": "True", "reason": "x"}
    steps: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 3}},
         of("UPDATE", "autoscaling/v1 Scale", "apps/v1 deployments", "scale")),
        ("PATCH", f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 3}},
         of("UPDATE", "apps/v1 Deployment", "apps/v1 deployments", "status")),
        ("PATCH", f"{PODS}/a/ephemeralcontainers", {"spec": {"ephemeralContainers": [image]}},
         of("UPDATE", "/v1 Pod", "/v1 pods", "ephemeralcontainers")),
        ("PATCH", f"{PODS}/a/status", {"status": {"message": "m"}, **change},
         of("UPDATE", "/v1 Pod", "/v1 pods", "status")),
        ("POST", f"{PODS}/a/binding", {"target": {"name": "n1"}, "metadata": {"name": "a"}},
         of("CREATE", "/v1 Binding", "/v1 pods", "binding", old=False)),
        ("POST", f"{PODS}/b/eviction", {"metadata": {"name": "b"}},
         of("CREATE", "policy/v1 Eviction", "/v1 pods", "eviction", old=False)),
        ("POST", f"{ACCOUNTS}/robot/token", {"spec": {"audiences": ["x"]}},
         of("CREATE", "authentication.k8s.io/v1 TokenRequest", "/v1 serviceaccounts", "token",
            old=False)),
        ("PATCH", f"{REQUESTS}/r/approval", {"status": {"conditions": [approved]}},
         of("UPDATE", "certificates.k8s.io/v1 CertificateSigningRequest",
            "certificates.k8s.io/v1 certificatesigningrequests", "approval")),
        ("PATCH", f"{PODS}/a/resize", {"spec": {"containers": [larger]}},
         of("UPDATE", "/v1 Pod", "/v1 pods", "resize")),
    ]  # fmt: skip
    for method, path, body, expected in steps:
        hook.requests.clear()
        kind = "strategic" if method == "PATCH" else "application/json"
        answer = await (api.patch(path, body, kind) if method == "PATCH" else api.post(path, body))
        assert answer.status in (200, 201), (path, answer.raw)
        assert [told(request) for _, request in hook.requests] == [expected], path
        asked = hook.requests[0][1]
        assert asked["requestKind"] == asked["kind"]
        assert asked["requestResource"] == asked["resource"]
        assert asked.get("requestSubResource") == expected["sub"]


async def test_a_scale_may_be_refused_by_what_it_asks_for(api: Api) -> None:
    await api.made(DEPLOYMENTS, api.deployment())
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"],
            "resources": ["deployments/scale"]}  # fmt: skip
    few = {"expression": "object.spec.replicas <= 5 && object.kind == 'Scale'"}
    await bound(api, policy(few, matchConstraints={"resourceRules": [rule]}))
    wanted = {"spec": {"replicas": 6}}
    refused = await api.patch(f"{DEPLOYMENTS}/d/scale", wanted)
    assert (refused.status, refused.json["reason"]) == (422, "Invalid")
    assert (await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 5}})).status == 200
    assert (await api.patch(f"{DEPLOYMENTS}/d", wanted)).status == 200  # not through the scale


async def test_a_scale_may_be_changed(api: Api, hook: Hook) -> None:
    await api.made(DEPLOYMENTS, api.deployment())
    hook.judges["/seen"] = lambda _: patch({"op": "replace", "path": "/spec/replicas", "value": 7})
    await configured(api, hook, "mutating")
    answer = await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 3}})
    assert answer.json["spec"]["replicas"] == 7


async def test_an_eviction_may_be_refused_and_the_pod_stays(api: Api, hook: Hook) -> None:
    await api.made(PODS, api.pod())
    hook.judges["/seen"] = lambda _: {"allowed": False, "status": {"message": "stay"}}
    await configured(api, hook)
    answer = await api.post(f"{PODS}/a/eviction", {"metadata": {"name": "a"}})
    assert (answer.status, answer.message.rpartition(": ")[2]) == (400, "stay")
    assert (await api.get(f"{PODS}/a")).status == 200


async def test_another_version_is_told_as_it_was_asked_for(api: Api, hook: Hook) -> None:
    """The objects of autoscaling/v1 are kept as v2; who asks for v1 is judged by v1."""
    await configured(api, hook)
    spec = {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
            "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}  # fmt: skip
    await api.made(SCALERS, {"metadata": {"name": "h"}, "spec": spec})
    ((_, asked),) = hook.requests
    assert told(asked)["kind"] == "autoscaling/v1 HorizontalPodAutoscaler"
    assert asked["object"]["spec"]["targetCPUUtilizationPercentage"] == 50


async def test_a_rule_of_another_version_is_told_in_that(api: Api, hook: Hook) -> None:
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["events"]}
    hook.judges["/seen"] = lambda request: patch(
        {"op": "add", "path": "/message", "value": request["object"]["message"] + ", really"}
    )
    await configured(api, hook, "mutating", rules=[rule])
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "note": "seen",
        "regarding": {"kind": "Pod", "name": "a", "namespace": "default"},
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingController": "example.com/c",
        "reportingInstance": "i",
        "action": "Look",
        "reason": "Seen",
        "type": "Normal",
    }
    made = await api.made(EVENTS, event)
    ((_, asked),) = hook.requests
    assert told(asked)["kind"] == "/v1 Event"
    assert asked["requestKind"] == {"group": "events.k8s.io", "version": "v1", "kind": "Event"}
    assert made["note"] == "seen, really"


async def test_a_refusal_brings_warnings(api: Api, hook: Hook) -> None:
    answer_of = {"allowed": False, "warnings": ["think again"], "status": {"message": "no"}}
    hook.judges["/seen"] = lambda _: answer_of
    await configured(api, hook)
    refused = await api.post(PODS, api.pod())
    assert refused.status == 400
    assert refused.headers["Warning"] == '299 - "think again"'


async def test_options_are_told(api: Api, hook: Hook) -> None:
    await configured(api, hook)
    await api.made(PODS, api.pod(), fieldManager="me", fieldValidation="Strict", dryRun="All")
    await api.made(PODS, api.pod())
    await api.delete(f"{PODS}/a", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
    kind = {"apiVersion": "meta.k8s.io/v1"}
    assert [request["options"] for _, request in hook.requests] == [
        {**kind, "kind": "CreateOptions", "fieldManager": "me", "fieldValidation": "Strict",
         "dryRun": ["All"]},
        {**kind, "kind": "CreateOptions"},
        {**kind, "kind": "DeleteOptions", "gracePeriodSeconds": 0,
         "propagationPolicy": "Background"},
    ]  # fmt: skip


async def test_reviews_are_shown_to_webhooks_and_to_no_policy(api: Api, hook: Hook) -> None:
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    await configured(api, hook)
    await bound(api, policy({"expression": "false"}, matchConstraints={"resourceRules": [every]}))
    group = "authorization.k8s.io"
    spec = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    await api.made(f"/apis/{group}/v1/selfsubjectaccessreviews", {"spec": spec})
    ((_, asked),) = hook.requests
    assert told(asked)["kind"] == f"{group}/v1 SelfSubjectAccessReview"
    assert (asked["operation"], asked["object"]["spec"]) == ("CREATE", spec)


async def test_where_a_namespace_ends_nothing_is_evicted(api: Api) -> None:
    finalized = {"metadata": {"name": "ending"}, "spec": {"finalizers": ["kubernetes"]}}
    await api.made("/api/v1/namespaces", finalized)
    pods = PODS.replace("default", "ending")
    await api.made("/api/v1/namespaces/ending/serviceaccounts", {"metadata": {"name": "default"}})
    await api.made(pods, api.pod())
    assert (await api.delete("/api/v1/namespaces/ending")).status == 200
    refused = await api.post(f"{pods}/a/eviction", {"metadata": {"name": "a"}})
    assert refused.message == (
        'pods "a" is forbidden: unable to create new content in namespace ending because it is '
        "being terminated"
    )
    assert refused.json["details"]["causes"][0]["reason"] == "NamespaceTerminating"
