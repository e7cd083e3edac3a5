"""Pod ranges, expectations, ownership, lost pods, certificate requests, namespace conditions."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import labels
from controllers import expectations, ownership, views
from controllers.base import slow_start
from controllers.certificates import plan as certificates
from controllers.namespace import plan as namespaces
from controllers.nodeipam import plan as ranges
from controllers.podgc import plan as lost


class FrozenClock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class TestRanges:
    @given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=30))
    def test_ranges_never_overlap_and_are_used_again(self, steps: Any) -> None:
        found = ranges.Ranges("10.0.0.0/22")
        held: dict[str, str] = {}
        for node, take in steps:
            if take and node not in held:
                cidr = found.take(node)
                assert (cidr is None) == (len(held) == 4)
                if cidr is not None:
                    held[node] = cidr
            elif not take:
                found.release(node)
                held.pop(node, None)
            assert len(set(held.values())) == len(held)

    def test_a_range_that_somebody_brought_is_left_alone(self) -> None:
        found = ranges.Ranges("10.0.0.0/22")
        assert found.occupy("a", "10.0.0.0/23")
        assert found.take("b") == "10.0.2.0/24"

    def test_an_overlap_is_noticed(self) -> None:
        found = ranges.Ranges("10.0.0.0/22")
        assert found.occupy("a", "10.0.0.0/24")
        assert not found.occupy("b", "10.0.0.0/25")

    def test_other_ranges_do_not_count(self) -> None:
        found = ranges.Ranges("10.0.0.0/22")
        assert found.occupy("a", "192.168.0.0/16")
        assert found.occupy("b", "fd00::/64")
        assert found.take("c") == "10.0.0.0/24"

    def test_ipv6(self) -> None:
        found = ranges.Ranges("fd00::/56", 64)
        cidr = found.take("a")
        assert cidr is not None
        assert ipaddress.ip_network(cidr).prefixlen == 64

    def test_a_node_prefix_that_cannot_be_is_refused(self) -> None:
        with pytest.raises(ValueError, match="longer prefix"):
            ranges.Ranges("10.0.0.0/16", 8)


class TestExpectations:
    def test_acts_are_waited_for_until_seen(self) -> None:
        expected = expectations.Expectations(FrozenClock())
        with expected.acting("k") as done:
            done.update({"+1", "+2"})
        expected.observe("k", "+1")
        assert not expected.satisfied("k")
        expected.observe("k", "+2")
        assert expected.satisfied("k")

    def test_what_was_seen_during_the_act_is_not_waited_for(self) -> None:
        expected = expectations.Expectations(FrozenClock())
        with expected.acting("k") as done:
            expected.observe("k", "+1")
            done.add("+1")
        assert expected.satisfied("k")

    def test_patience_ends(self) -> None:
        clock = FrozenClock()
        expected = expectations.Expectations(clock)
        with expected.acting("k") as done:
            done.add("+1")
        clock.time = expectations.PATIENCE_SECONDS - 1
        assert not expected.satisfied("k")
        clock.time += 1
        assert expected.satisfied("k")


class TestOwnership:
    OWNER = views.meta_of({"metadata": {"name": "o", "namespace": "ns", "uid": "o"}})

    @staticmethod
    def child(make_pod: Any, name: str, owner: str = "", match: bool = True, **more: Any) -> Any:
        pod = make_pod(name, labels={"app": "web" if match else "x"}, **more)
        if not owner:
            return pod
        from dataclasses import replace

        reference = views.Owner("v1", "X", owner, owner, controller=True, blocks=True)
        return replace(pod, meta=replace(pod.meta, owners=(reference,)))

    def test_kept_adopted_released_ignored(self, make_pod) -> None:
        claims = ownership.claim(
            self.OWNER,
            labels.from_set({"app": "web"}),
            [
                self.child(make_pod, "mine", "o"),
                self.child(make_pod, "stray", "o", match=False),
                self.child(make_pod, "free"),
                self.child(make_pod, "leaving", deletionTimestamp="x"),
                self.child(make_pod, "other", "p"),
                self.child(make_pod, "else", match=False),
            ],
        )
        names = [
            [one.meta.name for one in group]
            for group in (claims.kept, claims.adoptable, claims.stray)
        ]
        assert names == [["mine"], ["free"], ["stray"]]

    def test_an_owner_on_its_way_out_changes_nothing(self, make_pod) -> None:
        from dataclasses import replace

        claims = ownership.claim(
            replace(self.OWNER, deleting=True),
            labels.from_set({"app": "web"}),
            [self.child(make_pod, "free"), self.child(make_pod, "stray", "o", match=False)],
        )
        assert (claims.adoptable, claims.stray) == ((), ())


class TestSlowStart:
    async def test_everything_is_tried_when_nothing_fails(self) -> None:
        seen: list[int] = []

        async def act(item: int) -> None:
            seen.append(item)

        assert await slow_start(range(100), act) == 100
        assert seen == list(range(100))

    async def test_a_refusal_stops_after_its_batch(self) -> None:
        tried: list[int] = []

        async def act(item: int) -> None:
            tried.append(item)
            if item >= 2:
                raise ValueError(item)

        with pytest.raises(ValueError, match="2"):
            await slow_start(range(500), act)
        # 1, then 2 in parallel: the third of all fails, nothing more is tried.
        assert tried == [0, 1, 2]


class TestLostPods:
    NODE = views.node_of({"metadata": {"name": "n"}})

    @pytest.mark.parametrize(
        ("fields", "node", "expected"),
        [
            ({"node": "n"}, NODE, None),
            ({"node": "n"}, None, lost.Lost.NODE_GONE),
            ({}, None, None),
            ({"deletionTimestamp": "x"}, None, lost.Lost.NEVER_PLACED),
            ({"node": "n", "deletionTimestamp": "x"}, NODE, None),
        ],
    )
    def test_judgement(self, make_pod, fields, node, expected) -> None:
        assert lost.judge(make_pod(**fields), node) is expected

    def test_out_of_service(self, make_pod) -> None:
        off = views.node_of(
            {"metadata": {"name": "n"}, "spec": {"taints": [{"key": lost.OUT_OF_SERVICE}]}}
        )
        pod = make_pod(node="n", deletionTimestamp="x")
        assert lost.judge(pod, off) is lost.Lost.OUT_OF_SERVICE

    def test_the_oldest_finished_go(self, make_pod) -> None:
        pods = [
            make_pod("new", creationTimestamp="2026-01-02T00:00:00Z"),
            make_pod("old", creationTimestamp="2026-01-01T00:00:00Z"),
        ]
        assert [pod.meta.name for pod in lost.excess(pods, 1)] == ["old"]


class TestCertificates:
    NODE = certificates.Request("system:node:n", ("system:nodes",), (), other_names=False)
    SERVING = certificates.Request("system:node:n", ("system:nodes",), ("n",), other_names=False)

    def test_a_nodes_client_certificate(self) -> None:
        assert certificates.is_node_client(self.NODE, ["digital signature", "client auth"])
        assert not certificates.is_node_client(self.NODE, ["digital signature", "server auth"])
        assert not certificates.is_node_client(self.SERVING, ["digital signature", "client auth"])

    @pytest.mark.parametrize(
        "request_",
        [
            certificates.Request("admin", ("system:nodes",), (), other_names=False),
            certificates.Request("system:node:n", ("system:masters",), (), other_names=False),
            certificates.Request(
                "system:node:n", ("system:nodes", "system:masters"), (), other_names=False
            ),
            certificates.Request("system:node:n", ("system:nodes",), (), other_names=True),
        ],
    )
    def test_nobody_else_passes_for_a_node(self, request_) -> None:
        assert not certificates.is_node_client(request_, ["digital signature", "client auth"])

    @pytest.mark.parametrize(
        ("user", "known", "expected"),
        [
            ("system:node:n", ["n", "10.0.0.1"], True),
            ("system:node:n", ["10.0.0.1"], False),
            ("system:node:m", ["n"], False),
        ],
    )
    def test_a_serving_certificate_is_for_ones_own_names(self, user, known, expected) -> None:
        assert certificates.is_node_serving(self.SERVING, ["digital signature", "server auth"])
        assert certificates.is_own(self.SERVING, user, ["system:nodes"], known) is expected

    def test_no_request_leads_to_the_masters(self) -> None:
        wanted = certificates.Request("me", ("system:masters",), (), other_names=False)
        assert "system:masters" in certificates.why_not(
            certificates.API_CLIENT, wanted, ["client auth"]
        )

    @pytest.mark.parametrize(
        ("asked", "expected"), [(None, 31_536_000), (5, 600), (3600, 3600), (10**9, 31_536_000)]
    )
    def test_lifetime_is_bounded(self, asked, expected) -> None:
        assert certificates.lifetime({"expirationSeconds": asked}) == expected


class TestNamespaceConditions:
    def test_all_fine(self) -> None:
        found = namespaces.conditions([], {}, [], 0.0)
        assert {one["status"] for one in found} == {"False"}

    def test_what_went_wrong_is_said(self) -> None:
        found = namespaces.conditions([], {}, ["pods.: no"], 0.0)
        failure = next(c for c in found if c["type"] == "NamespaceDeletionContentFailure")
        assert failure["message"] == "Failed to delete all resource types, 1 remaining: pods.: no"

    def test_the_finalizer_of_ours_goes_and_others_stay(self) -> None:
        found = namespaces.finalized({"spec": {"finalizers": ["kubernetes", "mine"]}})
        assert found["spec"]["finalizers"] == ["mine"]
