"""Quantities are exact and spelled as Kubernetes spells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery.quantity import (
    BINARY_SI,
    DECIMAL_EXPONENT,
    DECIMAL_SI,
    MAX_VALUE,
    NANO,
    Quantity,
    QuantityError,
    canonical,
)

QUANTITIES = st.builds(
    Quantity,
    st.integers(-MAX_VALUE * NANO, MAX_VALUE * NANO),
    st.sampled_from([DECIMAL_SI, BINARY_SI, DECIMAL_EXPONENT]),
)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("0", "0"),
        ("0Gi", "0"),
        ("0.1", "100m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1000Ki", "1000Ki"),
        ("1e3", "1e3"),
        ("1E3", "1e3"),
        ("1E", "1E"),
        ("1Ei", "1Ei"),
        ("1500k", "1500k"),
        (".5", "500m"),
        ("5.", "5"),
        ("+3", "3"),
        ("-1.1", "-1100m"),
        ("0.1n", "1n"),
        ("-0.1n", "-1n"),
        ("0.001Ki", "1024m"),
        ("007", "7"),
    ],
)
def test_canonical_spelling(text: str, spelled: str) -> None:
    assert canonical(text) == spelled


@pytest.mark.parametrize("text", ["1e400", "10E", "9223372036854775808"])
def test_huge_numbers_are_capped(text: str) -> None:
    assert Quantity.parse(text).value() == MAX_VALUE


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1 ", " 1", "1Gb", "e3", "+", ".", "--1", "1__0", "1Gi2", "١", "1" * 300, "1\n"],
)
def test_rubbish_is_refused_in_kubernetes_words(text: str) -> None:
    with pytest.raises(QuantityError, match=r"quantities must match|unable to parse"):
        Quantity.parse(text)


@pytest.mark.parametrize("text", ["1K", "1e", "1Mii", "1mm"])
def test_unknown_suffixes_are_named_as_such(text: str) -> None:
    with pytest.raises(QuantityError, match="unable to parse quantity's suffix"):
        Quantity.parse(text)


@pytest.mark.parametrize("value", [True, None, [], {}])
def test_only_text_and_numbers_are_quantities(value: object) -> None:
    with pytest.raises(QuantityError):
        Quantity.parse(value)  # type: ignore[arg-type] # what JSON may bring


def test_json_numbers_are_taken() -> None:
    assert canonical(2) == "2"
    assert canonical(0.25) == "250m"


def test_rounding_is_away_from_zero() -> None:
    assert Quantity.parse("100m").value() == 1
    assert Quantity.parse("-100m").value() == -1
    assert Quantity.parse("0.0001").milli() == 1


def test_sums_keep_the_family_of_the_first_that_is_not_zero() -> None:
    memory = Quantity.parse("1Gi") + Quantity.parse("1000")
    assert memory.family == BINARY_SI
    assert str(Quantity.parse("0") + Quantity.parse("2Gi")) == "2Gi"


def test_equality_ignores_the_spelling() -> None:
    assert Quantity.parse("1Ki") == Quantity.parse("1024")
    assert hash(Quantity.parse("1Ki")) == hash(Quantity.parse("1024"))


def test_whole_numbers_and_thousandths() -> None:
    assert str(Quantity.of(3)) == "3"
    assert str(Quantity.of_milli(1500)) == "1500m"
    assert str(-Quantity.of(2) * 3) == "-6"
    assert Quantity.of(1)
    assert not Quantity.of(0)


@given(QUANTITIES)
def test_the_spelling_reads_back_as_the_same_number(quantity: Quantity) -> None:
    again = Quantity.parse(str(quantity))
    assert again == quantity
    # A binary amount that no Ki divides reads back as a decimal one: 125000 becomes 125k, once.
    assert str(Quantity.parse(str(again))) == str(again)


@given(QUANTITIES, QUANTITIES)
def test_order_is_the_order_of_numbers(one: Quantity, other: Quantity) -> None:
    assert (one < other) == (one.nano < other.nano)


@given(QUANTITIES, QUANTITIES)
def test_what_is_added_can_be_taken_away(one: Quantity, other: Quantity) -> None:
    total = one + other
    if abs(one.nano + other.nano) <= MAX_VALUE * NANO:
        assert total - other == one


@given(st.text(max_size=20))
def test_any_text_is_a_quantity_or_a_quantity_error(text: str) -> None:
    try:
        quantity = Quantity.parse(text)
    except QuantityError:
        return
    assert Quantity.parse(str(quantity)) == quantity
