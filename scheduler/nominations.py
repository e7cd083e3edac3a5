"""Room on nodes that is kept for pending pods, because lower pods were evicted for them. Pure.

A nomination binds pods of the same priority and below: they must fit beside the nominated one.
It ends when its pod is placed or gone, or after a while, should its victims not end. Neighbours:
`snapshot` owns them, `placement` heeds them, `preemption`'s plans make them (`service` carries
those out).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.views import PodInfo

NONE: dict[str, dict[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Nomination:
    """One pod, and where room is made for it."""

    pod: PodInfo
    node: str
    until: float
    """Monotonic seconds."""


class Nominations:
    """All of them, by the pod's uid."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Nomination] = {}
        self._kept: dict[int, dict[str, dict[str, int]]] = {}
        """By priority what is kept, as far as asked for since the last change."""

    def __contains__(self, uid: str) -> bool:
        return uid in self._by_uid

    def __len__(self) -> int:
        return len(self._by_uid)

    def get(self, uid: str) -> Nomination | None:
        return self._by_uid.get(uid)

    def put(self, pod: PodInfo, node: str, until: float) -> None:
        """Keep room for a pod."""
        self._by_uid[pod.uid] = Nomination(pod, node, until)
        self._kept.clear()

    def drop(self, uid: str) -> Nomination | None:
        """The pod has its node, is gone, or has another plan."""
        gone = self._by_uid.pop(uid, None)
        if gone is not None:
            self._kept.clear()
        return gone

    def below(self, priority: int, node: str) -> list[Nomination]:
        """Those on a node that have to yield to a pod of a priority."""
        return [n for n in self._by_uid.values() if n.node == node and n.pod.priority < priority]

    def expired(self, now: float) -> list[Nomination]:
        return [n for n in self._by_uid.values() if n.until <= now]

    def kept(self, pod: PodInfo) -> dict[str, dict[str, int]]:
        """Per node what a pod must leave to others."""
        if not self._by_uid:
            return NONE
        if pod.uid in self._by_uid:
            return _sum(n for n in self._from(pod.priority) if n.pod.uid != pod.uid)
        known = self._kept.get(pod.priority)
        if known is None:
            known = self._kept[pod.priority] = _sum(self._from(pod.priority))
        return known

    def _from(self, priority: int) -> Iterator[Nomination]:
        return (n for n in self._by_uid.values() if n.pod.priority >= priority)


def _sum(nominations: Iterator[Nomination]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for nomination in nominations:
        amounts = total.setdefault(nomination.node, {})
        for name, value in nomination.pod.requests.items():
            amounts[name] = amounts.get(name, 0) + value
    return total
