"""Whose turn it is."""

from dataclasses import replace

from scheduler.queue import UNHELPED_MAX_S, Queue
from tests.unit.scheduler.builders import pod


def order(queue: Queue, shares: dict[str, float] | None = None, step: float = 0.1) -> list[str]:
    turns = queue.take(100, lambda ns: f"k/{ns}", shares or {}, lambda _: step)
    return [p.name for p in turns]


def helped(pod: object, rejectors: frozenset[str]) -> bool:
    return True


def filled(*pods: object) -> Queue:
    queue = Queue()
    for each in pods:
        queue.put(each)
    return queue


def test_higher_priority_goes_first() -> None:
    assert order(filled(pod("low"), pod("high", priority=10))) == ["high", "low"]


def test_older_goes_first_within_a_role() -> None:
    young, old = pod("young", created="2026-01-02T00:00:00Z"), pod("old")
    assert order(filled(young, old)) == ["old", "young"]


def test_the_role_with_less_goes_first() -> None:
    queue = filled(pod("rich", namespace="a"), pod("poor", namespace="b"))
    assert order(queue, {"k/a": 0.5, "k/b": 0.1}) == ["poor", "rich"]


def test_roles_take_turns_as_their_shares_grow() -> None:
    queue = filled(*(pod(f"{n}{i}", namespace=n) for n in "ab" for i in range(3)))
    assert [name[0] for name in order(queue)] == ["a", "b", "a", "b", "a", "b"]


def test_critical_pods_pass_before_any_fairness() -> None:
    critical = pod("dns", namespace="kube-system", priority=2_000_000_000)
    queue = filled(pod("poor", namespace="b"), critical)
    assert order(queue, {"k/kube-system": 0.9})[0] == "dns"


def test_daemons_pass_before_others_of_their_priority() -> None:
    daemons = [replace(pod(f"d{i}", namespace="rich"), is_daemon=True) for i in range(2)]
    queue = filled(pod("poor", namespace="b"), pod("vip", priority=1), *daemons)
    assert order(queue, {"k/rich": 0.9}) == ["vip", "d0", "d1", "poor"]


def test_only_what_a_change_helps_is_tried_again() -> None:
    queue = filled(one := pod("one"), two := pod("two", cpu="2"))
    queue.park(one, 0.0, frozenset({"NodeResourcesFit"}))
    queue.park(two, 0.0, frozenset({"TaintToleration"}))
    asked = []

    def helps(one: object, rejectors: frozenset[str]) -> bool:
        asked.append(rejectors)
        return rejectors == {"NodeResourcesFit"}

    assert queue.changed(helps, now=5.0)
    assert order(queue) == ["one"]
    assert len(asked) == 2
    assert not queue.changed(lambda *_: False, now=5.0)
    queue.release(UNHELPED_MAX_S)
    assert sorted(order(queue)) == ["one", "two"], "no pod is forgotten for ever"


def test_pods_that_are_alike_are_asked_about_once() -> None:
    queue = filled(*(pods := [pod(f"p{i}") for i in range(100)]))
    for each in pods:
        queue.park(each, 0.0, frozenset({"NodeResourcesFit"}))
    asked = []
    queue.changed(lambda one, _: bool(asked.append(one)), now=1.0)
    assert len(asked) == 1


def test_a_parked_pod_waits_for_a_change_and_its_back_off() -> None:
    queue = filled(one := pod("one"))
    queue.park(one, now=0.0)
    assert not queue.has_active
    assert queue.next_release() == UNHELPED_MAX_S
    queue.changed(helped, 0.5)
    assert not queue.has_active
    assert queue.next_release() == 1.0
    queue.release(1.0)
    assert queue.has_active


def test_the_back_off_doubles_up_to_its_bound() -> None:
    queue = filled(one := pod("one"))
    delays = []
    for _ in range(6):
        queue.park(one, now=0.0)
        queue.changed(helped, 0.0)
        delays.append(queue.next_release())
        queue.release(100.0)
    assert delays == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_back_offs_of_one_moment_end_together_and_in_order() -> None:
    queue = filled(*(pods := [pod("low"), pod("high", priority=1), pod("poor", namespace="b")]))
    for number, each in enumerate(pods):
        queue.park(each, 10.1 + number / 10)
        queue.changed(helped, 10.5)
    assert queue.next_release() == 11.0
    queue.release(11.0)
    assert order(queue, {"k/default": 0.5}) == ["high", "poor", "low"]


def test_a_changed_shape_ends_the_parking() -> None:
    queue = filled(one := pod("one"))
    queue.park(one, now=0.0)
    queue.put(pod("one"))
    assert not queue.has_active
    queue.put(pod("one", nodeSelector={"a": "b"}))
    assert queue.has_active


def test_a_round_takes_no_more_than_asked_and_the_rest_follows() -> None:
    queue = filled(*(pod(f"p{i}") for i in range(5)))
    first = queue.take(3, str, {}, lambda _: 0.1)
    for each in first:
        queue.hold(each.uid)
    assert [p.name for p in first] == ["p0", "p1", "p2"]
    assert order(queue) == ["p3", "p4"]


def test_a_pod_that_stays_active_has_its_turn_again() -> None:
    queue = filled(pod("waits"))
    assert order(queue) == order(queue) == ["waits"]


def test_an_eager_pod_is_tried_at_the_next_change() -> None:
    queue = filled(one := pod("one"))
    queue.park(one, now=0.0, eager=True)
    assert not queue.has_active
    queue.changed(helped, 0.0)
    assert queue.has_active
