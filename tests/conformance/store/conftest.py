"""One store of each backend, opened for one test, and a key prefix of the test's own."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apiserver.storage.interface import Store
from apiserver.storage.memory import MemoryStore
from apiserver.storage.sqlite.store import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    match request.param:
        case "memory":
            opened = MemoryStore()
        case "sqlite":
            opened = SqliteStore(tmp_path / "store.db")
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def root() -> str:
    """Tests share an etcd; each keeps to a prefix of its own."""
    return f"/registry/{uuid.uuid4().hex}/"
