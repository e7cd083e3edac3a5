"""create, update, patch: identity, validation modes, dry runs, conflicts, subresources."""

import json
import socket
from typing import Any

import pytest
import urllib3

from . import samples
from .clients import Api, status_of


def test_a_new_object_gets_its_identity(api: Api) -> None:
    sent = {**samples.configmap("cm"), "metadata": {"name": "cm", "uid": "mine"}}
    made = api.post(api.path("configmaps"), sent, expect=201).json["metadata"]
    assert made["uid"] != "mine"
    assert (made["namespace"], made["name"]) == (api.namespace, "cm")
    assert "generation" not in made
    assert made["creationTimestamp"].endswith("Z")


def test_generated_names(api: Api) -> None:
    path = api.path("configmaps")
    found = {
        api.post(path, {"metadata": {"generateName": "gen-"}}, expect=201).json["metadata"]["name"]
        for _ in range(5)
    }
    assert len(found) == 5
    assert all(name.startswith("gen-") and len(name) == 9 for name in found)


def test_a_name_is_needed(api: Api) -> None:
    answer = api.post(api.path("configmaps"), {"metadata": {}}, expect=422)
    assert "name or generateName is required" in answer.message


def test_a_version_cannot_be_set_at_creation(api: Api) -> None:
    body = {"metadata": {"name": "cm", "resourceVersion": "5"}}
    answer = api.post(api.path("configmaps"), body)
    assert status_of(answer)[0] == 400
    assert "resourceVersion should not be set on objects to be created" in answer.message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Upper", "a lowercase RFC 1123 subdomain must consist of"),
        ("under_score", "a lowercase RFC 1123 subdomain must consist of"),
        ("x" * 254, "must be no more than 253"),
        ("-x", "a lowercase RFC 1123 subdomain must consist of"),
    ],
)
def test_bad_names(api: Api, name: str, words: str) -> None:
    answer = api.post(api.path("configmaps"), {"metadata": {"name": name}}, expect=422)
    assert answer.reason == "Invalid"
    assert ("FieldValueInvalid", "metadata.name") in answer.causes
    assert words in answer.message


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"containers": []}, ("FieldValueRequired", "spec.containers")),
        ({"containers": [{"name": "a"}]}, ("FieldValueRequired", "spec.containers[0].image")),
        (
            {"containers": [{"name": "a", "image": "x"}] * 2},
            ("FieldValueDuplicate", "spec.containers[1].name"),
        ),
        ({"restartPolicy": "Sometimes"}, ("FieldValueNotSupported", "spec.restartPolicy")),
        (
            {"containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 70000}]}]},
            ("FieldValueInvalid", "spec.containers[0].ports[0].containerPort"),
        ),
        ({"dnsPolicy": "Nonsense"}, ("FieldValueNotSupported", "spec.dnsPolicy")),
        (
            {"activeDeadlineSeconds": 0},
            ("FieldValueInvalid", "spec.activeDeadlineSeconds"),
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_pods(api: Api, change: dict[str, Any], cause: tuple[str, str]) -> None:
    pod = samples.pod("p")
    pod["spec"] |= change
    answer = api.post(api.path("pods"), pod, expect=422)
    assert cause in answer.causes
    assert api.get(api.path("pods", "p")).code == 404


@pytest.mark.parametrize(
    "quantity", ["1Q", "abc", "1.2.3", "--1", "1e", ""], ids=lambda value: value or "empty"
)
def test_bad_quantities(api: Api, quantity: str) -> None:
    pod = samples.pod("p")
    pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": quantity}}
    answer = api.post(api.path("pods"), pod)
    assert status_of(answer)[0] in (400, 422)
    assert api.get(api.path("pods", "p")).code == 404


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"replicas": "3"}, "replicas"),
        ({"replicas": 1.5}, "replicas"),
        ({"selector": []}, "selector"),
        ({"template": "x"}, "template"),
        ({"paused": "yes"}, "paused"),
    ],
)
def test_wrong_types(api: Api, spec: dict[str, Any], field: str) -> None:
    body = samples.deployment("web")
    body["spec"] |= spec
    answer = api.post(api.path("deployments"), body)
    assert status_of(answer)[0] == 400
    assert field in answer.message


def test_unknown_fields_strict(api: Api) -> None:
    body = samples.pod("p", wrong=1)
    body["spec"]["containers"][0]["also"] = 2
    answer = api.post(api.path("pods"), body, fieldValidation="Strict")
    assert status_of(answer)[0] == 400
    assert 'unknown field "spec.wrong"' in answer.message
    assert 'unknown field "spec.containers[0].also"' in answer.message


@pytest.mark.parametrize("mode", [{}, {"fieldValidation": "Warn"}], ids=["default", "Warn"])
def test_unknown_fields_warn(api: Api, mode: dict[str, str]) -> None:
    answer = api.post(api.path("pods"), samples.pod("p", wrong=1), expect=201, **mode)
    assert any('unknown field \\"spec.wrong\\"' in one for one in answer.warnings)
    assert "wrong" not in answer.json["spec"]


def test_unknown_fields_ignored(api: Api) -> None:
    answer = api.post(
        api.path("pods"), samples.pod("p", wrong=1), expect=201, fieldValidation="Ignore"
    )
    assert answer.warnings == []


def test_duplicate_fields(api: Api) -> None:
    raw = b'{"metadata":{"name":"a","name":"b"},"data":{"x":"1","x":"2"}}'
    answer = api.post(api.path("configmaps"), raw, fieldValidation="Strict")
    assert status_of(answer)[0] == 400
    assert 'duplicate field "metadata.name"' in answer.message


def test_unknown_mode(api: Api) -> None:
    answer = api.post(api.path("pods"), samples.pod("p"), fieldValidation="Maybe")
    assert status_of(answer)[0] in (400, 422)


def test_dry_runs_say_what_would_be_and_do_nothing(api: Api) -> None:
    path = api.path("configmaps")
    made = api.post(path, samples.configmap("cm", a="1"), expect=201, dryRun="All").json
    assert made["metadata"]["uid"]
    assert api.get(f"{path}/cm").code == 404
    stored = api.make("configmaps", "cm", data={"a": "1"})
    changed = {**stored, "data": {"a": "2"}}
    assert api.put(f"{path}/cm", changed, expect=200, dryRun="All").json["data"] == {"a": "2"}
    patched = api.patch(f"{path}/cm", {"data": {"a": "3"}}, expect=200, dryRun="All")
    assert patched.json["data"] == {"a": "3"}
    assert api.delete(f"{path}/cm", dryRun="All").code == 200
    assert api.delete(path, dryRun="All", labelSelector="x").code == 200
    assert api.get(f"{path}/cm").json == stored
    assert status_of(api.post(path, samples.configmap("z"), dryRun="Some"))[0] in (400, 422)


def test_stale_versions_conflict(api: Api) -> None:
    stale = api.make("configmaps", "cm")
    path = api.path("configmaps", "cm")
    fresh = api.patch(path, {"data": {"a": "1"}}, expect=200).json
    answer = api.put(path, {**stale, "data": {"a": "2"}})
    assert status_of(answer) == (409, "Conflict")
    assert "the object has been modified; please apply your changes" in answer.message
    version = {"metadata": {"resourceVersion": stale["metadata"]["resourceVersion"]}}
    assert api.patch(path, version | {"data": {"a": "3"}}).code == 409
    assert api.get(path).json == fresh


def test_an_update_without_change_keeps_the_version(api: Api) -> None:
    made = api.make("configmaps", "cm", data={"a": "1"})
    path = api.path("configmaps", "cm")
    assert api.put(path, made, expect=200).json == made
    assert api.patch(path, {"data": {"a": "1"}}, expect=200).json == made


@pytest.mark.parametrize(
    ("plural", "body", "change", "field"),
    [
        (
            "deployments",
            samples.deployment("x", replicas=0),
            {"spec": {"selector": {"matchLabels": {"app": "y"}},
                      "template": {"metadata": {"labels": {"app": "y"}}}}},
            "spec.selector",
        ),
        ("pods", samples.pod("x"), {"spec": {"serviceAccountName": "other"}}, "spec"),
        ("services", samples.service("x"), {"spec": {"clusterIP": "1.2.3.4"}}, "spec.clusterIPs[0]"),
        (
            "configmaps",
            {"metadata": {"name": "x"}, "data": {"a": "1"}, "immutable": True},
            {"data": {"a": "2"}},
            "data",
        ),
        ("secrets", {"metadata": {"name": "x"}, "type": "a/b"}, {"type": "a/c"}, "type"),
    ],
    ids=["deployments", "pods", "services", "configmaps", "secrets"],
)  # fmt: skip
def test_immutable_fields(
    api: Api, plural: str, body: Any, change: dict[str, Any], field: str
) -> None:
    api.post(api.path(plural), body, expect=201)
    before = api.get(api.path(plural, "x")).json
    answer = api.patch(api.path(plural, "x"), change)
    assert status_of(answer) == (422, "Invalid")
    assert field in [where for _, where in answer.causes]
    after = api.get(api.path(plural, "x")).json
    assert after.get("spec") == before.get("spec")
    assert after.get("data") == before.get("data")


def test_the_body_must_fit_the_url(api: Api) -> None:
    api.make("configmaps", "cm")
    path = api.path("configmaps", "cm")
    answer = api.put(path, samples.configmap("other"))
    assert status_of(answer) == (400, "BadRequest")
    assert "does not match the name on the URL" in answer.message
    elsewhere = {"metadata": {"name": "x", "namespace": "default"}}
    answer = api.post(api.path("configmaps"), elsewhere)
    assert "namespace of the provided object does not match" in answer.message
    answer = api.post(api.path("configmaps"), {**samples.pod("p")})
    assert status_of(answer)[0] == 400


def test_spec_and_status_are_apart(api: Api) -> None:
    made = api.post(api.path("deployments"), samples.deployment("web", replicas=0), expect=201).json
    path = api.path("deployments", "web")
    both = {"spec": {"minReadySeconds": 7}, "status": {"readyReplicas": 0, "collisionCount": 3}}
    main = api.patch(path, both, expect=200).json
    assert (main["spec"]["minReadySeconds"], main["status"].get("collisionCount")) == (7, None)
    assert main["metadata"]["generation"] == made["metadata"]["generation"] + 1
    both["spec"]["minReadySeconds"] = 8
    state = api.patch(f"{path}/status", both, expect=200).json
    assert (state["spec"]["minReadySeconds"], state["status"]["collisionCount"]) == (7, 3)


def test_scale(api: Api) -> None:
    api.post(api.path("deployments"), samples.deployment("web", replicas=0), expect=201)
    path = api.path("deployments", "web", "scale")
    scale = api.get(path).json
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["status"]["selector"] == "app=web"
    scale["spec"]["replicas"] = 1
    scale["metadata"].pop("resourceVersion")  # the controller writes too
    assert api.put(path, scale, expect=200).json["spec"]["replicas"] == 1
    assert api.get(api.path("deployments", "web")).json["spec"]["replicas"] == 1
    scale["spec"]["replicas"] = -1
    assert status_of(api.put(path, scale)) == (422, "Invalid")


def test_binding(api: Api, node: str) -> None:
    pod = samples.pod("p", schedulerName="nobody")
    api.post(api.path("pods"), pod, expect=201)
    body = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}}
    api.post(api.path("pods", "p", "binding"), body, expect=201)
    placed = api.get(api.path("pods", "p")).json
    assert placed["spec"]["nodeName"] == node
    scheduled = next(one for one in placed["status"]["conditions"] if one["type"] == "PodScheduled")
    assert scheduled["status"] == "True"
    assert status_of(api.post(api.path("pods", "p", "binding"), body)) == (409, "Conflict")


PATCHES_THAT_FAIL = [
    ("json", [{"op": "test", "path": "/data/a", "value": "z"}]),
    ("json", [{"op": "remove", "path": "/data/none"}]),
    ("json", [{"op": "replace", "path": "/data/none/deep", "value": "z"}]),
    ("json", {"op": "add"}),
    ("json", b"[{]"),
    ("merge", b"{"),
    ("merge", [1]),
    ("merge", {"data": 5}),
    ("merge", {"data": {"a": {"b": 1}}}),
    ("merge", {"kind": "Secret"}),
    ("strategic", {"metadata": {"labels": ["a"]}}),
    ("strategic", {"metadata": {"$patch": "nonsense"}}),
    ("application/nonsense+json", {}),
    ("application/json", {}),
]


@pytest.mark.parametrize(("kind", "patch"), PATCHES_THAT_FAIL, ids=str)
def test_patches_that_fail_change_nothing(api: Api, kind: str, patch: Any) -> None:
    made = api.make("configmaps", "cm", data={"a": "1"})
    answer = api.patch(api.path("configmaps", "cm"), patch, kind)
    # Kubernetes takes some strategic patches that make no sense for faults of its own.
    assert status_of(answer)[0] in (400, 415, 422, *([500] if kind == "strategic" else ()))
    assert api.get(api.path("configmaps", "cm")).json == made


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"5", b'"x"', b"\xff\xfe", b"{} {}", b'{"metadata":{"name":"x"}'],
    ids=str,
)
def test_bodies_that_are_no_object(api: Api, body: bytes) -> None:
    assert status_of(api.post(api.path("configmaps"), body))[0] in (400, 422)


def test_a_protobuf_body_that_stops_short(api: Api) -> None:
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    answer = api.send("POST", api.path("configmaps"), b"k8s\x00\x0a\x10", headers=headers)
    assert status_of(answer) == (400, "BadRequest")


def test_a_client_that_leaves_in_the_middle_of_its_body(api: Api) -> None:
    whole = json.dumps(samples.configmap("half")).encode()
    where = urllib3.util.parse_url(api.credentials.server)
    head = (
        f"POST {api.path('configmaps')} HTTP/1.1\r\nHost: {where.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(whole) + 1}\r\n\r\n"
    )
    with (
        socket.create_connection((where.host, where.port or 443)) as plain,
        api.credentials.tls().wrap_socket(plain, server_hostname=where.host) as connection,
    ):
        connection.sendall(head.encode() + whole)
    assert api.get(api.path("configmaps", "half")).code == 404


def test_a_body_of_an_unknown_kind_of_content(api: Api) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = api.send("POST", api.path("configmaps"), b"{}", headers=headers)
    assert status_of(answer) == (415, "UnsupportedMediaType")


def test_a_body_that_is_too_large(api: Api) -> None:
    body = json.dumps(samples.configmap("big", x="y" * 4_000_000)).encode()
    answer = api.post(api.path("configmaps"), body)
    assert answer.code in (413, 422)
    assert api.get(api.path("configmaps", "big")).code == 404
