"""Schemas that may not be used, and why."""

from typing import Any

import pytest

from apimachinery.schema import structural

ROOT = "schema"


def problems(**schema: Any) -> list[str]:
    """Messages about the schema of a field `spec`."""
    root = {"type": "object", "properties": {"spec": schema}}
    found = [error.message() for error in structural.check(root, ROOT)]
    return [one.removeprefix("schema.properties[spec].") for one in found]


def test_the_root_is_an_object() -> None:
    assert [one.message() for one in structural.check({}, ROOT)] == [
        "schema.type: Required value: must not be empty at the root"
    ]
    assert [one.message() for one in structural.check({"type": "string"}, ROOT)] == [
        'schema.type: Invalid value: "string": must be object at the root'
    ]


def test_only_the_name_of_the_root_may_be_restricted() -> None:
    metadata = {"type": "object", "properties": {"labels": {"type": "object"}}}
    root = {"type": "object", "properties": {"metadata": metadata}}
    assert [one.message() for one in structural.check(root, ROOT)] == [
        (
            "schema.properties[metadata]: Forbidden: must not specify anything other than name and "
            "generateName, but metadata is implicitly specified"
        )
    ]
    metadata["properties"] = {"name": {"type": "string", "maxLength": 5}}
    assert structural.check(root, ROOT) == []


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({}, "type: Required value: must not be empty for specified object fields"),
        (
            {"type": "array", "items": {}},
            "items.type: Required value: must not be empty for specified array items",
        ),
        ({"type": "array"}, "items: Required value: must be specified"),
        (
            {"type": "strin"},
            ('type: Unsupported value: "strin": supported values: "array", "boolean", "integer", '
            '"number", "object", "string"'),
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string"}},
             "additionalProperties": {"type": "string"}},
            ("additionalProperties: Forbidden: additionalProperties and properties are mutual "
            "exclusive"),
        ),
        ({"type": "string", "$ref": "#/x"}, "$ref: Forbidden: $ref is not supported"),
        (
            {"type": "string", "pattern": "["},
            ('pattern: Invalid value: "[": must be a valid regular expression, but isn\'t: '
            "missing ]: ["),
        ),
        (
            {"type": "string", "x-kubernetes-int-or-string": True},
            "type: Forbidden: must be empty if x-kubernetes-int-or-string is true",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            ("uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime "
            "complexity becomes quadratic"),
        ),
        (
            {"type": "object", "x-kubernetes-preserve-unknown-fields": False},
            "x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined",
        ),
        (
            {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}},
            ("x-kubernetes-list-map-keys: Required value: must not be empty if "
            "x-kubernetes-list-type is map"),
        ),
        (
            {"type": "string", "anyOf": [{"type": "string"}]},
            "anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            {"type": "object", "anyOf": [{"properties": {"x": {"minimum": 1}}}]},
            ("properties[x]: Required value: because it is defined in "
            "schema.properties[spec].anyOf[0].properties[x]"),
        ),
        (
            {"type": "integer", "default": "x"},
            'default: Invalid value: "string":  in body must be of type integer: "string"',
        ),
        (
            {"type": "object", "default": {"a": 1}, "properties": {}},
            'default: Invalid value: {"a":1}: must not have unknown fields: a',
        ),
    ],
)  # fmt: skip
def test_refused(schema: dict[str, Any], message: str) -> None:
    assert problems(**schema) == [message]


@pytest.mark.parametrize(
    "schema",
    [
        {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"x-kubernetes-preserve-unknown-fields": True},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "default": {}, "properties": {"a": {"type": "integer", "default": 1}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{"required": ["a"]}]},
    ],
)
def test_accepted(schema: dict[str, Any]) -> None:
    assert problems(**schema) == []


def test_a_bottomless_schema_is_refused() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(structural.MAX_DEPTH + 5):
        schema = {"type": "object", "properties": {"a": schema}}
    assert "nest deeper" in structural.check(schema, ROOT)[0].message()


MAP = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["k", "k"],
    "items": {
        "type": "object",
        "required": ["k"],
        "nullable": True,
        "properties": {"k": {"type": "string", "nullable": True}},
    },
}


@pytest.mark.parametrize(
    ("schema", "messages"),
    [
        (
            MAP,
            [
                (
                    "items.properties[k].nullable: Forbidden: this property is in "
                    "x-kubernetes-list-map-keys, so it cannot be nullable"
                ),
                (
                    'x-kubernetes-list-map-keys: Invalid value: ["k","k"]: must not contain '
                    "duplicate entries"
                ),
                (
                    "items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is "
                    "map"
                ),
            ],
        ),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "object"}},
            [
                (
                    'items.x-kubernetes-map-type: Invalid value: "null": must be atomic as item of '
                    "a list with x-kubernetes-list-type=set"
                )
            ],
        ),
        (
            {"type": "string", "x-kubernetes-map-type": "atomic"},
            [
                (
                    'type: Invalid value: "string": must be object if x-kubernetes-map-type is '
                    "specified"
                )
            ],
        ),
    ],
)
def test_what_items_of_lists_must_be(schema, messages) -> None:
    assert list(dict.fromkeys(problems(**schema))) == messages
