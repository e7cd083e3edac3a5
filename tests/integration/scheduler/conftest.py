"""Offer master and pod scheduler against the real API server, in one process on memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apiserver.server import ApiServer
from apiserver.stores import open_store
from tests.integration.scheduler.cluster import ADMIN, Cluster


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    made = ApiServer(open_store("memory"))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def cluster(server: ApiServer) -> AsyncIterator[Cluster]:
    made = Cluster(Client(DirectTransport(server.handle, ADMIN)))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
