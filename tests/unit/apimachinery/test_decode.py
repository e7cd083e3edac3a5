"""Structure of written objects: what is dropped, what is respelled, what is refused and how."""

import copy

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import decode, scheme, status
from apimachinery.scheme import Resource

WIDGETS = Resource("example.com", "v1", "Widget", "widgets", "widget", namespaced=True)


def structure(obj, resource=scheme.PODS, raw=None):
    return decode.structure(resource, obj, raw=raw)


def refusal(obj, resource=scheme.PODS) -> str:
    with pytest.raises(status.BadRequest) as caught:
        structure(obj, resource)
    return caught.value.message


def test_a_sound_object_stays_as_it_is():
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}]}]},
    }
    before = copy.deepcopy(pod)
    found, problems = structure(pod)
    assert found is pod
    assert found == before
    assert problems == []


def test_unknown_fields_are_dropped_and_named():
    pod = {"spec": {"foo": 1, "containers": [{"name": "c", "bar": 2, "ports": [{"baz": 3}]}]}}
    found, problems = structure(pod)
    assert found == {"spec": {"containers": [{"name": "c", "ports": [{}]}]}}
    assert problems == [
        'unknown field "spec.foo"',
        'unknown field "spec.containers[0].bar"',
        'unknown field "spec.containers[0].ports[0].baz"',
    ]


def test_null_means_absent():
    pod = {"metadata": {"name": "a", "creationTimestamp": None}, "spec": None}
    assert structure(pod)[0] == {"metadata": {"name": "a"}}


def test_null_inside_of_lists_and_maps_is_the_zero_value():
    pod = {
        "metadata": {"labels": {"a": None}},
        "spec": {"containers": [None, {"command": ["x", None]}]},
    }
    found, _ = structure(pod)
    assert found["metadata"]["labels"] == {"a": ""}
    assert found["spec"]["containers"] == [{}, {"command": ["x", ""]}]


@pytest.mark.parametrize(
    ("written", "stored"), [("1000m", "1"), (0.5, "500m"), (2, "2"), ("1024Mi", "1Gi")]
)
def test_quantities_are_stored_in_canonical_spelling(written, stored):
    pod = {"spec": {"containers": [{"resources": {"limits": {"cpu": written}}}]}}
    found, _ = structure(pod)
    assert found["spec"]["containers"][0]["resources"]["limits"]["cpu"] == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.75Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_times_are_stored_in_utc_seconds(written, stored):
    found, _ = structure({"metadata": {"creationTimestamp": written}})
    assert found["metadata"]["creationTimestamp"] == stored


def test_micro_times_are_stored_with_six_digits():
    lease = {"spec": {"renewTime": "2026-01-01T01:00:00.5+01:00"}}
    found, _ = structure(lease, scheme.LEASES)
    assert found["spec"]["renewTime"] == "2026-01-01T00:00:00.500000Z"


PREFIX = 'Pod in version "v1" cannot be handled as a Pod: '


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            {"metadata": {"name": 5}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (
            {"spec": {"containers": {}}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            {"spec": {"containers": [{"env": [{"value": 1}]}]}},
            "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            {"spec": {"hostNetwork": "yes"}},
            "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            {"spec": {"priority": 1.5}},
            "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            {"spec": {"priority": 2**31}},
            "json: cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            {"spec": {"priority": True}},
            "json: cannot unmarshal bool into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            {"metadata": {"labels": {"a": 1}}},
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            {"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            {"metadata": {"creationTimestamp": "yesterday"}},
            'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday"',
        ),
        (["a"], "json: cannot unmarshal array into Go value of type v1.Pod"),
    ],
)
def test_wrong_types_are_refused_in_kubernetes_words(obj, message):
    assert refusal(obj) == PREFIX + message


def test_secrets_hold_base64():
    assert refusal({"data": {"a": "%%"}}, scheme.SECRETS).endswith(
        "illegal base64 data at input byte 0"
    )


@pytest.mark.parametrize("port", [80, "http"])
def test_ports_by_number_and_name(port):
    service = {"spec": {"ports": [{"targetPort": port}]}}
    assert structure(copy.deepcopy(service), scheme.SERVICES)[0] == service


def test_a_port_is_no_fraction():
    message = refusal({"spec": {"ports": [{"targetPort": 8.5}]}}, scheme.SERVICES)
    assert message.endswith("json: cannot unmarshal number 8.5 into Go value of type int32")


def test_raw_objects_are_left_alone():
    revision = {"data": {"any": [1, None, {"x": None}]}, "revision": 1}
    found, problems = structure(copy.deepcopy(revision), scheme.CONTROLLERREVISIONS)
    assert found == revision
    assert problems == []


SCHEMA = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "additionalProperties": False,
    "items": [{"type": "string"}],
    "dependencies": {"a": ["b"], "c": {"type": "object"}},
    "properties": {"a": {"default": {"x": 1}, "maximum": 1.5, "minimum": 1}},
}


def test_schemas_hold_their_alternatives():
    crd = {"spec": {"versions": [{"schema": {"openAPIV3Schema": SCHEMA}}]}}
    found, problems = structure(copy.deepcopy(crd), scheme.CUSTOMRESOURCEDEFINITIONS)
    assert found == crd
    assert problems == []


def test_unknown_fields_of_schemas_are_named():
    bad = {**SCHEMA, "items": [{"nope": 1}]}
    crd = {"spec": {"versions": [{"schema": {"openAPIV3Schema": bad}}]}}
    _, problems = structure(copy.deepcopy(crd), scheme.CUSTOMRESOURCEDEFINITIONS)
    assert problems == ['unknown field "spec.versions[0].schema.openAPIV3Schema.items[0].nope"']


def test_of_a_custom_resource_only_the_metadata_is_judged():
    widget = {"metadata": {"name": "a", "foo": 1}, "spec": {"anything": [None]}}
    found, problems = structure(widget, WIDGETS)
    assert found == {"metadata": {"name": "a"}, "spec": {"anything": [None]}}
    assert problems == ['unknown field "metadata.foo"']


def test_duplicate_keys_are_found_in_the_bytes():
    raw = b'{"metadata":{"name":"a","name":"b"},"spec":{"containers":[{"name":"c","name":"d"}]}}'
    _, problems = structure(orjson.loads(raw), raw=raw)
    assert problems == [
        'duplicate field "metadata.name"',
        'duplicate field "spec.containers[0].name"',
    ]


def test_problems_come_in_the_order_of_the_body() -> None:
    raw = b'{"spec":{"foo":1,"replicas":2,"replicas":3,"bar":1},"metadata":{"name":"a"}}'
    _, problems = decode.structure(scheme.DEPLOYMENTS, orjson.loads(raw), raw=raw)
    assert problems == [
        'unknown field "spec.foo"',
        'duplicate field "spec.replicas"',
        'unknown field "spec.bar"',
    ]


def test_what_is_unknown_is_not_looked_into() -> None:
    raw = b'{"spec":{"foo":{"a":1,"a":2},"foo":1,"paused":true,"paused":true}}'
    _, problems = decode.structure(scheme.DEPLOYMENTS, orjson.loads(raw), raw=raw)
    assert problems == ['unknown field "spec.foo"', 'duplicate field "spec.paused"']


def test_text_that_looks_like_a_key_is_no_duplicate():
    raw = orjson.dumps({"metadata": {"annotations": {"last": '{"a":1,"a":2}'}}})
    assert structure(orjson.loads(raw), raw=raw)[1] == []


def test_strict_refusal():
    error = decode.strict_error(scheme.PODS, ['unknown field "spec.foo"'])
    assert error.code == 400
    assert error.message == PREFIX + 'strict decoding error: unknown field "spec.foo"'


def test_problems_are_bounded():
    pod = {f"x{number}": 1 for number in range(1000)}
    assert len(structure(pod)[1]) == decode.MAX_PROBLEMS


def test_deep_nesting_is_refused_not_crashed():
    schema: dict = {"type": "object"}
    for _ in range(2000):
        schema = {"type": "object", "not": schema}
    crd = {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}
    message = refusal(crd, scheme.CUSTOMRESOURCEDEFINITIONS)
    assert message.endswith("exceeded max depth")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "name", "containers", "labels", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_pruned_or_refused(value):
    try:
        found, _ = structure(copy.deepcopy(value))
    except status.BadRequest:
        return
    assert structure(copy.deepcopy(found)) == (found, [])
