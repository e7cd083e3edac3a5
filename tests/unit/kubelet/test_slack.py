"""What is lent, and who has to go: kubelet.slack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet import slack
from kubelet.slack import Load, Rule

LOADS = st.lists(
    st.builds(
        Load,
        uid=st.uuids().map(str),
        booked=st.integers(0, 9000),
        lent=st.sampled_from((0, 0, 500, 4000)),
        used=st.integers(0, 9000),
        started=st.floats(0, 9),
    ),
    max_size=6,
)


def load(uid: str, booked: int = 0, lent: int = 0, used: int = 0, started: float = 0.0) -> Load:
    return Load(uid, booked, lent, used, started)


@pytest.mark.parametrize(
    ("text", "rule"),
    [("slack", Rule()), ("cpu=2", Rule(2000)), ("cpu=500m", Rule(500)), ("cpu=0", Rule(0))],
)
def test_what_the_option_says(text: str, rule: Rule) -> None:
    assert slack.rule_of(text) == rule


@pytest.mark.parametrize("text", ["", "cpu", "cpu=", "cpu=x", "cpu=-1", "memory=1Gi", "2", "=2"])
def test_what_it_cannot_say(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        slack.rule_of(text)


@pytest.mark.parametrize(
    ("loads", "milli"),
    [
        ([], 0),
        ([load("a", booked=2000, used=500)], 1300),  # a tenth is never lent
        ([load("a", booked=2000, used=1950)], 0),
        ([load("a", booked=2000, used=3000), load("b", booked=1000)], 700),
        ([load("a", booked=1000), load("r", lent=900, used=900)], 900),  # lent once, not twice
    ],
)
def test_what_is_idle_is_lent(loads: list[Load], milli: int) -> None:
    assert slack.estimate(Rule(), loads) == milli
    assert slack.estimate(Rule(700), loads) == 700


def test_the_youngest_goes_when_there_is_no_room() -> None:
    busy = load("busy", booked=3000, used=2500)
    old, young = load("old", lent=500, started=1), load("young", lent=1000, started=2)
    assert slack.to_end([busy, old, young], 4000) is None
    assert slack.to_end([load("busy", used=2501), old, young], 4000) == young
    assert slack.to_end([load("busy", used=4000)], 100) is None  # nobody was lent anything


@given(LOADS, st.integers(0, 20_000))
def test_whoever_booked_is_never_ended_and_ending_comes_to_an_end(
    loads: list[Load], capacity: int
) -> None:
    left = list(loads)
    while (one := slack.to_end(left, capacity)) is not None:
        assert one.lent
        left.remove(one)
    assert [each for each in left if not each.lent] == [each for each in loads if not each.lent]
    assert 0 <= slack.estimate(Rule(), loads) <= sum(each.booked for each in loads)
