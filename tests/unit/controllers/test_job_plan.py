"""Jobs: every pod counts once, never too many run, and the end is the right one."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apimachinery import meta
from controllers import views
from controllers.job import indexes
from controllers.job import plan as planning
from tests.effort import examples

NOW = 1_800_000_000.0


class Simulation:
    """Pods and a status that obey the plans."""

    def __init__(self, **spec: Any) -> None:
        self.spec = {"parallelism": 2, "completions": 3, "template": {"spec": {}}} | spec
        self.status: dict[str, Any] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.now = NOW

    @property
    def job(self) -> planning.Job:
        metadata = {"name": "j", "namespace": "ns", "uid": "job"}
        return planning.job_of({"metadata": metadata, "spec": self.spec, "status": self.status})

    def step(self) -> planning.Plan:
        pods = [views.pod_of(pod) for pod in self.pods.values()]
        plan = planning.plan(self.job, pods, {}, self.now)
        self.status = plan.status
        for pod in plan.free:
            self.pods[pod.meta.name]["metadata"]["finalizers"] = []
            self._sweep(pod.meta.name)
        for pod in plan.delete:
            self.delete(pod.meta.name)
        for number in range(plan.create):
            index = plan.create_indexes[number] if plan.create_indexes else None
            self._create(index, plan.index_failures.get(-1 if index is None else index, 0))
        return plan

    def _create(self, index: int | None, failures: int) -> None:
        name = f"p{self.made}"
        self.made += 1
        body = planning.pod_from(self.job, {}, index, failures)
        body["metadata"] |= {"name": name, "uid": name, "generateName": ""}
        body["metadata"]["ownerReferences"] = []
        body["status"] = {"phase": "Running"}
        self.pods[name] = body

    def finish(self, name: str, phase: str) -> None:
        if self.pods[name]["status"]["phase"] == "Running":
            self.pods[name]["status"]["phase"] = phase

    def delete(self, name: str) -> None:
        self.pods[name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self._sweep(name)

    def _sweep(self, name: str) -> None:
        metadata = self.pods[name]["metadata"]
        if "deletionTimestamp" in metadata and not metadata["finalizers"]:
            del self.pods[name]

    @property
    def running(self) -> list[str]:
        return [
            name
            for name, pod in self.pods.items()
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        ]

    def conditions(self) -> dict[str, str]:
        return {
            one["type"]: one["reason"]
            for one in self.status.get("conditions") or ()
            if one["status"] == "True"
        }

    def settle(self) -> None:
        for _ in range(20):
            self.step()


events = st.lists(
    st.tuples(
        st.sampled_from(["Succeeded", "Failed", "delete", "step", "step"]), st.integers(0, 9)
    ),
    max_size=60,
)


@given(events, st.integers(1, 4), st.integers(1, 6), st.integers(0, 4), st.booleans())
@settings(max_examples=examples(300))
def test_every_end_counts_once_and_never_too_many_run(
    steps: list[tuple[str, int]], parallelism: int, completions: int, limit: int, indexed: bool
) -> None:
    simulation = Simulation(
        parallelism=parallelism,
        completions=completions,
        backoffLimit=limit,
        completionMode="Indexed" if indexed else "NonIndexed",
    )
    truth = {"Succeeded": 0, "Failed": 0}
    simulation.step()
    for what, pick in steps:
        running = simulation.running
        assert len(running) <= parallelism
        if what == "step":
            simulation.step()
        elif running and "SuccessCriteriaMet" not in simulation.conditions():
            name = running[pick % len(running)]
            if what == "delete":
                simulation.delete(name)
                truth["Failed"] += 1
            else:
                simulation.finish(name, what)
                truth[what] += 1
    simulation.settle()
    before_end = len(simulation.running)
    status = simulation.status
    assert not status["uncountedTerminatedPods"]
    assert status.get("succeeded", 0) == truth["Succeeded"]
    ended = simulation.conditions()
    if "Complete" in ended:
        assert status["succeeded"] == completions
        if indexed:
            assert status["completedIndexes"] == indexes.render(range(completions))
    elif "Failed" in ended:
        assert status["failed"] > limit
        assert before_end == 0
    else:
        assert status.get("failed", 0) == truth["Failed"] <= limit
        assert before_end == min(parallelism, completions - truth["Succeeded"])


def test_completes() -> None:
    simulation = Simulation(completions=1)
    simulation.step()
    simulation.finish("p0", "Succeeded")
    simulation.settle()
    assert simulation.conditions() == {
        "SuccessCriteriaMet": "CompletionsReached",
        "Complete": "CompletionsReached",
    }
    assert simulation.status["completionTime"] == meta.format_time(NOW)
    assert simulation.pods["p0"]["metadata"]["finalizers"] == []


def test_without_completions_the_first_success_lets_the_others_finish() -> None:
    simulation = Simulation(parallelism=3, completions=None)
    simulation.step()
    simulation.finish("p0", "Succeeded")
    simulation.settle()
    assert (len(simulation.running), simulation.conditions()) == (2, {})
    simulation.finish("p1", "Failed")
    simulation.finish("p2", "Succeeded")
    simulation.settle()
    assert simulation.status["succeeded"] == 2
    assert "Complete" in simulation.conditions()


def test_fails_at_its_deadline() -> None:
    simulation = Simulation(activeDeadlineSeconds=60)
    plan = simulation.step()
    assert plan.look_again == pytest.approx(60)
    simulation.now += 60
    simulation.settle()
    assert simulation.conditions()["Failed"] == "DeadlineExceeded"
    assert simulation.running == []


def test_suspending_takes_the_pods_away_and_resuming_brings_them_back() -> None:
    simulation = Simulation(backoffLimit=6)
    simulation.step()
    simulation.spec["suspend"] = True
    simulation.settle()
    assert simulation.running == []
    assert "startTime" not in simulation.status
    assert simulation.conditions() == {"Suspended": "JobSuspended"}
    simulation.spec["suspend"] = False
    simulation.settle()
    assert len(simulation.running) == 2
    assert simulation.conditions() == {}


def test_goes_when_its_time_is_over() -> None:
    simulation = Simulation(completions=1, ttlSecondsAfterFinished=30)
    simulation.step()
    simulation.finish("p0", "Succeeded")
    simulation.settle()
    assert simulation.step().look_again == pytest.approx(30)
    simulation.now += 30
    assert simulation.step().expired


def test_backing_off_puts_the_next_pod_off() -> None:
    plan = planning.plan(Simulation().job, [], {None: NOW + 10}, NOW)
    assert (plan.create, plan.look_again) == (0, pytest.approx(10))
    assert [planning.backoff(n) for n in (0, 1, 2, 3, 20)] == [0, 10, 20, 40, 600]


def test_each_index_backs_off_by_itself() -> None:
    simulation = Simulation(completionMode="Indexed", completions=4, backoffLimitPerIndex=3)
    later = {0: NOW + 10, 2: NOW + 20}
    plan = planning.plan(simulation.job, [], later, NOW)
    assert plan.create_indexes == [1, 3]
    simulation.spec["parallelism"] = 4
    plan = planning.plan(simulation.job, [], later, NOW)
    assert (plan.create_indexes, plan.look_again) == ([1, 3], pytest.approx(10))
    assert planning.plan(simulation.job, [], later, NOW + 15).create_indexes == [0, 1, 3]


def test_a_smaller_indexed_job_keeps_the_indexes_that_it_still_has() -> None:
    simulation = Simulation(completionMode="Indexed", completions=4, parallelism=4)
    simulation.step()
    simulation.spec |= {"completions": 2, "parallelism": 2}
    simulation.settle()
    assert sorted(simulation.running) == ["p0", "p1"]
    simulation.finish("p0", "Succeeded")
    simulation.settle()
    assert simulation.status["completedIndexes"] == "0"
    simulation.spec |= {"completions": 3, "parallelism": 3}
    simulation.settle()
    found = [views.pod_of(simulation.pods[name]) for name in simulation.running]
    assert sorted(map(planning.index_of, found)) == [1, 2]


def test_failures_are_told_by_index_where_that_is_limited() -> None:
    simulation = Simulation(completionMode="Indexed", backoffLimitPerIndex=3)
    simulation.step()
    simulation.finish("p1", "Failed")
    pods = [views.pod_of(pod) for pod in simulation.pods.values()]
    assert planning.failures(simulation.job, pods) == {0: 0, 1: 1}
    simulation.spec.pop("backoffLimitPerIndex")
    assert planning.failures(simulation.job, pods) == {None: 1}


@pytest.mark.parametrize(
    ("manager", "ours"), [(None, True), (planning.MANAGER, True), ("acme.io/queue", False)]
)
def test_who_manages_a_job(manager: str | None, ours: bool) -> None:
    assert Simulation(managedBy=manager).job.ours is ours


def test_an_indexed_pod_knows_its_index() -> None:
    template = {"spec": {"containers": [{"name": "c"}]}}
    job = Simulation(completionMode="Indexed", template=template).job
    pod = planning.pod_from(job, {}, 4)
    assert pod["metadata"]["generateName"] == "j-4-"
    assert pod["metadata"]["labels"][planning.INDEX] == "4"
    assert pod["spec"]["hostname"] == "j-4"
    assert pod["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
    assert template == {"spec": {"containers": [{"name": "c"}]}}


@given(st.sets(st.integers(0, 200)))
def test_indexes_read_back(numbers: set[int]) -> None:
    assert indexes.parse(indexes.render(numbers)) == numbers


@pytest.mark.parametrize(
    ("numbers", "text"), [((), ""), ((3,), "3"), ((0, 1, 2, 3, 5, 7, 8), "0-3,5,7,8")]
)
def test_indexes_are_written_as_kubernetes_does(numbers, text) -> None:
    assert indexes.render(numbers) == text
