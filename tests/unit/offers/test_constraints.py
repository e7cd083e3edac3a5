"""Offer constraints: what they select, and what they refuse to be."""

from typing import Any

import pytest

from offers import constraints
from offers.constraints import BadConstraint, Constraint

LABELS = {"disk": "ssd", "topology.kubernetes.io/zone": "z1"}


def one(predicate: dict[str, Any], **selector: str) -> dict[str, Any]:
    return {"selector": selector or {"attribute_name": "disk"}, "predicate": predicate}


def parsed(*groups: list[dict[str, Any]]) -> Constraint:
    message = {"groups": [{"attribute_constraints": group} for group in groups]}
    return constraints.parse({"role_constraints": {"r": message}})["r"]


@pytest.mark.parametrize(
    ("predicate", "there", "absent"),
    [
        ({"exists": {}}, True, False),
        ({"not_exists": {}}, False, True),
        ({"text_equals": {"value": "ssd"}}, True, False),
        ({"text_equals": {"value": "hdd"}}, False, False),
        ({"text_not_equals": {"value": "hdd"}}, True, True),
        ({"text_not_equals": {"value": "ssd"}}, False, True),
        ({"text_matches": {"regex": "s+d"}}, True, False),
        ({"text_matches": {"regex": "s"}}, False, False),
        ({"text_not_matches": {"regex": "h.*"}}, True, True),
        ({"text_not_matches": {"regex": "s.*"}}, False, True),
    ],
)
def test_predicates(predicate: dict[str, Any], *, there: bool, absent: bool) -> None:
    made = parsed([one(predicate)])
    assert made.allows("n", LABELS) == there
    assert made.allows("n", {}) == absent


def test_pseudoattributes() -> None:
    host = parsed([one({"text_equals": {"value": "n"}}, pseudoattribute_type="HOSTNAME")])
    assert host.allows("n", {})
    assert not host.allows("m", {})
    zone = parsed([one({"text_equals": {"value": "z1"}}, pseudoattribute_type="ZONE")])
    assert zone.allows("n", LABELS)
    region = parsed([one({"exists": {}}, pseudoattribute_type="REGION")])
    assert not region.allows("n", LABELS)


def test_one_group_must_hold_whole() -> None:
    ssd, hdd = one({"text_equals": {"value": "ssd"}}), one({"text_equals": {"value": "hdd"}})
    assert parsed([hdd], [ssd]).allows("n", LABELS)
    assert not parsed([hdd, ssd]).allows("n", LABELS)


@pytest.mark.parametrize(
    "message",
    [
        {"groups": []},
        {"groups": [{"attribute_constraints": []}]},
        {"groups": [{"attribute_constraints": [one({})]}]},
        {"groups": [{"attribute_constraints": [one({"exists": {}, "not_exists": {}})]}]},
        {"groups": [{"attribute_constraints": [{"selector": {}, "predicate": {"exists": {}}}]}]},
        {"groups": [{"attribute_constraints": [one({"exists": {}}, pseudoattribute_type="MOON")]}]},
    ],
)
def test_what_makes_no_sense_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(BadConstraint):
        constraints.parse({"role_constraints": {"r": message}})


@pytest.mark.parametrize("regex", [r"(a)\1", "(?=a)b", "a" * 5000, "(", "a)|(b", "a{1,100000}"])
def test_patterns_that_are_none_of_re2s_are_refused(regex: str) -> None:
    with pytest.raises(BadConstraint):
        parsed([one({"text_matches": {"regex": regex}})])


@pytest.mark.parametrize(
    "regex",
    ["(a+)+b", "(a|a)*(b*)*c", "((a{1,9}){1,9}){1,9}b", "a*a*a*a*a*a*a*b", "(foo|bar)-[0-9]+"],
)
def test_no_pattern_runs_for_ever(regex: str) -> None:
    """Python's own engine would take years for most of these."""
    made = parsed([one({"text_matches": {"regex": regex}})])
    assert not made.allows("n", {"disk": "a" * 63})


def test_a_pattern_is_about_the_whole_text() -> None:
    made = parsed([one({"text_matches": {"regex": "foo|bar"}})])
    assert made.allows("n", {"disk": "bar"})
    assert not made.allows("n", {"disk": "bars"})
    assert not made.allows("n", {"disk": "bar\n"})


def test_none_at_all() -> None:
    assert constraints.parse(None) == {}
    assert constraints.parse({}) == {}
