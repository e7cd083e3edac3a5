"""Delays, health, selectors, versions that are kept, the store."""

from pathlib import Path

import pytest

from frameworks.marathon import delays, health, selectors
from frameworks.marathon.errors import BadRequest
from frameworks.marathon.health import Result
from frameworks.marathon.history import VERSIONS_MAX, Past
from frameworks.marathon.instance import Instance, after
from frameworks.marathon.launch import environment, task
from frameworks.marathon.matching import Placement
from frameworks.marathon.queue import LaunchQueue
from frameworks.marathon.state import Group, State
from frameworks.marathon.store import Store, StoreError
from offers.sdk import TaskStatus
from tests.unit.frameworks.marathon.makers import app, instance


def test_delays_grow_and_end() -> None:
    web = app(backoffSeconds=2, backoffFactor=3, maxLaunchDelaySeconds=10)
    known: dict[str, delays.Delay] = {}
    seen = []
    for now in (0.0, 2.0, 8.0, 18.0):
        known[web.id] = delays.failed(known, web, now)
        seen.append(delays.of(known, web, now))
    assert seen == [2, 6, 10, 10]
    assert delays.of(known, app(config="2026-05-05T00:00:00.000Z"), 18.0) == 0
    assert delays.failed(known, web, now=1000.0).seconds == 2, "it ran long enough meanwhile"


def test_failures_are_forgiven_while_it_starts() -> None:
    (check,) = app(healthChecks=[{"gracePeriodSeconds": 10}]).health_checks
    early = health.failed(Result(), check, since=0.0, now=9.0, cause="refused")
    assert (early.alive, early.failures, early.cause) == (None, 0, "refused")
    late = early
    for now in (10.0, 11.0, 12.0):
        late = health.failed(late, check, since=0.0, now=now, cause="refused")
    assert health.hopeless(late, check)
    assert not health.hopeless(health.passed(late, 13.0), check)
    once = health.failed(health.passed(Result(), 1.0), check, since=0.0, now=2.0, cause="x")
    assert once.alive is False, "who was well is not starting any more"


def test_zero_failures_in_a_row_mean_never() -> None:
    (check,) = app(healthChecks=[{"maxConsecutiveFailures": 0}]).health_checks
    assert not health.hopeless(Result(alive=False, failures=99), check)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True), ("a", True), ("c", False), ("a==1", True), ("a==2", False), ("a!=2", True),
        ("c!=2", False), ("a in (1, 2)", True), ("a notin (1)", False), ("a==1,b==2", True),
        ("a==1, b==3", False),
    ],
)  # fmt: skip
def test_selectors(text: str, fits: bool) -> None:
    assert selectors.parse(text)({"a": "1", "b": "2"}) is fits


@pytest.mark.parametrize("text", ["=", "a=1", "a in 1", "a==1 b", "(("])
def test_bad_selectors(text: str) -> None:
    with pytest.raises(BadRequest):
        selectors.parse(text)


def status(state: str, **raw: object) -> TaskStatus:
    return TaskStatus("web.instance-1._app.1", state, "", "", "n1", "", dict(raw))


def test_the_life_of_an_instance() -> None:
    web = app(healthChecks=[{"protocol": "COMMAND", "command": {"value": "true"}}])
    one = instance(state="TASK_STAGING")
    running = after(one, status("TASK_RUNNING"), web, now=5.0)
    assert running is not None
    assert (running.started_at, running.up(web)) == (5.0, False)
    well = after(running, status("TASK_RUNNING", healthy=True), web, now=6.0)
    assert well is not None
    assert (well.started_at, well.up(web)) == (5.0, True)
    lost = after(well, status("TASK_UNREACHABLE"), web, now=7.0)
    assert lost is not None
    assert after(lost, status("TASK_UNREACHABLE"), web, now=9.0) == lost
    back = after(lost, status("TASK_RUNNING"), web, now=9.0)
    assert back == well
    assert after(well, status("TASK_FINISHED"), web, now=9.0) is None
    assert Instance.read(well.wire()) == well


def test_what_a_task_is_told() -> None:
    web = app("/shop/web", labels={"a-b": "c"}, env={"OWN": "1"}, ports=[0, 0])
    placed = Placement(web, "t", (20001, 20002), {})
    told = environment(placed, "n1")
    assert told["MARATHON_APP_ID"] == "/shop/web"
    assert told["MARATHON_APP_LABELS"] == "A_B"
    assert told["MARATHON_APP_LABEL_A_B"] == "c"
    assert (told["PORT"], told["PORT1"], told["PORTS"]) == ("20001", "20002", "20001,20002")
    assert (told["HOST"], told["OWN"], told["MESOS_TASK_ID"]) == ("n1", "1", "t")
    made = task(placed, "n1")
    assert (made.name, made.ports) == ("web.shop", ((20001, 20002),))


def test_a_container_in_a_network_of_its_own() -> None:
    web = app(
        container={"docker": {"image": "x"}, "portMappings": [{"containerPort": 80}, {}]},
        networks=[{"mode": "container/bridge"}],
        healthChecks=[{"protocol": "MESOS_HTTP", "portIndex": 0}],
    )
    made = task(Placement(web, "t", (20001, 20007), {}), "n1")
    docker = made.more["container"]["docker"]
    assert docker["network"] == "BRIDGE"
    assert [(p["container_port"], p["host_port"]) for p in docker["port_mappings"]] == [
        (80, 20001),
        (20007, 20007),
    ]
    assert made.more["health_check"]["http"] == {"scheme": "http", "port": 80, "path": "/"}


def test_versions_are_bounded() -> None:
    state = State()
    for i in range(VERSIONS_MAX + 5):
        state.history.add(Past("/a", f"v{i:03}", app("/a").wire()))
    assert len(state.history.apps("/a")) == VERSIONS_MAX == len(state.history)
    state.history.add(Past("/a", "v999", None))
    assert state.history.apps("/a") == {}


def test_all_comes_back_from_disk(tmp_path: Path) -> None:
    state, path = State(), tmp_path / "m.db"
    state.apps["/web"] = app()
    state.groups["/"] = Group("/", "v", ("/a",))
    state.facts["framework-id"] = "f-1"
    state.instances["t"] = instance("t", health=(Result(alive=True),), ports=(1, 2))
    state.history.add(Past("/web", "v", None))
    with Store(path) as store:
        store.write(state.flush())
        assert state.flush() == []
        state.groups["/x"] = Group("/x", "v")
        del state.groups["/"]
        store.write(state.flush())
    again = State()
    with Store(path) as store:
        again.load(store.rows())
    for kind, table in state.tables().items():
        assert dict(table) == dict(again.tables()[kind])
    assert again.instances.of("/web") == state.instances.of("/web")


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("this is no database, and longer than a header is")
    with pytest.raises(StoreError, match="name another file"):
        Store(tmp_path / "bad.db")


def test_each_instance_that_is_wanted_has_offers_asked_for() -> None:
    """One is launched, and before anyone looks another one is wanted: that is news."""
    web, queue = app(), LaunchQueue()
    apps = {web.id: web}
    queue.want({web.id: 1}, apps, 0.0)
    assert queue.grown(apps, 0.0)
    queue.asked(apps, 0.0)
    assert not queue.grown(apps, 0.0)
    queue.used(web.id, 1.0)
    queue.want({web.id: 1}, apps, 2.0)
    queue.settle(apps, 2.0)
    assert queue.grown(apps, 2.0)
