"""Node selectors and required node affinity, for one node."""

import pytest

from apimachinery import node_selector

LONG = "n" * 60 + ".example.com"
"""A node may have a name that no label's value could be."""


def spec(*terms: dict) -> dict:
    required = {"nodeSelectorTerms": list(terms)}
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    return {"affinity": {"nodeAffinity": {key: required}}}


def test_without_wishes_every_node_suits() -> None:
    assert node_selector.matches({}, "n", {})
    assert node_selector.required_terms({}) is None


def test_all_labels_of_the_selector_are_wanted() -> None:
    wanted = {"nodeSelector": {"a": "1", "b": "2"}}
    assert node_selector.matches(wanted, "n", {"a": "1", "b": "2", "c": "3"})
    assert not node_selector.matches(wanted, "n", {"a": "1"})


@pytest.mark.parametrize(
    ("expression", "suits"),
    [
        ({"key": "n", "operator": "In", "values": ["4", "5"]}, True),
        ({"key": "n", "operator": "NotIn", "values": ["5"]}, False),
        ({"key": "n", "operator": "Exists"}, True),
        ({"key": "m", "operator": "DoesNotExist"}, True),
        ({"key": "n", "operator": "Gt", "values": ["4"]}, True),
        ({"key": "n", "operator": "Lt", "values": ["x"]}, False),
        ({"key": "n", "operator": "Like", "values": ["5"]}, False),
    ],
)
def test_expressions(expression: dict, *, suits: bool) -> None:
    wanted = spec({"matchExpressions": [expression]})
    assert node_selector.matches(wanted, "name", {"n": "5"}) is suits


def test_fields_know_the_name_alone() -> None:
    for operator, suits in (("In", True), ("NotIn", False), ("Exists", False)):
        field = {"key": "metadata.name", "operator": operator, "values": [LONG]}
        assert node_selector.matches(spec({"matchFields": [field]}), LONG, {}) is suits
    other = {"key": "metadata.uid", "operator": "In", "values": [LONG]}
    assert not node_selector.matches(spec({"matchFields": [other]}), LONG, {})


def test_terms_are_alternatives_and_an_empty_one_matches_nothing() -> None:
    exists = [{"matchExpressions": [{"key": key, "operator": "Exists"}]} for key in "ab"]
    assert node_selector.matches(spec(*exists), "n", {"b": ""})
    assert not node_selector.matches(spec(*exists), "n", {})
    assert not node_selector.matches(spec({}), "n", {})
