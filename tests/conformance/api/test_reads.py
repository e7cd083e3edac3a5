"""get, list and watch: versions, pages, selectors, forms of answer."""

import base64
import json

import pytest
import yaml

from . import samples
from .clients import Answer, Api, status_of

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
NAMES = [f"n{number}" for number in range(7)]


@pytest.fixture
def maps(api: Api) -> str:
    """The path of a collection with seven objects that bear the label `set`."""
    path = api.path("configmaps")
    for number, name in enumerate(NAMES):
        api.post(path, samples.configmap(name, {"set": str(number % 2)}), expect=201)
    return path


def names(answer: Answer) -> list[str]:
    return [one["metadata"]["name"] for one in answer.json["items"]]


def version(api: Api, path: str) -> str:
    return str(api.get(path).json["metadata"]["resourceVersion"])


def test_a_list_has_kind_and_version(api: Api, maps: str) -> None:
    listed = api.get(maps).json
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert int(listed["metadata"]["resourceVersion"]) > 0
    assert all(int(one["metadata"]["resourceVersion"]) > 0 for one in listed["items"])


def test_pages_are_one_state_while_others_write(api: Api, maps: str) -> None:
    page = api.get(maps, limit=3, labelSelector="set")
    found, first = names(page), page.json["metadata"]["resourceVersion"]
    api.delete(f"{maps}/n5")
    api.post(maps, samples.configmap("n55", {"set": "1"}), expect=201)
    while token := page.json["metadata"].get("continue"):
        page = api.get(maps, limit=3, labelSelector="set", **{"continue": token})
        assert page.json["metadata"]["resourceVersion"] == first
        found += names(page)
    assert found == NAMES


def test_remaining_items_are_told_without_a_selector(api: Api, maps: str) -> None:
    whole = len(api.get(maps).json["items"])
    assert api.get(maps, limit=2).json["metadata"]["remainingItemCount"] == whole - 2
    assert "remainingItemCount" not in api.get(maps, limit=2, labelSelector="set").json["metadata"]


def test_pages_tell_how_many_are_left(api: Api) -> None:
    path, total = api.path("podtemplates"), 25
    template = {"spec": samples.pod("x")["spec"]}
    for number in range(total):
        api.post(path, {"metadata": {"name": f"t{number:02}"}, "template": template}, expect=201)
    whole = names(api.get(path))
    assert len(whole) == total
    page = api.get(path, limit=7)
    first, found = page.json["metadata"]["resourceVersion"], names(page)
    while token := page.json["metadata"].get("continue"):
        assert page.json["metadata"]["remainingItemCount"] == total - len(found)
        page = api.get(path, limit=7, **{"continue": token})
        assert page.json["metadata"]["resourceVersion"] == first
        assert len(names(page)) <= 7
        found += names(page)
    assert "remainingItemCount" not in page.json["metadata"]
    assert found == whole


def nonsense_tokens() -> list[str]:
    wrong_start = {"v": "meta.k8s.io/v1", "rv": 1, "start": "../../secrets/x"}
    wrong_version = {"v": "none", "rv": 1, "start": "x"}
    made = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=")
        for one in (wrong_start, wrong_version, [], 5)
    ]
    return ["nonsense", "%%%", "e30", *made]


@pytest.mark.parametrize("token", nonsense_tokens())
def test_a_continue_token_of_ones_own_making(api: Api, maps: str, token: str) -> None:
    assert status_of(api.get(maps, limit=1, **{"continue": token}))[0] in (400, 410)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "x"},
        {"limit": "2", "continue": "e30", "resourceVersion": "1"},
        {"labelSelector": "a in"},
        {"labelSelector": "a=b=c"},
        {"labelSelector": "-bad-=x"},
        {"fieldSelector": "metadata.name"},
        {"fieldSelector": "data.x=y"},
        {"resourceVersion": "abc"},
        {"resourceVersion": "-1"},
        {"resourceVersionMatch": "Exact"},
        {"resourceVersionMatch": "Nonsense", "resourceVersion": "1"},
        {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
        {"sendInitialEvents": "true"},
        {"watch": "true", "resourceVersionMatch": "NotOlderThan"},
        {"watch": "true", "sendInitialEvents": "true"},
        {"watch": "true", "sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
    ],
    ids=str,
)
def test_queries_that_make_no_sense(api: Api, maps: str, query: dict[str, str]) -> None:
    code, reason = status_of(api.get(maps, **query))
    assert code in (400, 422)
    assert reason in ("BadRequest", "Invalid")


def test_any_and_exact_and_newer_versions(api: Api, maps: str) -> None:
    before = version(api, maps)
    api.post(maps, samples.configmap("late", {"set": "x"}), expect=201)
    assert "late" in names(api.get(maps))
    assert "late" in names(
        api.get(maps, resourceVersion=before, resourceVersionMatch="NotOlderThan")
    )
    exact = api.get(maps, resourceVersion=before, resourceVersionMatch="Exact")
    assert "late" not in names(exact)
    assert exact.json["metadata"]["resourceVersion"] == before
    assert api.get(maps, resourceVersion="0").code == 200


def test_a_version_of_the_future(api: Api, maps: str) -> None:
    answer = api.get(maps, resourceVersion=str(10**15), resourceVersionMatch="NotOlderThan")
    assert (answer.code, answer.reason) == (504, "Timeout")
    assert "Too large resource version" in answer.message
    assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_one_object_of_at_least_a_version(api: Api, maps: str) -> None:
    made = api.patch(f"{maps}/n0", {"data": {"x": "1"}}, expect=200).json
    newest = made["metadata"]["resourceVersion"]
    assert api.get(f"{maps}/n0", resourceVersion=newest).json == made


def test_a_watch_goes_on_where_a_list_ended(api: Api, maps: str) -> None:
    start = version(api, maps)
    api.patch(f"{maps}/n1", {"data": {"x": "1"}}, expect=200)
    gone = api.delete(f"{maps}/n2")
    assert gone.code == 200
    api.post(maps, samples.configmap("new"), expect=201)
    with api.watch(maps, resourceVersion=start) as events:
        seen = [events.next() for _ in range(3)]
    told = [(kind, obj["metadata"]["name"]) for kind, obj in seen]
    assert told == [("MODIFIED", "n1"), ("DELETED", "n2"), ("ADDED", "new")]
    versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in seen]
    assert versions == sorted(versions)
    assert versions[0] > int(start)
    assert all(obj["kind"] == "ConfigMap" for _, obj in seen)


def test_a_watch_without_a_version_tells_what_is_there(api: Api, maps: str) -> None:
    with api.watch(maps, labelSelector="set") as events:
        seen = [events.next() for _ in NAMES]
    assert sorted(obj["metadata"]["name"] for _, obj in seen) == NAMES
    assert {kind for kind, _ in seen} == {"ADDED"}


def test_what_leaves_a_selector_is_deleted_to_its_watcher(api: Api, maps: str) -> None:
    start = version(api, maps)
    with api.watch(maps, labelSelector="set=1", resourceVersion=start) as events:
        api.patch(f"{maps}/n0", {"metadata": {"labels": {"set": "1"}}}, expect=200)
        api.patch(f"{maps}/n1", {"metadata": {"labels": {"set": "0"}}}, expect=200)
        api.patch(f"{maps}/n3", {"data": {"x": "1"}}, expect=200)
        seen = [events.next() for _ in range(3)]
    told = [(kind, obj["metadata"]["name"]) for kind, obj in seen]
    assert told == [("ADDED", "n0"), ("DELETED", "n1"), ("MODIFIED", "n3")]


def test_watches_hear_the_same_in_the_same_order(api: Api, maps: str) -> None:
    """Each event of the first watch begins another one, which hears all that comes after it."""
    writes = 12
    start = version(api, maps)
    for number in range(writes):
        api.patch(f"{maps}/n{number % 7}", {"data": {"x": str(number)}}, expect=200)
    with api.watch(maps, resourceVersion=start) as events:
        heard = [events.next()[1]["metadata"]["resourceVersion"] for _ in range(writes)]
    for place, one in enumerate(heard[:-1]):
        with api.watch(maps, resourceVersion=one) as events:
            again = [events.next()[1]["metadata"]["resourceVersion"] for _ in heard[place + 1 :]]
        assert again == heard[place + 1 :]


def test_several_watchers_hear_what_their_selectors_choose(api: Api, maps: str) -> None:
    start = version(api, maps)
    selectors = {"set=0": {"n0"}, "set=1": {"n1"}, "set in (0, 1)": {"n0", "n1"}}
    for name in ("n0", "n1"):
        api.patch(f"{maps}/{name}", {"data": {"x": "1"}}, expect=200)
        api.patch(f"{maps}/{name}", {"data": {"x": "2"}}, expect=200)
        api.delete(f"{maps}/{name}")
    for selector, chosen in selectors.items():
        with api.watch(maps, labelSelector=selector, resourceVersion=start) as events:
            seen = [events.next() for _ in range(3 * len(chosen))]
        told = [(kind, obj["metadata"]["name"]) for kind, obj in seen]
        kinds = ("MODIFIED", "MODIFIED", "DELETED")
        assert told == [(kind, name) for name in sorted(chosen) for kind in kinds]


def test_a_watch_of_one_name(api: Api, maps: str) -> None:
    start = version(api, maps)
    selector = "metadata.name=n4"
    with api.watch(maps, fieldSelector=selector, resourceVersion=start) as events:
        api.patch(f"{maps}/n3", {"data": {"x": "1"}}, expect=200)
        api.patch(f"{maps}/n4", {"data": {"x": "1"}}, expect=200)
        assert events.next()[1]["metadata"]["name"] == "n4"


def test_a_watch_list_ends_its_beginning_with_a_bookmark(api: Api, maps: str) -> None:
    query = {
        "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true", "labelSelector": "set",
    }  # fmt: skip
    with api.watch(maps, **query) as events:
        *added, (kind, mark) = events.until("BOOKMARK")
        assert {one for one, _ in added} == {"ADDED"}
        assert sorted(obj["metadata"]["name"] for _, obj in added) == NAMES
        assert kind == "BOOKMARK"
        assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert (mark["kind"], "name" in mark["metadata"]) == ("ConfigMap", False)
        api.patch(f"{maps}/n0", {"data": {"x": "1"}}, expect=200)
        assert events.next()[0] == "MODIFIED"


def test_a_watch_ends_after_its_time(api: Api, maps: str) -> None:
    with api.watch(maps, timeoutSeconds=1, resourceVersion=version(api, maps)) as events:
        assert events.rest() == b""


def test_a_watch_from_long_ago_is_refused_or_served(api: Api, maps: str) -> None:
    """Servers compact when they like; but they never leave events out silently."""
    with api.watch(maps, resourceVersion="1") as events:
        kind, obj = events.next() if events.code == 200 else ("ERROR", {"code": events.code})
    if kind == "ERROR":
        assert obj["code"] == 410
    else:
        assert kind == "ADDED"


def test_tables(api: Api, maps: str) -> None:
    table = api.get(maps, TABLE, labelSelector="set").json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [one["name"] for one in table["columnDefinitions"]]
    assert columns == ["Name", "Data", "Age"]
    assert [row["cells"][0] for row in table["rows"]] == NAMES
    assert {row["object"]["kind"] for row in table["rows"]} == {"PartialObjectMetadata"}


@pytest.mark.parametrize(("include", "kind"), [("Object", "ConfigMap"), ("None", None)])
def test_tables_carry_what_was_asked_for(
    api: Api, maps: str, include: str, kind: str | None
) -> None:
    rows = api.get(maps, TABLE, includeObject=include).json["rows"]
    assert (rows[0].get("object") or {}).get("kind") == kind


def test_a_watch_of_tables_tells_the_columns_once(api: Api, maps: str) -> None:
    start = version(api, maps)
    with api.watch(maps, TABLE, resourceVersion=start) as events:
        api.patch(f"{maps}/n0", {"data": {"x": "1"}}, expect=200)
        api.patch(f"{maps}/n0", {"data": {"x": "2"}}, expect=200)
        first, second = events.next()[1], events.next()[1]
    assert first["columnDefinitions"]
    assert not second.get("columnDefinitions")
    assert second["rows"][0]["cells"][:2] == ["n0", 1]


def test_metadata_alone(api: Api, maps: str) -> None:
    one = api.get(f"{maps}/n0", PARTIAL).json
    assert (one["kind"], one["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert set(one) == {"kind", "apiVersion", "metadata"}
    many = api.get(maps, PARTIAL_LIST).json
    assert many["kind"] == "PartialObjectMetadataList"
    assert many["items"]


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png;q=1", "application/json;as=Nonsense;v=v1;g=x"]
)
def test_no_acceptable_form(api: Api, maps: str, accept: str) -> None:
    assert status_of(api.get(maps, accept)) == (406, "NotAcceptable")


def test_yaml(api: Api, maps: str) -> None:
    answer = api.get(f"{maps}/n0", "application/yaml")
    assert answer.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(answer.raw)["kind"] == "ConfigMap"


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.nodeName=", ["waiting"]),
        ("status.phase=Pending,metadata.name=waiting", ["waiting"]),
        ("status.phase!=Pending", []),
        ("spec.restartPolicy=Always,metadata.name!=placed", ["waiting"]),
        ("spec.schedulerName=default-scheduler,metadata.name=placed", ["placed"]),
        ("spec.serviceAccountName=default,spec.nodeName!=", ["placed"]),
    ],
)
def test_field_selectors_of_pods(api: Api, node: str, selector: str, found: list[str]) -> None:
    pods = api.path("pods")
    api.post(pods, samples.pod("waiting"), expect=201)
    api.post(pods, samples.pod("placed", node=node), expect=201)
    assert names(api.get(pods, fieldSelector=selector)) == found
    assert names(api.get(pods, fieldSelector=f"spec.nodeName={node}")) == ["placed"]


def test_other_kinds_field_selectors(api: Api) -> None:
    api.post(api.path("secrets"), {"metadata": {"name": "s"}, "type": "my/own"}, expect=201)
    assert names(api.get(api.path("secrets"), fieldSelector="type=my/own")) == ["s"]
    event = {
        "metadata": {"name": "e"}, "reason": "Why",
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": api.namespace},
    }  # fmt: skip
    api.post(api.path("events"), event, expect=201)
    fields = "involvedObject.kind=Pod,involvedObject.name=p,reason=Why"
    assert names(api.get(api.path("events"), fieldSelector=fields)) == ["e"]
    name = f"metadata.name={api.namespace},status.phase=Active"
    assert names(api.get("/api/v1/namespaces", fieldSelector=name)) == [api.namespace]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/x/wombats", "/apis/none.example/v1", "/api/v2", "/apis/apps/v9/pods",
        "/api/v1/namespaces/default/pods/x/nonsense", "/nothing",
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(api: Api, path: str) -> None:
    assert api.get(path).code == 404


@pytest.mark.parametrize(("method", "rest"), [("PUT", ()), ("PATCH", ()), ("POST", ("n0",))])
def test_methods_that_a_path_does_not_have(
    api: Api, maps: str, method: str, rest: tuple[str, ...]
) -> None:
    path = api.path("configmaps", *rest)
    assert status_of(api.send(method, path, {})) == (405, "MethodNotAllowed")
