"""Which rules are asked about which values."""

import datetime as dt
from typing import Any

from apimachinery.schema import expressions
from apimachinery.schema.node import Node

OBJECT = {"type": "object"}


def rules(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [{"rule": text, **more} for text in texts]


def asked(new: Any, old: Any = None, **properties: Any) -> list[tuple[str, str, Any]]:
    """(path, rule, self) of every job."""
    node = Node({"type": "object", "properties": properties})
    return [
        (expressions.dotted(job.path), job.expression, job.variables["self"])
        for job in expressions.jobs(new, old, node)
    ]


SIZE = {"type": "integer", "x-kubernetes-validations": rules("self > 0")}


def test_each_place_with_a_rule_is_asked() -> None:
    items = {"type": "array", "items": SIZE}
    found = asked({"l": [1, 2], "s": 3, "z": 1}, l=items, s=SIZE)
    assert [(path, value) for path, _, value in found] == [("l[0]", 1), ("l[1]", 2), ("s", 3)]


def test_what_is_absent_or_null_is_not() -> None:
    assert asked({}, s=SIZE) == []
    assert asked({"s": None}, s={**SIZE, "nullable": True}) == []


def test_what_has_not_changed_is_not() -> None:
    assert asked({"s": 0}, {"s": 0}, s=SIZE) == []
    assert len(asked({"s": 1}, {"s": 0}, s=SIZE)) == 1


def test_rules_about_the_old_state_need_one() -> None:
    kept = {"type": "integer", "x-kubernetes-validations": rules("self == oldSelf")}
    assert asked({"s": 1}, s=kept) == []
    assert asked({"s": 1}, {}, s=kept) == []
    assert len(asked({"s": 1}, {"s": 1}, s=kept)) == 1


def test_items_find_their_old_state_by_key() -> None:
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "v": {"type": "integer"}},
        "x-kubernetes-validations": rules("self.v >= oldSelf.v"),
    }
    keyed = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": item,
    }
    new = {"l": [{"name": "b", "v": 2}, {"name": "a", "v": 1}]}
    old = {"l": [{"name": "a", "v": 0}]}
    assert [path for path, _, _ in asked(new, old, l=keyed)] == ["l[1]"]
    assert asked(new, old, l={**keyed, "x-kubernetes-list-type": "atomic"}) == []


def test_values_are_typed_by_the_schema() -> None:
    spec = {
        "type": "object",
        "properties": {
            "n": {"type": "number"},
            "at": {"type": "string", "format": "date-time"},
            "for": {"type": "string", "format": "duration"},
            "a-b": {"type": "string"},
        },
        "x-kubernetes-validations": rules("true"),
    }
    ((_, _, seen),) = asked(
        {"spec": {"n": 1, "at": "2026-01-01T00:00:00Z", "for": "1m30s", "a-b": "x", "other": 1}},
        spec=spec,
    )
    assert seen == {
        "n": 1.0,
        "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "__for__": dt.timedelta(seconds=90),
        "a__dash__b": "x",
    }
    assert type(seen["n"]) is float


def test_the_root_shows_its_name() -> None:
    node = Node({"type": "object", "x-kubernetes-validations": rules("true")})
    obj = {"apiVersion": "v1", "kind": "A", "metadata": {"name": "n", "labels": {}}}
    (job,) = expressions.jobs(obj, None, node)
    assert job.variables["self"] == {**obj, "metadata": {"name": "n"}}


def test_errors() -> None:
    spec = {**OBJECT, "x-kubernetes-validations": rules("self.a", message="no", fieldPath=".a")}
    node = Node({"type": "object", "properties": {"spec": spec}})
    (job,) = expressions.jobs({"spec": {}}, None, node)
    assert job.error("").message() == 'spec.a: Invalid value: "object": no'
    assert job.error("other").message() == 'spec.a: Invalid value: "object": other'
    assert job.error("", failed="no such key: a").message() == (
        'spec.a: Invalid value: "object": no such key: a evaluating rule: no'
    )


def test_names_that_are_no_identifiers() -> None:
    assert [expressions.escape(one) for one in ("a", "in", "a.b", "a/b", "a__b")] == [
        "a", "__in__", "a__dot__b", "a__slash__b", "a__underscores__b",
    ]  # fmt: skip
