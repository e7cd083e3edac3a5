"""CustomResourceDefinitions as objects, what they publish of themselves, and strict validation.

Their schemas, rules, versions and end are in `test_customresources`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import samples
from .clients import Api, Kubectl, eventually

JsonObject = dict[str, Any]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def described(description: str, kind: str = "object", **more: Any) -> JsonObject:
    return {"type": kind, "description": description, **more}


BAR = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": described("What it is called.", "string"),
        "age": described("In years.", "string"),
        "bazs": described("All of its bazs.", "array", items={"type": "string"}),
    },
}
BARS = described("Bars and what they are like.", "array", items=BAR)
TUNED = described(
    "A thing that can be tuned.",
    properties={"spec": described("How it is tuned.", properties={"bars": BARS})},
)
NESTED = described(
    "A thing with a free part.",
    properties={"spec": {**FREE, "description": "Whatever you like."}},
)


def definition(
    group: str, kind: str, *versions: str, schema: JsonObject = FREE, scope: str = "Namespaced"
) -> JsonObject:
    """The first version is the stored one."""
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "kind": kind},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == (versions or ("v1",))[0],
                    "schema": {"openAPIV3Schema": schema},
                }
                for version in versions or ("v1",)
            ],
        },
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """kubectl remembers discovery for minutes: each test has a memory of its own."""
    return tmp_path


@pytest.fixture
def define(root: Api, cleanup: Callable[[str], Any]) -> Callable[..., str]:
    """Create a definition; its path, once it serves."""

    def make(group: str, kind: str, *versions: str, **more: Any) -> str:
        made = definition(group, kind, *versions, **more)
        path = f"{CRDS}/{made['metadata']['name']}"
        cleanup(path)
        root.post(CRDS, made, expect=201)
        plural = made["spec"]["names"]["plural"]
        for version in versions or ("v1",):
            eventually(lambda v=version: root.get(f"/apis/{group}/{v}/{plural}").code == 200)
        return path

    return make


# --- as objects ------------------------------------------------------------------------------------


def test_discovery(root: Api) -> None:
    name = "apiextensions.k8s.io"
    (found,) = [one for one in root.get("/apis").json["groups"] if one["name"] == name]
    assert {"groupVersion": f"{name}/v1", "version": "v1"} in found["versions"]
    assert root.get(f"/apis/{name}").json["preferredVersion"]["version"] == "v1"
    rows = {one["name"] for one in root.get(f"/apis/{name}/v1").json["resources"]}
    assert {"customresourcedefinitions", "customresourcedefinitions/status"} <= rows


def test_the_status_is_read_patched_and_updated(
    root: Api, group: str, define: Callable[..., str]
) -> None:
    path = f"{define(group, 'Rig')}/status"
    found = root.get(path).json
    assert found["status"]["acceptedNames"]["kind"] == "Rig"
    condition = {"type": "Tested", "status": "True", "reason": "E2E", "message": "by hand"}

    def put() -> bool:
        newest = root.get(path).json
        newest["status"]["conditions"].append(condition)
        return root.put(path, newest).code == 200

    eventually(put)
    types = [one["type"] for one in root.get(path).json["status"]["conditions"]]
    assert "Tested" in types
    add = [{"op": "add", "path": "/status/conditions/-", "value": {**condition, "type": "Again"}}]
    patched = root.patch(path, add, "json", expect=200).json["status"]["conditions"]
    assert {"Established", "Tested", "Again"} <= {one["type"] for one in patched}


def test_definitions_are_listed_watched_and_deleted_by_label(
    root: Api, group: str, unique: str, cleanup: Callable[[str], Any]
) -> None:
    selector = {"labelSelector": f"conformance={unique}"}
    cleanup(f"{CRDS}?labelSelector=conformance%3D{unique}")
    cleanup(f"{CRDS}/others.{group}")
    start = root.get(CRDS, limit=1).json["metadata"]["resourceVersion"]
    for kind in ("One", "Two", "Other"):
        made = definition(group, kind)
        if kind != "Other":
            made["metadata"]["labels"] = {"conformance": unique}
        root.post(CRDS, made, expect=201)
    wanted = {f"ones.{group}", f"twos.{group}"}
    assert {one["metadata"]["name"] for one in root.get(CRDS, **selector).json["items"]} == wanted
    with root.watch(CRDS, resourceVersion=start, **selector) as events:
        assert root.delete(CRDS, **selector).code == 200
        seen = set()
        while {name for kind, name in seen if kind == "DELETED"} != wanted:
            kind, obj = events.next()
            seen.add((kind, obj["metadata"]["name"]))
    assert {name for kind, name in seen if kind == "ADDED"} == wanted
    eventually(lambda: not root.get(CRDS, **selector).json["items"])
    assert root.get(f"{CRDS}/others.{group}").code == 200


def test_watches_of_single_objects(root: Api, group: str, define: Callable[..., str]) -> None:
    define(group, "Rig", scope="Cluster")
    path = f"/apis/{group}/v1/rigs"
    start = root.get(path).json["metadata"]["resourceVersion"]

    def watch(name: str) -> Any:
        return root.watch(path, resourceVersion=start, fieldSelector=f"metadata.name={name}")

    with watch("a") as first, watch("b") as second:
        for name in "ab":
            body = {"apiVersion": f"{group}/v1", "kind": "Rig", "metadata": {"name": name}}
            root.post(path, body, expect=201)
        for name in "ab":
            root.patch(f"{path}/{name}", {"spec": {"x": 1}}, expect=200)
        for name in "ab":
            assert root.delete(f"{path}/{name}").code == 200
        for name, events in (("a", first), ("b", second)):
            seen = [(kind, obj["metadata"]["name"]) for kind, obj in events.until("DELETED")]
            assert seen == [("ADDED", name), ("MODIFIED", name), ("DELETED", name)]


def test_defaults_of_requests_and_of_what_is_stored(
    root: Api, group: str, define: Callable[..., str]
) -> None:
    path, rigs = define(group, "Rig", scope="Cluster"), f"/apis/{group}/v1/rigs"

    def schema(**defaults: str) -> None:
        fields = {"a": {"type": "string"}, "b": {"type": "string"}}
        for key, value in defaults.items():
            fields[key]["default"] = value
        made = definition(group, "Rig", schema={"type": "object", "properties": fields})
        root.patch(path, {"spec": {"versions": made["spec"]["versions"]}}, expect=200)

    def make(name: str) -> JsonObject:
        body = {"apiVersion": f"{group}/v1", "kind": "Rig", "metadata": {"name": name}}
        return dict(root.post(rigs, body, expect=201).json)

    assert "a" not in make("old")
    schema(a="A")
    eventually(lambda: root.get(f"{rigs}/old").json.get("a") == "A")
    assert eventually(lambda: (made := make("new")).get("a") and made)["a"] == "A"
    schema(b="B")
    eventually(lambda: root.get(f"{rigs}/new").json.get("b") == "B")
    assert root.get(f"{rigs}/new").json["a"] == "A", "it was stored with the object"
    assert "a" not in root.get(f"{rigs}/old").json, "it was never stored"


# --- what is published -----------------------------------------------------------------------------


def published(root: Api) -> dict[tuple[str, str, str], JsonObject]:
    """Group, version and kind → definition, of all that `/openapi/v2` tells."""
    found = {}
    for one in root.get("/openapi/v2").json["definitions"].values():
        for gvk in one.get("x-kubernetes-group-version-kind", []):
            found[gvk["group"], gvk["version"], gvk["kind"]] = one
    return found


def shown(root: Api, *wanted: tuple[str, str, str]) -> None:
    """Both documents have these, with the bars of their schema."""

    def all_there() -> bool:
        documents = published(root)
        return all(key in documents for key in wanted)

    eventually(all_there)
    documents = published(root)
    for group, version, kind in wanted:
        spec = documents[group, version, kind]["properties"]["spec"]
        assert spec["properties"]["bars"]["description"] == BARS["description"]
        assert spec["properties"]["bars"]["items"]["required"] == ["name"]
        schemas = root.get(f"/openapi/v3/apis/{group}/{version}").json["components"]["schemas"]
        (whole,) = (
            one for one in schemas.values()
            if {"group": group, "version": version, "kind": kind}
            in one.get("x-kubernetes-group-version-kind", [])
        )  # fmt: skip
        bars = whole["properties"]["spec"]["properties"]["bars"]
        assert bars["items"]["properties"]["bazs"]["items"] == {"type": "string"}


def hidden(root: Api, *unwanted: tuple[str, str, str]) -> None:
    def none_there() -> bool:
        documents = published(root)
        return not any(key in documents for key in unwanted)

    eventually(none_there)


def test_groups_versions_and_kinds_are_published(
    root: Api, group: str, define: Callable[..., str]
) -> None:
    other = f"other-{group}"
    paths = [
        define(group, "Foo", "v1", schema=TUNED),
        define(group, "Waldo", "v1", schema=TUNED),  # same group and version, another kind
        define(group, "Bar", "v5", "v6", schema=TUNED),  # same group, other versions
        define(other, "Foo", "v1beta1", schema=TUNED),
    ]
    known = [
        (group, "v1", "Foo"), (group, "v1", "Waldo"), (group, "v5", "Bar"), (group, "v6", "Bar"),
        (other, "v1beta1", "Foo"),
    ]  # fmt: skip
    shown(root, *known)
    for path in paths:
        assert root.delete(path).code == 200
    hidden(root, *known)


def test_a_renamed_version_is_published_under_its_new_name(
    root: Api, group: str, define: Callable[..., str]
) -> None:
    path = define(group, "Foo", "v2", "v3", schema=TUNED)
    shown(root, (group, "v2", "Foo"), (group, "v3", "Foo"))
    place = "/spec/versions/1/name"
    rename = [
        {"op": "test", "path": place, "value": "v3"},
        {"op": "replace", "path": place, "value": "v4"},
    ]
    root.patch(path, rename, "json", expect=200)
    shown(root, (group, "v2", "Foo"), (group, "v4", "Foo"))
    hidden(root, (group, "v3", "Foo"))


def test_a_version_that_is_served_no_more_is_published_no_more(
    root: Api, group: str, define: Callable[..., str]
) -> None:
    path = define(group, "Foo", "v5", "v6alpha1", schema=TUNED)
    shown(root, (group, "v5", "Foo"), (group, "v6alpha1", "Foo"))

    def put() -> bool:
        newest = root.get(path).json
        newest["spec"]["versions"][1]["served"] = False
        return root.put(path, newest).code == 200

    eventually(put)
    hidden(root, (group, "v6alpha1", "Foo"))
    shown(root, (group, "v5", "Foo"))


def test_aggregated_discovery_has_all_kinds(
    root: Api, group: str, define: Callable[..., str]
) -> None:
    """Those of Kubernetes itself by what the plain documents tell, and a new one."""
    define(group, "Rig")

    def told(path: str) -> dict[str, JsonObject]:
        answer = root.get(path, f"{DISCOVERY},application/json;q=0.9")
        assert "as=APIGroupDiscoveryList" in answer.headers["content-type"]
        return {
            f"{one['metadata'].get('name', '')}/{version['version']}".lstrip("/"): version
            for one in answer.json["items"]
            for version in one["versions"]
        }

    found = eventually(lambda: f"{group}/v1" in (all_of := told("/apis")) and all_of)
    (rig,) = found[f"{group}/v1"]["resources"]
    assert (rig["resource"], rig["scope"]) == ("rigs", "Namespaced")
    assert rig["responseKind"] == {"group": group, "version": "v1", "kind": "Rig"}
    assert {"create", "get", "list", "watch"} <= set(rig["verbs"])
    for version in ("apps/v1", "batch/v1", "apiextensions.k8s.io/v1"):
        _same_as_plain(found[version], root.get(f"/apis/{version}").json["resources"])
    _same_as_plain(told("/api")["v1"], root.get("/api/v1").json["resources"])


def _same_as_plain(version: JsonObject, rows: list[JsonObject]) -> None:
    assert version["freshness"] == "Current"
    names = set()
    for one in version["resources"]:
        names |= {one["resource"]} if one.get("verbs") else set()
        names |= {f"{one['resource']}/{s['subresource']}" for s in one.get("subresources", [])}
    assert names == {row["name"] for row in rows}


def test_each_group_has_a_version_it_prefers_and_resources(root: Api) -> None:
    for found in root.get("/apis").json["groups"]:
        name, preferred = found["name"], found["preferredVersion"]
        if name.endswith("example.com"):
            continue  # a test's own, which may be going
        assert preferred in found["versions"], name
        assert root.get(f"/apis/{name}").json["preferredVersion"] == preferred
        for version in found["versions"]:
            listed = root.get(f"/apis/{version['groupVersion']}").json
            assert (
                listed["groupVersion"] == version["groupVersion"] == f"{name}/{version['version']}"
            )
            assert all(row["name"] and row["kind"] for row in listed["resources"]), name
            assert listed["resources"], name


# --- kubectl ---------------------------------------------------------------------------------------


def accepted(kubectl: Kubectl, body: JsonObject) -> JsonObject:
    """Create, then apply; what came of it."""
    plural, name = f"{body['kind'].lower()}s", body["metadata"]["name"]
    kubectl("create", "-f", "-", stdin=body)
    kubectl("delete", plural, name)
    kubectl.apply(body)
    found = kubectl.object(plural, name)
    kubectl("delete", plural, name)
    return dict(found)


def test_kubectl_with_a_schema(kubectl: Kubectl, group: str, define: Callable[..., str]) -> None:
    define(group, "Tuned", schema=TUNED)
    head = {"apiVersion": f"{group}/v1", "kind": "Tuned", "metadata": {"name": "t"}}
    good = {**head, "spec": {"bars": [{"name": "b"}]}}
    assert accepted(kubectl, good)["spec"] == good["spec"]
    for spec, told in (
        ({"foo": True}, 'unknown field "spec.foo"'),
        ({"bars": [{"age": "10"}]}, "spec.bars[0].name: Required value"),
    ):
        bad = {**head, "spec": spec}
        assert told in kubectl.fails("create", "-f", "-", stdin=bad)
        assert told in kubectl.fails("apply", "-f", "-", stdin=bad)
    whole = kubectl("explain", "tuneds")
    for words in ("A thing that can be tuned.", "apiVersion\t<string>", "spec\t<Object>",
                  "APIVersion defines", "How it is tuned."):  # fmt: skip
        assert words in whole
    inner = kubectl("explain", "tuneds.metadata")
    assert "Standard object's metadata" in inner
    assert "CreationTimestamp is a timestamp" in inner
    assert "bars\t<[]Object>" in kubectl("explain", "tuneds.spec")
    bars = kubectl("explain", "tuneds.spec.bars")
    assert "FIELD: bars <[]Object>" in bars
    assert "bazs\t<[]string>" in bars
    assert "name\t<string> -required-" in bars
    assert 'field "bars2" does not exist' in kubectl.fails("explain", "tuneds.spec.bars2")


@pytest.mark.parametrize("schema", [FREE, described("Free at its root.", **{
    key: value for key, value in FREE.items() if key != "type"})], ids=["none", "root"])  # fmt: skip
def test_kubectl_without_a_schema(
    kubectl: Kubectl, group: str, define: Callable[..., str], schema: JsonObject
) -> None:
    define(group, "Free", schema=schema)
    head = {"apiVersion": f"{group}/v1", "kind": "Free", "metadata": {"name": "f"}}
    free = {"b": [{"c": "d"}]}
    assert accepted(kubectl, {**head, "a": free})["a"] == free
    told = kubectl("explain", "frees")
    assert "KIND:       Free" in told
    assert schema.get("description", "<empty>") in told.partition("DESCRIPTION:")[2]


def test_kubectl_with_a_free_part(kubectl: Kubectl, group: str, define: Callable[..., str]) -> None:
    define(group, "Nested", schema=NESTED)
    head = {"apiVersion": f"{group}/v1", "kind": "Nested", "metadata": {"name": "n"}}
    spec = {"a": None, "b": [{"c": "d"}]}
    # kubectl itself leaves the null out of what it applies.
    assert accepted(kubectl, {**head, "spec": spec})["spec"]["b"] == spec["b"]
    assert 'unknown field "extra"' in kubectl.fails("create", "-f", "-", stdin={**head, "extra": 1})
    told = kubectl("explain", "nesteds")
    assert "A thing with a free part." in told
    assert "Whatever you like." in told


# --- strict validation -----------------------------------------------------------------------------

EMBEDDED = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "properties": {"spec": {"type": "object"}},
}
PORTS = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
    "items": {
        "type": "object",
        "required": ["containerPort", "protocol"],
        "properties": {
            "containerPort": {"type": "integer", "format": "int32"},
            "protocol": {"type": "string"},
            "name": {"type": "string"},
        },
    },
}
PARTS = {"foo": {"type": "string"}, "ports": PORTS, "template": EMBEDDED}
CLOSED = {"type": "object", "properties": {"spec": {"type": "object", "properties": PARTS}}}
OPEN = {"type": "object", "properties": {"spec": {**FREE, "properties": PARTS}}}

GOOD = """
apiVersion: %s/v1
kind: Rig
metadata:
  name: r
  finalizers: []
spec:
  foo: foo1
  ports:
  - name: x
    containerPort: 80
    protocol: TCP
"""
SUB = """
  template:
    apiVersion: foo/v1
    kind: Sub
    metadata:
      name: sub
      unknownSub: x
"""


@pytest.mark.parametrize(
    ("schema", "body", "applied", "created"),
    [
        (CLOSED, GOOD, [], []),
        (FREE, GOOD.replace("foo: foo1", "unknown: uk1"), [], []),
        (OPEN, GOOD.replace("foo: foo1", "unknown: uk1"), [], []),
        (CLOSED, GOOD + "unknownField: x\n", [".unknownField: field not declared in schema"],
         ['unknown field "unknownField"']),
        (CLOSED, GOOD.replace("foo: foo1", "bar: x"), [".spec.bar: field not declared in schema"],
         ['unknown field "spec.bar"']),
        (CLOSED, GOOD.replace("name: r", "name: r\n  unknownMeta: x"),
         [".metadata.unknownMeta: field not declared in schema"],
         ['unknown field "metadata.unknownMeta"']),
        (OPEN, GOOD.rstrip() + SUB,
         [".spec.template.metadata.unknownSub: field not declared in schema"],
         ['unknown field "spec.template.metadata.unknownSub"']),
        (OPEN, GOOD.replace("foo: foo1", "unknown: uk1\n  foo: foo1\n  foo: foo2"),
         ['line 10: key "foo" already set in map'], ['line 10: key "foo" already set in map']),
    ],
    ids=["valid", "no schema", "open", "root", "spec", "metadata", "embedded", "twice"],
)  # fmt: skip
def test_strict_validation_of_custom_resources(
    root: Api,
    group: str,
    define: Callable[..., str],
    schema: JsonObject,
    body: str,
    applied: list[str],
    created: list[str],
) -> None:
    define(group, "Rig", schema=schema, scope="Cluster")
    path, data = f"/apis/{group}/v1/rigs", (body % group).encode()
    query = {"fieldValidation": "Strict", "fieldManager": "me"}
    for answer, told in (
        (root.patch(f"{path}/r", data, "apply", **query), applied),
        (root.send("POST", path, data.replace(b"name: r\n", b"name: s\n"),
                   headers={"Content-Type": "application/yaml"}, query=query), created),
    ):  # fmt: skip
        assert answer.code in ((400, 500) if told else (200, 201)), answer.raw
        for words in told:
            assert words in answer.message


def test_doubled_fields_of_custom_resources_in_json(
    root: Api, group: str, define: Callable[..., str]
) -> None:
    define(group, "Rig", schema=OPEN, scope="Cluster")
    head = json.dumps({"apiVersion": f"{group}/v1", "kind": "Rig", "metadata": {"name": "r"}})
    body = f'{head[:-1]}, "spec": {{"foo": "a", "any": 1, "foo": "b", "any": 2}}}}'.encode()
    answer = root.post(f"/apis/{group}/v1/rigs", body, fieldValidation="Strict")
    assert answer.code == 400
    assert 'duplicate field "spec.foo", duplicate field "spec.any"' in answer.message


def test_unknown_and_doubled_fields_of_a_deployment(api: Api) -> None:
    made = json.dumps(samples.deployment("d"))
    made = made.replace('"spec": {', '"spec": {"unknown1": "x", "twice": 1, "twice": 2, '
                        '"paused": true, "paused": false, ', 1)  # fmt: skip
    query = {"fieldValidation": "Strict", "fieldManager": "me"}
    answer = api.post(api.path("deployments"), made.encode(), **query)
    assert (answer.code, answer.reason) == (400, "BadRequest")
    # Unknown fields are passed over, so nobody counts how often they are there.
    assert (
        'strict decoding error: unknown field "spec.unknown1", unknown field "spec.twice", '
        'duplicate field "spec.paused"'
    ) in answer.message
    made = json.dumps(samples.deployment("d")).replace('"name": "d"', '"name": "d", "odd": 1', 1)
    answer = api.post(api.path("deployments"), made.encode(), **query)
    assert answer.code == 400
    assert 'strict decoding error: unknown field "metadata.odd"' in answer.message
    applied = api.patch(api.path("deployments", "d"), made.encode(), "apply", **query)
    assert ".metadata.odd: field not declared in schema" in applied.message
