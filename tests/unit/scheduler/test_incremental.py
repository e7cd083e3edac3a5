"""What is kept and mended row by row equals what is computed anew, whatever happens in between."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from offers.messages import Offer
from scheduler import scores
from scheduler.placement import Placer
from scheduler.snapshot import Snapshot
from scheduler.views import NodeInfo, PodInfo
from tests.effort import examples
from tests.unit.scheduler.builders import node, pod

NODES = [f"n{i}" for i in range(20)]
"""More than the rows that arrays begin with."""
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


def term(app: str, key: str) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}


def affinity(kind: str, app: str, key: str, *, hard: bool = True) -> dict[str, Any]:
    if hard:
        return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term(app, key)]}}
    wish = {"weight": 10, "podAffinityTerm": term(app, key)}
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}


SPREAD = {
    "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "a"}},
}  # fmt: skip
TEMPLATES: list[dict[str, Any]] = [
    {},
    {"cpu": "2"},
    {"ports": [80]},
    {"requested": {"example.com/gpu": "1"}},
    {"nodeSelector": {"disk": "ssd"}},
    {"tolerations": [{"key": "k", "operator": "Exists"}]},
    {"affinity": affinity("podAntiAffinity", "a", HOST)},
    {"affinity": affinity("podAntiAffinity", "b", ZONE)},
    {"affinity": affinity("podAffinity", "b", ZONE)},
    {"affinity": affinity("podAffinity", "a", ZONE, hard=False)},
    {"affinity": affinity("podAntiAffinity", "b", ZONE, hard=False)},
    {"topologySpreadConstraints": [SPREAD]},
    {"topologySpreadConstraints": [{**SPREAD, "whenUnsatisfiable": "ScheduleAnyway"}]},
]


def made(number: int, template: int, app: str, priority: int) -> PodInfo:
    return pod(f"p{number}", labels={"app": app}, owner=f"rs-{app}", priority=priority, **TEMPLATES[template])  # fmt: skip


NODE = st.builds(
    lambda zone, disk, tainted, cpu, gpu, ready: {
        "zone": zone, "disk": disk, "tainted": tainted, "cpu": cpu, "gpu": gpu, "ready": ready,
    },
    st.sampled_from(["x", "y", ""]),
    st.sampled_from(["ssd", "hdd"]),
    st.booleans(),
    st.sampled_from(["2", "4"]),
    st.sampled_from(["", "2"]),
    st.booleans(),
)  # fmt: skip


def node_like(name: str, given: dict[str, Any]) -> NodeInfo:
    labels = {HOST: name, "disk": given["disk"]}
    if given["zone"]:
        labels[ZONE] = given["zone"]
    taints = [{"key": "k", "effect": "NoSchedule"}] if given["tainted"] else []
    extended = {"example.com/gpu": given["gpu"]} if given["gpu"] else {}
    return node(name, cpu=given["cpu"], labels=labels, taints=taints, ready=given["ready"], **extended)  # fmt: skip


class Following(RuleBasedStateMachine):
    """One placer follows a cluster; another one is made of the present state each time."""

    pods: Bundle[PodInfo] = Bundle("pods")

    def __init__(self) -> None:
        super().__init__()
        self.placer = Placer(Snapshot())
        self.nodes: dict[str, NodeInfo] = {}
        self.running: dict[str, tuple[PodInfo, str]] = {}
        self.nominated: dict[str, tuple[PodInfo, str]] = {}
        self.offers: dict[str, Offer] = {}
        self.numbers = iter(range(10_000))

    @rule(name=st.sampled_from(NODES), given=NODE)
    def node_comes_or_changes(self, name: str, given: dict[str, Any]) -> None:
        self.nodes[name] = node_like(name, given)
        self.placer.set_node(self.nodes[name])

    @rule(name=st.sampled_from(NODES))
    def node_goes(self, name: str) -> None:
        self.nodes.pop(name, None)
        self.placer.remove_node(name)
        for offer in [o for o in self.offers.values() if o.node == name]:
            self.rescind(offer.id)

    @rule(
        target=pods,
        template=st.integers(0, len(TEMPLATES) - 1),
        app=st.sampled_from("ab"),
        priority=st.sampled_from([0, 10]),
    )
    def pod_comes(self, template: int, app: str, priority: int) -> PodInfo:
        return made(next(self.numbers), template, app, priority)

    @rule(one=pods, name=st.sampled_from(NODES))
    def pod_is_put(self, one: PodInfo, name: str) -> None:
        self.running[one.uid] = (one, name)
        self.placer.snapshot.put(one, name)

    @rule(one=pods)
    def pod_goes(self, one: PodInfo) -> None:
        self.running.pop(one.uid, None)
        self.placer.snapshot.take(one.uid)

    @rule(one=pods)
    def pod_is_ending(self, one: PodInfo) -> None:
        if one.uid in self.running:
            ending = replace(one, deleting=True)
            self.running[one.uid] = (ending, self.running[one.uid][1])
            self.placer.snapshot.put(ending, self.running[one.uid][1])

    @rule(one=pods, name=st.sampled_from(NODES))
    def pod_is_nominated(self, one: PodInfo, name: str) -> None:
        self.nominated[one.uid] = (one, name)
        self.placer.snapshot.nominations.put(one, name, until=1.0)

    @rule(one=pods)
    def pod_is_not_nominated(self, one: PodInfo) -> None:
        self.nominated.pop(one.uid, None)
        self.placer.snapshot.nominations.drop(one.uid)

    @rule(name=st.sampled_from(NODES), cpu=st.integers(0, 4000))
    def offer_comes(self, name: str, cpu: int) -> None:
        amounts = {"cpu": cpu, "memory": 1 << 30, "pods": 5, "example.com/gpu": 2}
        offer = Offer(f"o{next(self.numbers)}", "f", "kubernetes", name, amounts)
        self.offers[offer.id] = offer
        self.placer.allowance.add(offer)

    @rule(data=st.data())
    def offer_goes(self, data: st.DataObject) -> None:
        if self.offers:
            self.rescind(data.draw(st.sampled_from(sorted(self.offers))))

    def rescind(self, offer_id: str) -> None:
        del self.offers[offer_id]
        self.placer.allowance.drop(offer_id)

    @rule(one=pods)
    def pod_is_asked_about(self, one: PodInfo) -> None:
        """So that something is kept, which later changes have to mend."""
        self.placer.feasible(one)

    @invariant()
    def kept_is_true(self) -> None:
        fresh = self.anew()
        for template in range(len(TEMPLATES)):
            asking = made(99_999, template, "a", 5)
            mine, theirs = self.judged(self.placer, asking), self.judged(fresh, asking)
            assert mine == theirs, TEMPLATES[template]

    def anew(self) -> Placer:
        """Names in the same order, since numbers of rows break ties."""
        placer = Placer(Snapshot())
        for each in self.nodes.values():
            placer.set_node(each)
        for one, name in self.running.values():
            placer.snapshot.put(one, name)
        for one, name in self.nominated.values():
            placer.snapshot.nominations.put(one, name, until=1.0)
        for offer in self.offers.values():
            placer.allowance.add(offer)
        return placer

    def judged(self, placer: Placer, one: PodInfo) -> dict[str, tuple[bool, bool, bool, float]]:
        """Per node: feasible, permitted, curable, score."""
        view = placer.snapshot
        feasible, curable = placer.feasible(one), placer.curable(one)
        permitted = placer.allowance.permits(one.shape, view.vector(one.requests))
        names = sorted(view.rows)
        rows = np.array([view.rows[name] for name in names], np.int64)
        total = scores.emptiness(one, view, slice(None))[rows]
        total = total + scores.total(one, view, scores.of_nodes(one, view), rows)
        return {
            name: (bool(feasible[row]), bool(permitted[row]), bool(curable[row]), round(score, 6))
            for name, row, score in zip(names, rows, total.tolist(), strict=True)
        }


Following.TestCase.settings = settings(
    max_examples=examples(40),
    stateful_step_count=30,
    deadline=None,
    # Explaining traces every line: minutes, in which the failure itself is not told.
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
test_following = Following.TestCase
