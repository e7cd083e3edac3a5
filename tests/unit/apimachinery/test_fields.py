"""Field selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import fields
from apimachinery.fields import FieldRequirement, FieldSelector, FieldSelectorError

REQUIREMENTS = st.builds(
    FieldRequirement,
    st.from_regex(r"[a-z]+(\.[a-zA-Z]+)*", fullmatch=True),
    st.sampled_from(["=", "!="]),
    st.text(max_size=8),
)


@given(st.lists(REQUIREMENTS, max_size=4).map(lambda found: FieldSelector(tuple(found))))
def test_what_prints_parses_to_the_same(selector: FieldSelector) -> None:
    assert fields.parse_field_selector(str(selector)) == selector


@given(st.text(max_size=30))
def test_any_text_parses_or_is_a_selector_error(text: str) -> None:
    try:
        fields.parse_field_selector(text)
    except FieldSelectorError:
        return


def test_absent_fields_are_empty() -> None:
    selector = fields.parse_field_selector("spec.nodeName=,status.phase!=Failed")
    assert selector.matches({}.get)
    assert not selector.matches({"status.phase": "Failed"}.get)


def test_two_equals_signs_mean_one() -> None:
    assert str(fields.parse_field_selector("a==b")) == "a=b"


def test_what_kubectl_describe_sends() -> None:
    selector = fields.parse_field_selector(
        "involvedObject.name=web,involvedObject.namespace=,involvedObject.uid=1"
    )
    assert selector.exact_value("involvedObject.name") == "web"
    assert selector.exact_value("involvedObject.namespace") == ""
    assert selector.exact_value("other") is None


@pytest.mark.parametrize("text", ["a", "=b", "a=b=c", "a=\\x", "a=b\\"])
def test_bad_selectors(text: str) -> None:
    with pytest.raises(FieldSelectorError):
        fields.parse_field_selector(text)


def test_a_bad_term_is_named() -> None:
    with pytest.raises(FieldSelectorError, match="invalid selector: 'a=b,c'; can't understand 'c'"):
        fields.parse_field_selector("a=b,c")


def test_selectors_are_bounded() -> None:
    with pytest.raises(FieldSelectorError, match="longer than"):
        fields.parse_field_selector("a=" + "b" * 40_000)


def test_a_set_selects_by_equality() -> None:
    selector = fields.from_set({"b": "2", "a": "1"})
    assert str(selector) == "a=1,b=2"
    assert not selector.everything
    assert fields.EVERYTHING.everything
