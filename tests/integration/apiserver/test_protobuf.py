"""Protobuf answers: what a client gets that takes nothing else, read back by our own decoder."""

from collections.abc import AsyncIterator
from typing import Any

from apimachinery import protobuf, protobuf_scalars
from apimachinery.protobuf_scalars import Span
from apimachinery.scheme import BUILTIN

from .conftest import PODS, Answer, Api

PROTOBUF = "application/vnd.kubernetes.protobuf"
METADATA = f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
WIDGETS = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}


def read(answer: Answer, code: int = 200) -> dict[str, Any]:
    assert (answer.status, answer.headers["Content-Type"]) == (code, PROTOBUF), answer.raw
    return protobuf.decode(answer.raw, BUILTIN)


def event(frame: bytes) -> tuple[str, dict[str, Any]]:
    """Type and object of a watch event."""
    fields = dict(protobuf_scalars.fields(frame, Span(0, len(frame))))
    kind, wrapped = fields[1], fields[2]
    assert isinstance(kind, Span)
    assert isinstance(wrapped, Span)
    inner = dict(protobuf_scalars.fields(frame, wrapped))[1]
    assert isinstance(inner, Span)
    return frame[slice(*kind)].decode(), protobuf.decode(frame[slice(*inner)], BUILTIN)


async def events(api: Api, path: str, accept: str, **query: str) -> AsyncIterator[Any]:
    answer = await api.get(path, accept, watch="1", **query)
    assert answer.headers["Content-Type"] == f"{PROTOBUF};stream=watch"
    body = answer.response.body
    assert not isinstance(body, bytes)
    try:
        async for chunk in body:
            while chunk:
                end = 4 + int.from_bytes(chunk[:4], "big")
                assert len(chunk) >= end
                yield event(chunk[4:end])
                chunk = chunk[end:]  # noqa: PLW2901  the rest of it
    finally:
        await body.aclose()  # type: ignore[attr-defined]


async def test_an_object_is_the_same_as_in_json(api: Api) -> None:
    await api.made(PODS, api.pod("a"))
    told = await api.get(f"{PODS}/a")
    assert read(await api.get(f"{PODS}/a", PROTOBUF))["spec"] == without_zeros(told.json["spec"])


def without_zeros(value: Any) -> Any:
    """JSON without what Go leaves out of it: protobuf cannot tell it from absence."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if one is not False and one != ""}
        return {key: without_zeros(one) for key, one in kept.items()}
    return [without_zeros(one) for one in value] if isinstance(value, list) else value


async def test_lists(api: Api) -> None:
    for name in "ab":
        await api.made(PODS, api.pod(name))
    listed = read(await api.get(PODS, PROTOBUF))
    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    assert [one["metadata"]["name"] for one in listed["items"]] == ["a", "b"]
    page = read(await api.get(PODS, PROTOBUF, limit="1"))
    assert page["metadata"]["remainingItemCount"] == 1
    assert page["metadata"]["continue"]


async def test_every_kind_is_listed(api: Api) -> None:
    for row in BUILTIN.all():
        if "list" not in row.verbs:
            continue
        base = f"/apis/{row.api_version}" if row.group else "/api/v1"
        answer = await api.get(f"{base}/{row.plural}", PROTOBUF)
        if row.group == "offers.bireme.dev":  # ours: no field numbers
            assert (answer.status, answer.json["reason"]) == (406, "NotAcceptable")
        else:
            assert read(answer)["kind"] == row.list_name


async def test_writes_and_their_answers(api: Api) -> None:
    accept = {"accept": PROTOBUF, "content-type": PROTOBUF}
    sent = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "YQ=="}}
    path = "/api/v1/namespaces/default/secrets"
    made = read(await api.send("POST", path, protobuf.encode(sent), headers=accept), 201)
    assert made["data"] == {"a": "YQ=="}
    made["data"]["b"] = "YWI="
    put = await api.send("PUT", f"{path}/s", protobuf.encode(made), headers=accept)
    assert read(put)["data"] == {"a": "YQ==", "b": "YWI="}
    gone = read(await api.send("DELETE", f"{path}/s", headers={"accept": PROTOBUF}))
    assert (gone["kind"], gone["status"]) == ("Status", "Success")


async def test_errors(api: Api) -> None:
    told = read(await api.get(f"{PODS}/nope", PROTOBUF), 404)
    assert (told["reason"], told["details"]["name"]) == ("NotFound", "nope")
    bad = read(await api.send("POST", PODS, {"spec": {}}, headers={"accept": PROTOBUF}), 422)
    assert bad["details"]["causes"]
    yaml = await api.get(f"{PODS}/nope", "application/yaml")
    assert (yaml.status, yaml.headers["Content-Type"]) == (404, "application/yaml")
    assert b"reason: NotFound" in yaml.raw


async def test_subresources_and_reviews(api: Api) -> None:
    await api.made("/apis/apps/v1/namespaces/default/deployments", api.deployment("d", 3))
    scale = await api.get("/apis/apps/v1/namespaces/default/deployments/d/scale", PROTOBUF)
    assert read(scale)["spec"] == {"replicas": 3}
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    who = await api.send(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        asked,
        headers={"accept": PROTOBUF},
    )
    assert read(who, 201)["status"]["userInfo"]["username"] == "admin"


async def test_metadata_only(api: Api) -> None:
    await api.made(PODS, api.pod("a"))
    one = read(await api.get(f"{PODS}/a", METADATA))
    assert (one["kind"], one["metadata"]["name"]) == ("PartialObjectMetadata", "a")
    many = read(await api.get(PODS, f"{METADATA_LIST},application/json"))
    assert many["kind"] == "PartialObjectMetadataList"
    assert [one["metadata"]["name"] for one in many["items"]] == ["a"]


async def test_watches(api: Api) -> None:
    made = await api.made(PODS, api.pod("a"))
    stream = events(api, PODS, PROTOBUF, allowWatchBookmarks="1", timeoutSeconds="30")
    kind, obj = await anext(stream)
    assert (kind, obj["kind"], obj["spec"]["containers"][0]["name"]) == ("ADDED", "Pod", "c")
    await api.patch(f"{PODS}/a", {"metadata": {"labels": {"x": "y"}}})
    kind, obj = await anext(stream)
    assert (kind, obj["metadata"]["labels"]) == ("MODIFIED", {"x": "y"})
    await api.delete(f"{PODS}/a", {"gracePeriodSeconds": 0})
    kind, obj = await anext(stream)
    assert (kind, obj["metadata"]["uid"]) == ("DELETED", made["metadata"]["uid"])
    await stream.aclose()  # type: ignore[attr-defined]


async def test_watches_of_metadata_and_the_end_of_the_beginning(api: Api) -> None:
    await api.made(PODS, api.pod("a"))
    wanted = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    stream = events(api, PODS, METADATA, **wanted)
    kind, obj = await anext(stream)
    assert (kind, obj["kind"], set(obj)) == (
        "ADDED", "PartialObjectMetadata", {"apiVersion", "kind", "metadata"},
    )  # fmt: skip
    kind, obj = await anext(stream)
    assert kind == "BOOKMARK"
    assert obj["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await stream.aclose()  # type: ignore[attr-defined]


async def test_custom_resources_have_no_protobuf_form_but_their_metadata(api: Api) -> None:
    await api.made("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
    path = "/apis/example.com/v1/namespaces/default/widgets"
    body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    refused = await api.send("POST", path, body, headers={"accept": PROTOBUF})
    assert (refused.status, refused.json["reason"]) == (406, "NotAcceptable")
    assert (await api.get(path)).json["items"] == []
    await api.made(path, body)
    assert read(await api.get(path, METADATA_LIST))["items"][0]["metadata"]["name"] == "w"


async def test_discovery(api: Api) -> None:
    assert read(await api.get("/api", PROTOBUF))["versions"] == ["v1"]
    assert "apps" in {one["name"] for one in read(await api.get("/apis", PROTOBUF))["groups"]}
    rows = read(await api.get("/apis/apps/v1", PROTOBUF))["resources"]
    scale = next(one for one in rows if one["name"] == "deployments/scale")
    assert (scale["kind"], scale["group"]) == ("Scale", "autoscaling")
