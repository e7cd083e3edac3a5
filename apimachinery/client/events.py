"""Telling users what happened: Event objects (core/v1), counted instead of repeated.

`event()` only notes; `run` writes. Three bounds keep a misbehaving cluster from drowning in its
own news: the same news about the same object raises a count on one Event; an object has a budget
of news; when the writer falls behind, news is dropped. Nobody may depend on an Event arriving.

Neighbours: controllers, scheduler and kubelet call it; `client.rest` writes. Not a log.
"""

import asyncio
import copy
import itertools
import logging
from collections import OrderedDict
from dataclasses import dataclass

from apimachinery import meta, scheme, status, wire
from apimachinery.aio import clock as clocks
from apimachinery.client import rest

LOG = logging.getLogger(__name__)

PENDING_MAX = 1000
"""News waiting to be written: a few seconds' worth at full speed."""

REMEMBERED_MAX = 4096
"""Events whose counts we can still raise, and objects with a budget (Kubernetes' number)."""

REMEMBERED_SECONDS = 600.0
"""After this pause the same news is new again (Kubernetes' number)."""

BUDGET = 25
"""News about one object in a burst (Kubernetes' number)."""

BUDGET_REFILL_SECONDS = 300.0
"""Then one more each five minutes (Kubernetes' number)."""

MESSAGE_MAX = 1024
"""What the server takes; longer messages are cut."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The object that the news is about."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    field_path: str = ""
    """A part of it: `spec.containers{web}`."""

    def to_object(self) -> wire.JsonObject:
        pairs = {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "apiVersion": self.api_version,
            "resourceVersion": self.resource_version,
            "fieldPath": self.field_path,
        }
        return {key: value for key, value in pairs.items() if value}


def reference(obj: wire.JsonObject, *, field_path: str = "") -> Reference:
    """A reference to a whole object (with apiVersion and kind) or a part of it."""
    return Reference(
        api_version=str(obj.get("apiVersion", "")),
        kind=str(obj.get("kind", "")),
        name=meta.name(obj),
        namespace=meta.namespace(obj),
        uid=meta.uid(obj),
        resource_version=meta.resource_version(obj),
        field_path=field_path,
    )


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell."""

    about: Reference
    type: str
    """Normal or Warning."""
    reason: str
    """One word in CamelCase, for machines."""
    message: str
    at: float
    """Epoch seconds."""
    source: wire.JsonObject
    """Component and host that tell it."""

    @property
    def key(self) -> tuple[str, ...]:
        """News with the same key are counted on one Event."""
        about = self.about
        identity = about.uid or f"{about.kind}/{about.namespace}/{about.name}"
        return (identity, about.field_path, self.type, self.reason, self.message)


@dataclass(slots=True)
class _Written:
    """An Event of ours on the server."""

    name: str
    namespace: str
    count: int
    last: float


class Recorder:
    """`event` from anywhere in the loop; `run` writes until cancelled."""

    def __init__(
        self, client: rest.Client, *, component: str, clock: clocks.Clock, host: str = ""
    ) -> None:
        self._client = client
        self._source = {"component": component} | ({"host": host} if host else {})
        self._clock = clock
        self._pending: asyncio.Queue[News] = asyncio.Queue(PENDING_MAX)
        self._written: OrderedDict[tuple[str, ...], _Written] = OrderedDict()
        self._budgets = Budgets()
        self._serial = itertools.count(int(clock.now() * 1e9))
        self.dropped = 0

    def speaking_as(self, component: str) -> "Recorder":
        """The same in the name of another component: what it notes, the one `run` writes."""
        made = copy.copy(self)
        made._source = self._source | {"component": component}
        return made

    def event(self, about: Reference, reason: str, message: str, *, type: str = "Normal") -> None:  # noqa: A002  the field's name
        """Note the news; never blocks, may drop."""
        now = self._clock.now()
        if not self._budgets.spend(about, now) or self._pending.full():
            self.dropped += 1
            return
        cut = message if len(message) <= MESSAGE_MAX else message[: MESSAGE_MAX - 1] + "…"
        self._pending.put_nowait(News(about, type, reason, cut, now, self._source))

    def warning(self, about: Reference, reason: str, message: str) -> None:
        self.event(about, reason, message, type="Warning")

    async def run(self) -> None:
        """Write what was noted, one at a time; an Event that cannot be written is dropped."""
        while True:
            news = await self._pending.get()
            try:
                await self._write(news)
            except status.ApiError as error:
                self.dropped += 1
                LOG.info("event %s on %s dropped: %s", news.reason, news.about.name, error.message)
            finally:
                self._pending.task_done()

    async def flush(self) -> None:
        """Wait until everything noted so far has been handled by `run`."""
        await self._pending.join()

    async def _write(self, news: News) -> None:
        known = self._written.get(news.key)
        if known is not None and news.at - known.last <= REMEMBERED_SECONDS:
            known.count += 1
            known.last = news.at
            patch = {"count": known.count, "lastTimestamp": meta.format_time(news.at)}
            try:
                await self._client.patch(scheme.EVENTS, known.name, patch, known.namespace)
            except status.NotFound:
                # Events expire on the server; the news is still news.
                del self._written[news.key]
            else:
                self._written.move_to_end(news.key)
                return
        event = self._object(news)
        await self._client.create(scheme.EVENTS, event)
        self._written[news.key] = _Written(meta.name(event), meta.namespace(event), 1, news.at)
        if len(self._written) > REMEMBERED_MAX:
            self._written.popitem(last=False)

    def _object(self, news: News) -> wire.JsonObject:
        stamp = meta.format_time(news.at)
        namespace = news.about.namespace or "default"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{news.about.name}.{next(self._serial):x}",
                "namespace": namespace,
            },
            "involvedObject": news.about.to_object(),
            "type": news.type,
            "reason": news.reason,
            "message": news.message,
            "source": news.source,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "reportingComponent": news.source["component"],
            "reportingInstance": news.source.get("host", ""),
        }


class Budgets:
    """A token bucket per object; the least recently used ones are forgotten."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def spend(self, about: Reference, now: float) -> bool:
        """Whether there is budget for one more about this object; takes it."""
        key = (about.uid, about.kind, about.namespace, about.name)
        tokens, since = self._buckets.pop(key, (float(BUDGET), now))
        tokens = min(BUDGET, tokens + max(0.0, now - since) / BUDGET_REFILL_SECONDS)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > REMEMBERED_MAX:
            self._buckets.popitem(last=False)
        return allowed
