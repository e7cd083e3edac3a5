"""The forms of an answer: JSON, YAML, protobuf, metadata only; and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from . import samples
from .clients import Api, eventually, status_of

PROTOBUF = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"
PARTIAL = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@pytest.fixture
def configmap(api: Api) -> str:
    """The path of one that holds a word."""
    api.make("configmaps", "cm", data={"word": "hello-in-here"})
    return str(api.path("configmaps", "cm"))


def test_yaml(api: Api, configmap: str) -> None:
    answer = api.get(configmap, "application/yaml")
    assert answer.headers["content-type"].startswith("application/yaml")
    assert yaml.safe_load(answer.raw)["data"] == {"word": "hello-in-here"}


@pytest.mark.parametrize("listed", [False, True], ids=["object", "list"])
def test_protobuf(api: Api, configmap: str, listed: bool) -> None:
    answer = api.get(api.path("configmaps") if listed else configmap, PROTOBUF)
    assert answer.headers["content-type"] == PROTOBUF
    assert answer.raw.startswith(MAGIC)
    assert b"hello-in-here" in answer.raw
    assert (b"ConfigMapList" in answer.raw) == listed


def test_an_object_in_protobuf_can_be_sent_back(api: Api, configmap: str) -> None:
    body = api.get(configmap, PROTOBUF).raw.replace(b"hello-in-here", b"hello-from-me")
    answer = api.send("PUT", configmap, body, headers={"Content-Type": PROTOBUF})
    assert (answer.code, answer.json["data"]) == (200, {"word": "hello-from-me"})


def test_failures_in_protobuf(api: Api) -> None:
    answer = api.get(api.path("configmaps", "nope"), PROTOBUF)
    assert (answer.code, answer.headers["content-type"]) == (404, PROTOBUF)
    assert answer.raw.startswith(MAGIC)
    assert b'configmaps "nope" not found' in answer.raw


def test_a_watch_in_protobuf(api: Api, configmap: str) -> None:
    query = "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name=cm"
    answer = api.get(api.path("configmaps") + query, PROTOBUF)
    assert answer.headers["content-type"] == f"{PROTOBUF};stream=watch"
    length = int.from_bytes(answer.raw[:4], "big")
    event = answer.raw[4 : 4 + length]
    assert b"ADDED" in event
    assert MAGIC in event
    assert b"hello-in-here" in event


def test_metadata_only(api: Api, configmap: str) -> None:
    one = api.get(configmap, f"application/json;{PARTIAL}").json
    assert (one["kind"], one["metadata"]["name"]) == ("PartialObjectMetadata", "cm")
    assert "data" not in one
    many = api.get(api.path("configmaps"), f"application/json;{PARTIAL_LIST}").json
    assert many["kind"] == "PartialObjectMetadataList"
    binary = api.get(api.path("configmaps"), f"{PROTOBUF};{PARTIAL_LIST}")
    assert b"PartialObjectMetadataList" in binary.raw
    assert b"hello-in-here" not in binary.raw


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/json;as=Picture;g=meta.k8s.io;v=v1", f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1"],
)  # fmt: skip
def test_a_form_that_there_is_not(api: Api, configmap: str, accept: str) -> None:
    assert status_of(api.get(configmap, accept)) == (406, "NotAcceptable")


def test_a_body_of_an_unknown_type(api: Api) -> None:
    body = json.dumps(samples.configmap("x")).encode()
    answer = api.send(
        "POST", api.path("configmaps"), body, headers={"Content-Type": "application/xml"}
    )
    assert status_of(answer) == (415, "UnsupportedMediaType")


def test_custom_resources_have_no_protobuf(
    root: Api, namespace: str, unique: str, cleanup: Callable[[str], Any]
) -> None:
    group = f"{unique}.example.com"
    version = {"name": "v1", "served": True, "storage": True,
               "schema": {"openAPIV3Schema": {"type": "object"}}}  # fmt: skip
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    body = {"metadata": {"name": f"things.{group}"}, "spec": spec}
    root.post(definitions, body, expect=201)
    cleanup(f"{definitions}/things.{group}")
    path = f"/apis/{group}/v1/namespaces/{namespace}/things"
    eventually(lambda: root.get(path).code == 200)
    assert root.get(path, PROTOBUF).code == 406
    assert b"PartialObjectMetadataList" in root.get(path, f"{PROTOBUF};{PARTIAL_LIST}").raw


def test_old_kinds_come_with_a_warning(api: Api) -> None:
    answer = api.get(api.path("endpoints"))
    assert "v1 Endpoints is deprecated in v1.33+" in answer.warnings[0]
    assert api.get(api.path("configmaps")).warnings == []
