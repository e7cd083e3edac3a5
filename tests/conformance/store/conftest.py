"""One store of each backend, opened for one test, and a key prefix of the test's own."""

import uuid
from collections.abc import AsyncIterator

import pytest

from apiserver.storage.interface import Store
from apiserver.storage.memory import MemoryStore


@pytest.fixture(params=["memory"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    opened: Store = MemoryStore()
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def root() -> str:
    """Tests share an etcd; each keeps to a prefix of its own."""
    return f"/registry/{uuid.uuid4().hex}/"
