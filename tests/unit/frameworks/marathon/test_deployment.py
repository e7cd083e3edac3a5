"""In which order apps change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frameworks.marathon import deployment
from frameworks.marathon.deployment import Deployment, Kind
from frameworks.marathon.errors import Invalid
from frameworks.marathon.spec import App
from tests.unit.frameworks.marathon.makers import NEW, OLD, app


def plan(
    old: list[App], new: list[App], stale: tuple[str, ...] = ()
) -> list[list[tuple[str, str]]]:
    original, target = ({one.id: one for one in apps} for apps in (old, new))
    order = deployment.levels(target, deployment.needs(target, {}))
    steps = deployment.steps(original, target, order, stale)
    return [[(action.kind.name, action.app_id) for action in step] for step in steps]


def test_a_new_app_starts_and_scales() -> None:
    assert plan([], [app()]) == [[("START", "/web")], [("SCALE", "/web")]]


def test_what_is_gone_stops_first() -> None:
    assert plan([app("/a")], [app("/b")])[0] == [("STOP", "/a")]


def test_scaling_is_no_restart() -> None:
    assert plan([app(instances=1)], [app(instances=2)]) == [[("SCALE", "/web")]]
    assert plan([app(config=OLD)], [app(config=NEW)]) == [[("RESTART", "/web")]]
    assert plan([app()], [app()]) == []


def test_what_an_earlier_deployment_left_behind_is_replaced() -> None:
    assert plan([app()], [app()], ("/web",)) == [[("RESTART", "/web")]]


def test_dependencies_come_first() -> None:
    web, db = app("/shop/web", dependencies=["../db"]), app("/shop/db")
    assert plan([], [web, db]) == [
        [("START", "/shop/db")],
        [("SCALE", "/shop/db")],
        [("START", "/shop/web")],
        [("SCALE", "/shop/web")],
    ]


def test_groups_depend_for_their_apps() -> None:
    apps = {one.id: one for one in (app("/front/a"), app("/back/b"), app("/back/c"))}
    found = deployment.needs(apps, {"/front": ("/back",)})
    assert found["/front/a"] == {"/back/b", "/back/c"}


def test_rings_are_refused() -> None:
    a, b = app("/a", dependencies=["/b"]), app("/b", dependencies=["/a"])
    with pytest.raises(Invalid, match="not valid"):
        plan([], [a, b])


@given(st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 9), max_size=4), max_size=10))
def test_levels_hold_every_app_once_after_what_it_needs(raw: dict[int, set[int]]) -> None:
    needs = {str(i): {str(j) for j in js if j < i} for i, js in raw.items()}
    levels = deployment.levels(needs, needs)
    place = {one: depth for depth, level in enumerate(levels) for one in level}
    assert sorted(one for level in levels for one in level) == sorted(needs)
    for one, others in needs.items():
        assert all(place[other] < place[one] for other in others & needs.keys())


def test_round_trip() -> None:
    steps = ((deployment.Action(Kind.STOP, "/a"),),)
    made = Deployment("d", NEW, {"/a": app("/a")}, {}, steps, current=1)
    assert Deployment.read(made.wire()) == made
    assert made.actions == ()
