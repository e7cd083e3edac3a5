"""Jobs that say what a failure means, limit failures per index, or may succeed early."""

from typing import Any

import pytest

from controllers import views
from controllers.job import policy

from .test_job_plan import Simulation


def failed(*codes: int, conditions: tuple[tuple[str, str], ...] = ()) -> views.Pod:
    statuses = [
        {"name": f"c{n}", "state": {"terminated": {"exitCode": code}}}
        for n, code in enumerate(codes)
    ]
    return views.pod_of(
        {
            "metadata": {"name": "p", "namespace": "ns", "uid": "p"},
            "spec": {},
            "status": {
                "phase": "Failed",
                "containerStatuses": statuses,
                "conditions": [{"type": t, "status": s} for t, s in conditions],
            },
        }
    )


def codes(action: str, operator: str, *values: int, **more: str) -> dict[str, Any]:
    return {"action": action, "onExitCodes": {"operator": operator, "values": values, **more}}


DISRUPTED = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}


@pytest.mark.parametrize(
    ("rules", "pod", "action"),
    [
        ([codes("FailJob", "In", 42)], failed(42), "FailJob"),
        ([codes("FailJob", "In", 42)], failed(1), "Count"),
        ([codes("FailJob", "NotIn", 1, 2)], failed(0, 3), "FailJob"),
        ([codes("FailJob", "NotIn", 1)], failed(0, 1), "Count"),
        ([codes("FailJob", "In", 7, containerName="c1")], failed(7, 1), "Count"),
        ([codes("FailJob", "In", 7, containerName="c1")], failed(1, 7), "FailJob"),
        ([DISRUPTED], failed(137, conditions=(("DisruptionTarget", "True"),)), "Ignore"),
        ([DISRUPTED], failed(137, conditions=(("DisruptionTarget", "False"),)), "Count"),
        ([DISRUPTED, codes("FailJob", "In", 1)], failed(1), "FailJob"),
        ([], failed(1), "Count"),
    ],
)
def test_the_first_rule_that_matches(
    rules: list[dict[str, Any]], pod: views.Pod, action: str
) -> None:
    assert policy.judge(rules, pod)[0] == action


def test_the_message_names_what_was_seen() -> None:
    _, message = policy.judge([DISRUPTED, codes("FailJob", "In", 42)], failed(42))
    assert message == (
        "Container c0 for pod ns/p failed with exit code 42 matching FailJob rule at index 1"
    )


def fail(simulation: Simulation, name: str, code: int) -> None:
    simulation.finish(name, "Failed")
    simulation.pods[name]["status"]["containerStatuses"] = [
        {"name": "c", "state": {"terminated": {"exitCode": code}}}
    ]
    simulation.settle()


def test_a_code_that_fails_the_job_ends_it_at_once() -> None:
    simulation = Simulation(podFailurePolicy={"rules": [codes("FailJob", "In", 42)]})
    simulation.settle()
    fail(simulation, simulation.running[0], 42)
    assert simulation.conditions()["FailureTarget"] == "PodFailurePolicy"
    assert simulation.running == []


def test_failures_that_are_ignored_are_replaced_for_ever() -> None:
    simulation = Simulation(
        parallelism=1, backoffLimit=0, podFailurePolicy={"rules": [codes("Ignore", "In", 1)]}
    )
    simulation.settle()
    for _ in range(5):
        fail(simulation, simulation.running[0], 1)
        assert len(simulation.running) == 1
    assert simulation.status.get("failed", 0) == 0
    fail(simulation, simulation.running[0], 2)
    assert simulation.conditions()["Failed"] == "BackoffLimitExceeded"


def per_index(**more: Any) -> Simulation:
    simulation = Simulation(
        completionMode="Indexed",
        completions=3,
        parallelism=3,
        backoffLimit=1000,
        backoffLimitPerIndex=1,
        **more,
    )
    simulation.settle()
    return simulation


def of_index(simulation: Simulation, index: int) -> str:
    return next(
        name
        for name in simulation.running
        if simulation.pods[name]["metadata"]["labels"][
            "batch.kubernetes.io/job-completion-index"
        ] == str(index)
    )  # fmt: skip


def test_an_index_fails_alone_and_the_others_go_on() -> None:
    simulation = per_index()
    fail(simulation, of_index(simulation, 1), 1)
    assert simulation.status["failedIndexes"] == ""
    fail(simulation, of_index(simulation, 1), 1)
    assert simulation.status["failedIndexes"] == "1"
    assert len(simulation.running) == 2
    for index in (0, 2):
        simulation.finish(of_index(simulation, index), "Succeeded")
        simulation.settle()
    assert simulation.conditions()["Failed"] == "FailedIndexes"
    assert simulation.status["completedIndexes"] == "0,2"


def test_too_many_failed_indexes_end_the_job() -> None:
    simulation = per_index(maxFailedIndexes=0)
    fail(simulation, of_index(simulation, 0), 1)
    fail(simulation, of_index(simulation, 0), 1)
    assert simulation.conditions()["Failed"] == "MaxFailedIndexesExceeded"
    assert simulation.running == []


@pytest.mark.parametrize(
    "rule",
    [
        {"succeededIndexes": "0"},
        {"succeededCount": 1},
        {"succeededIndexes": "0,2", "succeededCount": 1},
    ],
)
def test_success_before_all_are_done(rule: dict[str, Any]) -> None:
    simulation = Simulation(
        completionMode="Indexed", completions=3, parallelism=3, successPolicy={"rules": [rule]}
    )
    simulation.settle()
    simulation.finish(of_index(simulation, 0), "Succeeded")
    simulation.settle()
    assert simulation.conditions()["Complete"] == "SuccessPolicy"
    assert simulation.running == []


def test_a_place_is_held_until_the_pod_has_ended() -> None:
    simulation = Simulation(parallelism=1, podReplacementPolicy="Failed")
    simulation.settle()
    (name,) = simulation.running
    simulation.delete(name)
    simulation.settle()
    assert simulation.running == []
    assert simulation.status["terminating"] == 1
    fail(simulation, name, 143)
    assert len(simulation.running) == 1
