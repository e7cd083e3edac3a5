"""Which pod goes where, and why it does not."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from offers.messages import Offer
from scheduler.placement import Placer
from scheduler.scores import spread
from scheduler.snapshot import Snapshot
from tests.effort import examples
from tests.unit.scheduler.builders import (
    node,
    offers_for,
    placer,
    pod,
    snapshot,
    total_requests,
    where,
    why_not,
)  # fmt: skip


def test_replicas_of_one_owner_spread() -> None:
    view = snapshot(node("a"), node("b"), node("c"))
    placed = where(view, *(pod(f"p{i}", owner="rs") for i in range(6)))
    assert sorted(placed.values()) == ["a", "a", "b", "b", "c", "c"]


def test_zones_that_are_gone_do_not_weigh() -> None:
    asking = pod("asking", owner="rs")
    found = []
    for earlier in ("x", "y"):
        view = Snapshot()
        for name, zone in (("n0", earlier), ("n0", "x"), ("n1", "x")):
            view.set_node(node(name, labels={"topology.kubernetes.io/zone": zone}))
            # Asked for in between, the column is kept and mended.
            view.column("topology.kubernetes.io/zone")
        view.put(pod("there", owner="rs"), "n0")
        scored = spread.of_siblings(asking, view, np.arange(2))
        assert scored is not None
        found.append(scored.tolist())
    assert found[0] == found[1]


def test_siblings_that_are_ending_do_not_count() -> None:
    ending = [
        replace(pod(f"old{i}", owner="rs", cpu="1m", memory="1Ki", on="b"), deleting=True)
        for i in range(2)
    ]
    staying = [pod(f"new{i}", owner="rs", cpu="1m", memory="1Ki", on=n) for i, n in enumerate("ac")]
    view = snapshot(node("a"), node("b"), node("c"), running=[*ending, *staying])
    assert where(view, pod("p", owner="rs", cpu="1m", memory="1Ki")) == {"p": "b"}
    for each in ending:
        view.take(each.uid)
    assert view.siblings("rs").sum() == 3


def test_the_emptier_node_is_preferred() -> None:
    view = snapshot(node("a"), node("b"), running=[pod("big", cpu="2", on="a")])
    assert where(view, pod("p")) == {"p": "b"}


def test_a_pod_that_fits_nowhere_says_why() -> None:
    view = snapshot(
        node("a", cpu="1"),
        node("b", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]),
        node("c", unschedulable=True),
    )
    assert why_not(view, pod("p", cpu="2")) == (
        "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s),"
        " 1 node(s) were unschedulable."
    )


def test_all_resources_that_lack_are_named() -> None:
    view = snapshot(node("a", cpu="1", memory="1Gi"))
    assert why_not(view, pod("p", cpu="2", memory="2Gi")) == (
        "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory."
    )


def test_no_nodes_at_all() -> None:
    assert why_not(snapshot(), pod("p")) == "no nodes available to schedule pods"


def test_the_number_of_pods_is_a_resource() -> None:
    view = snapshot(node("a", pods="1"), running=[pod("one", on="a")])
    assert why_not(view, pod("two")) == "0/1 nodes are available: 1 Too many pods."


def test_an_extended_resource_that_no_node_has() -> None:
    wanting = pod("p", requested={"example.com/gpu": "1"})
    assert why_not(snapshot(node("a")), wanting) == (
        "0/1 nodes are available: 1 Insufficient example.com/gpu."
    )


def test_an_extended_resource_is_found() -> None:
    view = snapshot(node("a"), node("b", **{"example.com/gpu": "2"}))
    wanting = pod("p", requested={"cpu": "1", "example.com/gpu": "1"})
    assert where(view, wanting) == {"p": "b"}


def test_a_node_selector_is_obeyed() -> None:
    view = snapshot(node("a"), node("b", labels={"disk": "ssd"}))
    assert where(view, pod("p", nodeSelector={"disk": "ssd"})) == {"p": "b"}
    assert "node(s) didn't match Pod's node affinity/selector" in why_not(
        view, pod("q", nodeSelector={"disk": "tape"})
    )


def test_required_node_affinity_is_obeyed() -> None:
    view = snapshot(node("a", labels={"n": "1"}), node("b", labels={"n": "5"}))
    terms = [{"matchExpressions": [{"key": "n", "operator": "Gt", "values": ["3"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert where(view, pod("p", affinity={"nodeAffinity": required})) == {"p": "b"}


def test_preferred_node_affinity_is_followed_if_possible() -> None:
    view = snapshot(node("a"), node("b", labels={"disk": "ssd"}))
    wish = {
        "weight": 100,
        "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
    }
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
    assert where(view, pod("p", affinity=affinity)) == {"p": "b"}


def test_taints_are_tolerated_by_those_who_say_so() -> None:
    view = snapshot(node("a", taints=[{"key": "gpu", "effect": "NoSchedule"}]))
    tolerant = pod("p", tolerations=[{"key": "gpu", "operator": "Exists"}])
    assert where(view, tolerant) == {"p": "a"}


def test_a_node_that_is_not_ready_takes_nothing() -> None:
    assert "untolerated taint" in why_not(snapshot(node("a", ready=False)), pod("p"))


def test_host_ports_do_not_clash() -> None:
    view = snapshot(node("a"), node("b"), running=[pod("web", on="a", ports=[80])])
    assert where(view, pod("p", ports=[80])) == {"p": "b"}
    assert "free ports" in why_not(view, pod("q", ports=[80]))


def test_required_pod_anti_affinity_keeps_apart_both_ways() -> None:
    term = {
        "labelSelector": {"matchLabels": {"app": "db"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    nodes = [node(n, labels={"kubernetes.io/hostname": n}) for n in "ab"]
    view = snapshot(*nodes, running=[pod("first", labels={"app": "db"}, on="a", affinity=apart)])
    assert where(view, pod("second", labels={"app": "db"})) == {"second": "b"}
    assert "existing pods anti-affinity" in why_not(
        snapshot(nodes[0], running=[pod("first", labels={"app": "db"}, on="a", affinity=apart)]),
        pod("third", labels={"app": "db"}),
    )
    assert "match pod anti-affinity" in why_not(
        snapshot(nodes[0], running=[pod("first", labels={"app": "db"}, on="a")]),
        pod("fourth", affinity=apart),
    )


def test_required_pod_affinity_brings_together() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "zone"}
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    view = snapshot(
        node("a", labels={"zone": "x"}), node("b", labels={"zone": "y"}),
        running=[pod("db", labels={"app": "db"}, on="b")],
    )  # fmt: skip
    assert where(view, pod("web", affinity=near)) == {"web": "b"}


def test_the_first_of_a_group_may_begin_anywhere() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}
    near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    view = snapshot(node("a", labels={"zone": "x"}))
    assert where(view, pod("web", labels={"app": "web"}, affinity=near)) == {"web": "a"}


def test_a_spread_constraint_bounds_the_skew() -> None:
    constraint = {
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }  # fmt: skip
    view = snapshot(
        node("a", cpu="32", labels={"zone": "x"}), node("b", cpu="1", labels={"zone": "y"})
    )
    pods = [
        pod(f"p{i}", labels={"app": "web"}, topologySpreadConstraints=[constraint])
        for i in range(6)
    ]
    placed = list(where(view, *pods).values())
    assert placed.count("a") == placed.count("b") == 3


def test_a_pod_that_fits_only_where_nothing_is_offered_waits() -> None:
    view = snapshot(node("a"), node("b", cpu="100m"))
    offers = [o for o in offers_for(view) if o.node == "b"]
    result = placer(view, offers).place([pod("p", cpu="1")], 0)
    assert [p.name for p in result.waiting] == ["p"]
    assert not result.failures


def test_a_removed_node_is_no_place() -> None:
    view = snapshot(node("a"), node("b"))
    view.remove_node("a")
    assert where(view, pod("p")) == {"p": "b"}


def test_a_node_that_returns_has_its_pods_again() -> None:
    view = snapshot(node("a", cpu="1"), running=[pod("big", cpu="1", on="a")])
    view.remove_node("a")
    view.set_node(node("a", cpu="1"))
    assert "Insufficient cpu" in why_not(view, pod("p"))


@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(1, 16)), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 4096)), max_size=40),
    st.integers(0, 1000),
)
@settings(max_examples=examples(150), deadline=None)
def test_no_node_and_no_offer_is_overdrawn_and_no_pod_is_placed_twice(
    shapes: list[tuple[int, int]], wishes: list[tuple[int, int]], seed: int
) -> None:
    view = snapshot(
        *(node(f"n{i}", cpu=str(c), memory=f"{m}Gi") for i, (c, m) in enumerate(shapes))
    )
    pods = [pod(f"p{i}", cpu=f"{c}m", memory=f"{m}Mi") for i, (c, m) in enumerate(wishes)]
    offers = {offer.id: offer for offer in offers_for(view)}
    result = placer(view, list(offers.values())).place(pods, seed)
    assert np.all(view.requested <= view.allocatable)
    for offer in offers.values():
        mine = [a.pod for a in result.assignments if a.offer_id == offer.id]
        assert all(v <= offer.resources.get(n, 0) for n, v in total_requests(mine).items())
        assert all(a.node == offer.node for a in result.assignments if a.offer_id == offer.id)
    seen = [a.pod.uid for a in result.assignments] + [f.pod.uid for f in result.failures]
    assert sorted(seen) == sorted(p.uid for p in pods)
    for failure in result.failures:
        free = view.allocatable - view.requested
        wanted = view.vector(failure.pod.requests)
        assert not np.any(np.all(free[view.present] >= wanted, axis=1))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.booleans()), max_size=60)
)
def test_the_snapshot_equals_one_made_anew(steps: list[tuple[str, str, bool]]) -> None:
    view = snapshot(node("a"), node("b"))
    running: dict[str, str] = {}
    present = {"a", "b"}
    for where_to, name, add in steps:
        if name == "z":
            (view.set_node(node(where_to)) if add else view.remove_node(where_to))
            (present.add if add else present.discard)(where_to)
        elif add:
            view.put(pod(name, owner="rs"), where_to)
            running[name] = where_to
        else:
            view.take(f"uid-default-{name}")
            running.pop(name, None)
    for name in present:
        row = view.rows[name]
        mine = [p for p, at in running.items() if at == name]
        assert view.requested[row][view.columns["cpu"]] == 100 * len(mine)
        assert view.siblings("rs")[row] == len(mine)


def test_wishing_pods_wait_for_the_best_nodes_and_count_on_them() -> None:
    view = snapshot(*(node(n, cpu="2") for n in "abc"), running=[pod("x", cpu="1", on="c")])
    placer = Placer(view)
    placer.allowance.add(Offer("o", "f", "kubernetes", "c", {"cpu": 1000, "memory": 1 << 30, "pods": 5}))  # fmt: skip
    asking = [pod(f"p{i}", cpu="1", owner="rs") for i in range(3)]
    result = placer.place(asking, 0, wishing=True)
    assert [p.name for p in result.waiting] == ["p0", "p1"]
    assert sorted(wish.node for wish in result.wishes) == ["a", "b"], "not twice the same one"
    assert [(a.pod.name, a.node) for a in result.assignments] == [("p2", "c")]
    before = view.requested.sum()
    placer.unwish(result.wishes)
    assert before - view.requested.sum() == sum(
        view.vector(wish.pod.requests).sum() for wish in result.wishes
    )
    assert [a.pod.name for a in placer.place(asking[:1], 0).assignments] == []


def test_a_wish_that_has_come_true_meanwhile_stays() -> None:
    view = snapshot(node("a"))
    placer = Placer(view)
    (wish,) = placer.place([pod("p")], 0, wishing=True).wishes
    bound = pod("p", on="a")
    view.put(replace(bound, labels={"seen": "by-watch"}), "a")
    placer.unwish([wish])
    assert view.where(bound.uid) == "a"


def test_of_equal_nodes_one_on_offer_is_taken() -> None:
    for seed in range(6):
        view = snapshot(*(node(n) for n in "abc"))
        placer = Placer(view)
        placer.allowance.add(offers_for(view)[1])
        (assignment,) = placer.place([pod("p")], seed, wishing=True).assignments
        assert assignment.node == "b"
