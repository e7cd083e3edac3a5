"""What the API server counts, in Prometheus' text form.

Own counters: a dictionary and a list are all it takes, and a request pays a microsecond for them.
Neighbours: `apiserver.server` observes each request, `apiserver.handlers.metrics` prints.
Label values come from routed requests only, so their number is bounded by the scheme.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from apiserver.attributes import Attributes

BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds; a subset of Kubernetes', so that its dashboards work."""

LONG_RUNNING = frozenset({"watch", "connect"})
"""Verbs whose duration says nothing about speed."""

Gauge = Callable[[], float]

_What = tuple[str, str, str, str, str, str]
"""verb, group, version, resource, subresource, scope"""
_LABELS = ("verb", "group", "version", "resource", "subresource", "scope")


@dataclass(slots=True)
class Histogram:
    """How long requests of one sort took."""

    counts: list[int]
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._gauges: dict[str, tuple[str, Gauge]] = {}
        self._requests: dict[tuple[_What, int], int] = {}
        self._durations: dict[_What, Histogram] = {}

    def gauge(self, name: str, text: str, read: Gauge) -> None:
        """Show a value that somebody else keeps; it is read when metrics are asked for."""
        self._gauges[name] = (text, read)

    def observe(self, attributes: Attributes, code: int, seconds: float) -> None:
        """Count one finished request (for streams: one that has begun)."""
        what = _what(attributes)
        key = (what, code)
        self._requests[key] = self._requests.get(key, 0) + 1
        if attributes.verb in LONG_RUNNING:
            return
        found = self._durations.get(what)
        if found is None:
            found = self._durations[what] = Histogram([0] * (len(BUCKETS) + 1))
        found.observe(seconds)

    def render(self) -> str:
        """Everything in the exposition format."""
        return "".join(
            (*self._render_requests(), *self._render_durations(), *self._render_gauges())
        )

    def _render_requests(self) -> Iterator[str]:
        name = "apiserver_request_total"
        yield header(name, "counter", "Requests by verb, resource and HTTP code.")
        for (what, code), count in self._requests.items():
            yield sample(name, [*zip(_LABELS, what, strict=True), ("code", str(code))], count)

    def _render_durations(self) -> Iterator[str]:
        name = "apiserver_request_duration_seconds"
        yield header(name, "histogram", "Seconds until the answer was ready.")
        for what, histogram in self._durations.items():
            labels = list(zip(_LABELS, what, strict=True))
            below = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
                below += count
                yield sample(f"{name}_bucket", [*labels, ("le", bound)], below)
            yield sample(f"{name}_sum", labels, histogram.total)
            yield sample(f"{name}_count", labels, below)

    def _render_gauges(self) -> Iterator[str]:
        for name, (text, read) in self._gauges.items():
            yield header(name, "gauge", text)
            yield sample(name, (), read())


def header(name: str, kind: str, text: str) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def sample(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    """One line; label values are escaped."""
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{inside}}} {value}\n" if inside else f"{name} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _what(attributes: Attributes) -> _What:
    verb = attributes.verb.upper()
    if not attributes.is_resource:
        return (verb, "", "", "", attributes.path.split("/", 2)[1], "")
    scope = "resource" if attributes.name else "namespace" if attributes.namespace else "cluster"
    return (
        verb,
        attributes.group,
        attributes.version,
        attributes.resource,
        attributes.subresource,
        scope,
    )
