"""How fast containers use the CPU: counters of cgroups made into rates. Pure.

Nobody polls: a rate is taken between two questions, and a container that was never asked about is
measured over its whole life. Neighbours: `kubelet.stats` words the answers, `kubelet.server` asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubelet.runtime.interface import ContainerStats

WINDOW_S = 10.0
"""Seconds that a rate spans at least before the next one starts: shorter ones are mostly noise."""

SHORTEST_S = 1.0
"""Below this the counters' own ticks show; the rate before is told once more."""


@dataclass(frozen=True, slots=True)
class Rate:
    """CPU of one container in billionths of a core, over `window` seconds up to `at`."""

    nanocores: int
    window: float
    at: float


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    cpu_ns: int


class Meter:
    """Remembers of each running container where its present window began."""

    def __init__(self) -> None:
        self._begun: dict[str, _Sample] = {}
        self._rates: dict[str, Rate] = {}

    def rates(
        self, stats: Sequence[ContainerStats], started: Mapping[str, float]
    ) -> dict[str, Rate]:
        """By container; `started` has the containers that run, since when (epoch seconds)."""
        begun: dict[str, _Sample] = {}
        for one in stats:
            since = started.get(one.container_id)
            if since is None:
                continue
            begin = self._begun.get(one.container_id) or _Sample(since, 0)
            window = one.timestamp - begin.at
            if window >= SHORTEST_S or one.container_id not in self._rates:
                self._rates[one.container_id] = _between(begin, one, window)
            if window >= WINDOW_S:
                begin = _Sample(one.timestamp, one.cpu_usage_ns)
            begun[one.container_id] = begin
        self._begun = begun
        self._rates = {key: self._rates[key] for key in begun}
        return dict(self._rates)


def _between(begin: _Sample, now: ContainerStats, window: float) -> Rate:
    # A container of a moment ago has no window yet; its start counts as SHORTEST_S.
    span = max(window, SHORTEST_S)
    used = max(now.cpu_usage_ns - begin.cpu_ns, 0)
    return Rate(int(used / span), span, now.timestamp)
