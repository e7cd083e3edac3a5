"""Autoscaling: what usage asks for, and how fast it may be followed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.autoscaling import behavior, estimate
from controllers.autoscaling.behavior import DOWN, UP, Direction, History, Policy
from controllers.autoscaling.estimate import NoEstimateError, Reading, Target

NOW = 10_000.0


def pod(name: str, request: int | None = 1000, **more: object) -> Target:
    values: dict[str, object] = {
        "phase": "Running",
        "deleting": False,
        "started": NOW - 1000,
        "ready": True,
        "ready_changed": NOW - 900,
    }
    return Target(name=name, requests={"app": request}, **{**values, **more})  # type: ignore[arg-type]


def readings(*values: int) -> dict[str, Reading]:
    return {f"p{n}": Reading(value, NOW, 10.0) for n, value in enumerate(values)}


def pods(count: int) -> list[Target]:
    return [pod(f"p{n}") for n in range(count)]


@pytest.mark.parametrize(
    ("used", "wanted"),
    [
        ((300, 300, 300), 2),
        ((500, 500, 500), 3),
        ((540, 540, 540), 3),
        ((560, 560, 560), 4),
        ((1000, 1000, 1000), 6),
    ],
)
def test_half_of_the_requests_is_the_goal(used: tuple[int, ...], wanted: int) -> None:
    found = estimate.by_utilization(pods(3), readings(*used), "cpu", 50, 3, NOW)
    assert found.replicas == wanted
    assert found.utilization == used[0] // 10


def test_pods_that_are_not_ready_damp_the_way_up() -> None:
    starting = pod("p3", ready=False, started=NOW - 10, ready_changed=NOW - 10)
    found = estimate.by_utilization(
        [*pods(3), starting], readings(900, 900, 900, 900), "cpu", 30, 4, NOW
    )
    # Three of them use 90 %, the fourth counts as idle: 270 / 4 / 30 = 2.25 times four.
    assert found.replicas == 9


def test_pods_that_were_not_measured_hold_the_way_down() -> None:
    found = estimate.by_utilization(pods(2), readings(100), "cpu", 50, 2, NOW)
    # The missing one counts as using all that it asked for: no reason to shrink.
    assert found.replicas == 2


def test_pods_on_their_way_out_do_not_count() -> None:
    leaving = pod("p2", deleting=True)
    found = estimate.by_average([*pods(2), leaving], readings(300, 300, 9000), "m", 100, 2, NOW)
    assert (found.replicas, found.average) == (6, 300)


def test_without_any_reading_there_is_no_estimate() -> None:
    with pytest.raises(NoEstimateError, match="did not receive metrics"):
        estimate.by_average(pods(2), {}, "cpu", 100, 2, NOW)


def test_a_container_without_a_request_is_named() -> None:
    with pytest.raises(NoEstimateError, match="missing request for cpu in container app of Pod p0"):
        estimate.by_utilization([pod("p0", None)], readings(5), "cpu", 50, 1, NOW)


def test_numbers_from_outside() -> None:
    assert estimate.by_value(300, 100, ready=2, current=2).replicas == 6
    assert estimate.by_share(300, 100, current=2).replicas == 3
    assert estimate.by_share(310, 100, current=3).replicas == 3


def bound(wanted: int, current: int, history: History, **more: Direction) -> behavior.Bounded:
    history.recommend(wanted, NOW)
    rules = {"up": UP, "down": DOWN, **more}
    return behavior.bound(wanted, current, 1, 100, rules["up"], rules["down"], history, NOW)


def test_up_at_once_but_not_more_than_double_or_four() -> None:
    assert bound(50, 1, History()) == behavior.Bounded(5, "", "ScaleUpLimit")
    assert bound(50, 20, History()).replicas == 40


def test_what_was_added_in_the_period_counts() -> None:
    history = History(changes=[(NOW - 5, 20)])
    assert bound(100, 40, history).replicas == 40
    assert bound(100, 40, History(changes=[(NOW - 16, 20)])).replicas == 80


def test_down_only_when_five_minutes_agree() -> None:
    history = History(recommended=[(NOW - 200, 8)])
    assert bound(2, 10, history) == behavior.Bounded(8, "ScaleDownStabilized", "")
    assert bound(2, 10, History(recommended=[(NOW - 400, 8)])).replicas == 2


def test_the_range_of_the_spec_holds() -> None:
    assert bound(500, 90, History()) == behavior.Bounded(100, "", "TooManyReplicas")
    assert bound(0, 2, History()) == behavior.Bounded(1, "", "TooFewReplicas")


def test_a_direction_can_be_closed() -> None:
    closed = Direction(0, "Disabled", ())
    assert bound(9, 3, History(), up=closed).replicas == 3
    assert bound(1, 3, History(), down=closed).replicas == 3


def test_the_strictest_policy_wins_if_asked() -> None:
    rules = Direction(0, "Min", (Policy(False, 1, 60), Policy(True, 100, 60)))
    assert bound(9, 4, History(), up=rules).replicas == 5
    assert bound(1, 4, History(), down=rules).replicas == 3


@given(
    wanted=st.integers(0, 300),
    current=st.integers(1, 100),
    recommended=st.lists(st.tuples(st.floats(NOW - 900, NOW), st.integers(0, 300)), max_size=8),
    changes=st.lists(st.tuples(st.floats(NOW - 900, NOW), st.integers(-50, 50)), max_size=8),
)
def test_bounds_hold_whatever_was(
    wanted: int,
    current: int,
    recommended: list[tuple[float, int]],
    changes: list[tuple[float, int]],
) -> None:
    found = bound(wanted, current, History(list(recommended), list(changes)))
    assert 1 <= found.replicas <= 100
    if wanted >= current:
        assert found.replicas >= min(current, 100)
        assert found.replicas <= max(wanted, current)
    else:
        assert found.replicas <= current
        assert found.replicas >= min(wanted, current)
