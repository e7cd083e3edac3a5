"""A watch cache over a store in memory, and pods to fill it with."""

from collections.abc import AsyncIterator

import pytest

from apimachinery.wire import JsonObject
from apiserver.cache import WatchCache
from apiserver.storage.memory import MemoryStore


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    opened = MemoryStore()
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
async def cache(store: MemoryStore) -> AsyncIterator[WatchCache]:
    started = WatchCache(store)
    await started.start()
    yield started
    await started.stop()


def pod(name: str, node: str = "", labels: dict[str, str] | None = None, **spec: str) -> JsonObject:
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "default", "labels": labels or {}},
        "spec": {**({"nodeName": node} if node else {}), **spec},
    }
