"""Pods that wait for a node: whose turn it is, and who waits longer. Pure: time comes in.

A pod is active (to be tried now) or parked (it fitted nowhere; tried again when the cluster
changes, but not sooner than its back-off). Order among active pods: what keeps the cluster
running, then priority, then the role with the lowest dominant share, then age; shares move as
pods are taken, so that roles take turns. Neighbours: `service`.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from scheduler.views import PodInfo

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 10.0
"""Kubernetes' numbers: a pod that fits nowhere is tried at most this often."""
SYSTEM_PRIORITY = 2_000_000_000
"""system-cluster-critical and above pass before any fairness."""


@dataclass(slots=True)
class _Parked:
    pod: PodInfo
    until: float
    """Monotonic seconds before which it is not tried again."""
    wanted: bool = False
    """Something changed that may have made room."""


class Queue:
    """All pending pods of one scheduler, by uid."""

    def __init__(self) -> None:
        self._active: dict[str, PodInfo] = {}
        self._parked: dict[str, _Parked] = {}
        self._attempts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._active) + len(self._parked)

    @property
    def has_active(self) -> bool:
        return bool(self._active)

    def put(self, pod: PodInfo) -> None:
        """A pending pod appeared or changed; a change of its shape ends its parking."""
        parked = self._parked.get(pod.uid)
        if parked is not None and parked.pod.shape == pod.shape and not parked.pod.gated:
            parked.pod = pod
            return
        self._parked.pop(pod.uid, None)
        self._active[pod.uid] = pod

    def remove(self, uid: str) -> None:
        """Bound, deleted or being bound."""
        self._active.pop(uid, None)
        self._parked.pop(uid, None)
        self._attempts.pop(uid, None)

    def hold(self, uid: str) -> PodInfo | None:
        """Take a pod out while it is being bound, keeping its count of attempts."""
        return self._active.pop(uid, None)

    def park(self, pod: PodInfo, now: float) -> None:
        """It fitted nowhere."""
        attempts = self._attempts.get(pod.uid, 0)
        self._attempts[pod.uid] = attempts + 1
        self._active.pop(pod.uid, None)
        delay = min(BACKOFF_FIRST_S * 2.0**attempts, BACKOFF_MAX_S)
        self._parked[pod.uid] = _Parked(pod, now + delay)

    def room_made(self, now: float) -> None:
        """Nodes or pods changed: parked pods are worth a try once their back-off is over."""
        for parked in self._parked.values():
            parked.wanted = True
        self.release(now)

    def release(self, now: float) -> None:
        """Make those active whose time has come."""
        due = [uid for uid, p in self._parked.items() if p.wanted and p.until <= now]
        for uid in due:
            self._active[uid] = self._parked.pop(uid).pod

    def next_release(self) -> float | None:
        """When `release` will next do something by itself."""
        return min((p.until for p in self._parked.values() if p.wanted), default=None)

    def in_turn(
        self,
        role_of: Callable[[str], str],
        shares: Mapping[str, float],
        fraction: Callable[[PodInfo], float],
    ) -> Iterator[PodInfo]:
        """The active pods in order.

        `fraction` is a pod's own dominant share, by which its role's grows once it was taken.
        """
        roles: dict[tuple[int, str], list[tuple[str, str, PodInfo]]] = {}
        for pod in self._active.values():
            entry = (pod.created, pod.key, pod)
            roles.setdefault((-pod.priority, role_of(pod.namespace)), []).append(entry)
        turns: list[tuple[int, float, str]] = []
        for (priority, role), entries in roles.items():
            entries.sort(key=lambda e: e[:2], reverse=True)
            share = 0.0 if -priority >= SYSTEM_PRIORITY else shares.get(role, 0.0)
            turns.append((priority, share, role))
        heapq.heapify(turns)
        while turns:
            priority, share, role = heapq.heappop(turns)
            entries = roles[(priority, role)]
            pod = entries.pop()[2]
            if entries:
                heapq.heappush(turns, (priority, share + fraction(pod), role))
            yield pod
