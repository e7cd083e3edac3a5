"""POST: what is stored, what is refused, in whose words."""

import pytest

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


async def test_a_new_object_gets_its_identity(api):
    made = await api.made(MAPS, api.config(a="1"))
    found = made["metadata"]
    assert found["uid"]
    assert found["creationTimestamp"]
    assert found["namespace"] == "default"
    assert int(found["resourceVersion"]) > 0
    assert (await api.get(f"{MAPS}/c")).json == made


async def test_kind_and_version_may_be_left_out(api):
    made = await api.made(MAPS, api.config())
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")


async def test_the_same_name_twice_is_a_conflict(api):
    await api.made(MAPS, api.config())
    answer = await api.post(MAPS, api.config())
    assert answer.status == 409
    assert answer.json["reason"] == "AlreadyExists"
    assert answer.message == 'configmaps "c" already exists'


async def test_generated_names_differ(api):
    body = {"metadata": {"generateName": "c-"}}
    names = {(await api.made(MAPS, body))["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("c-") and len(name) == 7 for name in names)


async def test_a_taken_generated_name_is_tried_again(api):
    class Stuck:
        def __init__(self):
            self.left = [0, 0, 1]

        def randrange(self, _stop):
            return self.left.pop(0)

    registry = api.server.core.registries.of(
        api.server.core.scheme.by_plural("", "v1", "configmaps")
    )
    registry._entropy = Stuck()
    body = {"metadata": {"generateName": "c-"}}
    first = (await api.made(MAPS, body))["metadata"]["name"]
    second = (await api.made(MAPS, body))["metadata"]["name"]
    assert (first, second) == ("c-bbbbb", "c-cbbbb")
    registry._entropy.left = [0] * 8
    answer = await api.post(MAPS, body)
    assert (answer.status, answer.json["reason"]) == (409, "AlreadyExists")
    assert answer.message == (
        'configmaps "c-bbbbb" already exists, the server was not able to generate a unique name '
        "for the object"
    )


async def test_a_dry_run_stores_nothing(api):
    answer = await api.post(MAPS, api.config(), dryRun="All")
    assert answer.status == 201
    assert answer.json["metadata"]["uid"]
    assert "resourceVersion" not in answer.json["metadata"]
    assert (await api.get(f"{MAPS}/c")).status == 404


async def test_a_dry_run_sees_what_is_there(api):
    await api.made(MAPS, api.config())
    assert (await api.post(MAPS, api.config(), dryRun="All")).status == 409


async def test_an_unknown_field_is_warned_of_and_dropped(api):
    answer = await api.post(PODS, {**api.pod(), "foo": 1})
    assert answer.status == 201
    assert answer.headers["Warning"] == '299 - "unknown field \\"foo\\""'
    assert "foo" not in answer.json


async def test_an_unknown_field_is_refused_when_strict(api):
    answer = await api.post(PODS, api.pod(foo=1), fieldValidation="Strict")
    assert answer.status == 400
    assert answer.message == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
        'unknown field "spec.foo"'
    )


async def test_an_unknown_field_is_silently_dropped_when_ignored(api):
    answer = await api.post(PODS, api.pod(foo=1), fieldValidation="Ignore")
    assert answer.status == 201
    assert "Warning" not in answer.headers


async def test_a_field_given_twice_is_refused_when_strict(api):
    body = b'{"metadata":{"name":"c"},"data":{"a":"1"},"data":{"a":"2"}}'
    answer = await api.post(MAPS, body, fieldValidation="Strict")
    assert answer.status == 400
    assert 'duplicate field "data"' in answer.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "Secret", "metadata": {"name": "c"}}, "cannot be handled as a ConfigMap"),
        ({"kind": "Nonsense", "metadata": {"name": "c"}}, 'no kind "Nonsense" is registered'),
        (
            {"apiVersion": "v2", "metadata": {"name": "c"}},
            "the API version in the data (v2) does not match the expected API version (v1)",
        ),
        (
            {"metadata": {"name": "c", "namespace": "other"}},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": {"name": "c", "resourceVersion": "5"}},
            "resourceVersion should not be set on objects to be created",
        ),
    ],
)
async def test_a_body_that_does_not_fit_the_url(api, body, message):
    answer = await api.post(MAPS, body)
    assert answer.status == 400
    assert message in answer.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"\xff\xfe",
        b'{"metadata":',
        b'{"metadata": []}',
        b'{"metadata": {"name": 5}}',
        b'{"metadata": {"name": "c"}, "data": {"a": 1}}',
        b'{"kind": 5}',
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"[" * 100_000,
    ],
)
async def test_bad_bytes_are_a_bad_request(api, body):
    answer = await api.post(MAPS, body)
    assert answer.status == 400, answer.raw
    assert answer.json["reason"] == "BadRequest"


async def test_a_body_may_not_be_too_large(api):
    answer = await api.post(MAPS, b" " * (3 * 1024 * 1024 + 1))
    assert answer.status == 413


async def test_an_unknown_media_type(api):
    answer = await api.send("POST", MAPS, b"x", headers={"content-type": "text/plain"})
    assert answer.status == 415
    assert "application/json" in answer.message


async def test_yaml_is_read(api):
    text = b"metadata: {name: c}\ndata: {a: '1', day: 2020-01-01}\n"
    answer = await api.send("POST", MAPS, text, headers={"content-type": "application/yaml"})
    assert answer.status == 201, answer.raw
    assert answer.json["data"] == {"a": "1", "day": "2020-01-01"}


@pytest.mark.parametrize(
    "text",
    [
        b"a: [",
        b"- 1",
        b"&a [*a]",
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            b"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            b"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
            b"g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"
        ),
        b"a: &a '" + b"x" * 100_000 + b"'\nb: [" + b"*a," * 1000 + b"]\n",
        b"? {a: b}\n: c\n",
        b"a: !!python/object:os.system x",
    ],
)
async def test_bad_yaml_is_a_bad_request(api, text):
    answer = await api.send("POST", MAPS, text, headers={"content-type": "application/yaml"})
    assert answer.status == 400, answer.raw


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"dryRun": "Some"}, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        ({"fieldValidation": "Lax"}, 'fieldValidation: Unsupported value: "Lax"'),
        ({"fieldManager": "x" * 129}, "fieldManager: Too long"),
        ({"fieldManager": "a\x00"}, "should only contain printable characters"),
    ],
)
async def test_bad_options(api, query, message):
    answer = await api.post(MAPS, api.config(), **query)
    assert answer.status == 422
    assert message in answer.message


async def test_the_status_of_a_new_object_is_dropped(api):
    body = api.deployment()
    body["status"] = {"replicas": 9}
    made = await api.made("/apis/apps/v1/namespaces/default/deployments", body)
    assert not made.get("status")
    assert made["metadata"]["generation"] == 1


async def test_a_node_brings_its_status(api):
    body = {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "4"}}}
    made = await api.made("/api/v1/nodes", body)
    assert made["status"]["capacity"] == {"cpu": "4"}


async def test_a_namespaced_object_needs_a_namespace(api):
    answer = await api.post("/api/v1/configmaps", api.config())
    assert answer.status == 405


async def test_a_namespace_that_is_not_there(api):
    answer = await api.post("/api/v1/namespaces/none/configmaps", api.config())
    assert answer.status == 404
    assert answer.message == 'namespaces "none" not found'


async def test_secrets_fold_plain_strings(api):
    body = {"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "y"}}
    made = await api.made("/api/v1/namespaces/default/secrets", body)
    assert made["data"] == {"a": "eA==", "b": "eQ=="}
    assert "stringData" not in made
    assert made["type"] == "Opaque"


async def test_events_of_the_new_group_are_stored_as_old_ones(api):
    body = {
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "note": "hello",
        "reason": "Tested",
        "action": "Test",
        "type": "Normal",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "test/controller",
        "reportingInstance": "one",
    }
    made = await api.made("/apis/events.k8s.io/v1/namespaces/default/events", body)
    assert made["apiVersion"] == "events.k8s.io/v1"
    assert made["note"] == "hello"
    old = (await api.get("/api/v1/namespaces/default/events/e")).json
    assert (old["apiVersion"], old["message"]) == ("v1", "hello")
    assert old["involvedObject"]["name"] == "p"


async def test_a_job_finds_its_pods_by_its_uid(api):
    body = {
        "metadata": {"generateName": "j-"},
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "c", "image": "busybox"}],
                }
            }
        },
    }
    made = await api.made("/apis/batch/v1/namespaces/default/jobs", body)
    uid, name = made["metadata"]["uid"], made["metadata"]["name"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert labels["batch.kubernetes.io/job-name"] == labels["job-name"] == name


async def test_a_status_is_there_to_be_patched(api):
    path = "/apis/apps/v1/namespaces/default/deployments"
    await api.made(path, api.deployment())
    change = [{"op": "add", "path": "/status/replicas", "value": 1}]
    answer = await api.patch(f"{path}/d/status", change, "json")
    assert answer.status == 200, answer.raw


async def test_a_yaml_body_may_be_json_or_yaml_in_braces(api):
    headers = {"content-type": "application/yaml"}
    for number, body in enumerate((b'{"metadata":{"name":"j0"}}', b"{metadata: {name: j1}}")):
        answer = await api.send("POST", MAPS, body, headers=headers)
        assert answer.status == 201
        assert answer.json["metadata"]["name"] == f"j{number}"
