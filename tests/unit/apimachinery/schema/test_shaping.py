"""Pruning and defaulting along a schema."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apimachinery.schema import defaulting, pruning
from apimachinery.schema.node import Node


def pruned(obj: dict[str, Any], **schema: Any) -> list[str]:
    unknown: list[str] = []
    pruning.prune(obj, Node({"type": "object", **schema}), unknown)
    return unknown


def filled(obj: dict[str, Any], **properties: Any) -> dict[str, Any]:
    defaulting.fill(obj, Node({"type": "object", "properties": properties}))
    return obj


def without_nulls(obj: dict[str, Any], **properties: Any) -> dict[str, Any]:
    assert pruned(obj, properties=properties) == []
    return obj


def test_unknown_fields_go_and_are_named() -> None:
    obj = {"apiVersion": "v1", "metadata": {"x": 1}, "spec": {"a": [{"b": 1, "c": 2}]}, "z": 1}
    spec = {"type": "object", "properties": {"a": {"type": "array", "items": {
        "type": "object", "properties": {"b": {"type": "integer"}}}}}}  # fmt: skip
    assert pruned(obj, properties={"spec": spec}) == ["spec.a[0].c", "z"]
    assert obj == {"apiVersion": "v1", "metadata": {"x": 1}, "spec": {"a": [{"b": 1}]}}


def test_preserved_fields_stay_and_known_ones_below_are_pruned() -> None:
    keep = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"known": {"type": "object", "properties": {}}},
    }
    obj: dict[str, Any] = {"spec": {"free": {"x": 1}, "known": {"x": 1}}}
    assert pruned(obj, properties={"spec": keep}) == ["spec.known.x"]
    assert obj == {"spec": {"free": {"x": 1}, "known": {}}}


def test_free_keys() -> None:
    labels = {"type": "object", "additionalProperties": {"type": "object"}}
    obj = {"spec": {"any": {"x": 1}}}
    assert pruned(obj, properties={"spec": labels}) == ["spec.any.x"]
    anything = {"type": "object", "additionalProperties": True}
    assert pruned({"spec": {"any": {"x": 1}}}, properties={"spec": anything}) == []


def test_embedded_objects_keep_what_every_object_has() -> None:
    embedded = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "properties": {"spec": {"type": "object"}},
    }
    obj = {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "data": 1}}
    assert pruned(obj, properties={"pod": embedded}) == ["pod.data"]


def test_metadata_of_embedded_objects_has_the_fields_of_all_metadata() -> None:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True}
    metadata = {"name": "a", "labels": {"x": "y"}, "nickname": "b"}
    obj = {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}}
    assert pruned(obj, properties={"pod": embedded}) == ["pod.metadata.nickname"]
    assert metadata == {"name": "a", "labels": {"x": "y"}}


def test_defaults_fill_in_what_is_absent() -> None:
    size = {"type": "integer", "default": 3}
    spec = {"type": "object", "properties": {"size": size}}
    assert filled({"spec": {}}, spec=spec) == {"spec": {"size": 3}}
    assert filled({"spec": {"size": 0}}, spec=spec) == {"spec": {"size": 0}}
    assert filled({}, spec=spec) == {}


def test_a_default_object_is_filled_in_itself() -> None:
    size = {"type": "integer", "default": 3}
    spec = {"type": "object", "default": {}, "properties": {"size": size}}
    assert filled({}, spec=spec) == {"spec": {"size": 3}}


def test_null_stands_for_the_default_where_null_may_not_be() -> None:
    assert filled({"a": None}, a={"type": "string", "default": "x"}) == {"a": "x"}
    nullable = {"type": "string", "default": "x", "nullable": True}
    assert filled({"a": None}, a=nullable) == {"a": None}
    assert filled({}, a=nullable) == {"a": "x"}


def test_null_means_absent_where_null_may_not_be() -> None:
    text = {"type": "string"}
    held = {"type": "array", "items": {"type": "object", "properties": {"env": text}}}
    assert without_nulls(
        {"spec": {"env": None}}, spec={"type": "object", "properties": {"env": text}}
    ) == ({"spec": {}})
    assert without_nulls({"l": [{"env": None}, None]}, l=held) == {"l": [{}, None]}
    assert without_nulls({"a": None}, a={**text, "nullable": True}) == {"a": None}
    assert without_nulls({"a": None}, a={**text, "default": "x"}) == {"a": None}
    free = {"type": "object", "additionalProperties": text}
    assert without_nulls({"m": {"k": None}}, m=free) == {"m": {}}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert without_nulls({"m": {"k": None}}, m=anything) == {"m": {"k": None}}
    assert without_nulls(
        {"m": {"k": None}}, m={"type": "object", "additionalProperties": True}
    ) == ({"m": {"k": None}})


def test_defaults_reach_into_lists_and_maps() -> None:
    item = {"type": "object", "properties": {"w": {"type": "integer", "default": 1}}}
    lists = {"type": "array", "items": item}
    maps = {"type": "object", "additionalProperties": item}
    assert filled({"l": [{}, {"w": 2}]}, l=lists) == {"l": [{"w": 1}, {"w": 2}]}
    assert filled({"m": {"k": {}}}, m=maps) == {"m": {"k": {"w": 1}}}


def test_a_default_is_not_shared_between_objects() -> None:
    spec = {"type": "object", "default": {"a": 1}, "properties": {"a": {"type": "integer"}}}
    node = Node({"type": "object", "properties": {"spec": spec}})
    one: dict[str, Any] = {}
    defaulting.fill(one, node)
    one["spec"]["a"] = 2
    other: dict[str, Any] = {}
    defaulting.fill(other, node)
    assert other == {"spec": {"a": 1}}


SPEC = {
    "type": "object",
    "properties": {
        "a": {"type": "integer", "default": 1},
        "b": {"type": "array", "items": {"type": "object", "default": {}, "properties": {
            "c": {"type": "string", "default": "x"}}}},
    },
}  # fmt: skip
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_both_are_idempotent(value: Any) -> None:
    obj = {"spec": value}
    node = Node({"type": "object", "properties": {"spec": SPEC}})
    pruning.prune(obj, node, [])
    defaulting.fill(obj, node)
    again: list[str] = []
    before = repr(obj)
    pruning.prune(obj, node, again)
    defaulting.fill(obj, node)
    assert (repr(obj), again) == (before, [])
