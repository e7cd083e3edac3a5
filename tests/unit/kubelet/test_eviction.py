"""Who has to go when a node runs short, and what is too large by its own word."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet import eviction
from kubelet.eviction import Signal, Threshold, Usage, Want

MEMORY = Threshold("memory.available", eviction.MEMORY, "memory", most=100 << 20)
WANT = Want(MEMORY, 50 << 20, 100 << 20)


def pod(uid: str, *, priority: int = 0, asks: str = "", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"memory": asks}} if asks else {}
    container = {"name": "c", "resources": resources}
    return {
        "metadata": {"uid": uid, "name": uid, "namespace": "default"},
        "spec": {"priority": priority, "containers": [container], **spec},
    }


def uses(uid: str, mebibytes: int, **more: Any) -> Usage:
    return Usage(pod(uid, **more), {"c": mebibytes << 20})


@pytest.mark.parametrize(
    ("capacity", "part", "most", "quantity"),
    [(1000, 0.1, 0, 100), (1000, 0.1, 50, 50), (100, 0.1, 50, 10), (7, 0.0, 50, 50)],
)
def test_a_share_of_a_large_disk_is_bounded(
    capacity: int, part: float, most: int, quantity: int
) -> None:
    assert Threshold("x", eviction.DISK, "x", part, most).quantity(capacity) == quantity


def test_a_threshold_is_met_below_it_and_not_at_it() -> None:
    at, below = Signal(100 << 20, 1 << 30), Signal((100 << 20) - 1, 1 << 30)
    assert eviction.wants({"memory.available": at}, (MEMORY,)) == []
    (want,) = eviction.wants({"memory.available": below}, eviction.THRESHOLDS)
    assert want.threshold.condition == "MemoryPressure"
    assert eviction.wants({}, eviction.THRESHOLDS) == []


@pytest.mark.parametrize(
    ("pods", "chosen"),
    [
        ([uses("keeps", 90, asks="100Mi"), uses("over", 20, asks="10Mi")], "over"),
        ([uses("low", 20, asks="10Mi"), uses("high", 90, asks="10Mi", priority=5)], "low"),
        ([uses("more", 90, asks="10Mi"), uses("less", 20, asks="10Mi")], "more"),
        ([uses("b", 20), uses("a", 20)], "a"),
        ([uses("system", 90, priority=2_000_000_000), uses("web", 1)], "web"),
        ([uses("system", 90, priority=2_000_000_000)], None),
        ([], None),
    ],
)
def test_who_is_chosen(pods: list[Usage], chosen: str | None) -> None:
    verdict = eviction.choose(WANT, pods)
    assert (verdict.uid if verdict else None) == chosen


def test_the_message_says_what_is_low_and_who_used_it() -> None:
    verdict = eviction.choose(WANT, [uses("a", 20, asks="10Mi")])
    assert verdict is not None
    assert verdict.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
        "Container c was using 20Mi, request is 10Mi, has larger consumption of memory. "
    )


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 3))))
def test_nobody_goes_who_keeps_to_his_word_while_another_does_not(
    made: list[tuple[int, int, int]],
) -> None:
    pods = [
        uses(str(n), used, asks=f"{asked}Mi", priority=priority)
        for n, (used, asked, priority) in enumerate(made)
    ]
    verdict = eviction.choose(WANT, pods)
    assert (verdict is None) == (not made)
    over = {str(n) for n, (used, asked, _) in enumerate(made) if used > asked}
    if verdict is not None and over:
        assert verdict.uid in over
        least = min(made[int(uid)][2] for uid in over)
        assert made[int(verdict.uid)][2] == least


VOLUMES = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]


def limited(limit: str) -> dict[str, Any]:
    made = pod("a")
    made["spec"]["containers"][0]["resources"] = {"limits": {"ephemeral-storage": limit}}
    return made


@pytest.mark.parametrize(
    ("usage", "message"),
    [
        (Usage(pod("a", volumes=VOLUMES), volumes={"v": 1 << 20}), ""),
        (
            Usage(pod("a", volumes=VOLUMES), volumes={"v": (1 << 20) + 1}),
            'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
        ),
        (
            Usage(limited("1Mi"), files={"c": 600 << 10}, volumes={"v": 600 << 10}),
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ",
        ),
        (Usage(limited("1Mi"), files={"c": 600 << 10}), ""),
        (Usage(pod("a"), files={"c": 1 << 40}), ""),
    ],
)
def test_files_beyond_a_pods_own_limit(usage: Usage, message: str) -> None:
    verdict = eviction.over_limits(usage)
    assert (verdict.message if verdict else "") == message
    if message:
        assert eviction.is_bounded(usage.pod)


def test_one_container_may_not_use_the_others_room() -> None:
    made = limited("1Mi")
    other = {"name": "d", "resources": {"limits": {"ephemeral-storage": "8Mi"}}}
    made["spec"]["containers"].append(other)
    verdict = eviction.over_limits(Usage(made, files={"c": 2 << 20}))
    assert verdict is not None
    assert verdict.message == 'Container c exceeded its local ephemeral storage limit "1Mi". '


TOLERATES = [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}]


@pytest.mark.parametrize(
    ("made", "pressed", "refused"),
    [
        (pod("a"), {"MemoryPressure"}, True),
        (pod("a", asks="1Mi"), {"MemoryPressure"}, False),
        (pod("a", tolerations=TOLERATES), {"MemoryPressure"}, False),
        (pod("a", asks="1Mi"), {"DiskPressure"}, True),
        (pod("a", priority=2_000_000_000), {"DiskPressure"}, False),
        (pod("a"), {"PIDPressure"}, False),
        (pod("a"), set(), False),
    ],
)
def test_what_a_node_under_pressure_takes(
    made: dict[str, Any], pressed: set[str], *, refused: bool
) -> None:
    assert bool(eviction.refusal(made, frozenset(pressed))) is refused


def test_a_condition_lasts_after_its_signal() -> None:
    assert eviction.lasting({"DiskPressure": 100.0}, 399.0) == {"DiskPressure"}
    assert eviction.lasting({"DiskPressure": 100.0}, 400.0) == frozenset()
