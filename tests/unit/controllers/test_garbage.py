"""The graph of owners against a naive model, and the judgement on one object."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import scheme
from apimachinery.resource import Resource
from controllers import views
from controllers.garbage import graph as graphs
from controllers.garbage import plan as planning
from controllers.garbage.plan import OwnerState

UIDS = "abcde"


def find(api_version: str, kind: str) -> Resource | None:
    return scheme.CONFIGMAPS if (api_version, kind) == ("v1", "ConfigMap") else None


def meta_of(
    uid: str, owners: Any = (), *, finalizers: Any = (), deleting: bool = False
) -> views.Meta:
    metadata = {
        "name": uid,
        "namespace": "ns",
        "uid": uid,
        "finalizers": list(finalizers),
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": one, "uid": one} for one in owners
        ],
    }
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return views.meta_of({"metadata": metadata})


def see(graph: graphs.Graph, *args: Any, **kwargs: Any) -> graphs.Looks:
    return graph.seen(scheme.CONFIGMAPS, meta_of(*args, **kwargs), find)


@given(
    st.lists(
        st.tuples(st.sampled_from(UIDS), st.sets(st.sampled_from(UIDS), max_size=3) | st.none()),
        max_size=25,
    )
)
def test_dependents_equal_a_scan(steps: list[tuple[str, set[str] | None]]) -> None:
    graph = graphs.Graph()
    truth: dict[str, set[str]] = {}
    for uid, owners in steps:
        if owners is None:
            truth.pop(uid, None)
            graph.gone(uid)
        else:
            truth[uid] = owners
            see(graph, uid, sorted(owners))
    for uid in UIDS:
        dependents = {one for one, owners in truth.items() if uid in owners}
        node = graph.get(uid)
        assert set(node.dependents if node is not None else ()) == dependents
        # Nothing is kept that is neither an object nor somebody's owner.
        assert (node is not None) == (uid in truth or bool(dependents))


@given(st.permutations(UIDS), st.sets(st.sampled_from(UIDS)))
def test_whoever_lost_an_owner_gets_a_look(order: list[str], lost: set[str]) -> None:
    """A chain a ← b ← c …, seen in any order; owners go in any order."""
    graph = graphs.Graph()
    chain = dict(zip(UIDS[1:], UIDS, strict=False))
    looked: set[str] = set()
    for uid in order:
        see(graph, uid, [chain[uid]] if uid in chain else [])
    for uid in lost:
        looked.update(graph.gone(uid).delete)
    below = {uid for uid, owner in chain.items() if owner in lost}
    assert below - lost <= looked


def test_an_owner_nobody_has_seen_is_looked_for() -> None:
    assert see(graphs.Graph(), "child", ["ghost"]).delete == ["ghost", "child"]


def test_orphaning_and_foreground_start_once() -> None:
    graph = graphs.Graph()
    see(graph, "owner")
    see(graph, "child", ["owner"])
    orphaning = {"finalizers": [views.ORPHAN], "deleting": True}
    assert see(graph, "owner", **orphaning).orphan == ["owner"]
    assert see(graph, "owner", **orphaning).orphan == []
    foreground = {"finalizers": [views.FOREGROUND], "deleting": True}
    assert see(graph, "owner", **foreground).delete == ["child", "owner"]
    assert see(graph, "owner", **foreground).delete == []


def test_a_waiting_owner_gets_a_look_when_a_dependent_goes() -> None:
    graph = graphs.Graph()
    see(graph, "owner", finalizers=[views.FOREGROUND], deleting=True)
    see(graph, "child", ["owner"])
    assert graph.gone("child").delete == ["owner"]


LASTS, WAITS, GONE = OwnerState.LASTS, OwnerState.WAITS, OwnerState.GONE


@pytest.mark.parametrize(
    ("owners", "dependents", "finalizers", "expected"),
    [
        ({}, False, (), planning.Keep(frozenset())),
        ({"a": LASTS}, False, (), planning.Keep(frozenset())),
        ({"a": LASTS, "b": GONE, "c": WAITS}, False, (), planning.Keep(frozenset("bc"))),
        ({"a": GONE}, False, (), planning.Delete("Background")),
        ({"a": GONE}, True, (views.ORPHAN,), planning.Delete("Orphan")),
        ({"a": GONE}, True, (views.FOREGROUND,), planning.Delete("Foreground")),
        ({"a": WAITS}, False, (), planning.Delete("Background")),
        ({"a": WAITS}, True, (), planning.Delete("Foreground")),
    ],
)
def test_judgement(owners, dependents, finalizers, expected) -> None:
    found = planning.plan(
        meta_of("x", finalizers=finalizers),
        owners,
        has_dependents=dependents,
        dependents_wait=False,
    )
    assert found == expected
