"""OpenAPI documents: complete, consistent, with what kubectl looks for."""

import orjson
import pytest

from apimachinery import protobuf_scalars as scalars
from apimachinery import scheme
from apimachinery.openapi import protobuf
from apimachinery.openapi.documents import Documents
from apimachinery.scheme import Resource

WIDGETS = Resource("example.com", "v1", "Widget", "widgets", "widget", namespaced=True)


@pytest.fixture(scope="module")
def documents():
    return Documents(scheme.builtin())


def load(documents, path):
    return orjson.loads(documents.v3(path))


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_the_index_names_every_group_version(documents):
    paths = orjson.loads(documents.index())["paths"]
    assert {"api/v1", "apis/apps/v1", "apis/autoscaling/v2"} <= set(paths)
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    assert url == f"/openapi/v3/apis/apps/v1?hash={documents.v3_hash('apis/apps/v1')}"


def test_every_reference_points_at_a_schema(documents):
    for path in orjson.loads(documents.index())["paths"]:
        document = load(documents, path)
        known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert set(references(document)) <= known


def test_every_operation_has_an_id_of_its_own(documents):
    for path in orjson.loads(documents.index())["paths"]:
        found = [
            operation["operationId"]
            for item in load(documents, path)["paths"].values()
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert len(set(found)) == len(found)


def test_patch_takes_field_validation(documents):
    item = load(documents, "api/v1")["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]
    names = {one["name"] for one in item["patch"]["parameters"]}
    assert {"fieldValidation", "dryRun", "fieldManager", "force"} <= names
    mark = {"group": "", "version": "v1", "kind": "Pod"}
    assert item["patch"]["x-kubernetes-group-version-kind"] == mark


def test_kinds_are_marked(documents):
    schemas = load(documents, "apis/apps/v1")["components"]["schemas"]
    mark = {"group": "apps", "version": "v1", "kind": "Deployment"}
    found = schemas["io.k8s.api.apps.v1.Deployment"]
    assert found["x-kubernetes-group-version-kind"] == [mark]
    assert "io.k8s.api.apps.v1.DeploymentList" in schemas


def test_fields_say_how_they_merge(documents):
    schemas = load(documents, "api/v1")["components"]["schemas"]
    ports = schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"]
    assert ports["x-kubernetes-patch-merge-key"] == "containerPort"
    assert ports["x-kubernetes-patch-strategy"] == "merge"
    assert ports["x-kubernetes-list-type"] == "map"
    assert ports["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]
    selector = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["nodeSelector"]
    assert selector["x-kubernetes-map-type"] == "atomic"


def test_required_fields(documents):
    schemas = load(documents, "api/v1")["components"]["schemas"]
    assert schemas["io.k8s.api.core.v1.PodSpec"]["required"] == ["containers"]


def test_scale_is_a_path_of_its_own(documents):
    paths = load(documents, "apis/apps/v1")["paths"]
    scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]
    mark = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert scale["get"]["x-kubernetes-group-version-kind"] == mark


def test_an_unknown_group_has_no_document(documents):
    assert documents.v3("apis/no.such/v1") is None
    assert documents.v3("nonsense") is None


def test_version_2_holds_everything(documents):
    document = orjson.loads(documents.v2())
    known = {f"#/definitions/{name}" for name in document["definitions"]}
    assert set(references(document)) <= known
    assert "/apis/apps/v1/namespaces/{namespace}/deployments" in document["paths"]


def messages(body, span, number):
    """The spans of one field of a protobuf message."""
    return [inner for at, inner in scalars.fields(body, span) if at == number]


def named(body, span):
    """{name: span of the schema} of a message that holds named schemas."""
    found = {}
    for entry in messages(body, span, 1):
        ((_, name), (_, schema)) = scalars.fields(body, entry)
        found[scalars.text(body, name)] = schema
    return found


def test_protobuf_holds_the_schemas_of_version_2(documents):
    body = documents.v2_protobuf()
    fields = dict(scalars.fields(body, (0, len(body))))
    assert scalars.text(body, fields[1]) == "2.0"
    schemas = named(body, fields[9])
    assert list(schemas) == list(orjson.loads(documents.v2())["definitions"])
    pod = dict(scalars.fields(body, schemas["io.k8s.api.core.v1.Pod"]))
    properties = named(body, pod[25])
    assert set(properties) == {"apiVersion", "kind", "metadata", "spec", "status"}
    (reference,) = messages(body, properties["spec"], 1)
    assert scalars.text(body, reference) == "#/definitions/io.k8s.api.core.v1.PodSpec"
    assert b'[{"group":"","version":"v1","kind":"Pod"}]' in body[slice(*pod[31])]


@pytest.mark.parametrize(
    ("schema", "number"),
    [
        ({"type": "array", "items": {"type": "string"}}, 23),
        ({"type": "object", "additionalProperties": {"type": "string"}}, 21),
        ({"allOf": [{"type": "string"}]}, 24),
        ({"required": ["a"]}, 19),
    ],
)
def test_protobuf_has_what_schemas_hold(schema, number):
    document = {
        "swagger": "2.0",
        "info": {"title": "t", "version": "v"},
        "definitions": {"one": schema},
    }
    body = protobuf.encode(document)
    fields = dict(scalars.fields(body, (0, len(body))))
    assert messages(body, named(body, fields[9])["one"], number)


def test_bytes_are_kept(documents):
    assert documents.v3("apis/batch/v1") is documents.v3("apis/batch/v1")


def test_a_custom_resource_comes_and_goes():
    own = scheme.builtin()
    documents = Documents(own)
    documents.index()
    own.add(WIDGETS)
    size = {"type": "integer", "description": "How big."}
    documents.publish(WIDGETS, {"type": "object", "properties": {"size": size}})
    assert "apis/example.com/v1" in orjson.loads(documents.index())["paths"]
    schemas = load(documents, "apis/example.com/v1")["components"]["schemas"]
    widget = schemas["com.example.v1.Widget"]
    assert widget["properties"]["size"] == size
    assert "metadata" in widget["properties"]
    assert "com.example.v1.WidgetList" in schemas
    before = documents.v3_hash("apis/example.com/v1")
    documents.publish(WIDGETS, {"type": "object"})
    assert documents.v3_hash("apis/example.com/v1") != before
    own.remove(WIDGETS)
    documents.withdraw(WIDGETS)
    assert "apis/example.com/v1" not in orjson.loads(documents.index())["paths"]


FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({**FREE, "properties": {"a": TEXT}}, {"x-kubernetes-preserve-unknown-fields": True}),
        ({**TEXT, "nullable": True, "description": "d"}, {"description": "d"}),
        ({"type": "array", "items": {**TEXT, "not": {}}}, {"type": "array", "items": TEXT}),
        ({"type": "array", "nullable": True, "items": TEXT}, {}),
        ({"type": "object", "additionalProperties": {"type": "object", "anyOf": [{}]}},
         {"type": "object", "additionalProperties": {"type": "object"}}),
        ({"type": "object", "required": ["a", "b"],
          "properties": {"a": TEXT, "b": {**TEXT, "nullable": True}}},
         {"type": "object", "required": ["a"], "properties": {"a": TEXT, "b": {}}}),
    ],
)  # fmt: skip
def test_version_2_leaves_out_what_its_readers_misread(schema, told):
    own = scheme.builtin()
    documents = Documents(own)
    own.add(WIDGETS)
    documents.publish(WIDGETS, {"type": "object", "properties": {"part": schema}})
    found = orjson.loads(documents.v2())["definitions"]["com.example.v1.Widget"]
    assert found["properties"]["part"] == told
    whole = load(documents, "apis/example.com/v1")["components"]["schemas"]
    assert whole["com.example.v1.Widget"]["properties"]["part"] == schema


def test_a_resource_without_a_schema_may_hold_anything():
    own = scheme.builtin()
    documents = Documents(own)
    own.add(WIDGETS)
    documents.publish(WIDGETS, FREE)
    found = orjson.loads(documents.v2())["definitions"]["com.example.v1.Widget"]
    assert set(found) == {"type", "x-kubernetes-group-version-kind"}


def test_an_embedded_object_has_what_every_object_has():
    own = scheme.builtin()
    documents = Documents(own)
    own.add(WIDGETS)
    inner = {"type": "object", "x-kubernetes-embedded-resource": True, "required": ["kind"]}
    documents.publish(WIDGETS, {"type": "object", "properties": {"inner": inner}})
    for made in (
        load(documents, "apis/example.com/v1")["components"]["schemas"],
        orjson.loads(documents.v2())["definitions"],
    ):
        shown = made["com.example.v1.Widget"]["properties"]["inner"]
        assert shown["required"] == ["kind", "apiVersion"]
        assert set(shown["properties"]) == {"apiVersion", "kind", "metadata"}
