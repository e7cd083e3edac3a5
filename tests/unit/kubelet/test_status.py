"""The pod's status from desired and seen."""

from dataclasses import replace

import pytest

from kubelet import desired as reading
from kubelet import status
from kubelet.observed import Attempt, Ending, Probes, Run, Sandbox, Seen, StartFailure
from kubelet.status import Surroundings

NOW = 1_767_225_600.0
READY = Sandbox("s0", 0, ready=True, ips=("10.1.0.2",))


def pod(policy: str = "Always", init: bool = False, **spec) -> dict:
    containers: dict = {"containers": [{"name": "app", "image": "i:1"}]}
    if init:
        containers["initContainers"] = [{"name": "init", "image": "i:1"}]
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "generation": 1},
        "spec": {"restartPolicy": policy, **containers, **spec},
    }


def attempt(name: str = "app", number: int = 0, run: Run = Run.RUNNING, **more) -> Attempt:
    values = {"started_at": NOW - 5, "finished_at": NOW if run is Run.EXITED else 0.0}
    return Attempt(f"{name}{number}", name, number, "s0", run, **{**values, **more})


def seen(*attempts: Attempt, **more) -> Seen:
    by_name: dict[str, tuple[Attempt, ...]] = {}
    for one in attempts:
        by_name[one.name] = (*by_name.get(one.name, ()), one)
    return Seen(sandbox=READY, attempts=by_name, **more)


def of(one: dict, what: Seen, previous: dict | None = None, **around) -> dict:
    surroundings = Surroundings("10.0.0.1", NOW - 9, previous=previous or {}, **around)
    return status.pod_status(one, reading.read(one, NOW), what, surroundings, NOW)


def conditions(result: dict) -> dict[str, str]:
    return {c["type"]: c["status"] for c in result["conditions"]}


def test_a_running_pod_is_ready() -> None:
    result = of(pod(), seen(attempt()))
    assert result["phase"] == "Running"
    assert set(conditions(result).values()) == {"True"}
    assert result["podIP"] == "10.1.0.2"
    assert result["hostIPs"] == [{"ip": "10.0.0.1"}]
    (entry,) = result["containerStatuses"]
    assert entry["ready"]
    assert entry["started"]
    assert entry["containerID"] == "bireme-oci://app0"
    assert entry["state"] == {"running": {"startedAt": "2025-12-31T23:59:55Z"}}


def test_a_new_pod_is_creating() -> None:
    result = of(pod(), Seen())
    assert result["phase"] == "Pending"
    assert conditions(result)["PodReadyToStartContainers"] == "False"
    assert result["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_main_containers_wait_for_init_ones() -> None:
    result = of(pod(init=True), seen(attempt("init")))
    assert result["phase"] == "Pending"
    assert result["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    initialized = next(c for c in result["conditions"] if c["type"] == "Initialized")
    assert initialized["message"] == "containers with incomplete status: [init]"


def test_a_failed_init_container_fails_a_pod_that_never_restarts() -> None:
    failed = seen(attempt("init", run=Run.EXITED, exit_code=1))
    assert of(pod("Never", init=True), failed)["phase"] == "Failed"
    assert of(pod("Always", init=True), failed)["phase"] == "Pending"


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", 0, "Succeeded"), ("Never", 1, "Failed"), ("OnFailure", 0, "Succeeded"),
     ("OnFailure", 1, "Running"), ("Always", 0, "Running")],
)  # fmt: skip
def test_phases_of_ended_pods(policy: str, code: int, phase: str) -> None:
    assert of(pod(policy), seen(attempt(run=Run.EXITED, exit_code=code)))["phase"] == phase


def test_a_pod_is_not_ended_while_a_sidecar_runs() -> None:
    one = pod("Never")
    one["spec"]["initContainers"] = [{"name": "side", "restartPolicy": "Always"}]
    both = seen(attempt("side"), attempt(run=Run.EXITED))
    assert of(one, both)["phase"] == "Running"


def test_a_crash_loop_is_told_with_its_last_end() -> None:
    ended = seen(attempt(number=2, run=Run.EXITED, exit_code=3), crashes={"app": 3})
    (entry,) = of(pod(), ended)["containerStatuses"]
    assert entry["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": "back-off 20s restarting failed container=app pod=web_default(u)",
    }
    assert entry["lastState"]["terminated"]["exitCode"] == 3
    assert entry["restartCount"] == 2


def test_long_delays_read_as_in_go() -> None:
    ended = seen(attempt(number=9, run=Run.EXITED, exit_code=3), crashes={"app": 99})
    (entry,) = of(pod(), ended)["containerStatuses"]
    assert entry["state"]["waiting"]["message"].startswith("back-off 5m0s restarting")


def test_a_pull_that_failed_turns_to_back_off_after_a_moment() -> None:
    failure = StartFailure("ErrImagePull", "no such image", at=NOW)
    fresh = of(pod(), seen(failures={"app": failure}))
    assert fresh["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImagePull"
    old = seen(failures={"app": replace(failure, at=NOW - 2)})
    (entry,) = of(pod(), old)["containerStatuses"]
    image = of(pod(), old)["containerStatuses"][0]["image"]
    assert entry["state"]["waiting"] == {
        "reason": "ImagePullBackOff",
        "message": f'Back-off pulling image "{image}": ErrImagePull: no such image',
    }


def test_readiness_follows_the_probe() -> None:
    one = pod()
    one["spec"]["containers"][0]["readinessProbe"] = {"exec": {}}
    not_yet = of(one, seen(attempt()))
    assert conditions(not_yet)["Ready"] == "False"
    assert conditions(not_yet)["ContainersReady"] == "False"
    now = seen(attempt(), probes={"app0": Probes(ready=True)})
    assert conditions(of(one, now))["Ready"] == "True"


def test_readiness_gates_hold_ready_back() -> None:
    one = pod(readinessGates=[{"conditionType": "x.io/lb"}])
    result = of(one, seen(attempt()))
    assert conditions(result)["ContainersReady"] == "True"
    ready = next(c for c in result["conditions"] if c["type"] == "Ready")
    assert ready["reason"] == "ReadinessGatesNotReady"
    one["status"] = {"conditions": [{"type": "x.io/lb", "status": "True"}]}
    assert conditions(of(one, seen(attempt())))["Ready"] == "True"


def test_times_of_conditions_move_only_with_them() -> None:
    first = of(pod(), seen(attempt()))
    old = [{**c, "lastTransitionTime": "before"} for c in first["conditions"]]
    again = of(pod(), seen(attempt()), {"conditions": old})
    assert {c["lastTransitionTime"] for c in again["conditions"]} == {"before"}


def test_a_terminal_phase_stays() -> None:
    result = of(pod("Never"), seen(attempt()), {"phase": "Failed", "reason": "Evicted"})
    assert (result["phase"], result["reason"]) == ("Failed", "Evicted")


def test_a_pod_that_the_agent_ended_fails_when_nothing_runs() -> None:
    ending = Ending(NOW, "DeadlineExceeded", "too long", failed=True)
    assert of(pod(), seen(attempt(), ending=ending), {"phase": "Running"})["phase"] == "Running"
    over = seen(attempt(run=Run.EXITED, exit_code=143), ending=ending)
    result = of(pod(), over)
    assert (result["phase"], result["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_refused_pod_fails_with_the_reason() -> None:
    result = of(pod(), Seen(), rejected=("OutOfcpu", "too much"))
    assert (result["phase"], result["reason"], result["message"]) == (
        "Failed", "OutOfcpu", "too much",
    )  # fmt: skip


def test_the_address_stays_after_the_end() -> None:
    over = replace(seen(attempt(run=Run.EXITED)), sandbox=replace(READY, ready=False, ips=()))
    assert of(pod("Never"), over, {"podIP": "10.1.0.2"})["podIP"] == "10.1.0.2"


def test_a_host_network_pod_has_the_node_s_address() -> None:
    no_ip = replace(seen(attempt()), sandbox=replace(READY, ips=()))
    assert of(pod(hostNetwork=True), no_ip)["podIP"] == "10.0.0.1"


def test_conditions_tell_their_generation() -> None:
    one = pod()
    one["metadata"]["generation"] = 7
    told = of(one, seen(attempt()))["conditions"]
    assert {condition["observedGeneration"] for condition in told} == {7}


def test_users_and_mounts_are_told() -> None:
    one = pod()
    mounts = [
        {"name": "v", "mountPath": "/a"},
        {"name": "v", "mountPath": "/b", "readOnly": True},
        {"name": "v", "mountPath": "/c", "readOnly": True, "recursiveReadOnly": "IfPossible"},
    ]
    one["spec"]["containers"][0]["volumeMounts"] = mounts
    (entry,) = of(one, seen(attempt(user=(1000, 0, 500))))["containerStatuses"]
    assert entry["user"] == {"linux": {"uid": 1000, "gid": 0, "supplementalGroups": [0, 500]}}
    assert [mount.get("recursiveReadOnly") for mount in entry["volumeMounts"]] == [
        None, "Disabled", "Enabled",
    ]  # fmt: skip
