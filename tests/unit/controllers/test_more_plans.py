"""Daemon sets, stateful sets, histories, budgets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import meta
from controllers import history, views
from controllers.daemonset import plan as daemons
from controllers.disruption import plan as disruption
from controllers.statefulset import plan as stateful

NOW = 1_800_000_000.0


class TestDaemonSets:
    @staticmethod
    def wanted(**spec: Any) -> daemons.DaemonSet:
        body = {"selector": {"matchLabels": {"app": "x"}}, "template": {"spec": {}}} | spec
        metadata = {"name": "d", "namespace": "ns", "uid": "d", "generation": 1}
        return daemons.daemonset_of({"metadata": metadata, "spec": body})

    @staticmethod
    def node(name: str = "n", *, labels: Any = None, taints: Any = ()) -> views.Node:
        metadata = {"name": name, "labels": labels or {}}
        return views.node_of({"metadata": metadata, "spec": {"taints": list(taints)}})

    @pytest.mark.parametrize(
        ("taint", "expected"),
        [
            ({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, (True, True)),
            ({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, (True, True)),
            ({"key": "team", "effect": "NoSchedule"}, (False, True)),
            ({"key": "team", "effect": "NoExecute"}, (False, False)),
            ({"key": "team", "effect": "PreferNoSchedule"}, (True, True)),
        ],
    )
    def test_taints(self, taint, expected) -> None:
        tolerations = daemons.tolerations_of({})
        assert daemons.fits(self.wanted(), self.node(taints=[taint]), tolerations) == expected

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ({"key": "disk", "operator": "In", "values": ["ssd"]}, True),
            ({"key": "disk", "operator": "NotIn", "values": ["ssd"]}, False),
            ({"key": "disk", "operator": "Exists"}, True),
            ({"key": "gpu", "operator": "Exists"}, False),
            ({"key": "cores", "operator": "Gt", "values": ["3"]}, True),
            ({"key": "cores", "operator": "Wrong"}, False),
        ],
    )
    def test_affinity(self, expression, expected) -> None:
        required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        path = "requiredDuringSchedulingIgnoredDuringExecution"
        spec = {"affinity": {"nodeAffinity": {path: required}}}
        node = self.node(labels={"disk": "ssd", "cores": "4"})
        assert daemons.fits(self.wanted(template={"spec": spec}), node, [])[0] is expected

    def test_a_pod_is_bound_to_its_node_by_name(self) -> None:
        pod = daemons.pod_from(self.wanted(), {}, "n7", "abc")
        assert views.pod_of(pod | {"metadata": {"name": "p"}}).target == "n7"
        assert pod["metadata"]["labels"][history.HASH_LABEL] == "abc"

    @given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12), st.integers(1, 5))
    def test_an_update_never_takes_more_than_may_be_missing(self, pods, limit) -> None:
        """(up to date, ready) for the pod of each node."""
        strategy = {"rollingUpdate": {"maxUnavailable": limit}}
        wanted = self.wanted(updateStrategy=strategy)
        nodes = [self.node(f"n{number}") for number in range(len(pods))]
        found = [
            daemon_pod(f"n{number}", "new" if fresh else "old", ready=ready)
            for number, (fresh, ready) in enumerate(pods)
        ]
        step = daemons.plan(wanted, nodes, found, "new", NOW)
        unready = sum(not ready for _, ready in pods)
        killed_ready = sum(pod.ready for pod in step.delete)
        assert killed_ready <= max(limit - unready, 0)
        assert all(pod.meta.labels[history.HASH_LABEL] == "old" for pod in step.delete)
        if unready < limit:
            old_ready = sum(ready and not fresh for fresh, ready in pods)
            assert killed_ready == min(limit - unready, old_ready)

    def test_of_two_pods_on_a_node_the_further_one_stays(self) -> None:
        found = [daemon_pod("n", "new", name="a"), daemon_pod("n", "new", name="b", ready=True)]
        step = daemons.plan(self.wanted(), [self.node("n")], found, "new", NOW)
        assert [pod.meta.name for pod in step.delete] == ["a"]

    def test_a_pod_for_a_node_that_is_gone_goes(self) -> None:
        body = daemons.pod_from(self.wanted(), {}, "gone", "new")
        body["metadata"] |= {"name": "p", "uid": "p", "ownerReferences": []}
        step = daemons.plan(self.wanted(), [], [views.pod_of(body)], "new", NOW)
        assert [pod.meta.name for pod in step.delete] == ["p"]


def daemon_pod(node: str, digest: str, *, name: str = "", ready: bool = False) -> views.Pod:
    metadata = {"name": name or node, "uid": name or node, "labels": {history.HASH_LABEL: digest}}
    state = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    return views.pod_of({"metadata": metadata, "spec": {"nodeName": node}, "status": state})


class TestStatefulSets:
    @staticmethod
    def wanted(replicas: int, status: Any = None, **spec: Any) -> stateful.StatefulSet:
        body = {"replicas": replicas, "template": {"spec": {}}} | spec
        return stateful.statefulset_of(
            {"metadata": {"name": "s", "namespace": "ns"}, "spec": body, "status": status or {}}
        )

    @given(
        st.integers(0, 5),
        st.integers(0, 5),
        st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=30),
        st.booleans(),
    )
    def test_order_holds_and_it_gets_there(self, first, last, steps, roll) -> None:
        pods: dict[str, dict[str, Any]] = {}

        def step(replicas: int, digest: str) -> bool:
            views_ = [views.pod_of(pod) for pod in pods.values()]
            plan = stateful.plan(self.wanted(replicas), views_, digest, NOW)
            for number, _ in plan.create:
                # Whoever comes has only healthy ones before it.
                assert all(is_ready(pods.get(f"s-{before}")) for before in range(number))
                add(number, digest)
            assert len(plan.create) + len(plan.delete) <= 1
            for pod in plan.delete:
                del pods[pod.meta.name]
            return bool(plan.create or plan.delete)

        def add(number: int, digest: str) -> None:
            labels = {history.HASH_LABEL: f"s-{digest}"}
            metadata = {"name": f"s-{number}", "uid": f"{number}", "labels": labels}
            conditions = [{"type": "Ready", "status": "False"}]
            pods[f"s-{number}"] = {
                "metadata": metadata,
                "status": {"phase": "Running", "conditions": conditions},
            }

        def is_ready(pod: Any) -> bool:
            return pod is not None and pod["status"]["conditions"][0]["status"] == "True"

        def make_ready(number: int) -> None:
            if f"s-{number}" in pods:
                pods[f"s-{number}"]["status"]["conditions"][0]["status"] = "True"

        for number, ready in steps:
            step(first, "a")
            if ready:
                make_ready(number)
        for _ in range(40):
            for number in range(7):
                make_ready(number)
            step(last, "b" if roll else "a")
        assert sorted(pods) == [f"s-{number}" for number in range(last)]
        digest = "s-b" if roll else "s-a"
        assert {pod["metadata"]["labels"][history.HASH_LABEL] for pod in pods.values()} <= {digest}

    @staticmethod
    def pods(ready: str, digest: str = "s-old") -> list[views.Pod]:
        """One pod for each letter: `+` is ready, `-` is not."""
        return [
            views.pod_of(
                {
                    "metadata": {"name": f"s-{number}", "labels": {history.HASH_LABEL: digest}},
                    "status": {
                        "phase": "Running",
                        "conditions": [{"type": "Ready", "status": str(letter == "+")}],
                    },
                }
            )
            for number, letter in enumerate(ready)
        ]

    @pytest.mark.parametrize(
        ("ready", "limit", "parallel", "goes"),
        [
            ("+++++", 1, False, [4]),
            ("+++++", 3, False, [4, 3, 2]),
            ("+++++", "50%", False, [4, 3]),
            ("+++++", "1%", False, [4]),
            ("+-+++", 3, True, [4, 3]),
            ("+---+", 3, True, []),
            ("+-+++", 3, False, []),
        ],
    )
    def test_an_update_takes_as_many_as_may_be_missing(self, ready, limit, parallel, goes) -> None:
        wanted = self.wanted(
            5,
            podManagementPolicy="Parallel" if parallel else "OrderedReady",
            updateStrategy={"rollingUpdate": {"maxUnavailable": limit}},
        )
        plan = stateful.plan(wanted, self.pods(ready), "new", NOW)
        assert [pod.meta.name for pod in plan.delete] == [f"s-{number}" for number in goes]

    @pytest.mark.parametrize(
        ("ready", "goes"),
        [("+++", ["s-2"]), ("-++", ["s-2"]), ("++-", ["s-2"]), ("-+-", []), ("---", [])],
    )
    def test_scaling_down_halts_while_several_are_unhealthy(self, ready, goes) -> None:
        plan = stateful.plan(self.wanted(0), self.pods(ready), "old", NOW)
        assert [pod.meta.name for pod in plan.delete] == goes

    def test_conditions_of_others_stay_in_the_status(self) -> None:
        foreign = [{"type": "Mine", "status": "True"}]
        wanted = self.wanted(0, {"conditions": foreign})
        assert stateful.plan(wanted, [], "a", NOW).status["conditions"] == foreign

    def test_numbers_may_start_later(self) -> None:
        wanted = self.wanted(2, ordinals={"start": 5}, podManagementPolicy="Parallel")
        assert [n for n, _ in stateful.plan(wanted, [], "a", NOW).create] == [5, 6]

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("s-0", 0), ("s-12", 12), ("s-x", None), ("t-1", None), ("s-1-1", None)],
    )
    def test_names_and_numbers(self, make_pod, name, expected) -> None:
        assert stateful.number_of(make_pod(name), "s") == expected


class TestHistory:
    OWNER = views.meta_of({"metadata": {"name": "o", "namespace": "ns", "uid": "o"}})

    def plan(self, template: Any, present: Any, limit: int = 10, in_use: Any = ()) -> history.Plan:
        return history.plan(self.OWNER, {}, template, present, limit=limit, in_use=in_use)

    def grown(self, *templates: Any) -> list[Any]:
        present: list[Any] = []
        for template in templates:
            found = self.plan(template, present)
            if found.create is not None:
                present.append(found.create)
            if found.renumber is not None:
                found.renumber[0]["revision"] = found.renumber[1]
        return present

    def test_each_template_gets_a_number(self) -> None:
        assert [one["revision"] for one in self.grown({"a": 1}, {"a": 2}, {"a": 2})] == [1, 2]

    def test_going_back_renumbers(self) -> None:
        assert [one["revision"] for one in self.grown({"a": 1}, {"a": 2}, {"a": 1})] == [3, 2]

    def test_the_oldest_unused_go(self) -> None:
        present = self.grown(*({"a": number} for number in range(5)))
        used = meta.labels(present[0])[history.HASH_LABEL]
        gone = self.plan({"a": 4}, present, limit=1, in_use={used}).delete
        assert [one["revision"] for one in gone] == [2, 3]


class TestDisruption:
    @staticmethod
    def budget(status: Any = None, **spec: Any) -> disruption.Budget:
        return disruption.budget_of(
            {"metadata": {"name": "b", "generation": 1}, "spec": spec, "status": status or {}}
        )

    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ({"minAvailable": 2}, 2),
            ({"minAvailable": "50%"}, 4),
            ({"maxUnavailable": 1}, 6),
            ({"maxUnavailable": "30%"}, 4),
            ({"maxUnavailable": 99}, 0),
            ({}, 0),
        ],
    )
    def test_desired(self, spec, expected) -> None:
        assert disruption.desired_healthy(self.budget(**spec), 7) == expected

    def test_an_evicted_pod_counts_as_lost_until_it_is_overdue(self, make_pod) -> None:
        pods = [make_pod("a", ready=True), make_pod("b", ready=True)]
        status = {"disruptedPods": {"a": meta.format_time(NOW)}}
        budget = self.budget(status, minAvailable=1)
        early = disruption.plan(budget, pods, 2, NOW + 10)
        late = disruption.plan(budget, pods, 2, NOW + disruption.DELETION_SECONDS)
        assert (early.status["disruptionsAllowed"], early.look_again) == (0, pytest.approx(110))
        assert (late.status["disruptionsAllowed"], late.look_again) == (1, 0)
        assert "disruptedPods" not in late.status
