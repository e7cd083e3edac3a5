"""Silence, taints, evictions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import meta
from controllers import views
from controllers.nodelifecycle import plan as planning

NOW = 1_800_000_000.0


def node(ready: str = "True", taints: Any = (), **more: Any) -> views.Node:
    conditions = [{"type": "Ready", "status": ready}] if ready else []
    conditions += [{"type": kind, "status": "True"} for kind in more.pop("pressure", ())]
    return views.node_of(
        {
            "metadata": {"name": "n"},
            "spec": {"taints": list(taints)} | more,
            "status": {"conditions": conditions},
        }
    )


def taint(key: str, effect: str = "NoExecute", at: float = NOW) -> dict[str, str]:
    return {"key": key, "effect": effect, "timeAdded": meta.format_time(at)}


def pairs(taints: Any) -> set[tuple[str, str]]:
    return {(one["key"], one["effect"]) for one in taints}


def test_a_silent_node_is_unknown_in_every_condition() -> None:
    found = planning.silenced(node().conditions, NOW, NOW)
    assert found is not None
    assert {one["type"]: (one["status"], one["reason"]) for one in found} == {
        "Ready": ("Unknown", "NodeStatusUnknown"),
        "MemoryPressure": ("Unknown", "NodeStatusNeverUpdated"),
        "DiskPressure": ("Unknown", "NodeStatusNeverUpdated"),
        "PIDPressure": ("Unknown", "NodeStatusNeverUpdated"),
    }
    assert planning.silenced(found, NOW, NOW + 5) is None


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (node("True"), set()),
        (
            node("Unknown"),
            {(planning.UNREACHABLE, "NoSchedule"), (planning.UNREACHABLE, "NoExecute")},
        ),
        (node("False"), {(planning.NOT_READY, "NoSchedule"), (planning.NOT_READY, "NoExecute")}),
        (node(""), {(planning.NOT_READY, "NoSchedule")}),
        (node(unschedulable=True), {(planning.UNSCHEDULABLE, "NoSchedule")}),
        (node(pressure=["DiskPressure"]), {("node.kubernetes.io/disk-pressure", "NoSchedule")}),
    ],
)
def test_conditions_show_as_taints(one, expected) -> None:
    assert pairs(planning.taints(one, NOW, planning.Eviction.GO) or ()) == expected


@given(
    st.sampled_from(["True", "False", "Unknown", ""]),
    st.booleans(),
    st.sampled_from(list(planning.Eviction)),
    st.lists(st.sampled_from([("mine", "NoExecute"), *sorted(planning.OURS)]), unique=True),
)
def test_taints_settle_at_once_and_foreign_ones_stay(ready, off, eviction, present) -> None:
    first = node(ready, [taint(*one) for one in present], unschedulable=off)
    found = planning.taints(first, NOW, eviction)
    after = list(first.taints) if found is None else found
    again = node(ready, after, unschedulable=off)
    assert planning.taints(again, NOW + 100, eviction) is None
    assert (("mine", "NoExecute") in present) == (("mine", "NoExecute") in pairs(after))


def test_a_taint_keeps_its_time() -> None:
    old = taint(planning.UNREACHABLE, at=NOW - 100)
    found = planning.taints(node("Unknown", [old]), NOW, planning.Eviction.GO)
    assert old in (found or ())


SINCE = NOW + 7


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], 0.0),
        ([{"operator": "Exists"}], None),
        ([{"key": planning.UNREACHABLE, "operator": "Exists", "tolerationSeconds": 30}], NOW + 30),
        ([{"key": planning.UNREACHABLE, "operator": "Exists", "tolerationSeconds": -1}], NOW),
        ([{"key": planning.UNREACHABLE, "operator": "Exists", "effect": "NoSchedule"}], 0.0),
        ([{"key": planning.UNREACHABLE, "value": "x"}], 0.0),
        ([{"key": planning.UNREACHABLE}], None),
    ],
)
def test_how_long_a_pod_may_stay(make_pod, tolerations, expected) -> None:
    pod = make_pod(tolerations=tolerations)
    ours = node("Unknown", [taint(planning.UNREACHABLE)])
    assert planning.stay_until(pod, ours, SINCE) == expected


@pytest.mark.parametrize("stamp", [{}, {"timeAdded": meta.format_time(NOW - 1000)}])
def test_a_foreign_taint_counts_from_when_it_was_seen(make_pod, stamp) -> None:
    pod = make_pod(tolerations=[{"key": "a", "operator": "Exists", "tolerationSeconds": 50}])
    foreign = node(taints=[{"key": "a", "effect": "NoExecute"} | stamp])
    assert planning.stay_until(pod, foreign, SINCE) == SINCE + 50


def test_of_several_taints_the_soonest_counts(make_pod) -> None:
    pod = make_pod(
        tolerations=[
            {"key": "a", "operator": "Exists", "tolerationSeconds": 50},
            {"key": "b", "operator": "Exists", "tolerationSeconds": 20},
        ]
    )
    both = node(taints=[taint("a"), taint("b")])
    assert planning.stay_until(pod, both, SINCE) == SINCE + 20


@pytest.mark.parametrize(
    ("ready", "unready", "expected"),
    [
        (0, 0, "NORMAL"),
        (3, 0, "NORMAL"),
        (1, 1, "NORMAL"),
        (1, 2, "NORMAL"),
        (2, 3, "PARTIAL"),
        (0, 1, "FULL"),
    ],
)
def test_disruption(ready, unready, expected) -> None:
    assert planning.disruption(ready, unready).name == expected


@pytest.mark.parametrize(
    ("state", "nodes", "expected"),
    [
        ("NORMAL", 3, 10.0),
        ("FULL", 3, 10.0),
        ("PARTIAL", 50, None),
        ("PARTIAL", 51, 100.0),
    ],
)
def test_the_pace_of_evictions_in_a_zone(state, nodes, expected) -> None:
    assert planning.Pace().interval(planning.Disruption[state], nodes) == expected
