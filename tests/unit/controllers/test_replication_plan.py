"""How many pods, which go first, and what the status says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.replication import plan as planning

NOW = 1_800_000_000.0


def target(replicas: int = 3, **spec: Any) -> planning.Target:
    status = spec.pop("status", {})
    body = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}},
    }
    metadata = {"name": "web", "namespace": "ns", "uid": "rs", "generation": 2}
    return planning.target_of_replicaset(
        {"metadata": metadata, "spec": body | spec, "status": status}
    )


@pytest.mark.parametrize(
    ("replicas", "present", "create", "delete"),
    [(3, 0, 3, 0), (3, 3, 0, 0), (0, 3, 0, 3), (1, 3, 0, 2), (800, 0, 500, 0), (0, 800, 0, 500)],
)
def test_the_gap_is_closed_by_bursts(make_pod, replicas, present, create, delete) -> None:
    pods = [make_pod(f"p{number}") for number in range(present)]
    plan = planning.plan(target(replicas), pods, (), NOW)
    assert (plan.create, len(plan.delete)) == (create, delete)


WORSE_FIRST: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("unassigned", {"node": ""}, {"node": "n", "phase": "Pending"}),
    ("pending", {"node": "n", "phase": "Pending"}, {"node": "n", "ready": False}),
    ("not ready", {"node": "n"}, {"node": "n", "ready": True}),
    (
        "cheap",
        {
            "node": "n",
            "ready": True,
            "annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"},
        },
        {"node": "n", "ready": True},
    ),
    ("crowded", {"node": "full", "ready": True}, {"node": "n", "ready": True}),
    (
        "ready for a short time",
        {"node": "n", "ready": True, "since": "2027-01-15T00:00:00Z"},
        {"node": "n", "ready": True, "since": "2026-01-01T00:00:00Z"},
    ),
    (
        "restarted often",
        {"node": "n", "ready": True, "restarts": 9},
        {"node": "n", "ready": True, "restarts": 1},
    ),
    (
        "young",
        {"node": "n", "ready": True, "creationTimestamp": "2027-01-15T00:00:00Z"},
        {"node": "n", "ready": True, "creationTimestamp": "2026-01-01T00:00:00Z"},
    ),
]


@pytest.mark.parametrize(("why", "worse", "better"), WORSE_FIRST, ids=[w[0] for w in WORSE_FIRST])
def test_the_cheaper_loss_goes_first(make_pod, why, worse, better) -> None:
    del why
    bad, good = make_pod("bad", uid="2", **worse), make_pod("good", uid="1", **better)
    crowd = [make_pod("c", node="full"), make_pod("d", node="full"), good]
    plan = planning.plan(target(1), [good, bad], crowd, NOW)
    assert [pod.meta.name for pod in plan.delete] == ["bad"]


@given(st.permutations(range(6)))
def test_the_choice_does_not_depend_on_the_order(order: list[int]) -> None:
    from controllers import views

    pods = [
        views.pod_of(
            {"metadata": {"name": f"p{n}", "uid": f"u{n}"}, "spec": {"nodeName": "n" * (n % 2)}}
        )
        for n in order
    ]
    chosen = planning.ranked_for_deletion(pods, (), NOW)[:3]
    assert {pod.meta.uid for pod in chosen} == {"u0", "u2", "u4"}


def test_status_counts(make_pod) -> None:
    pods = [
        make_pod("a", ready=True, labels={"app": "web"}),
        make_pod("b", labels={"app": "web"}),
        make_pod("c", labels={"app": "else"}),
    ]
    assert planning.status_of(target(), pods, None, NOW) == {
        "replicas": 3,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "observedGeneration": 2,
    }


def test_a_ready_pod_is_available_only_after_min_ready_seconds(make_pod) -> None:
    pod = make_pod("a", ready=True, since="2027-01-15T08:00:00Z")
    wanted = target(minReadySeconds=30)
    since = pod.ready_since
    early = planning.status_of(wanted, [pod], None, since + 29)
    late = planning.status_of(wanted, [pod], None, since + 30)
    assert "availableReplicas" not in early
    assert late["availableReplicas"] == 1
    assert planning.next_available(wanted, [pod], since + 10) == pytest.approx(20)
    assert planning.next_available(wanted, [pod], since + 31) == 0


def test_a_failure_is_reported_once_and_removed_when_over() -> None:
    failure = planning.Failure("FailedCreate", "quota")
    first = planning.status_of(target(), [], failure, NOW)
    again = planning.status_of(
        target(status=first), [], planning.Failure("FailedCreate", "other"), NOW + 60
    )
    assert again["conditions"] == first["conditions"]
    assert "conditions" not in planning.status_of(target(status=first), [], None, NOW)


def test_a_controllers_selector_defaults_to_its_templates_labels() -> None:
    obj = {
        "metadata": {"name": "c"},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}}},
    }
    found = planning.target_of_controller(obj)
    assert found.selector.matches({"a": "b", "c": "d"})
    assert not found.selector.matches({})


def test_a_new_pod_takes_after_its_template() -> None:
    wanted = target(
        template={
            "metadata": {"labels": {"app": "web"}, "annotations": {"x": "y"}},
            "spec": {"a": 1},
        }
    )
    assert planning.pod_from(wanted, {"uid": "rs"}) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "web-",
            "namespace": "ns",
            "ownerReferences": [{"uid": "rs"}],
            "labels": {"app": "web"},
            "annotations": {"x": "y"},
        },
        "spec": {"a": 1},
    }
