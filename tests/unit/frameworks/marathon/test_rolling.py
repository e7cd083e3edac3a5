"""Rolls stay within their bounds, whatever comes in between, and come to an end."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from frameworks.marathon import rolling
from frameworks.marathon.deployment import Kind
from frameworks.marathon.instance import Instance
from frameworks.marathon.spec import App
from tests.unit.frameworks.marathon.makers import ILL, NEW, OLD, WELL, app, instance

PORTIONS = st.sampled_from((0, 0.1, 0.2, 0.25, 0.35, 0.5, 0.7, 0.75, 0.9, 1))


@st.composite
def upgrades(draw: st.DrawFn) -> tuple[App, list[Instance]]:
    """An app and its instances: old and new ones, in any condition."""
    strategy = {"minimumHealthCapacity": draw(PORTIONS), "maximumOverCapacity": draw(PORTIONS)}
    checks = [{"protocol": "TCP", "port": 80}] if draw(st.booleans()) else []
    made = app(
        instances=draw(st.integers(0, 8)),
        upgradeStrategy=strategy,
        healthChecks=checks,
        killSelection=draw(st.sampled_from(("YOUNGEST_FIRST", "OLDEST_FIRST"))),
    )
    return made, [
        instance(
            f"web.instance-{i}._app.1",
            config=draw(st.sampled_from((OLD, NEW))),
            state=draw(st.sampled_from(("TASK_STAGING", "TASK_RUNNING"))),
            staged_at=float(draw(st.integers(0, 3))),
            health=draw(st.sampled_from(((), (WELL,), (ILL,)))),
            killed_at=draw(st.sampled_from((None, None, None, 1.0))),
        )
        for i in range(draw(st.integers(0, 12)))
    ]


def working(made: App, instances: list[Instance]) -> int:
    """How many do their work: new ones by the app's checks, old ones unless found ill."""
    return sum(
        one.healthy(made)
        if one.config == made.config
        else one.running and not one.leaving and ILL not in one.health
        for one in instances
    )


@given(upgrades())
def test_never_too_few_work_and_never_are_there_too_many(case: tuple[App, list[Instance]]) -> None:
    made, instances = case
    limit = rolling.bounds(made)
    need = rolling.need(Kind.RESTART, made, instances, now=10.0)
    left = [one for one in instances if one.task_id not in need.kill]
    assert working(made, left) >= min(limit.min_healthy, working(made, instances))
    if need.launch:
        assert len(instances) + need.launch <= limit.max_instances


@given(upgrades())
def test_bounds_are_the_apps_own_unless_nothing_could_move(case: tuple[App, object]) -> None:
    made, _ = case
    n, strategy = made.instances, made.upgrade_strategy
    limit = rolling.bounds(made)
    low = math.ceil(n * strategy.minimum_health_capacity - 1e-9)
    high = math.floor(n * (1 + strategy.maximum_over_capacity) + 1e-9)
    assert limit.min_healthy == low
    assert limit.max_instances == (high + 1 if n and low == high else high)


@given(upgrades(), st.sampled_from((Kind.RESTART, Kind.SCALE, Kind.STOP)))
def test_nobody_is_killed_twice_and_nobody_that_is_not_there(
    case: tuple[App, list[Instance]], kind: Kind
) -> None:
    made, instances = case
    need = rolling.need(kind, made, instances, now=10.0)
    assert len(set(need.kill)) == len(need.kill)
    assert set(need.kill) <= {one.task_id for one in instances if not one.leaving}


@given(upgrades(), st.sampled_from((Kind.RESTART, Kind.SCALE, Kind.STOP)))
def test_in_a_world_that_plays_along_every_action_ends(
    case: tuple[App, list[Instance]], kind: Kind
) -> None:
    made, instances = case
    if kind is Kind.SCALE:  # of an app that has old instances the kind would be RESTART
        instances = [replace(one, config=NEW) for one in instances]
    limit = rolling.bounds(made)
    fewest, most = working(made, instances), len(instances)
    for turn in range(60):
        need = rolling.need(kind, made, instances, now=10.0)
        if need.done:
            break
        instances = [one for one in instances if not one.leaving]  # their ends have come
        instances = [
            replace(one, killed_at=10.0) if one.task_id in need.kill else one for one in instances
        ]
        if kind is Kind.RESTART:
            assert working(made, instances) >= min(fewest, limit.min_healthy)
            assert len(instances) <= max(most, limit.max_instances)
        instances = [
            replace(one, state="TASK_RUNNING", health=(WELL,)) if one.config == NEW else one
            for one in instances
        ]
        instances += [
            instance(f"web.instance-{turn}-{i}._app.1", state="TASK_STAGING")
            for i in range(need.launch)
        ]
    else:
        raise AssertionError("it never ended")
    if kind is Kind.STOP:
        assert not instances
    else:
        assert sum(one.up(made) for one in instances) == made.instances == len(instances)
    if kind is Kind.RESTART:
        assert {one.config for one in instances} <= {NEW}


def test_without_room_one_more_is_allowed() -> None:
    strategy = {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}
    made = app(instances=1, upgradeStrategy=strategy)
    old = instance("web.instance-a._app.1", config=OLD)
    assert rolling.need(Kind.RESTART, made, [old], 0.0) == rolling.Need(launch=1)
    new = instance("web.instance-b._app.1")
    assert rolling.need(Kind.RESTART, made, [old, new], 0.0).kill == (old.task_id,)
    assert rolling.need(Kind.RESTART, made, [new], 0.0).done


def test_a_restart_waits_for_readiness() -> None:
    check = {"portName": "default"}
    made = app(instances=1, readinessChecks=[check])
    old, new = instance("a", config=OLD), instance("b")
    assert not rolling.need(Kind.RESTART, made, [old, new], 0.0).kill
    ready = replace(new, ready=True)
    assert rolling.need(Kind.RESTART, made, [old, ready], 0.0).kill == ("a",)


def test_who_goes_first() -> None:
    ones = [
        instance("old", staged_at=1.0),
        instance("young", staged_at=2.0),
        instance("staging", staged_at=0.0, state="TASK_STAGING"),
    ]
    youngest = app(instances=0)
    oldest = app(instances=0, killSelection="OLDEST_FIRST")
    assert [o.task_id for o in rolling.victims(youngest, ones)] == ["staging", "young", "old"]
    assert [o.task_id for o in rolling.victims(oldest, ones)] == ["staging", "old", "young"]


def test_what_is_out_of_sight_is_replaced_after_a_while() -> None:
    strategy = {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 10}
    made = app(instances=1, unreachableStrategy=strategy)
    lost = instance(state="TASK_UNREACHABLE", unreachable_at=100.0)
    assert rolling.scale(made, [lost], now=104.0).launch == 0
    assert rolling.scale(made, [lost], now=105.0).launch == 1
    never = app(instances=1, unreachableStrategy="disabled")
    assert rolling.scale(never, [lost], now=1e9).launch == 0
