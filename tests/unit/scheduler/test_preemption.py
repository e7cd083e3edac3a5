"""Who has to go so that a more important pod can run, and who may not be touched."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import budgets, preemption
from scheduler.budgets import Budget
from scheduler.placement import Placer
from scheduler.preemption import Plan
from scheduler.snapshot import Snapshot
from scheduler.views import PodInfo
from tests.effort import examples
from tests.unit.scheduler.builders import node, offers_for, pod, snapshot, where

HIGH = 1000


def plan(view: Snapshot, one: PodInfo, *given: Budget) -> Plan | str:
    return preemption.plan(one, Placer(view), given)


def names(found: Plan | str) -> tuple[str, list[str]]:
    assert isinstance(found, Plan), found
    return found.node, sorted(victim.name for victim in found.victims)


def running(name: str, on: str, cpu: str = "1", priority: int = 0, started: str = "",
            labels: dict[str, str] | None = None, **more: Any) -> PodInfo:  # fmt: skip
    made = pod(name, cpu=cpu, on=on, priority=priority, labels=labels, **more)
    return replace(made, started=started)


def budget(allowed: int, **selector: str) -> Budget:
    return budgets.read(
        {
            "metadata": {"namespace": "default"},
            "spec": {"selector": {"matchLabels": selector}},
            "status": {"disruptionsAllowed": allowed},
        }
    )


def test_a_lower_pod_makes_room() -> None:
    view = snapshot(node("a", cpu="1"), running=[running("low", "a")])
    assert names(plan(view, pod("high", cpu="1", priority=HIGH))) == ("a", ["low"])


def test_no_more_than_needed_go_and_the_least_important_first() -> None:
    view = snapshot(
        node("a", cpu="3"),
        running=[running(n, "a", priority=p) for n, p in (("x", 5), ("y", 1), ("z", 3))],
    )
    assert names(plan(view, pod("high", cpu="1", priority=HIGH))) == ("a", ["y"])


def test_of_equals_the_youngest_goes() -> None:
    view = snapshot(
        node("a", cpu="2"),
        running=[
            running("old", "a", started="2026-01-01T00:00:00Z"),
            running("young", "a", started="2026-01-02T00:00:00Z"),
        ],
    )
    assert names(plan(view, pod("high", cpu="1", priority=HIGH))) == ("a", ["young"])


def test_equals_are_not_evicted() -> None:
    view = snapshot(node("a", cpu="1"), running=[running("same", "a", priority=HIGH)])
    assert plan(view, pod("high", cpu="1", priority=HIGH)) == (
        "0/1 nodes are available: 1 No preemption victims found for incoming pod."
    )


def test_what_no_eviction_helps_is_said() -> None:
    view = snapshot(
        node("a", cpu="1", taints=[{"key": "k", "effect": "NoSchedule"}]),
        node("b", cpu="4"),
        node("c", cpu="16"),
        running=[
            running("low", "a"),
            running("low-too", "b", cpu="1"),
            running("peer", "c", cpu="12", priority=HIGH),
            running("low-here", "c", cpu="1"),
        ],
    )
    assert plan(view, pod("high", cpu="8", priority=HIGH)) == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 Preemption is not helpful for scheduling."
    )


def test_a_policy_of_never_evicts_nobody() -> None:
    view = snapshot(node("a", cpu="1"), running=[running("low", "a")])
    gentle = pod("high", cpu="1", priority=HIGH, preemptionPolicy="Never")
    assert plan(view, gentle) == "not eligible due to preemptionPolicy=Never."


def test_tasks_of_frameworks_are_not_evicted() -> None:
    task = replace(running("task", "a"), is_task=True)
    view = snapshot(node("a", cpu="1"), running=[task])
    assert "No preemption victims" in str(plan(view, pod("high", cpu="1", priority=HIGH)))


def test_a_budget_decides_between_nodes() -> None:
    view = snapshot(
        node("a", cpu="1"),
        node("b", cpu="1"),
        running=[running("kept", "a", labels={"app": "db"}), running("free", "b", priority=9)],
    )
    high = pod("high", cpu="1", priority=HIGH)
    assert names(plan(view, high)) == ("a", ["kept"])
    assert names(plan(view, high, budget(0, app="db"))) == ("b", ["free"])
    assert names(plan(view, high, budget(1, app="db"))) == ("a", ["kept"])


def test_a_budget_spares_on_one_node() -> None:
    view = snapshot(
        node("a", cpu="2"),
        running=[
            running("kept", "a", labels={"app": "db"}),
            running("free", "a", priority=9),
        ],
    )
    high = pod("high", cpu="1", priority=HIGH)
    assert names(plan(view, high, budget(0, app="db"))) == ("a", ["free"])


def test_a_budget_is_broken_rather_than_the_pod_left_out() -> None:
    view = snapshot(node("a", cpu="1"), running=[running("kept", "a", labels={"app": "db"})])
    found = plan(view, pod("high", cpu="1", priority=HIGH), budget(0, app="db"))
    assert names(found) == ("a", ["kept"])
    assert isinstance(found, Plan)
    assert found.violations == 1


@pytest.mark.parametrize(
    ("on_a", "on_b", "chosen"),
    [
        ([("1", 5, "")], [("1", 3, "")], "b"),  # the lowest of the most important victims
        ([("1", 5, ""), ("1", 4, "")], [("1", 5, ""), ("1", 3, "")], "b"),  # the smallest sum
        ([("1", 5, ""), ("1", 5, "")], [("2", 5, "")], "b"),  # the fewest
        ([("2", 5, "2026-01-01T00:00:00Z")], [("2", 5, "2026-01-02T00:00:00Z")], "b"),  # the youngest
    ],
)  # fmt: skip
def test_nodes_are_chosen_by_their_victims(
    on_a: list[tuple[str, int, str]], on_b: list[tuple[str, int, str]], chosen: str
) -> None:
    both = [(f"{n}{i}", n, *each) for n, them in (("a", on_a), ("b", on_b)) for i, each in enumerate(them)]  # fmt: skip
    view = snapshot(
        node("a", cpu="2"),
        node("b", cpu="2"),
        running=[
            running(name, on, cpu=cpu, priority=priority, started=started)
            for name, on, cpu, priority, started in both
        ],
    )
    for seed in range(4):
        found = preemption.plan(pod("high", cpu="2", priority=HIGH), Placer(view), (), seed)
        assert names(found)[0] == chosen


def test_a_host_port_is_freed() -> None:
    view = snapshot(
        node("a"), running=[pod("web", on="a", ports=[80]), pod("other", on="a", ports=[81])]
    )
    assert names(plan(view, pod("high", ports=[80], priority=HIGH))) == ("a", ["web"])


def test_anti_affinity_is_satisfied_by_eviction() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "zone"}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    view = snapshot(
        node("a", labels={"zone": "x"}),
        running=[pod("db", labels={"app": "db"}, on="a"), pod("web", on="a")],
    )
    assert names(plan(view, pod("high", affinity=apart, priority=HIGH))) == ("a", ["db"])


def test_affinity_that_lacks_company_is_not_helped_by_eviction() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "zone"}
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    view = snapshot(node("a", labels={"zone": "x"}), running=[pod("web", on="a")])
    assert "1 Preemption is not helpful" in str(
        plan(view, pod("high", affinity=near, priority=HIGH))
    )


def test_room_that_is_kept_for_another_is_not_given_away() -> None:
    view = snapshot(node("a", cpu="2"))
    view.nominations.put(pod("first", cpu="2", priority=HIGH), "a", until=100.0)
    assert where(view, pod("low", cpu="1")) == {}
    assert where(view, pod("higher", cpu="1", priority=HIGH + 1)) == {"higher": "a"}
    view.nominations.drop("uid-default-first")
    assert where(view, pod("low", cpu="1")) == {"low": "a"}


def test_the_nominated_pod_gets_its_room_without_an_offer() -> None:
    view = snapshot(node("a", cpu="2"), node("b", cpu="2"))
    one = pod("first", cpu="2", priority=HIGH)
    view.nominations.put(one, "b", until=100.0)
    (assignment,) = Placer(view).place([one], 0).assignments
    assert (assignment.node, assignment.offer_id) == ("b", "")
    assert len(view.nominations) == 0


def test_while_victims_end_no_others_are_sought() -> None:
    ending = replace(running("low", "a"), deleting=True)
    view = snapshot(node("a", cpu="1"), node("b", cpu="1"), running=[ending, running("x", "b")])
    one = pod("high", cpu="1", priority=HIGH)
    view.nominations.put(one, "a", until=100.0)
    assert plan(view, one) == "not eligible due to a terminating pod on the nominated node."


def test_two_that_preempt_do_not_count_on_the_same_room() -> None:
    view = snapshot(
        node("a", cpu="1"), node("b", cpu="1"), running=[running("x", "a"), running("y", "b")]
    )
    first = plan(view, pod("one", cpu="1", priority=HIGH))
    assert isinstance(first, Plan)
    view.nominations.put(first.pod, first.node, until=100.0)
    second = plan(view, pod("two", cpu="1", priority=HIGH))
    assert isinstance(second, Plan)
    assert {first.node, second.node} == {"a", "b"}


PODS = st.tuples(
    st.sampled_from("abc"),
    st.integers(1, 4),
    st.sampled_from([0, 1, 5, HIGH, HIGH + 5]),
    st.sampled_from(["", "db", "web"]),
    st.booleans(),
)


@given(
    st.lists(PODS, max_size=14),
    st.integers(1, 6),
    st.integers(0, 2),
    st.booleans(),
    st.integers(0, 50),
)
@settings(max_examples=examples(200), deadline=None)
def test_a_plan_keeps_every_rule(
    them: list[tuple[str, int, int, str, bool]], wanted: int, allowed: int, ports: bool, seed: int
) -> None:
    there = [
        replace(
            running(f"p{i}", on, cpu=str(cpu), priority=priority,
                    labels={"app": app} if app else {}, ports=[80] if ports and i % 3 == 0 else []),
            is_task=task,
        )
        for i, (on, cpu, priority, app, task) in enumerate(them)
    ]  # fmt: skip
    view = snapshot(*(node(n, cpu="8") for n in "abc"), running=there)
    before = (view.requested.copy(), view.weighed.copy())
    high = pod("high", cpu=str(wanted), priority=HIGH, ports=[80] if ports else None)
    placer = Placer(view)
    fits_already = bool(placer.feasible(high).any())
    found = preemption.plan(high, placer, [budget(allowed, app="db")], seed)
    assert np.array_equal(view.requested, before[0])
    assert np.array_equal(view.weighed, before[1])
    assert {p.uid for _, place in view.everywhere() for p in place.pods.values()} == {
        p.uid for p in there
    }
    if isinstance(found, str):
        if not fits_already:
            _no_eviction_helps(high, there)
        return
    assert all(v.priority < HIGH and not v.is_task for v in found.victims)
    assert all(v.node_name == found.node for v in found.victims)
    for victim in found.victims:
        view.take(victim.uid)
    row = view.rows[found.node]
    assert Placer(view).feasible(high)[row], "it fits once they are gone"
    for victim in found.victims:
        view.put(victim, found.node)
        assert fits_already or not Placer(view).feasible(high)[row], "each of them had to go"
        view.take(victim.uid)
    protected = sum(v.labels.get("app") == "db" for v in found.victims)
    assert found.violations <= max(0, protected)


def _no_eviction_helps(high: PodInfo, there: list[PodInfo]) -> None:
    """Not even without all pods that may be evicted is there a node."""
    rest = [p for p in there if p.priority >= HIGH or p.is_task]
    lower_nodes = {p.node_name for p in there if p not in rest}
    view = snapshot(*(node(n, cpu="8") for n in "abc"), running=rest)
    feasible = Placer(view).feasible(high)
    assert not any(feasible[view.rows[n]] for n in lower_nodes)


def test_offers_do_not_matter_for_a_plan() -> None:
    view = snapshot(node("a", cpu="1"), running=[running("low", "a")])
    assert all(not offer.resources.get("cpu") for offer in offers_for(view))
    assert isinstance(plan(view, pod("high", cpu="1", priority=HIGH)), Plan)
