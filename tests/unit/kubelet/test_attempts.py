"""The record of attempts: adoption, late reads, what was lost."""

from kubelet.attempts import HASH_ANNOTATION, Ledger
from kubelet.observed import Run
from kubelet.runtime.interface import ContainerState, ContainerStatus, SandboxState, SandboxStatus

POD = {"metadata": {"uid": "u"}, "spec": {}}


def sandbox(number: int = 0) -> SandboxStatus:
    return SandboxStatus(
        f"s{number}", "u", "web", "default", number, SandboxState.READY, 0.0, ip="10.1.0.2"
    )


def container(number: int = 0, state=ContainerState.RUNNING, **more) -> ContainerStatus:
    return ContainerStatus(
        f"c{number}", "s0", "u", "app", number, state, "i:1", "sha256:1", 1.0, **more
    )


def test_a_new_agent_takes_over_sandboxes_and_attempts() -> None:
    ended = container(0, ContainerState.EXITED, exit_code=3)
    running = container(1, annotations={HASH_ANNOTATION: "h"})
    ledger = Ledger(POD, [sandbox(1), sandbox(0)], [running, ended])
    assert ledger.sandbox.id == "s1"
    assert ledger.sandbox_ids == {"s0", "s1"}
    assert [a.number for a in ledger.attempts["app"]] == [0, 1]
    assert ledger.latest("app").spec_hash == "h"
    assert ledger.crashes == {"app": 1}


def test_a_crash_loop_goes_on_under_a_new_agent() -> None:
    ledger = Ledger(POD, [sandbox()], [container(4, ContainerState.EXITED)])
    assert ledger.crashes == {"app": 5}


def test_an_end_is_final_and_counted_once() -> None:
    ledger = Ledger(POD, [sandbox()], [container(started_at=1.0)])
    ended = container(state=ContainerState.EXITED, started_at=1.0, finished_at=2.0)
    ledger.record(ended)
    ledger.record(ended)
    ledger.record(container())
    assert ledger.latest("app").run is Run.EXITED
    assert ledger.crashes == {"app": 1}


def test_what_the_runtime_lost_counts_as_an_unknown_end() -> None:
    ledger = Ledger(POD, [sandbox()], [container()])
    ledger.lost("c0", 9.0)
    latest = ledger.latest("app")
    assert (latest.run, latest.exit_code, latest.reason) == (
        Run.UNKNOWN, 137, "ContainerStatusUnknown",
    )  # fmt: skip


def test_restart_counts_survive_a_reboot_through_the_api() -> None:
    entry = {
        "name": "app", "containerID": "bireme-oci://old", "restartCount": 6,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    }  # fmt: skip
    ledger = Ledger({**POD, "status": {"containerStatuses": [entry]}})
    latest = ledger.latest("app")
    assert (latest.number, latest.run) == (6, Run.UNKNOWN)


def test_an_end_that_the_api_knows_is_kept() -> None:
    entry = {
        "name": "app", "containerID": "bireme-oci://old", "restartCount": 0,
        "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:00:00Z"}},
    }  # fmt: skip
    ledger = Ledger({**POD, "status": {"containerStatuses": [entry]}})
    assert (ledger.latest("app").run, ledger.latest("app").exit_code) == (Run.EXITED, 0)


def test_a_message_of_the_process_comes_before_the_runtime_s() -> None:
    said = container(state=ContainerState.EXITED, termination_message="mine", message="theirs")
    assert Ledger(POD, [], [said]).latest("app").message == "mine"
