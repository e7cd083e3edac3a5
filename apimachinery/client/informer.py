"""A mirror of one resource's objects, kept fresh by a watch, indexed, with change callbacks.

Promises, in the order in which readers need them:

- What `get`, `items` and `by_index` answer is a past state of the server: maybe stale, never
  mixed up. Per object states arrive in order; some in between may be skipped after a reconnect.
- A handler hears of every difference between two answers of the mirror, exactly once, right
  after the mirror has it: (key, None, new), (key, old, new) or (key, old, None). It is a plain
  function that notes a key somewhere; it must not block and must not raise.
- Views are shared by all readers: never change one. They are made once per arriving object by
  `view`, which gets the parsed object and should keep only what its users read.

Neighbours: `client.rest` gives the watch; `client.workqueue` takes the keys. The mirror never
writes to the server. Give several users of one resource one Informer, not one each.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, ValuesView
from typing import Generic, TypeVar

from apimachinery import meta, status, wire
from apimachinery.aio import backoff as backoffs
from apimachinery.client import rest
from apimachinery.resource import Resource

LOG = logging.getLogger(__name__)

V = TypeVar("V")

PAGE = 500
"""Objects per page of the fallback list: what kubectl asks for, a few megabytes at most."""

YIELD_EVERY = 64
"""Events handled in one go: about 5 ms, after which other tasks get their turn."""

QUICK_END = 5.0
"""A watch that ends sooner without a word counts as a failure: do not hammer the server."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"

Handler = Callable[[str, V | None, V | None], None]


class Informer(Generic[V]):
    """See the module's promises. `run` is the loop; `synced` waits for the first full state."""

    def __init__(
        self,
        client: rest.Client,
        resource: Resource,
        view: Callable[[wire.JsonObject], V],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        indexers: Mapping[str, Callable[[V], Iterable[str]]] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.resource = resource
        self._client = client
        self._view = view
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._rng = rng or random.Random()  # noqa: S311  jitter, no secret
        self._mirror: _Mirror[V] = _Mirror(indexers or {})
        self._handlers: list[Handler[V]] = []
        self._synced = asyncio.Event()
        self._answered = asyncio.Event()
        self._version = ""
        """Resume from here; empty = the whole state is needed."""
        self._watch_list = True
        """False once the server said that it does not know initial events."""

    # --- reading

    def get(self, key: str) -> V | None:
        """The object "namespace/name" (or "name"), as last heard of."""
        return self._mirror.values.get(key)

    def items(self) -> ItemsView[str, V]:
        return self._mirror.values.items()

    def keys(self) -> KeysView[str]:
        return self._mirror.values.keys()

    def values(self) -> ValuesView[V]:
        return self._mirror.values.values()

    def __len__(self) -> int:
        return len(self._mirror.values)

    def by_index(self, name: str, value: str) -> list[V]:
        """The objects for which indexer `name` yields `value`; costs only these."""
        keys = self._mirror.indexes[name].get(value)
        return [self._mirror.values[key] for key in keys] if keys else []

    def keys_by_index(self, name: str, value: str) -> list[str]:
        return list(self._mirror.indexes[name].get(value, ()))

    def count_by_index(self, name: str, value: str) -> int:
        return len(self._mirror.indexes[name].get(value, ()))

    def add_indexer(self, name: str, indexer: Callable[[V], Iterable[str]]) -> None:
        """One more index; what is there already gets indexed now."""
        self._mirror.add_index(name, indexer)

    def add_handler(self, handler: Handler[V]) -> None:
        """Hear of changes; what is there already is told now, as additions."""
        self._handlers.append(handler)
        for key, value in list(self._mirror.values.items()):
            handler(key, None, value)

    @property
    def has_synced(self) -> bool:
        return self._synced.is_set()

    async def synced(self) -> None:
        """Wait until the mirror has held the server's whole state once."""
        await self._synced.wait()

    async def settled(self) -> None:
        """Wait until the mirror is complete, or the server said that there is no such resource."""
        await self._answered.wait()

    # --- following

    async def run(self) -> None:
        """Follow the server for ever: reconnect, resume, start over as needed."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            before, began = self._version, loop.time()
            lasted = False
            try:
                await self._follow()
                lasted = loop.time() - began > QUICK_END
            except status.Expired as error:
                LOG.info("%s: start over: %s", self.resource.gr, error.message)
                self._version = ""
            except status.ApiError as error:
                self._downgrade(error)
                if isinstance(error, status.NotFound):
                    self._replace({})
                    self._synced.clear()
                log = LOG.warning if attempt >= 3 else LOG.info
                log("%s: watch failed: %s", self.resource.gr, error.message)
            progressed = self._version not in ("", before)
            attempt = 0 if progressed or lasted else attempt + 1
            if attempt:
                delay = backoffs.RECONNECT.delay(attempt - 1, self._rng.random)
                await asyncio.sleep(delay)

    async def _follow(self) -> None:
        """One watch, from the last known version or from nothing."""
        if self._version:
            await self._stream(fresh=None)
        elif self._watch_list:
            await self._stream(fresh={})
        else:
            await self._list()
            await self._stream(fresh=None)

    def _downgrade(self, error: status.ApiError) -> None:
        """Servers before 1.32 refuse initial events as invalid: list for them instead."""
        if self._watch_list and not self._version and error.code in (400, 422):
            self._watch_list = False

    async def _stream(self, fresh: "dict[str, tuple[str, V]] | None") -> None:
        """Apply events; with `fresh`, gather the initial ones there until they are complete."""
        stream = self._client.watch(
            self.resource,
            self._namespace,
            resource_version=self._version,
            initial_events=fresh is not None,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        handled = 0
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                obj = event.object()
                if event.type == "BOOKMARK":
                    if fresh is not None and _ends_initial(obj):
                        self._replace(fresh)
                        fresh = None
                    if fresh is None:
                        self._version = meta.resource_version(obj) or self._version
                elif fresh is not None:
                    self._gather(fresh, event.type, obj)
                else:
                    self._apply(event.type, obj)
                    self._version = meta.resource_version(obj) or self._version
                handled += 1
                if handled % YIELD_EVERY == 0:
                    await asyncio.sleep(0)

    async def _list(self) -> None:
        fresh: dict[str, tuple[str, V]] = {}
        token, version = "", ""
        while True:
            page = await self._client.list(
                self.resource,
                self._namespace,
                limit=PAGE,
                continue_token=token,
                label_selector=self._label_selector,
                field_selector=self._field_selector,
            )
            for obj in page.get("items") or ():
                # Items of a list say neither; views may look.
                obj.setdefault("apiVersion", self.resource.api_version)
                obj.setdefault("kind", self.resource.kind)
                self._gather(fresh, "ADDED", obj)
            version = version or meta.resource_version(page)
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                break
            await asyncio.sleep(0)
        self._replace(fresh)
        self._version = version

    def _gather(self, fresh: dict[str, tuple[str, V]], kind: str, obj: wire.JsonObject) -> None:
        key = meta.key(obj)
        if kind == "DELETED":
            fresh.pop(key, None)
        else:
            fresh[key] = (meta.resource_version(obj), self._view(obj))

    def _replace(self, fresh: Mapping[str, tuple[str, V]]) -> None:
        """The whole state anew: tell only what differs from before."""
        for key in [key for key in self._mirror.values if key not in fresh]:
            self._tell(key, self._mirror.remove(key), None)
        for key, (version, value) in fresh.items():
            if self._mirror.versions.get(key) != version:
                self._tell(key, self._mirror.put(key, version, value), value)
        self._synced.set()
        self._answered.set()

    def _apply(self, kind: str, obj: wire.JsonObject) -> None:
        key = meta.key(obj)
        if kind == "DELETED":
            old = self._mirror.remove(key)
            if old is not None:
                self._tell(key, old, None)
            return
        value = self._view(obj)
        self._tell(key, self._mirror.put(key, meta.resource_version(obj), value), value)

    def _tell(self, key: str, old: V | None, new: V | None) -> None:
        for handler in self._handlers:
            handler(key, old, new)


class _Mirror(Generic[V]):
    """Objects by key with their versions, and the indexes over them, always in step."""

    def __init__(self, indexers: Mapping[str, Callable[[V], Iterable[str]]]) -> None:
        self.values: dict[str, V] = {}
        self.versions: dict[str, str] = {}
        self.indexes: dict[str, dict[str, dict[str, None]]] = {}
        self._indexers: dict[str, Callable[[V], Iterable[str]]] = {}
        for name, indexer in indexers.items():
            self.add_index(name, indexer)

    def add_index(self, name: str, indexer: Callable[[V], Iterable[str]]) -> None:
        assert name not in self._indexers, f"index {name} exists"
        self._indexers[name] = indexer
        self.indexes[name] = {}
        for key, value in self.values.items():
            self._link(name, key, indexer(value))

    def put(self, key: str, version: str, value: V) -> V | None:
        """Store; answers what was there."""
        old = self.values.get(key)
        self.values[key] = value
        self.versions[key] = version
        for name, indexer in self._indexers.items():
            before = set(indexer(old)) if old is not None else set()
            after = set(indexer(value))
            if before != after:
                self._unlink(name, key, before - after)
                self._link(name, key, after - before)
        return old

    def remove(self, key: str) -> V | None:
        old = self.values.pop(key, None)
        self.versions.pop(key, None)
        if old is not None:
            for name, indexer in self._indexers.items():
                self._unlink(name, key, indexer(old))
        return old

    def _link(self, name: str, key: str, values: Iterable[str]) -> None:
        for value in values:
            self.indexes[name].setdefault(value, {})[key] = None

    def _unlink(self, name: str, key: str, values: Iterable[str]) -> None:
        index = self.indexes[name]
        for value in values:
            keys = index.get(value)
            if keys is not None:
                keys.pop(key, None)
                if not keys:
                    del index[value]


def _ends_initial(obj: wire.JsonObject) -> bool:
    return meta.annotations(obj).get(INITIAL_EVENTS_END) == "true"
