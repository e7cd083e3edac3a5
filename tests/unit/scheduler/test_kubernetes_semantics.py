"""Examples of Kubernetes' own documentation and API reference, and what they say must happen.

The headings name the page that describes the behaviour: Assigning Pods to Nodes, Taints and
Tolerations, Pod Topology Spread Constraints, Init and Sidecar Containers, Pod Overhead, Resource
Management, Scheduling Readiness, Scheduler Configuration.
"""

from typing import Any

import pytest

from scheduler import views
from scheduler.claims import Claim, Class, Volume
from scheduler.placement import Placer
from scheduler.snapshot import Snapshot
from scheduler.views import PodInfo
from tests.unit.scheduler.builders import node, offers_for, place, pod, snapshot, where, why_not

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
Json = dict[str, Any]


def zoned(*zones: str, **more: Any) -> list[views.NodeInfo]:
    """node1, node2 … in these zones."""
    return [
        node(f"node{i}", labels={ZONE: zone, HOSTNAME: f"node{i}"}, **more)
        for i, zone in enumerate(zones, 1)
    ]


def can_run_on(view: Snapshot, one: PodInfo) -> list[str]:
    feasible = Placer(view).feasible(one)
    return sorted(name for name, row in view.rows.items() if feasible[row])


def required_node(*terms: Json) -> Json:
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}
        }
    }


def expression(key: str, operator: str, *values: str) -> Json:
    return {"key": key, "operator": operator, "values": list(values)}


def pod_term(topology: str = ZONE, app: str = "", **more: Any) -> Json:
    selector = {"labelSelector": {"matchLabels": {"app": app}}} if app else {}
    return {"topologyKey": topology, **selector, **more}


def near(*terms: Json) -> Json:
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def apart(*terms: Json) -> Json:
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def spread(key: str = ZONE, skew: int = 1, app: str = "bar", **more: Any) -> Json:
    return {
        "maxSkew": skew,
        "topologyKey": key,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": app}},
        **more,
    }


# --- Assigning Pods to Nodes: node affinity


@pytest.mark.parametrize(
    ("term", "nodes"),
    [
        (expression("disk", "In", "ssd", "nvme"), ["fast", "faster"]),
        (expression("disk", "NotIn", "ssd"), ["faster", "old", "plain"]),
        (expression("disk", "Exists"), ["fast", "faster", "old"]),
        (expression("disk", "DoesNotExist"), ["plain"]),
        (expression("gen", "Gt", "2"), ["faster"]),
        (expression("gen", "Lt", "2"), ["old"]),
    ],
)
def test_operators(term: Json, nodes: list[str]) -> None:
    view = snapshot(
        node("fast", labels={"disk": "ssd", "gen": "2"}),
        node("faster", labels={"disk": "nvme", "gen": "3"}),
        node("old", labels={"disk": "hdd", "gen": "1"}),
        node("plain"),
    )
    assert can_run_on(view, pod("p", affinity=required_node({"matchExpressions": [term]}))) == nodes


def test_terms_are_alternatives_and_expressions_hold_together() -> None:
    view = snapshot(
        node("a", labels={"x": "1"}), node("b", labels={"y": "1"}), node("c", labels={"x": "1", "y": "1"})
    )  # fmt: skip
    x, y = expression("x", "In", "1"), expression("y", "In", "1")
    either = required_node({"matchExpressions": [x]}, {"matchExpressions": [y]})
    both = required_node({"matchExpressions": [x, y]})
    assert can_run_on(view, pod("p", affinity=either)) == ["a", "b", "c"]
    assert can_run_on(view, pod("p", affinity=both)) == ["c"]
    assert can_run_on(view, pod("p", affinity=required_node({}))) == [], "an empty term: nothing"
    selected = pod("p", affinity=either, nodeSelector={"x": "1"})
    assert can_run_on(view, selected) == ["a", "c"], "nodeSelector holds as well"


def test_match_fields_name_a_node() -> None:
    term = {"matchFields": [expression("metadata.name", "In", "b")]}
    view = snapshot(node("a"), node("b"))
    assert can_run_on(view, pod("p", affinity=required_node(term))) == ["b"]


# --- Assigning Pods to Nodes: inter-pod affinity


def test_affinity_to_a_namespace_of_its_own_unless_told() -> None:
    view = snapshot(*zoned("a", "b"), running=[pod("s", labels={"app": "s"}, namespace="other", on="node2")])  # fmt: skip
    view.set_namespace("other", {"team": "x"})
    assert can_run_on(view, pod("p", affinity=near(pod_term(app="s")))) == []
    named = near(pod_term(app="s", namespaces=["other"]))
    chosen = near(pod_term(app="s", namespaceSelector={"matchLabels": {"team": "x"}}))
    everywhere = near(pod_term(app="s", namespaceSelector={}))
    wrong = near(pod_term(app="s", namespaceSelector={"matchLabels": {"team": "y"}}))
    for affinity in (named, chosen, everywhere):
        assert can_run_on(view, pod("p", affinity=affinity)) == ["node2"]
    assert can_run_on(view, pod("p", affinity=wrong)) == []
    view.set_namespace("other", {"team": "y"})
    assert can_run_on(view, pod("p", affinity=wrong)) == ["node2"]


def test_affinity_terms_hold_together_about_the_same_pods() -> None:
    both = pod("both", labels={"app": "x", "tier": "y"}, on="node1")
    halves = [
        pod("x", labels={"app": "x"}, on="node2"),
        pod("y", labels={"tier": "y"}, on="node2"),
    ]
    view = snapshot(*zoned("a", "b"), running=[both, *halves])
    terms = [pod_term(app="x"), {**pod_term(), "labelSelector": {"matchLabels": {"tier": "y"}}}]
    assert can_run_on(view, pod("p", affinity=near(*terms))) == ["node1"]


def test_the_first_of_a_series_starts_where_the_label_is() -> None:
    view = snapshot(*zoned("a"), node("bare"))
    series = pod("p", labels={"app": "web"}, affinity=near(pod_term(app="web")))
    assert can_run_on(view, series) == ["node1"]


def test_match_label_keys_keep_to_one_revision() -> None:
    old = pod("old", labels={"app": "w", "pod-template-hash": "1"}, on="node1")
    view = snapshot(*zoned("a", "b"), running=[old])
    term = pod_term(app="w", matchLabelKeys=["pod-template-hash"])
    mine = {"app": "w", "pod-template-hash": "2"}
    assert can_run_on(view, pod("p", labels=mine, affinity=apart(term))) == ["node1", "node2"]
    same = {"app": "w", "pod-template-hash": "1"}
    assert can_run_on(view, pod("q", labels=same, affinity=apart(term))) == ["node2"]


def test_mismatch_label_keys_keep_tenants_apart() -> None:
    other = pod("other", labels={"tenant": "x"}, on="node1")
    view = snapshot(*zoned("a", "b"), running=[other])
    has = {"matchExpressions": [{"key": "tenant", "operator": "Exists"}]}
    term = {"topologyKey": ZONE, "labelSelector": has, "mismatchLabelKeys": ["tenant"]}
    assert can_run_on(view, pod("p", labels={"tenant": "y"}, affinity=apart(term))) == ["node2"]
    assert can_run_on(view, pod("q", labels={"tenant": "x"}, affinity=apart(term))) == [
        "node1",
        "node2",
    ]


def test_anti_affinity_is_symmetric() -> None:
    loner = pod("loner", labels={"app": "l"}, on="node1", affinity=apart(pod_term(app="web")))
    view = snapshot(*zoned("a", "a", "b"), running=[loner])
    assert can_run_on(view, pod("p", labels={"app": "web"})) == ["node3"]
    assert why_not(snapshot(*zoned("a"), running=[loner]), pod("p", labels={"app": "web"})) == (
        "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules."
    )


def test_preferred_affinity_counts_company_and_is_symmetric() -> None:
    web = [pod(f"w{i}", labels={"app": "web"}, on=f"node{n}") for i, n in enumerate((1, 2, 2))]
    view = snapshot(*zoned("a", "b", cpu="64"), running=web)
    wish = {"weight": 100, "podAffinityTerm": pod_term(app="web")}
    kind = "preferredDuringSchedulingIgnoredDuringExecution"
    assert where(view, pod("p", affinity={"podAffinity": {kind: [wish]}})) == {"p": "node2"}
    dislike = {"podAntiAffinity": {kind: [wish]}}
    assert where(view, pod("q", affinity=dislike)) == {"q": "node1"}
    shy = pod("shy", on="node1", affinity={"podAntiAffinity": {kind: [{**wish, "podAffinityTerm": pod_term(app="loud")}]}})  # fmt: skip
    assert where(snapshot(*zoned("a", "b"), running=[shy]), pod("r", labels={"app": "loud"})) == {
        "r": "node2"
    }


# --- Taints and Tolerations

TAINTS = [
    {"key": "key1", "value": "value1", "effect": "NoSchedule"},
    {"key": "key1", "value": "value1", "effect": "NoExecute"},
    {"key": "key2", "value": "value2", "effect": "NoSchedule"},
]


@pytest.mark.parametrize(
    ("tolerations", "taints", "runs"),
    [
        ([("key1", "Equal", "value1", "NoSchedule"), ("key1", "Equal", "value1", "NoExecute")], TAINTS, False),
        ([("key1", "Equal", "value1", "NoSchedule"), ("key1", "Equal", "value1", "NoExecute")], TAINTS[:2], True),
        ([("key1", "Exists", "", "")], TAINTS[:2], True),
        ([("", "Exists", "", "")], TAINTS, True),
        ([("", "Exists", "", "NoSchedule")], TAINTS, False),
        ([("key1", "Equal", "other", "")], TAINTS[:1], False),
    ],
)  # fmt: skip
def test_tolerations(
    tolerations: list[tuple[str, str, str, str]], taints: list[Json], runs: bool
) -> None:
    written = [
        {k: v for k, v in zip(("key", "operator", "value", "effect"), each, strict=True) if v}
        for each in tolerations
    ]
    view = snapshot(node("a", taints=taints))
    assert can_run_on(view, pod("p", tolerations=written)) == (["a"] if runs else [])


def test_a_soft_taint_is_avoided_if_possible() -> None:
    soft = [{"key": "k", "value": "v", "effect": "PreferNoSchedule"}]
    view = snapshot(node("a", cpu="64", taints=soft), node("b"))
    assert where(view, pod("p")) == {"p": "b"}
    assert where(
        view, pod("q", nodeSelector={}, tolerations=[{"operator": "Exists"}], cpu="3")
    ) == {"q": "a"}
    assert where(snapshot(node("a", taints=soft)), pod("r")) == {"r": "a"}


def test_a_cordoned_node_takes_those_who_tolerate_it() -> None:
    view = snapshot(node("a", unschedulable=True))
    assert why_not(view, pod("p")) == "0/1 nodes are available: 1 node(s) were unschedulable."
    key = "node.kubernetes.io/unschedulable"
    daemon = pod("d", tolerations=[{"key": key, "operator": "Exists", "effect": "NoSchedule"}])
    assert can_run_on(view, daemon) == ["a"]


# --- Pod Topology Spread Constraints


def test_one_constraint() -> None:
    """Zone a has two pods, zone b one: the incoming pod has to go to zone b."""
    foo = [pod(f"p{i}", labels={"app": "bar"}, on=f"node{i}") for i in (1, 2, 3)]
    view = snapshot(*zoned("a", "a", "b", "b"), running=foo)
    incoming = pod("mypod", labels={"app": "bar"}, topologySpreadConstraints=[spread()])
    assert can_run_on(view, incoming) == ["node3", "node4"]
    wider = pod("mypod", labels={"app": "bar"}, topologySpreadConstraints=[spread(skew=2)])
    assert can_run_on(view, wider) == ["node1", "node2", "node3", "node4"]


def test_two_constraints() -> None:
    """By zone node3 and node4, by host all but where two would be: node4 alone satisfies both."""
    foo = [pod(f"p{i}", labels={"app": "bar"}, on=f"node{i}") for i in (1, 2, 3)]
    view = snapshot(*zoned("a", "a", "b", "b"), running=foo)
    both = [spread(), spread(HOSTNAME)]
    incoming = pod("mypod", labels={"app": "bar"}, topologySpreadConstraints=both)
    assert can_run_on(view, incoming) == ["node4"]


def test_conflicting_constraints_leave_it_pending() -> None:
    """Zone b must have it, node2 must have it, and node2 is in zone a."""
    foo = [
        pod(f"p{i}", labels={"app": "bar"}, on=f"node{n}") for i, n in enumerate((1, 1, 2, 3, 3))
    ]
    view = snapshot(*zoned("a", "a", "b"), running=foo)
    both = [spread(), spread(HOSTNAME)]
    incoming = pod("mypod", labels={"app": "bar"}, topologySpreadConstraints=both)
    assert why_not(view, incoming) == (
        "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints."
    )


def test_nodes_that_the_pod_may_not_use_do_not_count() -> None:
    """Zone c is excluded by node affinity, so that it is no empty domain."""
    foo = [pod(f"p{i}", labels={"app": "bar"}, on=f"node{i}") for i in (1, 2, 3)]
    view = snapshot(*zoned("a", "a", "b", "b", "c"), running=foo)
    not_c = required_node({"matchExpressions": [expression(ZONE, "NotIn", "c")]})
    constraint = spread()
    incoming = pod("mypod", labels={"app": "bar"}, affinity=not_c, topologySpreadConstraints=[constraint])  # fmt: skip
    assert can_run_on(view, incoming) == ["node3", "node4"]
    ignoring = pod("mypod", labels={"app": "bar"}, affinity=not_c,
                   topologySpreadConstraints=[spread(nodeAffinityPolicy="Ignore")])  # fmt: skip
    assert can_run_on(view, ignoring) == [], "zone c is empty now, and out of reach"


def test_tainted_nodes_count_unless_told_otherwise() -> None:
    foo = [pod("p", labels={"app": "bar"}, on="node1")]
    nodes = zoned("a")
    tainted = node("node2", labels={ZONE: "b", HOSTNAME: "node2"}, taints=[{"key": "k", "effect": "NoSchedule"}])  # fmt: skip
    view = snapshot(*nodes, tainted, running=foo)
    ignoring = pod("q", labels={"app": "bar"}, topologySpreadConstraints=[spread()])
    assert can_run_on(view, ignoring) == []
    honouring = pod("q", labels={"app": "bar"}, topologySpreadConstraints=[spread(nodeTaintsPolicy="Honor")])  # fmt: skip
    assert can_run_on(view, honouring) == ["node1"]


def test_fewer_domains_than_wanted_count_as_an_empty_one() -> None:
    foo = [pod(f"p{i}", labels={"app": "bar"}, on=f"node{i}") for i in (1, 2)]
    view = snapshot(*zoned("a", "b"), running=foo)
    plain = pod("q", labels={"app": "bar"}, topologySpreadConstraints=[spread()])
    assert can_run_on(view, plain) == ["node1", "node2"]
    more = pod("q", labels={"app": "bar"}, topologySpreadConstraints=[spread(minDomains=3)])
    assert can_run_on(view, more) == []


def test_a_node_without_the_label_is_passed_over() -> None:
    view = snapshot(*zoned("a"), node("bare"))
    incoming = pod("q", labels={"app": "bar"}, topologySpreadConstraints=[spread()])
    assert can_run_on(view, incoming) == ["node1"]
    assert why_not(snapshot(node("bare")), incoming) == (
        "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints"
        " (missing required label)."
    )


def test_ending_pods_and_other_namespaces_do_not_count() -> None:
    elsewhere = pod("p", labels={"app": "bar"}, namespace="other", on="node1")
    view = snapshot(*zoned("a", "b"), running=[elsewhere])
    incoming = pod("q", labels={"app": "bar"}, topologySpreadConstraints=[spread()])
    assert can_run_on(view, incoming) == ["node1", "node2"]


def test_match_label_keys_count_one_revision() -> None:
    old = pod("old", labels={"app": "bar", "pod-template-hash": "1"}, on="node1")
    view = snapshot(*zoned("a", "b"), running=[old])
    constraint = spread(matchLabelKeys=["pod-template-hash"])
    new = pod("new", labels={"app": "bar", "pod-template-hash": "2"}, topologySpreadConstraints=[constraint])  # fmt: skip
    assert can_run_on(view, new) == ["node1", "node2"]


def test_schedule_anyway_only_prefers() -> None:
    foo = [pod(f"p{i}", labels={"app": "bar"}, on="node1") for i in range(3)]
    view = snapshot(*zoned("a", "b"), running=foo)
    soft = spread(whenUnsatisfiable="ScheduleAnyway")
    incoming = pod("q", labels={"app": "bar"}, topologySpreadConstraints=[soft])
    assert can_run_on(view, incoming) == ["node1", "node2"]
    assert where(view, incoming) == {"q": "node2"}


def test_the_default_spreads_replicas_over_nodes_and_zones() -> None:
    view = snapshot(*zoned("a", "a", "b", "c", cpu="64", memory="64Gi"))
    placed = where(view, *(pod(f"p{i}", owner="rs") for i in range(6)))
    zones = [{"node1": "a", "node2": "a", "node3": "b", "node4": "c"}[n] for n in placed.values()]
    assert sorted(zones) == ["a", "a", "b", "b", "c", "c"]


# --- Resource Management, Init Containers, Sidecars, Overhead


def of_containers(*containers: Json, init: list[Json] | None = None, **spec: Any) -> PodInfo:
    return views.pod_info(
        {
            "metadata": {"name": "p", "namespace": "default", "uid": "u"},
            "spec": {"containers": list(containers), "initContainers": init or [], **spec},
        }
    )


def asks(cpu: str, memory: str = "1Mi", **more: Any) -> Json:
    return {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


@pytest.mark.parametrize(
    ("one", "cpu"),
    [
        (of_containers(asks("1"), asks("2")), 3000),
        (of_containers(asks("1"), init=[asks("4"), asks("2")]), 4000),
        (of_containers(asks("1"), init=[asks("2", restartPolicy="Always"), asks("3")]), 5000),
        (of_containers(asks("1"), init=[asks("3"), asks("2", restartPolicy="Always")]), 3000),
        (of_containers(asks("1"), overhead={"cpu": "250m"}), 1250),
        (of_containers(asks("1"), resources={"requests": {"cpu": "5"}}), 5000),
    ],
)
def test_what_a_pod_asks_for(one: PodInfo, cpu: int) -> None:
    assert one.requests["cpu"] == cpu


def test_ephemeral_storage_and_extended_resources_are_counted() -> None:
    view = snapshot(
        node("a", **{"ephemeral-storage": "10Gi", "example.com/dongle": "4"}),
        running=[pod("q", on="a", requested={"ephemeral-storage": "8Gi", "example.com/dongle": "3"})],
    )  # fmt: skip
    assert why_not(
        view, pod("p", requested={"ephemeral-storage": "4Gi", "example.com/dongle": "2"})
    ) == (
        "0/1 nodes are available: 1 Insufficient ephemeral-storage,"
        " 1 Insufficient example.com/dongle."
    )


def test_pods_that_ask_for_nothing_spread_all_the_same() -> None:
    view = snapshot(*(node(f"n{i}") for i in range(3)))
    placed = where(view, *(pod(f"p{i}", requested={"pods": "0"}) for i in range(9)))
    assert sorted(placed.values()) == ["n0"] * 3 + ["n1"] * 3 + ["n2"] * 3


def test_the_most_even_use_is_preferred() -> None:
    view = snapshot(
        node("a", cpu="10", memory="10Gi"),
        node("b", cpu="10", memory="10Gi"),
        running=[pod("x", on="a", cpu="5", memory="1Gi"), pod("y", on="b", cpu="1", memory="5Gi")],
    )
    assert where(view, pod("p", cpu="4", memory="64Mi")) == {"p": "b"}


def test_an_image_that_is_there_decides_between_equals() -> None:
    nodes = [node("a"), node("b"), node("c")]
    has = views.node_info(
        {
            "metadata": {"name": "b"},
            "status": {
                "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}],
                "images": [{"names": ["big:1"], "sizeBytes": 900 * 1024 * 1024}],
            },
        }
    )
    one = views.pod_info(
        {
            "metadata": {"name": "p", "namespace": "default", "uid": "u"},
            "spec": {"containers": [{"name": "c", "image": "big:1"}]},
        }
    )
    for _ in range(5):
        view = snapshot(*nodes)
        view.set_node(has)
        assert where(view, one) == {"p": "b"}


# --- Services and networking: host ports


@pytest.mark.parametrize(
    ("taken", "wanted", "runs"),
    [
        ({"hostPort": 80}, {"hostPort": 80}, False),
        ({"hostPort": 80}, {"hostPort": 81}, True),
        ({"hostPort": 80, "protocol": "UDP"}, {"hostPort": 80}, True),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "10.0.0.2"}, True),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80, "hostIP": "10.0.0.1"}, False),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80}, False),
        ({"hostPort": 80, "hostIP": "0.0.0.0"}, {"hostPort": 80, "hostIP": "10.0.0.1"}, False),
    ],
)
def test_host_ports(taken: Json, wanted: Json, runs: bool) -> None:
    def with_port(name: str, port: Json, on: str = "") -> PodInfo:
        return views.pod_info(
            {
                "metadata": {"name": name, "namespace": "default", "uid": name},
                "spec": {
                    "containers": [{"name": "c", "ports": [{"containerPort": 1, **port}]}],
                    **({"nodeName": on} if on else {}),
                },
            }
        )

    view = snapshot(node("a"), running=[with_port("q", taken, "a")])
    assert can_run_on(view, with_port("p", wanted)) == (["a"] if runs else [])


# --- Persistent Volumes


def with_claim(name: str = "data") -> PodInfo:
    return pod("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": name}}])


def test_a_claim_must_be_there_and_bound() -> None:
    view = snapshot(node("a"))
    assert why_not(view, with_claim()) == (
        '0/1 nodes are available: persistentvolumeclaim "data" not found.'
    )
    view.storage.claims["default/data"] = Claim("default/data", storage_class="standard")
    assert why_not(view, with_claim()) == (
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    )
    view.storage.classes["standard"] = Class(lazy=True, makes=True)
    assert can_run_on(view, with_claim()) == ["a"]


def test_a_volume_of_one_node_draws_its_pod_there() -> None:
    view = snapshot(*zoned("a", "b"))
    view.storage.claims["default/data"] = Claim("default/data", "pv", "local")
    view.storage.volumes["pv"] = Volume(({"matchExpressions": [expression(HOSTNAME, "In", "node2")]},))  # fmt: skip
    assert can_run_on(view, with_claim()) == ["node2"]
    assert why_not(snapshot_with(view, "node1"), with_claim()) == (
        "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity."
    )


def test_a_lazy_claim_finds_its_volume_where_the_pod_goes() -> None:
    view = snapshot(*zoned("a", "b", "c"))
    storage = view.storage
    storage.classes["local"] = Class(lazy=True, makes=False)
    once = frozenset({"ReadWriteOnce"})
    storage.claims["default/data"] = Claim("default/data", "", "local", size=10, modes=once)
    for name, size, taken in (("node1", 5, ""), ("node2", 20, ""), ("node3", 20, "x/other")):
        there = {"matchExpressions": [expression(HOSTNAME, "In", name)]}
        storage.volumes[f"on-{name}"] = Volume((there,), "local", taken, size, once)
    assert can_run_on(view, with_claim()) == ["node2"]
    del storage.volumes["on-node2"]
    view.generation += 1
    assert why_not(view, with_claim()) == (
        "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind."
    )


def snapshot_with(view: Snapshot, only: str) -> Snapshot:
    """The same with one node left."""
    for name in list(view.rows):
        if name != only:
            view.remove_node(name)
    return view


# --- Scheduler Configuration: who else there is, and what the sentence looks like


def test_reasons_are_counted_and_sorted() -> None:
    view = snapshot(
        node("a", cpu="1"), node("b", cpu="1", memory="1Mi"), node("c", labels={"disk": "ssd"}),
        node("d", taints=[{"key": "k", "effect": "NoSchedule"}]),
        node("e", unschedulable=True),
    )  # fmt: skip
    assert why_not(view, pod("p", cpu="2", memory="1Gi", nodeSelector={"x": "y"})) == (
        "0/5 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable,"
        " 3 node(s) didn't match Pod's node affinity/selector."
    )
    assert why_not(snapshot(node("a", cpu="1"), node("b", cpu="1", memory="1Mi")), pod("p", cpu="2")) == (
        "0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu."
    )  # fmt: skip


def test_nothing_is_placed_without_an_offer() -> None:
    view = snapshot(node("a"))
    assert offers_for(view)
    result = Placer(view).place([pod("p")], 0)
    assert [p.name for p in result.waiting] == ["p"]
    assert place(view, pod("p")).assignments
