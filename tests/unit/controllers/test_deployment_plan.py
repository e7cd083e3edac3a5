"""The rollout planner against a simulated cluster: bounds hold at every step, and it gets there."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from controllers.deployment import model, template
from controllers.deployment import plan as planning
from tests.effort import examples

NOW = 1_800_000_000.0


def deployment(
    replicas: int,
    image: str = "a",
    surge: int | str = 1,
    unavailable: int | str = 0,
    status: Any = None,
    **spec: Any,
) -> model.Deployment:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    body = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"image": image}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        "progressDeadlineSeconds": 600,
    } | spec
    metadata = {"name": "web", "namespace": "ns", "uid": "d", "generation": 1}
    return model.deployment_of({"metadata": metadata, "spec": body, "status": status or {}})


class Simulation:
    """ReplicaSets that obey orders, and pods that come, become available, fail and go."""

    def __init__(self) -> None:
        self.sets: dict[str, dict[str, Any]] = {}
        self.status: dict[str, Any] = {}
        self.annotations: dict[str, str] = {}
        self.serial = itertools.count()
        self.now = NOW

    def step(self, wanted: model.Deployment) -> model.Plan:
        wanted = replace(wanted, status=self.status, annotations=dict(self.annotations))
        copies = [model.replicaset_of(one) for one in self.sets.values()]
        plan = planning.plan(wanted, copies, frozenset(), self.now)
        for action in plan.actions:
            self.obey(action)
        if plan.status is not None:
            self.status = plan.status
        return plan

    def obey(self, action: model.Action) -> None:
        match action:
            case model.CreateSet(body=body):
                number = next(self.serial)
                name = body["metadata"]["name"]
                assert name not in self.sets
                metadata = body["metadata"] | {
                    "uid": name,
                    "creationTimestamp": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
                }
                self.sets[name] = body | {"metadata": metadata, "status": {"replicas": 0}}
            case model.PatchSet(target=target, patch=patch):
                one = self.sets[target.name]
                one["spec"] |= patch.get("spec", {})
                annotations = patch.get("metadata", {}).get("annotations", {})
                one["metadata"].setdefault("annotations", {}).update(annotations)
            case model.DeleteSet(target=target):
                assert self.sets[target.name]["spec"]["replicas"] == 0
                del self.sets[target.name]
            case model.SetRevision(revision=revision):
                self.annotations[model.REVISION] = str(revision)

    def live(self, healthy: Any) -> None:
        """Each set gets the pods it asks for; `healthy(name)` says how many become available."""
        for name, one in self.sets.items():
            size = one["spec"]["replicas"]
            before = one["status"].get("availableReplicas", 0)
            available = min(size, max(min(before, size), healthy(name)))
            one["status"] = {
                "replicas": size,
                "readyReplicas": available,
                "availableReplicas": available,
            }

    @property
    def asked(self) -> int:
        return sum(one["spec"]["replicas"] for one in self.sets.values())

    @property
    def available(self) -> int:
        """At worst: a smaller set may lose available pods only if it must."""
        return sum(
            min(one["spec"]["replicas"], one["status"].get("availableReplicas", 0))
            for one in self.sets.values()
        )

    def settle(self, wanted: model.Deployment, limit: int = 200) -> None:
        for _ in range(limit):
            self.live(lambda _: 10_000)
            plan = self.step(wanted)
            if not plan.actions and plan.status is None:
                return
        raise AssertionError("does not come to rest")


sizes = st.integers(1, 12)
limits = st.integers(0, 5) | st.integers(0, 100).map(lambda n: f"{n}%")


@given(sizes, limits, limits, st.lists(st.integers(0, 12), max_size=40))
@settings(max_examples=examples(300))
def test_a_rollout_keeps_within_surge_and_availability(
    replicas: int, surge: int | str, unavailable: int | str, health: list[int]
) -> None:
    simulation = Simulation()
    old = deployment(replicas, "a", surge, unavailable)
    simulation.settle(old)
    new = deployment(replicas, "b", surge, unavailable)
    for healthy in health:
        before = simulation.available
        simulation.step(new)
        assert simulation.asked <= new.replicas + new.surge
        assert simulation.available >= min(before, new.replicas - new.unavailable)
        simulation.live(lambda _, healthy=healthy: healthy)
    simulation.settle(new)
    (live,) = [one for one in simulation.sets.values() if one["spec"]["replicas"]]
    assert live["spec"]["template"]["spec"] == {"image": "b"}
    assert live["spec"]["replicas"] == replicas


@given(st.lists(st.tuples(st.sampled_from("abc"), sizes), min_size=1, max_size=6))
def test_any_sequence_of_changes_converges_to_the_last(changes: list[tuple[str, int]]) -> None:
    simulation = Simulation()
    for image, replicas in changes:
        wanted = deployment(replicas, image, "25%", "25%")
        for _ in range(3):
            simulation.step(wanted)
            simulation.live(lambda _: 1)
    simulation.settle(wanted)
    sizes_now = {
        one["spec"]["template"]["spec"]["image"]: one["spec"]["replicas"]
        for one in simulation.sets.values()
    }
    assert sizes_now.pop(changes[-1][0]) == changes[-1][1]
    assert not any(sizes_now.values())
    assert simulation.status["availableReplicas"] == changes[-1][1]


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_proportional_scaling_reaches_the_allowed_size(
    before: int, after: int, data: st.DataObject
) -> None:
    assume(before != after)
    simulation = Simulation()
    simulation.settle(deployment(before, "a", 5, 5))
    simulation.step(deployment(before, "b", 5, 5))
    first = data.draw(st.integers(1, before + 4))
    for one, size in zip(simulation.sets.values(), (first, before + 5 - first), strict=True):
        one["spec"]["replicas"] = size
        one["metadata"]["annotations"][model.MAX_REPLICAS] = str(before + 5)
        one["metadata"]["annotations"][model.DESIRED_REPLICAS] = str(before)
    simulation.step(deployment(after, "b", 5, 5))
    assert simulation.asked == after + 5


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 1, (1, 0)),
        ("25%", "25%", 10, (3, 2)),
        (0, 0, 5, (0, 1)),
        ("0%", "10%", 3, (0, 1)),
        (2, 9, 3, (2, 3)),
        (0, 0, 0, (0, 0)),
    ],
)
def test_fenceposts(surge, unavailable, replicas, expected) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    assert model.fenceposts(rolling, replicas) == expected


def test_at_rest_nothing_is_ordered() -> None:
    simulation = Simulation()
    wanted = deployment(3)
    simulation.settle(wanted)
    plan = simulation.step(wanted)
    assert (plan.actions, plan.status) == ((), None)


def test_unavailable_old_pods_go_first() -> None:
    simulation = Simulation()
    simulation.settle(deployment(4, "a", 0, 1))
    simulation.step(deployment(4, "b", 0, 1))
    (old, new) = simulation.sets.values()
    assert (old["spec"]["replicas"], new["spec"]["replicas"]) == (3, 0)
    simulation.live(lambda _: 0)
    old["status"]["availableReplicas"] = 1
    for _ in range(2):
        simulation.step(deployment(4, "b", 0, 3))
    assert old["spec"]["replicas"] == 1


def test_the_hash_is_stable_and_changes_with_the_template_and_collisions() -> None:
    one = {"spec": {"a": 1, "b": 2}}
    same = {"spec": {"b": 2, "a": 1}}
    assert template.template_hash(one, 0) == template.template_hash(same, 0) == "6965954cfb"
    assert template.template_hash(one, 1) != template.template_hash(one, 0)
    assert set(template.template_hash(one, 0)) <= set(template.SAFE_LETTERS)


def test_fnv_is_the_published_one() -> None:
    assert template.fnv1a(b"foobar") == 0xBF9CF968


def test_taking_the_hash_off_gives_the_template_back() -> None:
    one = {"metadata": {"labels": {"app": "x"}}, "spec": {}}
    assert template.without_hash(template.with_hash(one, "abc")) == one


@pytest.mark.parametrize("revisions", [["1"], [str(n) for n in range(1, 1500)]])
def test_revision_history_stays_within_its_room(revisions: list[str]) -> None:
    history: str | None = None
    for revision in revisions:
        history = planning._with_revision(history, revision)
    assert history is not None
    assert history.split(",")[-1] == revisions[-1]
    assert len(history) <= planning.HISTORY_CHARACTERS


class TestConditions:
    """What the status says over time."""

    def test_progress_is_noted_then_completion(self) -> None:
        simulation = Simulation()
        wanted = deployment(2)
        reasons = []
        for _ in range(6):
            simulation.step(wanted)
            simulation.live(lambda _: 10)
            found = [c for c in simulation.status["conditions"] if c["type"] == "Progressing"]
            reasons.append(found[0]["reason"] if found else None)
        assert reasons[0] == "NewReplicaSetCreated"
        assert reasons[-1] == "NewReplicaSetAvailable"

    def test_without_a_deadline_there_is_no_progress_condition(self) -> None:
        simulation = Simulation()
        simulation.settle(deployment(2, progressDeadlineSeconds=model.UNLIMITED))
        assert [c["type"] for c in simulation.status["conditions"]] == ["Available"]

    @pytest.mark.parametrize(
        ("stuck_for", "before"), [(4, "ReplicaSetUpdated"), (60, "ProgressDeadlineExceeded")]
    )
    def test_going_back_is_not_late_because_the_rollout_before_was(self, stuck_for, before) -> None:
        def progress() -> tuple[str, str]:
            found = next(c for c in simulation.status["conditions"] if c["type"] == "Progressing")
            return found["status"], found["reason"]

        def deadline(image: str) -> model.Deployment:
            return deployment(3, image, 1, 3, progressDeadlineSeconds=5)

        simulation = Simulation()
        simulation.settle(deadline("a"))
        good = set(simulation.sets)
        # Nothing is left of the old set: going back does not begin with a step forward.
        for _ in range(6):
            simulation.step(deadline("b"))
            simulation.live(lambda name: 3 if name in good else 0)
        assert [simulation.sets[name]["spec"]["replicas"] for name in good] == [0]
        simulation.now += stuck_for
        simulation.step(deadline("b"))
        assert progress()[1] == before
        simulation.now += 4
        plan = simulation.step(deadline("a"))
        assert progress()[0] == "True"
        assert plan.look_again == pytest.approx(6)
        # Pods take their time to come; that is no failure within the deadline.
        simulation.now += 5
        simulation.step(deadline("a"))
        assert progress()[0] == "True"
        simulation.settle(deadline("a"))
        assert progress() == ("True", "NewReplicaSetAvailable")

    def test_the_next_look_is_at_the_deadline(self) -> None:
        simulation = Simulation()
        plan = simulation.step(deployment(2))
        assert plan.look_again == pytest.approx(601)
