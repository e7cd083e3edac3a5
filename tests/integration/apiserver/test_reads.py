"""GET, LIST and WATCH: forms, selectors, pages, versions."""

import orjson
import pytest

from apiserver.handlers import render, tables
from apiserver.server import ApiServer

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


async def fill(api, count=5):
    for number in range(count):
        body = api.config(f"c{number}")
        body["metadata"]["labels"] = {"odd": str(number % 2)}
        await api.made(MAPS, body)


def names(answer):
    return [one["metadata"]["name"] for one in answer.json["items"]]


async def test_a_table_of_one(api):
    await api.made(PODS, api.pod())
    table = (await api.get(f"{PODS}/a", TABLE)).json
    assert table["kind"] == "Table"
    assert table["columnDefinitions"][0]["name"] == "Name"
    (row,) = table["rows"]
    assert row["cells"][:3] == ["a", "0/1", "Pending"]
    assert row["object"]["kind"] == "PartialObjectMetadata"


async def test_a_table_carries_what_was_asked_for(api):
    await api.made(PODS, api.pod())
    full = (await api.get(PODS, TABLE, includeObject="Object")).json
    assert full["rows"][0]["object"]["kind"] == "Pod"
    bare = (await api.get(PODS, TABLE, includeObject="None")).json
    assert bare["rows"][0]["object"] is None
    assert (await api.get(PODS, TABLE, includeObject="Half")).status == 400


async def test_only_the_metadata(api):
    await api.made(MAPS, api.config(a="1"))
    one = (await api.get(f"{MAPS}/c", PARTIAL)).json
    assert (one["kind"], one["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert "data" not in one
    many = (await api.get(MAPS, PARTIAL_LIST)).json
    assert many["kind"] == "PartialObjectMetadataList"
    assert "data" not in many["items"][0]


async def test_yaml_answers(api):
    await api.made(MAPS, api.config(a="1"))
    answer = await api.get(f"{MAPS}/c", "application/yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.raw.startswith(b"kind: ConfigMap\n")


async def test_protobuf_is_answered_as_json_where_json_will_do(api):
    await api.made(MAPS, api.config())
    accept = "application/vnd.kubernetes.protobuf,application/json"
    assert (await api.get(f"{MAPS}/c", accept)).headers["Content-Type"] == "application/json"


async def test_nothing_acceptable(api):
    answer = await api.get(MAPS, "image/png")
    assert answer.status == 406
    assert answer.message == (
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"
    )


async def test_selectors(api):
    await fill(api)
    assert names(await api.get(MAPS, labelSelector="odd=1")) == ["c1", "c3"]
    assert names(await api.get(MAPS, labelSelector="odd notin (1),odd")) == ["c0", "c2", "c4"]
    assert names(await api.get(MAPS, fieldSelector="metadata.name=c2")) == ["c2"]


@pytest.mark.parametrize(
    "query",
    [
        {"labelSelector": "a in ("},
        {"labelSelector": "=,"},
        {"fieldSelector": "x"},
        {"fieldSelector": "spec.nope=1"},
        {"limit": "many"},
        {"limit": str(2**70)},
        {"resourceVersion": "new"},
        {"resourceVersion": "-1"},
        {"continue": "nonsense"},
        {"continue": "é"},
        {"continue": "e30"},
        {"continue": "x" * 10_000},
        {"continue": "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0"},
    ],
)
async def test_bad_queries(api, query):
    answer = await api.get(MAPS, **query)
    assert answer.status == 400, answer.raw


async def test_pages_are_of_one_state(api):
    await fill(api)
    first = (await api.get(MAPS, limit="2")).json
    assert first["metadata"]["remainingItemCount"] == 3
    await api.delete(f"{MAPS}/c3")
    await api.made(MAPS, api.config("c2b"))
    second = await api.get(MAPS, limit="2", **{"continue": first["metadata"]["continue"]})
    assert names(second) == ["c2", "c3"]
    token = second.json["metadata"]["continue"]
    third = await api.get(MAPS, limit="2", **{"continue": token})
    assert names(third) == ["c4"]
    assert "continue" not in third.json["metadata"]
    assert third.json["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_list_whose_state_is_gone_goes_on_in_the_present_one(api):
    await fill(api, 9)
    first = (await api.get(MAPS, limit="3")).json["metadata"]
    await api.delete(f"{MAPS}/c4")
    await api.made(MAPS, api.config("c5b"))
    # A server that starts after a compaction knows nothing of the time before.
    store = api.server.core.store
    await store.compact(await store.current_revision())
    later = ApiServer(store)
    await later.core.cache.start()
    other = type(api)(later)
    try:
        expired = await other.get(MAPS, limit="3", **{"continue": first["continue"]})
        assert (expired.status, expired.json["reason"]) == (410, "Expired")
        assert "inconsistent list" in expired.message
        token, found, versions = expired.json["metadata"]["continue"], [], set()
        while token:
            page = await other.get(MAPS, limit="3", **{"continue": token})
            assert page.status == 200
            found += names(page)
            metadata = page.json["metadata"]
            assert metadata.get("remainingItemCount", 0) == 6 - len(found)
            versions.add(metadata["resourceVersion"])
            token = metadata.get("continue")
    finally:
        await later.core.cache.stop()
    assert found == ["c3", "c5", "c5b", "c6", "c7", "c8"]
    assert len(versions) == 1
    assert versions != {first["resourceVersion"]}


async def test_versions(api):
    await fill(api, 2)
    version = (await api.get(MAPS)).json["metadata"]["resourceVersion"]
    await api.made(MAPS, api.config("later"))
    exact = await api.get(MAPS, resourceVersion=version, resourceVersionMatch="Exact")
    assert names(exact) == ["c0", "c1"]
    newer = await api.get(MAPS, resourceVersion=version, resourceVersionMatch="NotOlderThan")
    assert names(newer) == ["c0", "c1", "later"]
    assert names(await api.get(MAPS, resourceVersion="0")) == ["c0", "c1", "later"]


UNVERSIONED = "resourceVersionMatch is forbidden unless resourceVersion is provided"
CONTINUED = "resourceVersionMatch is forbidden when continue is provided"
NO_LIST = "sendInitialEvents is forbidden for list"
UNINITIAL = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
UNMATCHED = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"


def told(answer):
    """What is wrong with the options, without the kind of fault."""
    assert answer.status == 422
    return [
        cause["message"].removeprefix("Forbidden: ") for cause in answer.json["details"]["causes"]
    ]


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ({"resourceVersionMatch": "Exact"}, [UNVERSIONED]),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"},
         ['resourceVersionMatch "exact" is forbidden for resourceVersion "0"']),
        ({"resourceVersionMatch": "Roughly", "resourceVersion": "1"},
         ['Unsupported value: "Roughly": supported values: "Exact", "NotOlderThan", ""']),
        ({"sendInitialEvents": "true"}, [NO_LIST]),
        ({"resourceVersionMatch": "Exact", "continue": "x", "sendInitialEvents": "false"},
         [UNVERSIONED, CONTINUED, NO_LIST]),
    ],
)  # fmt: skip
async def test_matches_that_make_no_sense(api, query, problems):
    assert told(await api.get(MAPS, **query)) == problems


async def test_a_version_that_is_not_there_yet(api, monkeypatch):
    answer = await api.get(MAPS, resourceVersion="999999999")
    assert answer.status == 504
    assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert answer.headers["Retry-After"] == "1"


async def test_a_watch_goes_on_from_a_version(api):
    version = (await api.get(MAPS)).json["metadata"]["resourceVersion"]
    await api.made(MAPS, api.config(a="1"))
    await api.patch(f"{MAPS}/c", {"data": {"a": "2"}})
    await api.delete(f"{MAPS}/c")
    seen = []
    async for event in api.watch(MAPS, resourceVersion=version):
        seen.append((event["type"], event["object"]["data"]["a"]))
        if len(seen) == 3:
            break
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


async def test_a_watch_without_a_version_begins_with_what_is_there(api):
    await fill(api, 2)
    seen = []
    async for event in api.watch(MAPS):
        seen.append((event["type"], event["object"]["metadata"]["name"]))
        if len(seen) == 2:
            break
    assert seen == [("ADDED", "c0"), ("ADDED", "c1")]


async def test_initial_events_end_with_a_bookmark(api):
    await fill(api, 1)
    events = api.watch(
        MAPS,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    )
    assert (await anext(events))["type"] == "ADDED"
    mark = await anext(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["kind"] == "ConfigMap"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await events.aclose()


async def test_a_watch_too_old_reports_expired_in_its_stream(api):
    await fill(api, 1)
    # A server that starts after a compaction knows nothing of the time before.
    store = api.server.core.store
    await store.compact(await store.current_revision())
    later = ApiServer(store)
    await later.core.cache.start()
    events = [event async for event in type(api)(later).watch(MAPS, resourceVersion="2")]
    await later.core.cache.stop()
    assert events[0]["type"] == "ERROR"
    assert events[0]["object"]["code"] == 410


async def test_a_watch_of_tables_brings_the_columns_once(api):
    await fill(api, 2)
    events = api.watch(MAPS, TABLE)
    first, second = await anext(events), await anext(events)
    assert first["object"]["columnDefinitions"]
    assert not second["object"]["columnDefinitions"]
    assert second["object"]["rows"][0]["cells"][0] == "c1"
    await events.aclose()


async def test_a_watch_of_metadata(api):
    await fill(api, 1)
    events = api.watch(MAPS, PARTIAL)
    event = await anext(events)
    assert event["object"]["kind"] == "PartialObjectMetadata"
    await events.aclose()


async def test_a_watch_follows_its_selector(api):
    version = (await api.get(MAPS)).json["metadata"]["resourceVersion"]
    await fill(api, 1)
    await api.patch(f"{MAPS}/c0", {"metadata": {"labels": {"odd": "1"}}})
    await api.patch(f"{MAPS}/c0", {"metadata": {"labels": {"odd": "0"}}})
    seen = []
    async for event in api.watch(MAPS, resourceVersion=version, labelSelector="odd=1"):
        seen.append(event["type"])
        if len(seen) == 2:
            break
    assert seen == ["ADDED", "DELETED"]


ONLY_NOT_OLDER = 'Unsupported value: "Exact": supported values: "NotOlderThan"'


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ({"sendInitialEvents": "true"}, [UNMATCHED]),
        ({"sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
         [UNMATCHED, ONLY_NOT_OLDER]),
        ({"resourceVersionMatch": "NotOlderThan"}, [UNINITIAL]),
        ({"resourceVersionMatch": "Exact", "continue": "x"},
         [UNINITIAL, ONLY_NOT_OLDER, CONTINUED]),
    ],
)  # fmt: skip
async def test_watches_that_make_no_sense(api, query, problems):
    assert told(await api.get(MAPS, watch="1", **query)) == problems


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nonsense",
        "/api/v2/pods",
        "/apis/nope/v1/things",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/pods/a/nonsense",
        "/api/v1/namespaces/default/pods/a/log/more",
        "/api/v1/pods/a",
        "/nonsense",
    ],
)
async def test_nothing_lives_there(api, path):
    answer = await api.get(path)
    assert answer.status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/pods"),
        ("POST", "/api/v1/namespaces/default/pods/a"),
        ("DELETE", "/api/v1/namespaces"),
        ("GET", "/api/v1/namespaces/default/bindings"),
        ("TRACE", "/api/v1/pods"),
        ("DELETE", "/api/v1/namespaces/default/pods/a/status"),
    ],
)
async def test_methods_that_are_not_known(api, method, path):
    assert (await api.send(method, path)).status == 405


async def test_a_long_list_comes_in_pieces(api, monkeypatch):
    await fill(api, 7)
    whole = (await api.get(MAPS)).json
    monkeypatch.setattr(render, "STREAM_FROM", 3)
    monkeypatch.setattr(render, "CHUNK", 2)
    answer = await api.get(MAPS)
    pieces = [piece async for piece in answer.response.body]
    assert len(pieces) > 3
    assert orjson.loads(b"".join(pieces)) == whole


async def test_a_long_table_comes_in_pieces(api, monkeypatch):
    await fill(api, 7)
    accept = "application/json;as=Table;v=v1beta1;g=meta.k8s.io"
    whole = (await api.get(MAPS, accept)).json
    monkeypatch.setattr(render, "STREAM_FROM", 3)
    monkeypatch.setattr(tables, "CHUNK", 2)
    answer = await api.get(MAPS, accept)
    pieces = [piece async for piece in answer.response.body]
    assert len(pieces) > 3
    assert orjson.loads(b"".join(pieces)) == whole


async def test_a_watch_may_ask_for_any_time(api):
    await fill(api, 1)
    events = api.watch(MAPS, timeoutSeconds=str(2**62))
    assert (await anext(events))["type"] == "ADDED"
    await events.aclose()


async def test_a_watch_ends_when_its_time_is_over(api):
    await fill(api, 1)
    assert len([event async for event in api.watch(MAPS, timeoutSeconds="1")]) == 1
