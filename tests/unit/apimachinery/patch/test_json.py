"""JSON patch: the library's results, Kubernetes' errors, our bounds."""

from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import status
from apimachinery.patch import json

VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
DOCUMENTS = st.dictionaries(
    st.sampled_from("abc"),
    VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.sampled_from("abc"), VALUES),
    max_size=3,
)


@given(DOCUMENTS, DOCUMENTS)
def test_the_difference_of_two_documents_leads_from_one_to_the_other(one: Any, other: Any) -> None:
    operations = jsonpatch.make_patch(one, other).patch
    assert json.patch(one, operations) == other


POINTERS = st.lists(st.sampled_from(["a", "b", "0", "-", "-1", "~", ""]), max_size=3).map(
    lambda steps: "".join(f"/{step}" for step in steps)
)
OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": POINTERS | VALUES,
        "from": POINTERS | VALUES,
        "value": DOCUMENTS,
    },
)


@given(DOCUMENTS, st.lists(OPERATIONS, max_size=3))
def test_any_patch_is_done_or_refused(document: Any, operations: Any) -> None:
    try:
        json.patch(document, operations)
    except (status.BadRequest, status.Invalid):
        return


def test_all_operations_in_order() -> None:
    document = {"spec": {"replicas": 1, "list": ["a"]}}
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
        {"op": "add", "path": "/spec/list/-", "value": "b"},
        {"op": "copy", "from": "/spec/list", "path": "/copy"},
        {"op": "move", "from": "/spec/list/0", "path": "/first"},
        {"op": "remove", "path": "/spec/list"},
    ]
    assert json.patch(document, operations) == {
        "spec": {"replicas": 2},
        "copy": ["a", "b"],
        "first": "a",
    }
    assert document == {"spec": {"replicas": 1, "list": ["a"]}}


def test_keys_with_slashes_are_escaped() -> None:
    operations = [{"op": "add", "path": "/labels/a.b~1c", "value": "x"}]
    assert json.patch({"labels": {}}, operations) == {"labels": {"a.b/c": "x"}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "test", "path": "/b", "value": 2},
        {"op": "remove", "path": "/b"},
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "add", "path": "/b/c", "value": 1},
        {"op": "add", "path": "/a/c", "value": 1},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "/list/x", "value": 1},
        {"op": "copy", "from": "/b", "path": "/c"},
        {"op": "replace", "path": "", "value": 3},
    ],
    ids=str,
)
def test_what_cannot_be_done_is_unprocessable(operation: Any) -> None:
    with pytest.raises(status.Invalid, match="the server rejected our request") as caught:
        json.patch({"a": 1, "list": []}, [operation])
    assert caught.value.code == 422


@pytest.mark.parametrize(
    "operations",
    [
        [{}],
        [{"op": "fly", "path": "/a"}],
        [{"op": "remove"}],
        [{"op": "copy", "path": "/a"}],
        [{"op": "move", "path": "/a", "from": 1}],
        [{"op": "add", "path": "/b"}],
        [{"op": "add", "path": "a", "value": 1}],
    ],
    ids=str,
)
def test_what_is_no_operation_is_unprocessable(operations: Any) -> None:
    with pytest.raises(status.Invalid, match="due to an error in our request"):
        json.patch({"a": 1}, operations)


@pytest.mark.parametrize(
    ("operations", "what"), [({}, "object"), ("x", "string"), ([1], "number"), ([[]], "array")]
)
def test_what_is_no_patch_is_a_bad_request(operations: Any, what: str) -> None:
    with pytest.raises(status.BadRequest, match=f"json: cannot unmarshal {what} into Go value"):
        json.patch({"a": 1}, operations)


def test_too_many_operations() -> None:
    operation = {"op": "test", "path": "/a", "value": 1}
    with pytest.raises(status.ApiError, match="allowed maximum operations") as caught:
        json.patch({"a": 1}, [operation] * (json.MAX_OPERATIONS + 1))
    assert caught.value.code == 413


def test_a_patch_that_doubles_the_object_is_stopped() -> None:
    document = {"a": {"text": "x" * 1000}}
    operations = [{"op": "copy", "from": "/a", "path": f"/a/{n}"} for n in range(40)]
    with pytest.raises(status.Invalid, match="due to an error in our request"):
        json.patch(document, operations)


def test_a_patch_that_digs_is_stopped() -> None:
    operations = [{"op": "add", "path": "/a" * depth, "value": {}} for depth in range(1, 400)]
    with pytest.raises(status.BadRequest, match="error decoding patch"):
        json.patch({}, operations)
