"""From what requests say to whole apps."""

from typing import Any

import pytest

from frameworks.marathon import times, update
from frameworks.marathon.errors import Invalid
from frameworks.marathon.spec import App
from tests.unit.frameworks.marathon.makers import NEW, OLD, app


def made(**body: Any) -> App:
    return update.create({"id": "/web", "cmd": "sleep 1", **body})


def test_defaults() -> None:
    found = made()
    assert (found.cpus, found.mem, found.disk, found.instances) == (1, 128, 0, 1)
    assert (found.backoff_seconds, found.backoff_factor) == (1, 1.15)
    assert found.max_launch_delay_seconds == 300
    assert found.upgrade_strategy.wire() == {
        "minimumHealthCapacity": 1,
        "maximumOverCapacity": 1,
    }
    assert found.on_host
    assert len(found.port_definitions) == 1


def test_health_defaults() -> None:
    (check,) = made(healthChecks=[{}]).health_checks
    assert check.protocol == "HTTP"
    assert (check.grace_period_seconds, check.interval_seconds) == (300, 60)
    assert (check.timeout_seconds, check.max_consecutive_failures) == (20, 3)
    assert check.delay_seconds == 15


@pytest.mark.parametrize("written", ["web", "/web", "//web", "/web/", "./web", "a/../web"])
def test_ids_become_absolute(written: str) -> None:
    assert update.create({"id": written, "cmd": "x"}).id == "/web"


def test_old_spellings() -> None:
    found = made(
        uris=["http://h/a.tgz"],
        container={
            "type": "DOCKER",
            "docker": {
                "image": "nginx",
                "network": "BRIDGE",
                "portMappings": [{"containerPort": 80}],
            },
        },
    )
    assert [one.uri for one in found.fetch] == ["http://h/a.tgz"]
    assert [one.mode for one in found.networks] == ["container/bridge"]
    (mapping,) = found.mappings
    assert (mapping.container_port, mapping.host_port) == (80, 0)
    assert "network" not in found.wire()["container"]["docker"]


def test_ports_are_definitions() -> None:
    assert [one.port for one in made(ports=[8080, 0]).port_definitions] == [8080, 0]
    assert made(ports=[]).port_definitions == ()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"id": "/UPPER"}, "/id"),
        ({"id": "/a/tasks"}, "/id"),
        ({"id": "/"}, "/id"),
        ({"id": "/a b"}, "/id"),
        ({"id": 7}, "/id"),
        ({"instances": -1}, "/instances"),
        ({"instances": "2"}, "/instances"),
        ({"instances": 1.5}, "/instances"),
        ({"cpus": "many"}, "/cpus"),
        ({"cpus": float("inf")}, "/cpus"),
        ({"cmd": None}, "/"),
        ({"args": ["a"]}, "/"),
        ({"constraints": [["rack", "NEAR"]]}, "/constraints(0)"),
        ({"constraints": [["rack"]]}, "/constraints(0)"),
        ({"constraints": [["rack", "LIKE", "("]]}, "/constraints(0)"),
        ({"constraints": [["rack", "MAX_PER"]]}, "/constraints(0)"),
        ({"constraints": [["rack", "GROUP_BY", "x"]]}, "/constraints(0)"),
        ({"healthChecks": [{"protocol": "COMMAND"}]}, "/healthChecks(0)"),
        ({"healthChecks": [{"portIndex": 3}]}, "/healthChecks(0)"),
        ({"healthChecks": [{"protocol": "GOPHER"}]}, "/healthChecks(0)/protocol"),
        ({"readinessChecks": [{}]}, "/readinessChecks(0)/portName"),
        (
            {"upgradeStrategy": {"minimumHealthCapacity": 2}},
            "/upgradeStrategy/minimumHealthCapacity",
        ),
        ({"secrets": {"a": {"source": "b"}}}, "/secrets"),
        ({"env": {"A": {"secret": "b"}}}, "/env(A)"),
        ({"dependencies": ["/web"]}, "/dependencies(0)"),
        ({"ports": [80, 80]}, "/portDefinitions"),
        ({"container": {"type": "DOCKER"}}, "/container/docker"),
        (
            {"unreachableStrategy": {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 1}},
            "/unreachableStrategy",
        ),
        ({"backoffFactor": 0.5}, "/backoffFactor"),
    ],
)
def test_bad_apps_are_told_where(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as error:
        made(**body)
    assert path in [one["path"] for one in error.value.body["details"]]
    assert error.value.status == 422


def test_a_change_keeps_what_it_says_nothing_of() -> None:
    old = made(env={"A": "1"}, labels={"x": "y"}, mem=64)
    new = update.change(old, {"instances": 3})
    assert (new.instances, new.mem, new.env) == (3, 64, {"A": "1"})
    whole = update.change(old, {"cmd": "true"}, partial=False)
    assert (whole.mem, whole.env) == (128, {})


def test_a_command_takes_the_place_of_arguments_and_the_reverse() -> None:
    assert update.change(made(), {"args": ["a"]}).cmd is None
    assert update.change(made(cmd=None, args=["a"]), {"cmd": "b"}).args is None


def test_what_clients_send_back_changes_nothing() -> None:
    """A client reads an app, changes one field, and sends all of it, what it may not set too."""
    old = made(env={"A": "1"})
    sent = {**old.wire(), "tasksRunning": 1, "tasks": [{"id": "x"}], "version": OLD, "ports": [0]}
    assert update.change(old, sent) == old


def test_apps_cannot_be_renamed() -> None:
    with pytest.raises(Invalid):
        update.change(made(), {"id": "/other"})


def test_versions_say_what_changed() -> None:
    first = update.stamped(made(), None, OLD)
    scaled = update.stamped(update.change(first, {"instances": 2}), first, NEW)
    assert (scaled.config, scaled.version_info.last_scaling_at) == (OLD, NEW)
    changed = update.stamped(update.change(first, {"cmd": "true"}), first, NEW)
    assert changed.config == NEW
    back = update.stamped(first, changed, "2026-01-03T00:00:00.000Z")
    assert back.config == OLD, "instances that still run in it are as good as new"


def test_service_ports_are_dealt_and_kept() -> None:
    first = update.with_service_ports(made(ports=[0, 0]), None, {10000})
    assert first.service_ports == [10001, 10002]
    again = update.with_service_ports(made(ports=[0, 0]), first, {10000})
    assert again.service_ports == first.service_ports
    taken = update.with_service_ports(made(ports=[0, 0]), first, {10001})
    assert taken.service_ports == [10000, 10002]


def test_stamps_sort_as_text_and_never_go_back() -> None:
    assert times.seconds(times.stamp(1e9)) == 1e9
    assert times.later(0.0, NEW) > NEW
    assert times.later(times.seconds(NEW), OLD) == NEW


def test_round_trip() -> None:
    found = app(
        constraints=[["rack", "UNIQUE"]],
        healthChecks=[{"protocol": "COMMAND", "command": {"value": "true"}}],
        unreachableStrategy="disabled",
        container={"type": "MESOS", "docker": {"image": "x"}, "volumes": []},
    )
    assert App.read(found.wire()) == found
