"""The STATUS, READY and RESTARTS of pods in every situation of a pod's life."""

from typing import Any

import pytest

from apimachinery import table

BORN = "2026-11-24T07:00:00Z"
NOW = 1_795_503_600.0 + 130


def pod(status: dict[str, Any], *, spec: dict[str, Any] | None = None, **metadata: Any) -> Any:
    return {
        "metadata": {"name": "web", "creationTimestamp": BORN, **metadata},
        "spec": {"containers": [{"name": "a"}], **(spec or {})},
        "status": status,
    }


def container(name: str = "a", *, ready: bool = False, restarts: int = 0, **state: Any) -> Any:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


def row(obj: Any) -> list[Any]:
    return table.printer("", "Pod").cells(obj).fill(NOW)


def word(obj: Any) -> str:
    return row(obj)[2]


RUNNING = container(ready=True, running={"startedAt": BORN})


def test_a_running_pod() -> None:
    obj = pod(
        {"phase": "Running", "podIPs": [{"ip": "10.1.0.2"}], "containerStatuses": [RUNNING]},
        spec={"nodeName": "n1"},
    )
    expected = ["web", "1/1", "Running", "0", "2m10s", "10.1.0.2", "n1", "<none>", "<none>"]
    assert row(obj) == expected


def test_a_pod_that_nobody_has_seen_yet() -> None:
    assert row(pod({"phase": "Pending"}))[1:4] == ["0/1", "Pending", "0"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, "ContainerCreating"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, "CrashLoopBackOff"),
        ({"waiting": {"reason": "ErrImagePull"}}, "ErrImagePull"),
        ({"terminated": {"reason": "Completed", "exitCode": 0}}, "Completed"),
        ({"terminated": {"reason": "OOMKilled", "exitCode": 137}}, "OOMKilled"),
        ({"terminated": {"exitCode": 3}}, "ExitCode:3"),
        ({"terminated": {"signal": 9}}, "Signal:9"),
        ({"waiting": {}}, "Pending"),
    ],
)
def test_the_container_tells_more_than_the_phase(state: dict[str, Any], expected: str) -> None:
    obj = pod({"phase": "Pending", "containerStatuses": [container(**state)]})
    assert word(obj) == expected


def test_the_first_container_has_the_last_word() -> None:
    statuses = [
        container("a", waiting={"reason": "CrashLoopBackOff"}),
        container("b", waiting={"reason": "ErrImagePull"}),
    ]
    assert word(pod({"phase": "Running", "containerStatuses": statuses})) == "CrashLoopBackOff"


@pytest.mark.parametrize(("ready", "expected"), [("True", "Running"), ("False", "NotReady")])
def test_one_container_done_and_one_running(ready: str, expected: str) -> None:
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": ready}],
        "containerStatuses": [container(terminated={"reason": "Completed"}), RUNNING],
    }
    assert word(pod(status)) == expected


def test_the_pods_own_reason_overrules_the_phase() -> None:
    assert word(pod({"phase": "Failed", "reason": "Evicted"})) == "Evicted"


def test_a_gated_pod() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
    assert word(pod({"phase": "Pending", "conditions": [condition]})) == "SchedulingGated"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Running", "containerStatuses": [RUNNING]}, "Terminating"),
        ({"phase": "Running", "reason": "NodeLost"}, "Unknown"),
        ({"phase": "Succeeded"}, "Succeeded"),
    ],
)
def test_deletion(status: dict[str, Any], expected: str) -> None:
    assert word(pod(status, deletionTimestamp=BORN)) == expected


INIT_SPEC = {"initContainers": [{"name": "i"}, {"name": "j"}]}
DONE = container("i", terminated={"exitCode": 0})


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ([container("i", running={})], "Init:0/2"),
        ([DONE, container("j", waiting={"reason": "PodInitializing"})], "Init:1/2"),
        ([container("i", waiting={"reason": "ErrImagePull"})], "Init:ErrImagePull"),
        ([container("i", terminated={"exitCode": 2, "reason": "Error"})], "Init:Error"),
        ([container("i", terminated={"exitCode": 2})], "Init:ExitCode:2"),
        ([container("i", terminated={"exitCode": 2, "signal": 9})], "Init:Signal:9"),
        ([DONE, DONE], "PodInitializing"),
    ],
)
def test_init_containers(init: list[Any], expected: str) -> None:
    status = {
        "phase": "Pending",
        "initContainerStatuses": init,
        "containerStatuses": [container(waiting={"reason": "PodInitializing"})],
    }
    assert word(pod(status, spec=INIT_SPEC)) == expected


def test_sidecars_count_as_containers() -> None:
    status = {
        "phase": "Running",
        "initContainerStatuses": [
            container("s", ready=True, restarts=2, running={}) | {"started": True}
        ],
        "containerStatuses": [RUNNING],
    }
    spec = {"initContainers": [{"name": "s", "restartPolicy": "Always"}]}
    assert row(pod(status, spec=spec))[1:4] == ["2/2", "Running", "2"]


def test_restarts_of_plain_init_containers_are_forgotten_once_they_are_through() -> None:
    done = container("i", restarts=5, terminated={"exitCode": 0})
    status = {
        "phase": "Running",
        "initContainerStatuses": [done],
        "containerStatuses": [RUNNING],
    }
    assert row(pod(status, spec=INIT_SPEC))[3] == "0"


def test_restarts_tell_how_long_ago() -> None:
    again = container(ready=True, restarts=3, running={})
    again["lastState"] = {"terminated": {"finishedAt": "2026-11-24T07:00:10Z"}}
    assert row(pod({"phase": "Running", "containerStatuses": [again]}))[3] == "3 (2m ago)"


def test_readiness_gates_are_counted() -> None:
    spec = {"readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]}
    status = {"phase": "Running", "conditions": [{"type": "x", "status": "True"}]}
    assert row(pod(status, spec=spec))[8] == "1/2"
