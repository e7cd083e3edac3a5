"""CustomResourceDefinitions as every Kubernetes has them: schemas, rules, versions, scale, the end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .clients import Api, Kubectl, eventually

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

PORT = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "number": {"type": "integer"}},
}
SPEC = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer", "minimum": 0, "default": 1},
        "size": {"type": "integer"},
        "port": {"x-kubernetes-int-or-string": True},
        "tags": {
            "type": "array",
            "maxItems": 10,
            "items": {"type": "string", "maxLength": 20},
            "x-kubernetes-list-type": "set",
        },
        "ports": {
            "type": "array",
            "maxItems": 10,
            "items": PORT,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "color": {"type": "string", "maxLength": 20},
    },
}
STATUS = {
    "type": "object",
    "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}},
}


def definition(group: str, **version: Any) -> dict[str, Any]:
    root = {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"rigs.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "rigs", "kind": "Rig", "shortNames": ["rg"], "categories": ["all"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": root},
                    "subresources": {"status": {}, "scale": scale},
                    "selectableFields": [{"jsonPath": ".spec.color"}],
                    "additionalPrinterColumns": [
                        {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
                        {
                            "name": "Color",
                            "type": "string",
                            "jsonPath": ".spec.color",
                            "priority": 1,
                        },
                        {
                            "name": "Age",
                            "type": "date",
                            "jsonPath": ".metadata.creationTimestamp",
                        },
                    ],
                    **version,
                }
            ],
        },
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """kubectl remembers for minutes which group has rigs: each test has a memory of its own."""
    return tmp_path


@pytest.fixture
def define(root: Api, api: Api, group: str, cleanup: Callable[[str], Any]) -> Callable[..., str]:
    """Create the definition, or one with another schema; the path of its objects."""

    def make(**version: Any) -> str:
        path = f"{CRDS}/rigs.{group}"
        cleanup(path)
        root.post(CRDS, definition(group, **version), expect=201)
        objects = f"/apis/{group}/v1/namespaces/{api.namespace}/rigs"
        eventually(lambda: root.get(objects).code == 200)
        return objects

    return make


def rig(name: str = "a", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


def with_rules(*rules: dict[str, Any], **where: Any) -> dict[str, Any]:
    spec = {**SPEC, "x-kubernetes-validations": list(rules), **where}
    properties = {"spec": spec, "status": STATUS}
    return {"schema": {"openAPIV3Schema": {"type": "object", "properties": properties}}}


@pytest.fixture
def sent(api: Api, group: str) -> Callable[..., Any]:
    """POST a rig with its apiVersion and kind."""

    def post(path: str, body: dict[str, Any], **query: Any) -> Any:
        head = {"apiVersion": f"{group}/v1", "kind": "Rig"}
        return api.post(path, {**head, **body}, **query)

    return post


def test_extensions_of_schemas(define: Callable[..., str], sent: Callable[..., Any]) -> None:
    path = define()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "more": 1}
    body = rig(port="http", free={"a": {"b": 1}}, template=pod, tags=["a", "b"])
    made = sent(path, body, expect=201).json["spec"]
    assert made["replicas"] == 1
    assert made["free"] == {"a": {"b": 1}}
    assert made["template"]["more"] == 1
    assert sent(path, rig("b", port=80), expect=201).json["spec"]["port"] == 80
    refused = sent(path, rig("c", port=True), expect=422)
    assert "spec.port" in refused.message
    refused = sent(path, rig("c", tags=["a", "a"]), expect=422)
    assert 'spec.tags[1]: Duplicate value: "a"' in refused.message
    twice = [{"name": "x", "number": 1}, {"name": "x", "number": 2}]
    refused = sent(path, rig("c", ports=twice), expect=422)
    assert 'spec.ports[1]: Duplicate value: {"name":"x"}' in refused.message
    refused = sent(path, rig("c", template={"spec": {}}), expect=422)
    assert "spec.template.apiVersion: Required value: must not be empty" in refused.message


def test_null_means_absent(define: Callable[..., str], sent: Callable[..., Any]) -> None:
    """Where a schema allows no null; clients in Python and helm's templates leave many."""
    spec = {
        "size": None,
        "replicas": None,
        "ports": [{"name": "a", "number": None}],
        "free": {"x": None},
    }
    made = sent(define(), rig(**spec), expect=201).json["spec"]
    assert made == {"replicas": 1, "ports": [{"name": "a"}], "free": {"x": None}}


def test_rules(define: Callable[..., str], sent: Callable[..., Any], api: Api) -> None:
    path = define(
        **with_rules(
            {
                "rule": "self.replicas <= 5",
                "messageExpression": "'at most 5, not ' + string(self.replicas)",
                "fieldPath": ".replicas",
                "reason": "FieldValueForbidden",
            },
            {"rule": "self.?size.orValue(0) >= oldSelf.?size.orValue(0)", "message": "shrinks"},
            {"rule": "cel.bind(t, self.?tags.orValue([]), t.all(i, v, size(v) > i))"},
        )
    )
    refused = sent(path, rig(replicas=6), expect=422)
    assert "spec.replicas: Forbidden: at most 5, not 6" in refused.message
    assert ("FieldValueForbidden", "spec.replicas") in refused.causes
    sent(path, rig(size=3, tags=["a", "bb"]), expect=201)
    refused = api.patch(f"{path}/a", {"spec": {"size": 2}}, expect=422)
    assert (
        'spec: Invalid value: "object": shrinks' in refused.message or "shrinks" in refused.message
    )
    refused = sent(path, rig("b", tags=["a", "b"]), expect=422)
    assert "failed rule: cel.bind(t, self.?tags" in refused.message


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("self.replicas ==", "Syntax error"),
        ("self.nonsense > 1", "undefined field 'nonsense'"),
        ("self.replicas > 'a'", "found no matching overload for '_>_' applied to '(int, string)'"),
        ("other > 1", "undeclared reference to 'other'"),
        ("self.replicas", "must evaluate to a bool"),
    ],
)
def test_rules_that_do_not_compile(root: Api, group: str, rule: str, told: str) -> None:
    refused = root.post(CRDS, definition(group, **with_rules({"rule": rule})), expect=422)
    assert "compilation failed" in refused.message
    assert told in refused.message


def test_rules_that_may_cost_too_much(root: Api, group: str) -> None:
    many = {"type": "array", "items": {"type": "string"}}
    properties = {**SPEC["properties"], "many": many}  # type: ignore[dict-item]
    rule = {"rule": "self.many.all(x, self.many.all(y, x == y || x != y))"}
    made = definition(group, **with_rules(rule, properties=properties))
    refused = root.post(CRDS, made, expect=422)
    assert "estimated rule cost exceeds budget by factor of more than 100x" in refused.message


def test_what_was_valid_once_may_stay(
    root: Api, api: Api, group: str, define: Callable[..., str], sent: Callable[..., Any]
) -> None:
    path = define()
    sent(path, rig(size=10, color="red"), expect=201)
    narrower = {**SPEC["properties"], "size": {"type": "integer", "maximum": 5}}  # type: ignore[dict-item]
    rule = {"rule": "!has(self.color) || self.color != 'red'", "message": "no red"}
    version = definition(group, **with_rules(rule, properties=narrower))["spec"]["versions"]
    root.patch(f"{CRDS}/rigs.{group}", {"spec": {"versions": version}}, expect=200)
    eventually(lambda: sent(path, rig("b", size=10), dryRun="All").code == 422)
    labels = {"metadata": {"labels": {"a": "b"}}}
    assert api.patch(f"{path}/a", labels).code == 200, "nothing that is wrong has changed"
    refused = api.patch(f"{path}/a", {"spec": {"size": 11}})
    assert refused.code == 422


def test_scale(define: Callable[..., str], sent: Callable[..., Any], kubectl: Kubectl) -> None:
    api = define()
    sent(api, rig(replicas=2), expect=201)
    kubectl("scale", "rigs/a", "--replicas=4")
    assert kubectl.object("rigs", "a")["spec"]["replicas"] == 4
    kubectl("scale", "rg/a", "--replicas=5", "--current-replicas=4")
    kubectl("patch", "rig", "a", "--subresource=status", "--type=merge", "-p", json.dumps(
        {"status": {"replicas": 3, "selector": "app=x"}}
    ))  # fmt: skip
    scale = json.loads(kubectl("get", "rigs", "a", "--subresource=scale", "-o", "json"))
    assert scale["spec"] == {"replicas": 5}
    assert scale["status"] == {"replicas": 3, "selector": "app=x"}


def test_selectable_fields_and_columns(
    define: Callable[..., str], sent: Callable[..., Any], kubectl: Kubectl
) -> None:
    path = define()
    sent(path, rig("a", color="red"), expect=201)
    sent(path, rig("b", color="blue", replicas=3), expect=201)
    found = kubectl("get", "rigs", "--field-selector", "spec.color=blue", "-o", "name")
    assert found.split() == [f"rig.{path.split('/')[2]}/b"]
    lines = kubectl("get", "rg").splitlines()
    assert lines[0].split() == ["NAME", "REPLICAS", "AGE"]
    assert lines[2].split()[:2] == ["b", "3"]
    wide = kubectl("get", "rigs", "-o", "wide").splitlines()
    assert wide[0].split() == ["NAME", "REPLICAS", "COLOR", "AGE"]
    assert "rig." in kubectl("get", "all", "-o", "name")


def test_the_end_of_a_definition(
    root: Api, api: Api, group: str, define: Callable[..., str], sent: Callable[..., Any]
) -> None:
    path = define()
    held = rig("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    sent(path, held, expect=201)
    sent(path, rig("plain"), expect=201)
    with api.watch(path) as watching:
        assert [watching.next()[0] for _ in range(2)] == ["ADDED", "ADDED"]
        assert root.delete(f"{CRDS}/rigs.{group}").code == 200
        eventually(lambda: api.get(f"{path}/plain").code == 404)
        assert api.get(f"{path}/held").code == 200
        refused = sent(path, rig("late"))
        assert refused.code == 405
        api.patch(f"{path}/held", {"metadata": {"finalizers": None}}, expect=200)
        eventually(lambda: root.get(f"{CRDS}/rigs.{group}").code == 404)
        assert b'"DELETED"' in watching.rest(), "and the watch ends"
    eventually(lambda: api.get(path).code == 404)


@pytest.fixture
def versions(root: Api, group: str, cleanup: Callable[[str], Any]) -> None:
    made = definition(group)
    first = made["spec"]["versions"][0]
    made["spec"]["versions"] = [first, {**first, "name": "v2", "storage": False}]
    cleanup(f"{CRDS}/rigs.{group}")
    root.post(CRDS, made, expect=201)


@pytest.mark.usefixtures("versions")
def test_versions_that_are_served(root: Api, api: Api, group: str) -> None:
    paths = {v: f"/apis/{group}/{v}/namespaces/{api.namespace}/rigs" for v in ("v1", "v2")}
    for path in paths.values():
        eventually(lambda path=path: api.get(path).code == 200)
    body = {"apiVersion": f"{group}/v2", "kind": "Rig", **rig()}
    assert api.post(paths["v2"], body, expect=201).json["apiVersion"] == f"{group}/v2"
    assert api.get(f"{paths['v1']}/a").json["apiVersion"] == f"{group}/v1"
    crd = root.get(f"{CRDS}/rigs.{group}").json
    assert crd["status"]["storedVersions"] == ["v1"]
    both = crd["spec"]["versions"]
    both[0]["storage"], both[1]["storage"] = False, True
    found = root.patch(f"{CRDS}/rigs.{group}", {"spec": {"versions": both}}, expect=200).json
    assert found["status"]["storedVersions"] == ["v1", "v2"]
    both[0]["served"] = False
    root.patch(f"{CRDS}/rigs.{group}", {"spec": {"versions": both}}, expect=200)
    eventually(lambda: api.get(paths["v1"]).code == 404)
    assert api.get(f"{paths['v2']}/a").code == 200
    refused = root.patch(f"{CRDS}/rigs.{group}", {"spec": {"versions": both[1:]}})
    assert refused.code == 422
    assert "status.storedVersions[0]: Invalid value" in refused.message
