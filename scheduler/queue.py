"""Pods that wait for a node: whose turn it is, and who waits longer. Pure: time comes in.

A pod is active (to be tried now) or parked (it fitted nowhere; tried again when something changed
that can help it, but not sooner than its back-off, and in any case after some minutes). Order among
active pods: priority, then daemons, then the role with the lowest dominant
share, then age; shares move as pods are taken, so that roles take turns. A round costs what it
takes, not what waits behind it; a change is asked about once per kind of pod.
Neighbours: `service`.
"""

import heapq
import itertools
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass

from scheduler.views import PodInfo

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 10.0
"""Kubernetes' numbers: a pod that fits nowhere is tried at most this often."""
WINDOW_S = 1.0
"""Back-offs that end within the same one end at its beginning, so that their pods are put in order
(Kubernetes')."""
UNHELPED_MAX_S = 300.0
"""A parked pod is tried after this long, should no change have been thought to help (Kubernetes')."""
SYSTEM_PRIORITY = 2_000_000_000
"""system-cluster-critical and above pass before any fairness."""
DAEMONS = ""
"""In place of a namespace: the line of all daemons, who pass before others of their priority."""

Rejectors = frozenset[str]
"""Names of the filters that kept a pod out."""
Helps = Callable[[PodInfo, Rejectors], bool]
"""Whether what changed may help pods like this one."""

_Line = tuple[int, str]
"""(-priority, namespace or DAEMONS)"""
_Entry = tuple[str, str, int, PodInfo]
"""(created, key, number of its activation, pod)"""
_Kind = tuple[str, Rejectors]
"""(shape, rejectors)"""


@dataclass(slots=True)
class _Parked:
    pod: PodInfo
    kind: _Kind
    until: float
    """Monotonic seconds before which it is not tried again."""
    latest: float
    """When it is tried again in any case."""


def _together(moment: float) -> float:
    return moment // WINDOW_S * WINDOW_S


class Queue:
    """All pending pods of one scheduler, by uid."""

    def __init__(self) -> None:
        self._active: dict[str, tuple[int, PodInfo]] = {}
        """With the number of the activation: entries of earlier ones are void."""
        self._lines: dict[_Line, list[_Entry]] = {}
        """Heaps of the active pods, oldest first; void entries are dropped when they come up."""
        self._lent: list[_Entry] = []
        """Entries taken for the round under way; those still active at the next return."""
        self._numbers = itertools.count()
        self._parked: dict[str, _Parked] = {}
        self._idle: dict[_Kind, dict[str, None]] = {}
        """Parked pods (uids) that nothing has helped yet, those together that all is alike for."""
        self._due: list[tuple[float, str]] = []
        """Heap of (moment, uid) at which parked pods are worth a try; void entries among them."""
        self._attempts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._active) + len(self._parked)

    @property
    def has_active(self) -> bool:
        return bool(self._active)

    def active(self, uid: str) -> PodInfo | None:
        """An active pod as last put."""
        held = self._active.get(uid)
        return held[1] if held else None

    def put(self, pod: PodInfo) -> None:
        """A pending pod appeared or changed; a change of its shape ends its parking."""
        parked = self._parked.get(pod.uid)
        if parked is not None and parked.pod.shape == pod.shape and not parked.pod.gated:
            parked.pod = pod
            return
        self._activate(pod)

    def _activate(self, pod: PodInfo) -> None:
        self._unpark(pod.uid)
        number = next(self._numbers)
        self._active[pod.uid] = (number, pod)
        self._line_up((pod.created, pod.key, number, pod))

    def _line_up(self, entry: _Entry) -> None:
        pod = entry[3]
        key = (-pod.priority, DAEMONS if pod.is_daemon else pod.namespace)
        line = self._lines.setdefault(key, [])
        heapq.heappush(line, entry)

    def _unpark(self, uid: str) -> None:
        parked = self._parked.pop(uid, None)
        if parked is not None:
            self._stir(uid, parked.kind)

    def _stir(self, uid: str, kind: _Kind) -> None:
        idle = self._idle.get(kind)
        if idle is not None:
            idle.pop(uid, None)
            if not idle:
                del self._idle[kind]

    def remove(self, uid: str) -> None:
        """Bound, deleted or being bound."""
        self._active.pop(uid, None)
        self._unpark(uid)
        self._attempts.pop(uid, None)

    def hold(self, uid: str) -> PodInfo | None:
        """Take a pod out while it is being bound, keeping its count of attempts."""
        held = self._active.pop(uid, None)
        return held[1] if held else None

    def park(
        self, pod: PodInfo, now: float, rejectors: Rejectors = frozenset(), *, eager: bool = False
    ) -> None:
        """It fitted nowhere. An eager one (room is being made for it) has no back-off."""
        self._active.pop(pod.uid, None)
        self._unpark(pod.uid)
        kind = (pod.shape, rejectors)
        until = now if eager else _together(now + self._next_delay(pod.uid))
        parked = self._parked[pod.uid] = _Parked(pod, kind, until, now + UNHELPED_MAX_S)
        self._idle.setdefault(kind, {})[pod.uid] = None
        heapq.heappush(self._due, (parked.latest, pod.uid))

    def postpone(self, pod: PodInfo, now: float) -> None:
        """Something went wrong that had nothing to do with room: try again after the back-off."""
        self.park(pod, now)
        self.wake(pod.uid)

    def _next_delay(self, uid: str) -> float:
        attempts = self._attempts.get(uid, 0)
        self._attempts[uid] = attempts + 1
        return min(BACKOFF_FIRST_S * 2.0**attempts, BACKOFF_MAX_S)

    def changed(self, helps: Helps, now: float) -> bool:
        """Something changed: those whom it may help are tried once their back-off is over.

        Whether there are any: then `next_release` may have become sooner.
        """
        found = False
        for kind, uids in list(self._idle.items()):
            if helps(self._parked[next(iter(uids))].pod, kind[1]):
                found = True
                for uid in list(uids):
                    self.wake(uid)
        self.release(now)
        return found

    def wake(self, uid: str) -> None:
        """A parked pod is worth a try once its back-off is over."""
        parked = self._parked[uid]
        self._stir(uid, parked.kind)
        heapq.heappush(self._due, (parked.until, uid))

    def kinds(self, rejector: str) -> Iterator[PodInfo]:
        """One parked pod of each kind that this filter kept out, or that found no node at all."""
        seen: set[_Kind] = set()
        for parked in self._parked.values():
            rejectors = parked.kind[1]
            if parked.kind not in seen and (not rejectors or rejector in rejectors):
                seen.add(parked.kind)
                yield parked.pod

    def hasten(self, shapes: Container[str]) -> None:
        """Room was found for pods of these shapes: no back-off is in its way."""
        for uid in [uid for uid, parked in self._parked.items() if parked.pod.shape in shapes]:
            self._activate(self._parked[uid].pod)

    def release(self, now: float) -> None:
        """Make those active whose time has come."""
        while (moment := self.next_release()) is not None and moment <= now:
            _, uid = heapq.heappop(self._due)
            self._activate(self._parked[uid].pod)

    def next_release(self) -> float | None:
        """When `release` will next do something by itself."""
        while self._due:
            moment, uid = self._due[0]
            parked = self._parked.get(uid)
            if parked is not None and self._is_due(uid, parked, moment):
                return moment
            heapq.heappop(self._due)  # parked anew, or gone
        return None

    def _is_due(self, uid: str, parked: _Parked, moment: float) -> bool:
        idle = uid in self._idle.get(parked.kind, ())
        return moment == parked.latest or (moment == parked.until and not idle)

    # --- order

    def take(
        self,
        count: int,
        role_of: Callable[[str], str],
        shares: Mapping[str, float],
        fraction: Callable[[PodInfo], float],
    ) -> list[PodInfo]:
        """The next active pods in order, for one round; they stay active until told otherwise.

        `fraction` is a pod's own dominant share, by which its role's grows once it was taken.
        """
        for entry in self._lent:
            if self._is_valid(entry):
                self._line_up(entry)
        self._lent.clear()
        return list(itertools.islice(self._in_turn(role_of, shares, fraction), count))

    def _in_turn(
        self,
        role_of: Callable[[str], str],
        shares: Mapping[str, float],
        fraction: Callable[[PodInfo], float],
    ) -> Iterator[PodInfo]:
        by_role: dict[tuple[int, str], list[_Line]] = {}
        for line in list(self._lines):
            if self._first(line) is not None:
                role = role_of(line[1]) if line[1] != DAEMONS else DAEMONS
                by_role.setdefault((line[0], role), []).append(line)
        turns: list[tuple[int, float, str]] = []
        for priority, role in by_role:
            free = role == DAEMONS or -priority >= SYSTEM_PRIORITY
            share = 0.0 if free else shares.get(role, 0.0)
            turns.append((priority, share, role))
        heapq.heapify(turns)
        while turns:
            priority, share, role = heapq.heappop(turns)
            entry = self._pop(by_role[(priority, role)])
            if entry is None:
                continue
            pod = entry[3]
            more = 0.0 if role == DAEMONS else fraction(pod)
            heapq.heappush(turns, (priority, share + more, role))
            yield pod

    def _pop(self, lines: list[_Line]) -> _Entry | None:
        """Lend the oldest pod of some lines."""
        firsts = [(first[:3], line) for line in lines if (first := self._first(line)) is not None]
        if not firsts:
            return None
        entry = heapq.heappop(self._lines[min(firsts)[1]])
        self._lent.append(entry)
        return entry

    def _first(self, line: _Line) -> _Entry | None:
        """The oldest valid entry of a line; an empty line is forgotten."""
        entries = self._lines.get(line, [])
        while entries and not self._is_valid(entries[0]):
            heapq.heappop(entries)
        if not entries:
            self._lines.pop(line, None)
        return entries[0] if entries else None

    def _is_valid(self, entry: _Entry) -> bool:
        active = self._active.get(entry[3].uid)
        return active is not None and active[0] == entry[2]
