"""What is said to requests that cannot be served, word for word."""

from typing import Any

import pytest

from . import samples
from .clients import Api

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
METHOD = "the server does not allow this method on the requested resource"
NOTHING = "the server could not find the requested resource"
PATCH_REFUSED = "the server rejected our request due to an error in our request"
GO_STRUCT = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
GO_STRUCT += 'Kind string "json:\\"kind,omitempty\\"" }'

ROWS: list[tuple[str, str, Any, int, str]] = [
    # method, path behind the namespace's config maps (or from the root), body, code, message
    ("PUT", "", {}, 405, METHOD),
    ("POST", "/cm", {}, 405, METHOD),
    ("POST", "/api/v1/configmaps", {}, 405, METHOD),
    ("DELETE", "/api/v1/namespaces", None, 405, METHOD),
    ("PUT", "/version", {}, 405, METHOD),
    ("GET", "/api/v1/nope", None, 404, NOTHING),
    ("GET", "/cm/status", None, 404, NOTHING),
    ("GET", "/apis/apps/v1/nope", None, 404, NOTHING),
    ("GET", "/nope", None, 404, 'configmaps "nope" not found'),
    (
        "POST",
        "",
        b'{"metadata":',
        400,
        (
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
            'version/kind; json parse error: unexpected end of JSON input ({"metadata":)'
        ),
    ),
    (
        "POST",
        "",
        b"[]",
        400,
        (
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
            "version/kind; json parse error: json: cannot unmarshal array into Go value of type "
            f"{GO_STRUCT} (5b5d)"
        ),
    ),
    (
        "POST",
        "",
        {"kind": "Secret", "apiVersion": "v1"},
        400,
        (
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to '
            "(core.ConfigMap): unknown conversion"
        ),
    ),
    (
        "POST",
        "",
        {"kind": "ConfigMap", "apiVersion": "v2"},
        400,
        (
            'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is '
            'registered for version "v2" in scheme "'  # and a line of the server's source
        ),
    ),
    (
        "POST",
        "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1"},
        400,
        (
            "the API version in the data (autoscaling/v1) does not match the expected API version "
            "(autoscaling/v2)"
        ),
    ),
    (
        "POST",
        "?dryRun=Some",
        {},
        422,
        (
            'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: '
            'supported values: "All"'
        ),
    ),
    (
        "POST",
        "?fieldValidation=Some",
        {},
        422,
        (
            'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Some": '
            'supported values: "", "Ignore", "Strict", "Warn"'
        ),
    ),
    (
        "POST",
        "?fieldManager=" + "a" * 129,
        {},
        422,
        (
            'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than '
            "128 bytes"
        ),
    ),
    ("GET", "?limit=x", None, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
    ("GET", "?timeoutSeconds=x", None, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
    ("GET", "?timeout=x", None, 400, "invalid timeout specified in the request URL"),
    (
        "GET",
        "?labelSelector=a%20in%20x",
        None,
        400,
        "unable to parse requirement: found 'x', expected: '('",
    ),
    ("GET", "?fieldSelector=a%3Db", None, 400, "field label not supported: a"),
    (
        "DELETE",
        "/cm?gracePeriodSeconds=x",
        None,
        400,
        'strconv.ParseInt: parsing "x": invalid syntax',
    ),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "message"), ROWS, ids=lambda one: str(one)[:40]
)
def test_refusals(api: Api, method: str, path: str, body: Any, code: int, message: str) -> None:
    api.make("configmaps", "cm")
    rooted = path.startswith(("/api", "/apis", "/version"))
    answer = api.send(method, path if rooted else api.path("configmaps") + path, body)
    assert answer.code == code
    assert (
        answer.message.startswith(message) if "in scheme" in message else answer.message == message
    )


PATCHES: list[tuple[str, str, bytes, int, str]] = [
    ("json", "", b'[{"op":"test","path":"/kind","value":1}]', 422, PATCH_REFUSED),
    ("json", "", b'[{"op":"fly","path":"/kind"}]', 422, PATCH_REFUSED),
    ("json", "", b"{}", 400, "json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
    (
        "merge",
        "",
        b"[]",
        400,
        (
            "error decoding patch: json: cannot unmarshal array into Go value of type "
            "map[string]interface {}"
        ),
    ),
    (
        "merge",
        "?force=true",
        b"{}",
        422,
        (
            'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for '
            "non-apply patch"
        ),
    ),
    (
        "apply",
        "",
        b"{}",
        422,
        (
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for '
            "apply patch"
        ),
    ),
]


@pytest.mark.parametrize(("kind", "query", "body", "code", "message"), PATCHES)
def test_refused_patches(
    api: Api, kind: str, query: str, body: bytes, code: int, message: str
) -> None:
    api.make("configmaps", "cm")
    answer = api.patch(api.path("configmaps", "cm") + query, body, kind)
    assert (answer.code, answer.message) == (code, message)


def test_preconditions_of_a_deletion(api: Api) -> None:
    uid = api.make("configmaps", "cm")["metadata"]["uid"]
    answer = api.delete(api.path("configmaps", "cm"), {"preconditions": {"uid": "other"}})
    assert answer.code == 409
    assert answer.message == (
        'Operation cannot be fulfilled on configmaps "cm": the UID in the precondition (other) '
        f"does not match the UID in record ({uid}). The object might have been deleted and then "
        "recreated"
    )


def test_a_review_has_no_table(api: Api) -> None:
    body = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    answer = api.send("POST", REVIEWS, body, headers=headers)
    assert (answer.code, answer.reason) == (406, "NotAcceptable")


YAML = b"""apiVersion: v1
kind: ConfigMap
metadata:
  name: twice
data:
  a: "1"
  a: "2"
more: true
"""
TWICE = 'yaml: unmarshal errors:\n  line 7: key "a" already set in map'


def test_what_yaml_says_twice_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/yaml"}
    path = api.path("configmaps")
    answer = api.send("POST", f"{path}?fieldValidation=Strict", YAML, headers=headers)
    assert answer.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        f'{TWICE}, unknown field "more"'
    )
    query = {"fieldValidation": "Strict", "fieldManager": "m"}
    answer = api.patch(f"{path}/twice", YAML, "apply", **query)
    assert (answer.code, TWICE in answer.message) == (400, True)


def test_what_yaml_says_twice_is_warned_of(api: Api) -> None:
    headers = {"Content-Type": "application/yaml"}
    answer = api.send("POST", api.path("configmaps"), YAML, headers=headers)
    assert answer.code == 201
    assert any("already set in map" in one for one in answer.warnings)


def test_a_job_that_brings_a_selector(api: Api) -> None:
    """Without manualSelector the selector is the server's."""
    pod = samples.pod("x", restartPolicy="Never")["spec"]
    body = {
        "metadata": {"name": "j"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": pod}},
    }
    answer = api.post(api.path("jobs"), body)
    assert answer.code == 422
    assert "`selector` not auto-generated" in answer.message


def test_finalizers_of_a_namespace(root: Api, namespace: str) -> None:
    body = {"metadata": {"name": namespace}, "spec": {"finalizers": ["kubernetes", "mine"]}}
    answer = root.put(f"/api/v1/namespaces/{namespace}/finalize", body)
    assert (answer.code, answer.causes) == (422, [("FieldValueInvalid", "spec.finalizers[1]")])
    assert "neither a standard finalizer name nor is it fully qualified" in answer.message
