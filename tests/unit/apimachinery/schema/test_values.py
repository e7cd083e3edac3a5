"""What a schema says of values, in Kubernetes' words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.schema import values
from apimachinery.schema.node import Node


def problems(spec: Any, **schema: Any) -> list[str]:
    """Messages about `spec`, whose schema is given."""
    root = Node({"type": "object", "properties": {"spec": schema}})
    return [error.message() for error in values.validate({"spec": spec}, root, None)]


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (
            {"type": "integer"},
            "3",
            'spec: Invalid value: "string": spec in body must be of type integer: "string"',
        ),
        (
            {"type": "string"},
            None,
            'spec: Invalid value: "null": spec in body must be of type string: "null"',
        ),
        (
            {"x-kubernetes-int-or-string": True},
            1.5,
            'spec: Invalid value: "number": spec in body must be of type integer,string: "number"',
        ),
        (
            {"type": "boolean"},
            1,
            'spec: Invalid value: "integer": spec in body must be of type boolean: "integer"',
        ),
        (
            {"type": "integer", "minimum": 1},
            0,
            "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
        ),
        (
            {"type": "number", "maximum": 0.5, "exclusiveMaximum": True},
            0.5,
            "spec: Invalid value: 0.5: spec in body should be less than 0.5",
        ),
        (
            {"type": "integer", "multipleOf": 3},
            4,
            "spec: Invalid value: 4: spec in body should be a multiple of 3",
        ),
        (
            {"type": "integer", "format": "int32"},
            2**31,
            (
                "spec: Invalid value: 2147483648: Checked value must be of type integer with format "
                "int32 in spec"
            ),
        ),
        (
            {"type": "string", "enum": ["a", "b"]},
            "c",
            'spec: Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            {"type": "string", "pattern": r"^\d+$"},
            "x",
            "spec: Invalid value: \"x\": spec in body should match '^\\d+$'",
        ),
        (
            {"type": "string", "maxLength": 2},
            "abc",
            "spec: Too long: may not be more than 2 bytes",
        ),
        (
            {"type": "string", "minLength": 2},
            "a",
            'spec: Invalid value: "a": spec in body should be at least 2 chars long',
        ),
        (
            {"type": "string", "format": "email"},
            "x",
            'spec: Invalid value: "x": spec in body must be of type email: "x"',
        ),
        (
            {"type": "array", "items": {"type": "string"}, "maxItems": 1},
            ["a", "b"],
            "spec: Too many: 2: must have at most 1 item",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            [],
            "spec: Invalid value: 0: spec in body should have at least 1 items",
        ),
        (
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
            {},
            "spec.a: Required value",
        ),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            ["a", "a"],
            'spec[1]: Duplicate value: "a"',
        ),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"k": "v"},
            'spec.k: Invalid value: "string": spec.k in body must be of type integer: "string"',
        ),
        (
            {"type": "string", "not": {"enum": ["a"]}},
            "a",
            '<nil>: Invalid value: "": "spec" must not validate the schema (not)',
        ),
    ],
)
def test_messages(schema: dict[str, Any], value: Any, message: str) -> None:
    assert problems(value, **schema) == [message]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 3.0),
        ({"type": "number"}, 3),
        ({"type": "string", "nullable": True}, None),
        ({"x-kubernetes-int-or-string": True}, "50%"),
        ({"type": "integer", "enum": [1, 2]}, 1.0),
        ({"type": "string", "format": "no-such-format"}, "x"),
        ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00.5+01:00"),
        ({"type": "string", "maxLength": 2}, "äö"),
        ({}, {"anything": [1]}),
    ],
)
def test_what_fits(schema: dict[str, Any], value: Any) -> None:
    assert problems(value, **schema) == []


def test_items_of_a_map_like_list_are_told_apart_by_their_keys_and_defaults() -> None:
    ports = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {
            "type": "object",
            "properties": {
                "port": {"type": "integer"},
                "protocol": {"type": "string", "default": "TCP"},
            },
        },
    }
    assert problems([{"port": 1}, {"port": 1, "protocol": "UDP"}], **ports) == []
    assert problems([{"port": 1}, {"port": 1, "protocol": "TCP"}], **ports) == [
        'spec[1]: Duplicate value: {"port":1,"protocol":"TCP"}'
    ]


def test_one_of_needs_exactly_one() -> None:
    both = {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert problems({"a": 1}, **both) == []
    assert problems({"a": 1, "b": 1}, **both) == [
        (
            '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). '
            "Found 2 valid alternatives"
        )
    ]
    assert problems({}, **both)[0].endswith("Found none valid")


def test_any_of_shows_the_nearest_alternative() -> None:
    either = {"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]}
    assert problems({}, **either) == [
        '<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)',
        "spec.c: Required value",
    ]


def test_embedded_objects_say_what_they_are() -> None:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True}
    assert problems({"kind": "Pod"}, **embedded) == [
        "spec.apiVersion: Required value: must not be empty"
    ]


def test_what_was_wrong_before_may_stay() -> None:
    root = Node({"type": "object", "properties": {
        "a": {"type": "integer", "minimum": 5},
        "b": {"type": "object", "required": ["x"], "properties": {}},
    }})  # fmt: skip
    old = {"a": 1, "b": {}}
    assert values.validate({"a": 1, "b": {}, "c": 1}, root, old) == []
    assert len(values.validate({"a": 2, "b": {}}, root, old)) == 1
    assert len(values.validate({"a": 1, "b": {"y": 1}}, root, old)) == 1


def test_a_pattern_takes_linear_time() -> None:
    assert problems("a" * 50_000 + "!", type="string", pattern="^(a+)+$")


def test_errors_are_bounded() -> None:
    items = {"type": "array", "items": {"type": "string"}}
    assert len(problems(list(range(1000)), **items)) == values.MAX_ERRORS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_no_value_breaks_it(value: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "multipleOf": 2, "enum": [1, "x", None]}},
        "additionalProperties": {
            "type": "array",
            "x-kubernetes-list-type": "set",
            "items": {"oneOf": [{"maxLength": 1}, {"minimum": 1}], "format": "uri"},
        },
    }
    assert isinstance(problems(value, **schema), list)
