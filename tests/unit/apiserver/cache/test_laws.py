"""Random histories: a watch is the list that it started from, plus what changed since."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from apimachinery import scheme
from apimachinery.fields import FieldSelector, parse_field_selector
from apimachinery.labels import Selector, parse_selector
from apiserver.cache import Entry, WatchCache, Watcher
from apiserver.storage.memory import MemoryStore
from tests.effort import examples

from .conftest import pod

PODS = scheme.PODS
NAMES = st.sampled_from(["a", "b", "c"])
SPACES = st.sampled_from(["one", "two"])
NODES = st.sampled_from(["", "n1", "n2"])
APPS = st.sampled_from(["web", "db"])
STEPS = st.lists(st.tuples(SPACES, NAMES, NODES, APPS, st.booleans()), max_size=30)
READERS = st.tuples(
    st.sampled_from(["", "one"]),
    st.sampled_from(["", "app=web", "app!=web"]),
    st.sampled_from(["", "spec.nodeName=n1", "metadata.name=a", "spec.nodeName!=n1"]),
)


class Reader:
    """What a client makes of a watch."""

    def __init__(self, watcher: Watcher, known: list[Entry], start: int) -> None:
        self.watcher = watcher
        self.objects = {entry.key: entry.raw for entry in known}
        self.start = start
        self.last = 0

    async def catch_up(self) -> None:
        """Read what is there already."""
        while True:
            reading = asyncio.create_task(anext(self.watcher))
            for _ in range(3):
                await asyncio.sleep(0)
            if not reading.done():
                reading.cancel()
                await asyncio.wait([reading])
                return
            for item in reading.result():
                assert item.entry is not None
                self.apply(item.type, item.entry)

    def apply(self, type_: str, entry: Entry) -> None:
        assert (entry.key in self.objects) is (type_ != "ADDED")
        # The present state comes in key order; what changes, in the order of revisions.
        assert entry.revision > self.last or entry.revision <= self.start
        self.last = max(self.last, entry.revision)
        if type_ == "DELETED":
            del self.objects[entry.key]
        else:
            self.objects[entry.key] = entry.raw


async def change(cache: WatchCache, step: tuple[str, str, str, str, bool]) -> None:
    namespace, name, node, app, remove = step
    obj = pod(name, node=node, labels={"app": app})
    old = cache.get(PODS, namespace, name)
    if old is None:
        await cache.create(PODS, namespace, name, obj)
    elif remove:
        await cache.delete(PODS, namespace, name, old.revision)
    else:
        await cache.update(PODS, namespace, name, obj, old.revision)


def selectors(reader: tuple[str, str, str]) -> tuple[str, Selector, FieldSelector]:
    namespace, labels, fields = reader
    return namespace, parse_selector(labels), parse_field_selector(fields)


@given(STEPS, STEPS, STEPS, READERS)
@settings(deadline=None, max_examples=examples(150))
async def test_a_watch_is_a_list_and_its_changes(
    before: list[tuple[str, str, str, str, bool]],
    between: list[tuple[str, str, str, str, bool]],
    after: list[tuple[str, str, str, str, bool]],
    chosen: tuple[str, str, str],
) -> None:
    store = MemoryStore()
    await store.start()
    cache = WatchCache(store)
    await cache.start()
    namespace, labels, fields = selectors(chosen)
    for step in before:
        await change(cache, step)
    listed = cache.list(PODS, namespace, labels=labels, fields=fields)
    for step in between:
        await change(cache, step)
    # The state of the list is still there, piece by piece.
    again = cache.list(PODS, namespace, labels=labels, fields=fields, exact=listed.revision)
    assert [entry.raw for entry in again.entries] == [entry.raw for entry in listed.entries]
    replaying = cache.watch(PODS, namespace, labels=labels, fields=fields, after=listed.revision)
    fresh = cache.watch(PODS, namespace, labels=labels, fields=fields)
    readers = [Reader(replaying, listed.entries, 0), Reader(fresh, [], cache.revision)]
    for step in after:
        await change(cache, step)
    now = cache.list(PODS, namespace, labels=labels, fields=fields)
    for reader in readers:
        await reader.catch_up()
        assert reader.objects == {entry.key: entry.raw for entry in now.entries}
    await cache.stop()
    await store.close()
