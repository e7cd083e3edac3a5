"""Rates of CPU: windows, first looks, containers that come and go."""

from hypothesis import given
from hypothesis import strategies as st

from kubelet.runtime.interface import ContainerStats
from kubelet.usage import SHORTEST_S, WINDOW_S, Meter


def sample(at: float, cpu_s: float, name: str = "c") -> ContainerStats:
    return ContainerStats(name, at, int(cpu_s * 1e9), 0, 0, 1)


def test_the_first_rate_is_over_the_containers_life() -> None:
    rate = Meter().rates([sample(120.0, 5.0)], {"c": 100.0})["c"]
    assert (rate.nanocores, rate.window, rate.at) == (250_000_000, 20.0, 120.0)


def test_a_later_rate_is_over_what_passed_since() -> None:
    meter = Meter()
    meter.rates([sample(120.0, 5.0)], {"c": 100.0})
    rate = meter.rates([sample(130.0, 15.0)], {"c": 100.0})["c"]
    assert (rate.nanocores, rate.window) == (1_000_000_000, 10.0)


def test_questions_in_quick_succession_get_the_same_answer() -> None:
    meter = Meter()
    first = meter.rates([sample(120.0, 5.0)], {"c": 100.0})
    assert meter.rates([sample(120.0 + SHORTEST_S / 2, 5.4)], {"c": 100.0}) == first


def test_a_container_of_a_moment_ago_does_not_divide_by_nothing() -> None:
    assert Meter().rates([sample(100.0, 0.5)], {"c": 100.0})["c"].nanocores == 500_000_000


def test_what_does_not_run_is_forgotten() -> None:
    meter = Meter()
    meter.rates([sample(120.0, 5.0)], {"c": 100.0})
    assert meter.rates([sample(130.0, 5.0)], {}) == {}
    assert meter.rates([sample(140.0, 8.0)], {"c": 100.0})["c"].window == 40.0


@given(st.lists(st.tuples(st.floats(0.1, 30), st.floats(0, 4)), min_size=1, max_size=20))
def test_no_rate_exceeds_what_ran(steps: list[tuple[float, float]]) -> None:
    """With at most `cores` in use at each step, no window shows more than the most of them."""
    meter, now, used, most = Meter(), 1000.0, 0.0, 0.0
    for seconds, cores in steps:
        now, used, most = now + seconds, used + seconds * cores, max(most, cores)
        rate = meter.rates([sample(now, used)], {"c": 1000.0})["c"]
        assert rate.nanocores <= most * 1e9 + 1000
        assert rate.window <= WINDOW_S + max(s for s, _ in steps)
