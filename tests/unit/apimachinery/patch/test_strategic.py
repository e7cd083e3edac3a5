"""Strategic merge patch on the real models: keyed lists, directives, order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import scheme, status
from apimachinery.patch import strategic

SCHEME = scheme.builtin()
POD = SCHEME.model_of("", "v1", "Pod")
DEPLOYMENT = SCHEME.model_of("apps", "v1", "Deployment")
SERVICE = SCHEME.model_of("", "v1", "Service")


def pod(*containers: Any, **more: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **more}}


def patched(obj: Any, change: Any) -> list[Any]:
    return strategic.patch(obj, change, POD)["spec"]["containers"]


A = {"name": "a", "image": "1"}
B = {"name": "b", "image": "2"}


def test_an_item_keeps_its_place() -> None:
    assert patched(pod(A, B), pod({"name": "b", "image": "3"}))[1]["image"] == "3"


def test_new_items_come_first_as_in_kubernetes() -> None:
    assert [one["name"] for one in patched(pod(A, B), pod({"name": "c"}))] == ["c", "a", "b"]


def test_set_element_order_decides() -> None:
    change = pod({"name": "c"})
    change["spec"]["$setElementOrder/containers"] = [{"name": n} for n in "bca"]
    assert [one["name"] for one in patched(pod(A, B), change)] == ["b", "c", "a"]


def test_set_element_order_alone_reorders() -> None:
    change = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert patched(pod(A, B), change) == [B, A]


def test_items_that_the_order_does_not_know_keep_their_neighbours() -> None:
    change = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    names = [one["name"] for one in patched(pod({"name": "x"}, A, B, {"name": "y"}), change)]
    assert names == ["x", "b", "a", "y"]


def test_delete_directive() -> None:
    assert patched(pod(A, B), pod({"name": "a", "$patch": "delete"})) == [B]
    assert patched(pod(A), pod({"name": "z", "$patch": "delete"})) == [A]


def test_replace_directive_in_a_list() -> None:
    assert patched(pod(A, B), pod({"$patch": "replace"}, {"name": "n"})) == [{"name": "n"}]


def test_replace_directive_in_a_map() -> None:
    obj = {"metadata": {"labels": {"a": "1"}}}
    change = {"metadata": {"labels": {"$patch": "replace", "b": "2"}}}
    assert strategic.patch(obj, change, POD) == {"metadata": {"labels": {"b": "2"}}}


def test_delete_directive_in_a_map() -> None:
    obj = {"metadata": {"labels": {"a": "1"}}}
    change = {"metadata": {"labels": {"$patch": "delete"}}}
    assert strategic.patch(obj, change, POD) == {"metadata": {"labels": {}}}


def test_null_deletes_a_field_and_a_list() -> None:
    assert patched(pod(A), pod({"name": "a", "image": None})) == [{"name": "a"}]
    assert strategic.patch(pod(A), {"spec": {"containers": None}}, POD) == {"spec": {}}


def test_nulls_never_arrive_in_new_objects() -> None:
    change = pod({"name": "c", "image": None, "env": [{"name": "X", "value": None}]})
    assert patched(pod(), change) == [{"name": "c", "env": [{"name": "X"}]}]


def test_lists_without_a_key_are_replaced() -> None:
    obj = pod({"name": "a", "args": ["x"]})
    assert patched(obj, pod({"name": "a", "args": ["y"]})) == [{"name": "a", "args": ["y"]}]


def test_lists_of_scalars_unite_and_lose_single_values() -> None:
    obj = {"metadata": {"finalizers": ["a", "b"]}}
    change = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}
    assert set(strategic.patch(obj, change, POD)["metadata"]["finalizers"]) == {"b", "c"}


def test_retain_keys_switches_a_union() -> None:
    obj = pod(A, volumes=[{"name": "v", "emptyDir": {}}])
    volume = {"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}
    made = strategic.patch(obj, {"spec": {"volumes": [volume]}}, POD)
    assert made["spec"]["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]


def test_retain_keys_of_a_deployment_strategy() -> None:
    obj = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    change = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    made = strategic.patch(obj, change, DEPLOYMENT)
    assert made == {"spec": {"strategy": {"type": "Recreate"}}}


def test_numbers_are_merge_keys_too() -> None:
    obj = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}
    change = {"spec": {"ports": [{"port": 81, "nodePort": 30000}]}}
    ports = strategic.patch(obj, change, SERVICE)["spec"]["ports"]
    assert ports[1] == {"port": 81, "name": "b", "nodePort": 30000}


def test_merge_directive_is_what_happens_anyway() -> None:
    obj = {"metadata": {"labels": {"a": "1"}}}
    change = {"metadata": {"labels": {"$patch": "merge", "b": "2"}}}
    assert strategic.patch(obj, change, POD) == {"metadata": {"labels": {"a": "1", "b": "2"}}}


def test_an_order_for_a_list_that_goes() -> None:
    change = {"spec": {"$setElementOrder/containers": [], "containers": None}}
    assert strategic.patch(pod(A), change, POD) == {"spec": {}}


def test_an_order_for_a_list_that_nobody_has() -> None:
    change = {"spec": {"$setElementOrder/volumes": [{"name": "v"}]}}
    assert strategic.patch(pod(A), change, POD) == pod(A)


def test_an_order_for_a_list_that_is_replaced() -> None:
    toleration = {"key": "a"}
    change = {"spec": {"$setElementOrder/tolerations": [], "tolerations": [toleration]}}
    obj = pod(A, tolerations=[{"key": "b"}])
    assert strategic.patch(obj, change, POD) == pod(A, tolerations=[toleration])


def test_items_of_a_list_of_scalars_are_no_objects() -> None:
    with pytest.raises(status.Invalid, match="without merge key"):
        strategic.patch(
            {"metadata": {"finalizers": ["a"]}}, {"metadata": {"finalizers": [{"a": "b"}]}}, POD
        )


@pytest.mark.parametrize(
    "change",
    [
        pod({"image": "x"}),
        pod("text"),
        pod([A]),
        {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name"], "emptyDir": {}}]}},
    ],
    ids=str,
)
def test_what_does_not_fit_is_unprocessable(change: Any) -> None:
    with pytest.raises(status.Invalid):
        strategic.patch(pod(A, volumes=[{"name": "v"}]), change, POD)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(status.Invalid, match="does not contain declared merge key: name"):
        strategic.patch(pod(A), pod({"image": "x"}), POD)


@pytest.mark.parametrize(
    "change",
    [
        [],
        None,
        {"spec": {"$patch": "explode"}},
        {"spec": {"$retainKeys": "x"}},
        {"spec": {"$setElementOrder/containers": "x"}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": 1}},
    ],
    ids=str,
)
def test_what_is_no_patch_is_a_bad_request(change: Any) -> None:
    with pytest.raises(status.BadRequest):
        strategic.patch(pod(A) | {"metadata": {}}, change, POD)


def test_unknown_fields_merge_like_json() -> None:
    assert strategic.patch({"odd": {"a": 1, "l": [1]}}, {"odd": {"b": 2, "l": [2]}}, POD) == {
        "odd": {"a": 1, "b": 2, "l": [2]}
    }


CONTAINERS = st.fixed_dictionaries(
    {"name": st.sampled_from("abcd")},
    optional={
        "image": st.sampled_from(["1", "2"]),
        "args": st.lists(st.sampled_from("xy"), max_size=2),
        "env": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from("XY"), "value": st.text(max_size=2)}),
            max_size=2,
            unique_by=lambda one: one["name"],
        ),
    },
)
PODS = st.lists(CONTAINERS, max_size=4, unique_by=lambda one: one["name"]).map(lambda c: pod(*c))


@given(PODS, PODS)
def test_patching_twice_is_patching_once(obj: Any, change: Any) -> None:
    once = strategic.patch(obj, change, POD)
    assert strategic.patch(once, change, POD) == once


@given(PODS, PODS)
def test_every_item_of_both_sides_is_there_once(obj: Any, change: Any) -> None:
    names = [one["name"] for one in strategic.patch(obj, change, POD)["spec"]["containers"]]
    expected = {one["name"] for one in obj["spec"]["containers"] + change["spec"]["containers"]}
    assert len(names) == len(set(names))
    assert set(names) == expected


@given(PODS, PODS)
def test_arguments_stay_as_they_are(obj: Any, change: Any) -> None:
    before = repr((obj, change))
    strategic.patch(obj, change, POD)
    assert repr((obj, change)) == before


@given(PODS)
def test_the_empty_patch_changes_nothing(obj: Any) -> None:
    assert strategic.patch(obj, {}, POD) == obj


@given(PODS, PODS)
def test_an_order_for_all_is_the_order(obj: Any, change: Any) -> None:
    merged = strategic.patch(obj, change, POD)["spec"]["containers"]
    order = sorted((one["name"] for one in merged), reverse=True)
    change["spec"]["$setElementOrder/containers"] = [{"name": name} for name in order]
    again = strategic.patch(obj, change, POD)["spec"]["containers"]
    assert [one["name"] for one in again] == order


@given(PODS, PODS)
def test_an_object_of_ones_own_is_spent_for_the_same_result(obj: Any, change: Any) -> None:
    wanted = strategic.patch(obj, change, POD)
    before = repr(change)
    assert strategic.patch(obj, change, POD, own=True) == wanted
    assert repr(change) == before, "the next round after a lost race patches with it again"
