"""Durations of Go."""

import pytest

from apimachinery import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("15s", 15.0), ("1m3.5s", 63.5), ("1h", 3600.0), ("250ms", 0.25), ("-2s", -2.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1s ", "1m30", "--1s"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        duration.seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.0004, "0s"), (0.313, "313ms"), (1, "1s"), (1.661, "1.661s"), (10, "10s"),
        (80, "1m20s"), (300, "5m0s"), (3600, "1h0m0s"), (3661.5, "1h1m1.5s"), (59.9999, "1m0s"),
    ],
)  # fmt: skip
def test_spelt(seconds: float, text: str) -> None:
    assert duration.spelt(seconds) == text
