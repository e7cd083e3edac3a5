"""Label selectors: what they parse to, what they match, how they print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import labels
from apimachinery.labels import Requirement, Selector, SelectorError, parse_selector

KEYS = st.from_regex(r"[a-z]([a-z0-9.]{0,5}[a-z0-9])?", fullmatch=True)
VALUES = st.from_regex(r"([a-z0-9]([a-z0-9]{0,3}[a-z0-9])?)?", fullmatch=True)


def requirements() -> st.SearchStrategy[Requirement]:
    one = st.builds(
        lambda key, operator, value: Requirement(key, operator, (value,)),
        KEYS,
        st.sampled_from(["=", "==", "!="]),
        VALUES,
    )
    many = st.builds(
        lambda key, operator, values: Requirement(key, operator, tuple(sorted(values))),
        KEYS,
        st.sampled_from(["in", "notin"]),
        st.sets(VALUES, min_size=1, max_size=3),
    )
    none = st.builds(Requirement, KEYS, st.sampled_from(["exists", "!"]))
    compare = st.builds(
        lambda key, operator, value: Requirement(key, operator, (str(value),)),
        KEYS,
        st.sampled_from(["gt", "lt"]),
        st.integers(0, 99),
    )
    return st.one_of(one, many, none, compare)


SELECTORS = st.lists(requirements(), max_size=4).map(
    lambda found: Selector(tuple(sorted(found, key=lambda one: one.key)))
)


@given(SELECTORS)
def test_what_prints_parses_to_the_same(selector: Selector) -> None:
    assert parse_selector(str(selector)) == selector


@given(SELECTORS, st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_selector_is_the_and_of_its_requirements(
    selector: Selector, given_labels: dict[str, str]
) -> None:
    expected = all(one.matches(given_labels) for one in selector.requirements)
    assert selector.matches(given_labels) == expected


@given(st.text(max_size=30))
def test_any_text_parses_or_is_a_selector_error(text: str) -> None:
    try:
        selector = parse_selector(text)
    except SelectorError:
        return
    assert parse_selector(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("a=b", {"a": "b"}, {"a": "c"}),
        ("a==b", {"a": "b"}, {}),
        ("a!=b", {}, {"a": "b"}),
        ("a in (b, c)", {"a": "c"}, {"a": "d"}),
        ("a notin (b,c)", {}, {"a": "b"}),
        ("a", {"a": ""}, {}),
        ("!a", {"b": "1"}, {"a": "1"}),
        ("a>3", {"a": "4"}, {"a": "x"}),
        ("a<3", {"a": "2"}, {"a": "3"}),
        ("a=", {"a": ""}, {"a": "1"}),
        ("a=b,c", {"a": "b", "c": ""}, {"a": "b"}),
        ("in=notin", {"in": "notin"}, {}),
    ],
)
def test_matching(text: str, yes: dict[str, str], no: dict[str, str]) -> None:
    assert parse_selector(text).matches(yes)
    assert not parse_selector(text).matches(no)


@pytest.mark.parametrize(
    "text",
    [
        "a b",
        "=",
        "a in b",
        "a in (b",
        "a=b c",
        ",",
        "a,,b",
        "a,",
        "a>x",
        "a=b&",
        "!",
        "a=(b)",
        "-a",
    ],
)
def test_bad_selectors(text: str) -> None:
    with pytest.raises(SelectorError, match="unable to parse requirement"):
        parse_selector(text)


def test_selectors_are_bounded() -> None:
    with pytest.raises(SelectorError, match="longer than"):
        parse_selector("a" * 40_000)


def test_the_empty_selector_selects_everything() -> None:
    assert parse_selector("").everything
    assert parse_selector(" ").matches({"a": "b"})


def test_an_absent_object_selects_nothing() -> None:
    assert not labels.from_label_selector(None).matches({})
    assert labels.from_label_selector({}).everything


def test_the_object_form() -> None:
    selector = labels.from_label_selector(
        {
            "matchLabels": {"b": "1"},
            "matchExpressions": [
                {"key": "a", "operator": "In", "values": ["y", "x"]},
                {"key": "c", "operator": "DoesNotExist"},
            ],
        }
    )
    assert str(selector) == "a in (x,y),b=1,!c"


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(SelectorError, match='"Near" is not a valid label selector operator'):
        labels.from_label_selector({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_tables_print_selectors() -> None:
    assert labels.describe({"matchLabels": {"a": "b"}}) == "a=b"
    assert labels.describe({}) == "<none>"
    assert labels.describe({"matchExpressions": [{"operator": "?"}]}) == "<error>"


def test_indexes_can_ask_for_the_fixed_value() -> None:
    selector = parse_selector("a=b,c in (d),e in (f,g)")
    assert selector.exact_value("a") == "b"
    assert selector.exact_value("c") == "d"
    assert selector.exact_value("e") is None


def test_a_set_selects_by_equality() -> None:
    assert str(labels.from_set({"b": "2", "a": "1"})) == "a=1,b=2"
    assert labels.from_set(None).everything
