"""One store of each backend, opened for one test, and a key prefix of the test's own.

etcd is started once for all tests: an own one, in a temporary directory, stopped at the end.
"""

import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from apiserver.storage.etcd.private import private_etcd
from apiserver.storage.interface import Store
from apiserver.stores import open_store


@pytest.fixture(scope="session")
def etcd_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    etcd = private_etcd(tmp_path_factory.mktemp("e"))
    with (etcd.directory / "log").open("wb") as log:
        process = subprocess.Popen(etcd.argv, cwd=etcd.directory, stdout=log, stderr=log)
    yield etcd.address
    process.terminate()
    process.wait(10)


@pytest.fixture(params=["memory", "sqlite", "etcd"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    match request.param:
        case "sqlite":
            address = f"sqlite:{tmp_path / 'store.db'}"
        case "etcd":
            address = request.getfixturevalue("etcd_address")
        case _:
            address = "memory"
    opened = open_store(address)
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def root() -> str:
    """Tests share an etcd; each keeps to a prefix of its own."""
    return f"/registry/{uuid.uuid4().hex}/"
