"""What is decided from everything together."""

from hypothesis import given
from hypothesis import strategies as st

from frameworks.marathon import planner
from frameworks.marathon.deployment import Action, Deployment, Kind
from tests.unit.frameworks.marathon.makers import NEW, OLD, app, instance


def test_apps_are_kept_at_their_number() -> None:
    web = app(instances=3)
    made = planner.decide({web.id: web}, [], [instance("a")], now=0.0)
    assert made.launch == {"/web": 2}
    assert not made.kill


def test_what_has_no_app_any_more_ends() -> None:
    made = planner.decide({}, [], [instance("a"), instance("b", killed_at=1.0)], now=0.0)
    assert made.kill == ["a"]


def test_apps_wait_for_their_step() -> None:
    web, db = app("/web", instances=2), app("/db", instances=1)
    steps = ((Action(Kind.SCALE, "/db"),), (Action(Kind.SCALE, "/web"),))
    apps = {one.id: one for one in (web, db)}
    deployment = Deployment("d", NEW, {}, apps, steps)
    made = planner.decide(apps, [deployment], [], now=0.0)
    assert made.launch == {"/db": 1}
    assert made.stepped == []
    up = instance("db", app_id="/db")
    made = planner.decide(apps, [deployment], [up], now=0.0)
    assert (made.launch, made.stepped) == ({}, ["d"])


def test_apps_of_steps_that_are_behind_are_kept_at_their_number() -> None:
    web, db = app("/web", instances=1), app("/db", instances=1)
    steps = ((Action(Kind.SCALE, "/db"),), (Action(Kind.SCALE, "/web"),))
    apps = {one.id: one for one in (web, db)}
    deployment = Deployment("d", NEW, {}, apps, steps, current=1)
    assert planner.decide(apps, [deployment], [], now=0.0).launch == {"/db": 1, "/web": 1}


def test_a_deployment_without_steps_is_done() -> None:
    assert planner.decide({}, [Deployment("d", NEW, {}, {}, ())], [], now=0.0).stepped == ["d"]


def test_staging_does_not_last_for_ever() -> None:
    web, late = app(instances=1), instance("a", state="TASK_STAGING", staged_at=0.0)
    assert planner.decide({"/web": web}, [], [late], now=299.0).wake == 300.0
    made = planner.decide({"/web": web}, [], [late], now=300.0)
    assert made.kill == made.overdue == ["a"]


def test_out_of_sight_for_too_long_is_forgotten() -> None:
    web = app(
        instances=1, unreachableStrategy={"inactiveAfterSeconds": 0, "expungeAfterSeconds": 9}
    )
    lost = instance("a", state="TASK_UNREACHABLE", unreachable_at=0.0)
    made = planner.decide({"/web": web}, [], [lost], now=8.0)
    assert (made.launch, made.expunge, made.wake) == ({"/web": 1}, [], 9.0)
    assert planner.decide({"/web": web}, [], [lost], now=9.0).expunge == ["a"]


@given(
    st.integers(0, 5),
    st.lists(
        st.tuples(
            st.sampled_from(("/web", "/gone")),
            st.sampled_from((OLD, NEW)),
            st.sampled_from(("TASK_STAGING", "TASK_RUNNING", "TASK_UNREACHABLE")),
            st.booleans(),
        ),
        max_size=8,
    ),
)
def test_outside_of_deployments_apps_come_to_their_number(
    count: int, rows: list[tuple[str, str, str, bool]]
) -> None:
    web = app(instances=count)
    instances = [
        instance(
            str(i),
            app_id=app_id,
            config=config,
            state=state,
            killed_at=1.0 if leaving else None,
            unreachable_at=0.0 if state == "TASK_UNREACHABLE" else None,
        )
        for i, (app_id, config, state, leaving) in enumerate(rows)
    ]
    made = planner.decide({"/web": web}, [], instances, now=10.0)
    ending = {*made.kill, *made.expunge}
    stay = [
        one
        for one in instances
        if one.app_id == "/web" and not one.leaving and one.task_id not in ending
    ]
    assert len(stay) + made.launch.get("/web", 0) == count
    others = {one.task_id for one in instances if one.app_id == "/gone" and not one.leaving}
    assert others <= ending
