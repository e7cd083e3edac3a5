"""The marks of deletion, as a pure function of object and options."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import meta, scheme, wire
from apiserver.registry import deletion
from apiserver.registry.pods import Pods
from apiserver.registry.strategy import Context

NOW = 1_800_000_000.0
REGISTRY = SimpleNamespace(strategy=Pods(scheme.PODS))


def context(now=NOW):
    return Context(user=wire.UserInfo("x"), now=now)


def pod(node="n", phase="Running", grace=30, **metadata):
    return {
        "metadata": {"name": "a", "generation": 1, **metadata},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": grace},
        "status": {"phase": phase},
    }


def test_a_running_pod_gets_its_grace():
    obj = pod()
    assert not deletion.mark(REGISTRY, obj, deletion.Options(), context())
    assert obj["metadata"]["deletionTimestamp"] == meta.format_time(NOW + 30)
    assert obj["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    "obj", [pod(node=""), pod(phase="Failed"), pod(phase="Succeeded"), pod(grace=0)]
)
def test_nothing_to_wait_for(obj):
    assert deletion.mark(REGISTRY, obj, deletion.Options(), context())


def test_a_finalizer_holds_even_without_grace():
    obj = pod(node="", finalizers=["a/b"])
    assert not deletion.mark(REGISTRY, obj, deletion.Options(), context())
    assert obj["metadata"]["deletionGracePeriodSeconds"] == 0


@given(st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=1, max_size=6))
def test_each_request_brings_the_end_nearer_or_changes_nothing(requests):
    obj = pod()
    ends = []
    for step, grace in enumerate(requests):
        if deletion.mark(REGISTRY, obj, deletion.Options(grace), context(NOW + step)):
            assert grace == 0
            return
        ends.append(obj["metadata"]["deletionTimestamp"])
    assert ends == sorted(ends, reverse=True)
    assert obj["metadata"]["generation"] == 2


@given(st.lists(st.sampled_from(["", "Orphan", "Foreground", "Background"]), max_size=5))
def test_at_most_one_propagation_finalizer_stands(policies):
    found = {"finalizers": ["mine"]}
    for policy in policies:
        deletion._set_finalizers(found, policy, orphan_default=False)
        assert found["finalizers"][0] == "mine"
        assert len(found["finalizers"]) <= 2
    stated = [policy for policy in policies if policy]
    last = stated[-1] if stated else ""
    wanted = {"Orphan": ["orphan"], "Foreground": ["foregroundDeletion"]}.get(last, [])
    assert found["finalizers"][1:] == wanted
