"""Walking objects along rules: sets, unknown kinds, odd shapes, and the laws of comparing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import scheme
from apimachinery.apply_rules import LEAF, UNKNOWN, Shape, of_model
from apimachinery.patch import fieldsets, structured

SCHEME = scheme.builtin()
POD = of_model(SCHEME.model_of("", "v1", "Pod"))
SERVICE = of_model(SCHEME.model_of("", "v1", "Service"))


def paths(fields: Any) -> list[str]:
    return list(fieldsets.paths(fields))


def finalizers(*names: str) -> dict[str, Any]:
    return {"metadata": {"finalizers": list(names)}}


def ports(*numbers: int, **more: Any) -> dict[str, Any]:
    return {"spec": {"ports": [{"port": number, **more} for number in numbers]}}


def test_sets_are_owned_value_by_value() -> None:
    fields = structured.field_set(finalizers("a", "b"), POD, applied=True)
    assert paths(fields) == ['.metadata.finalizers[="a"]', '.metadata.finalizers[="b"]']


def test_sets_merge_and_shrink() -> None:
    merged = structured.merge(finalizers("a", "b"), finalizers("c", "a"), POD)
    assert merged == finalizers("c", "a", "b")
    gone = structured.field_set(finalizers("a"), POD, applied=True)
    assert structured.prune(merged, gone, {}, POD) == {}


def test_only_the_values_nobody_keeps_go() -> None:
    gone = structured.field_set(finalizers("a", "b"), POD, applied=True)
    kept = structured.field_set(finalizers("b"), POD, applied=True)
    assert structured.prune(finalizers("a", "b"), gone, kept, POD) == finalizers("b")


def test_sets_compare_by_value() -> None:
    changes = structured.compare(finalizers("a", "b"), finalizers("b", "c"), POD)
    assert paths(changes.changed) == ['.metadata.finalizers[="c"]']
    assert paths(changes.removed) == ['.metadata.finalizers[="a"]']


def test_another_order_is_no_change_of_ownership() -> None:
    assert not structured.compare(ports(80, 81), ports(81, 80), SERVICE)


def test_references_and_selectors_are_one_value() -> None:
    obj = {"spec": {"selector": {"a": "1", "b": "2"}}}
    assert paths(structured.field_set(obj, SERVICE, applied=True)) == [".spec.selector"]
    merged = structured.merge(obj, {"spec": {"selector": {"c": "3"}}}, SERVICE)
    assert merged == {"spec": {"selector": {"c": "3"}}}


def test_empty_objects_are_owned_empty_lists_are_not() -> None:
    obj = {"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "containers": []}}
    assert paths(structured.field_set(obj, POD, applied=True)) == [
        '.spec.volumes[name="v"]',
        '.spec.volumes[name="v"].emptyDir',
        '.spec.volumes[name="v"].name',
    ]


def test_a_kind_without_a_model_is_owned_leaf_by_leaf() -> None:
    obj = {"spec": {"a": {"b": 1}, "list": [{"c": 2}]}}
    rule = of_model(None)
    assert rule is UNKNOWN
    assert paths(structured.field_set(obj, rule, applied=True)) == [".spec.a.b", ".spec.list"]
    merged = structured.merge(obj, {"spec": {"list": [3], "x": 4}}, rule)
    assert merged == {"spec": {"a": {"b": 1}, "list": [3], "x": 4}}


@pytest.mark.parametrize("odd", ["text", [1], [{"name": "no port"}], [[1]]], ids=str)
def test_a_list_that_is_none_changes_as_a_whole(odd: Any) -> None:
    changes = structured.compare(ports(80), {"spec": {"ports": odd}}, SERVICE)
    assert paths(changes.changed) == [".spec.ports"]
    merged = structured.merge(ports(80), {"spec": {"ports": odd}}, SERVICE)
    assert merged["spec"]["ports"] == odd


def test_an_emptied_map_is_owned_by_who_emptied_it() -> None:
    old = {"metadata": {"labels": {"a": "1"}}}
    changes = structured.compare(old, {"metadata": {"labels": {}}}, POD)
    assert paths(changes.changed) == [".metadata.labels"]
    assert paths(changes.removed) == [".metadata.labels.a"]


def test_repeated_items_merge_into_the_first() -> None:
    old = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]}}
    merged = structured.merge(old, ports(80, nodePort=1), SERVICE)
    assert merged["spec"]["ports"] == [{"port": 80, "name": "a", "nodePort": 1}]


def test_pruning_inside_an_item_keeps_the_item() -> None:
    obj = ports(80, name="a")
    gone = structured.field_set(obj, SERVICE, applied=True)
    kept = structured.field_set(ports(80), SERVICE, applied=True)
    assert structured.prune(obj, gone, kept, SERVICE) == ports(80)


def test_atomic_messages_are_leaves_wherever_they_appear() -> None:
    assert POD.child("metadata").child("ownerReferences").item is LEAF
    assert POD.child("spec").child("containers").shape is Shape.KEYED


CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abc")},
        optional={"image": st.sampled_from("12"), "args": st.lists(st.just("x"), max_size=2)},
    ),
    max_size=3,
    unique_by=lambda one: one["name"],
)
PODS = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional={"labels": st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))}
        ),
        "spec": st.fixed_dictionaries({}, optional={"containers": CONTAINERS}),
    },
)


@given(PODS)
def test_nothing_differs_from_itself(obj: Any) -> None:
    assert not structured.compare(obj, obj, POD)


@given(PODS, PODS)
def test_laying_twice_is_laying_once(old: Any, new: Any) -> None:
    once = structured.merge(old, new, POD)
    assert structured.merge(once, new, POD) == once
    assert not structured.compare(once, structured.merge(once, new, POD), POD).changed


@given(PODS, PODS)
def test_laying_over_removes_nothing(old: Any, new: Any) -> None:
    assert not structured.compare(old, structured.merge(old, new, POD), POD).removed


@given(PODS, PODS)
def test_what_changed_one_way_is_what_goes_the_other_way(old: Any, new: Any) -> None:
    there, back = structured.compare(old, new, POD), structured.compare(new, old, POD)
    assert bool(there) == bool(back)


@given(PODS)
def test_without_all_its_fields_nothing_is_left(obj: Any) -> None:
    fields = structured.field_set(obj, POD, applied=False)
    left = structured.prune(obj, fields, {}, POD)
    assert structured.field_set(left, POD, applied=True) == {}
