"""Protobuf bodies: what kubectl sends is read, what is written is read back, junk is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import decode, protobuf, scheme, status
from apimachinery.protobuf_scalars import varint
from apimachinery.scheme import BUILTIN

BODIES = {
    name: bytes.fromhex(text)
    for name, text in json.loads(
        (Path(__file__).parent / "data" / "kubectl_bodies.json").read_text()
    ).items()
}
"""What kubectl 1.37 sent for its `create` and `auth` commands, byte by byte."""


def read(name: str) -> dict[str, Any]:
    return protobuf.decode(BODIES[name], BUILTIN)


def test_create_deployment():
    assert read("deployment") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "dep", "labels": {"app": "dep"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "dep"}},
            "strategy": {},
            "template": {
                "metadata": {"labels": {"app": "dep"}},
                "spec": {
                    "containers": [
                        {
                            "name": "nginx",
                            "image": "nginx:1",
                            "ports": [{"containerPort": 80}],
                            "resources": {},
                        }
                    ]
                },
            },
        },
        "status": {},
    }


def test_create_secret():
    assert read("secret")["data"] == {"password": "czNjcmV0"}


def test_create_quota():
    assert read("quota")["spec"]["hard"] == {"cpu": "1", "memory": "1Gi", "pods": "10"}


def test_create_service():
    port = read("service")["spec"]["ports"][0]
    assert port == {"name": "80-8080", "protocol": "TCP", "port": 80, "targetPort": 8080}


def test_create_disruption_budget():
    assert read("pdb")["spec"]["minAvailable"] == "50%"


def test_create_ingress_shows_embedded_rules():
    rule = read("ingress")["spec"]["rules"][0]
    assert rule["host"] == "foo.com"
    assert rule["http"]["paths"][0]["backend"]["service"]["port"] == {"number": 8080}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_what_kubectl_sends_fits_its_kind(name):
    obj = read(name)
    group, version = scheme.split_api_version(obj["apiVersion"])
    model = BUILTIN.model_of(group, version, obj["kind"])
    assert decode.structure_as(model, obj, version, obj["kind"])[1] == []


def refused(body: bytes) -> str:
    with pytest.raises(status.BadRequest) as caught:
        protobuf.decode(body, BUILTIN)
    return caught.value.message


def test_a_body_without_the_magic_number():
    assert "magic number" in refused(b"{}")


def test_an_unknown_kind_is_named():
    body = BODIES["namespace"].replace(b"Namespace", b"Mainspace")
    assert 'no kind "Mainspace" is registered for version "v1"' in refused(body)


def test_every_truncation_is_refused_or_read():
    body = BODIES["deployment"]
    for end in range(len(body)):
        try:
            protobuf.decode(body[:end], BUILTIN)
        except status.BadRequest:
            continue


def test_endless_nesting_is_refused():
    inner = b""
    for _ in range(200):
        inner = b"\xe2\x01" + varint(len(inner)) + inner  # JSONSchemaProps.not = 28
    names = b"\x0a\x17apiextensions.k8s.io/v1\x12\x18CustomResourceDefinition"
    for tag in (b"\x0a", b"\x22", b"\x3a", b"\x12"):
        inner = tag + varint(len(inner)) + inner
    body = b"k8s\x00\x0a" + varint(len(names)) + names + b"\x12" + varint(len(inner)) + inner
    assert "nested too deeply" in refused(body)


@given(st.binary(max_size=200))
def test_junk_is_refused_or_read(junk):
    names = b"\x0a\x02v1\x12\x03Pod"
    raw = b"\x12" + varint(len(junk)) + junk
    try:
        protobuf.decode(b"k8s\x00\x0a" + varint(len(names)) + names + raw, BUILTIN)
    except status.BadRequest:
        return


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read(place, value):
    body = bytearray(BODIES["deployment"])
    body[place % len(body)] = value
    try:
        protobuf.decode(bytes(body), BUILTIN)
    except status.BadRequest:
        return


def test_junk_of_the_wrong_wire_type():
    names = b"\x0a\x02v1\x12\x03Pod"
    raw = b"\x0a\x02\x08\x05"  # metadata.name (a string) as a varint
    body = b"k8s\x00\x0a" + varint(len(names)) + names + b"\x12" + varint(len(raw)) + raw
    assert "wrong wire type" in refused(body)


def round_trip(obj: dict[str, Any]) -> dict[str, Any]:
    return protobuf.decode(protobuf.encode(obj), BUILTIN)


def test_a_zero_that_means_something_survives():
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"terminationGracePeriodSeconds": 0}}
    assert round_trip(pod) == pod


def test_a_zero_that_means_nothing_is_dropped():
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"hostNetwork": False}}
    assert round_trip(pod) == {"apiVersion": "v1", "kind": "Pod", "spec": {}}


def test_negative_numbers():
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"priority": -10}}
    assert round_trip(pod) == pod


def test_times():
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"creationTimestamp": "1969-12-31T23:59:59Z"},
    }
    assert round_trip(pod) == pod


def test_lists_and_statuses_are_written():
    pods = {
        "apiVersion": "v1",
        "kind": "PodList",
        "metadata": {"resourceVersion": "7"},
        "items": [{"metadata": {"name": "a"}}],
    }
    assert round_trip(pods) == pods
    gone = status.not_found("pods", "a").to_status()
    assert round_trip(gone)["reason"] == "NotFound"


def test_schemas_with_their_alternatives():
    schema = {
        "type": "object",
        "additionalProperties": False,
        "items": [{"type": "string"}],
        "not": {"items": {"type": "string"}},
        "dependencies": {"a": ["b"], "c": {"type": "object"}},
        "properties": {"a": {"default": [1, None], "maximum": 1.5}},
    }
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]},
    }
    read_back = round_trip(crd)
    assert read_back["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == schema
