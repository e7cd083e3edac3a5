"""The connection to etcd breaks after a write was sent: what happened is found out, not guessed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apiserver.storage import errors
from apiserver.storage.interface import Store
from apiserver.stores import open_store

from . import etcds

A = b'{"metadata":{"uid":"a"}}'
A_CHANGED = b'{"metadata":{"uid":"a","labels":{}}}'
B = b'{"metadata":{"uid":"b"}}'


class Relay:
    """Carries bytes between the store and etcd, and breaks connections on demand."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.lose: str = ""
        """"answers": what etcd says does not arrive; "requests": what we say does not."""
        self.told = asyncio.Event()
        """Bytes were lost; the connection ends once it is set and `cut` is called."""
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self) -> tuple[asyncio.Server, int]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    async def _connected(self, near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        far, to_etcd = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {out, to_etcd}
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._pump(near, to_etcd, "requests"), self._pump(far, out, "answers")
            )

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, what: str
    ) -> None:
        while data := await source.read(65536):
            if self.lose == what:
                self.told.set()
                continue
            target.write(data)
        target.close()

    def cut(self) -> None:
        """Break all connections; new ones work."""
        self.lose = ""
        for writer in self._writers:
            writer.close()
        self._writers.clear()


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Store, Store, Relay]]:
    """A store behind a relay, another one beside it, and the relay."""
    with etcds.cluster(tmp_path) as (member,):
        relay = Relay(member.port)
        server, port = await relay.serve()
        store = open_store(f"http://127.0.0.1:{port}")
        beside = open_store(f"http://127.0.0.1:{member.port}")
        await store.start()
        await beside.start()
        yield store, beside, relay
        await store.close()
        await beside.close()
        relay.cut()
        server.close()
        await server.wait_closed()


async def lost(relay: Relay, what: str, write: "asyncio.Task[int]") -> None:
    """Let a write go into the gap, then break the connection."""
    async with asyncio.timeout(etcds.PATIENCE):
        await relay.told.wait()
    # What was sent has arrived by now; the answer to it is among the lost bytes.
    await asyncio.sleep(0.1 if what == "answers" else 0)
    relay.cut()
    await asyncio.wait([write])


async def test_a_create_whose_answer_was_lost(both: tuple[Store, Store, Relay]) -> None:
    store, beside, relay = both
    relay.lose = "answers"
    write = asyncio.create_task(store.create("/a", A))
    await lost(relay, "answers", write)
    found = await beside.get("/a")
    assert found is not None
    assert write.result() == found.mod_revision


async def test_an_update_whose_answer_was_lost(both: tuple[Store, Store, Relay]) -> None:
    store, beside, relay = both
    created = await store.create("/a", A)
    relay.lose = "answers"
    write = asyncio.create_task(store.update("/a", A_CHANGED, created))
    await lost(relay, "answers", write)
    found = await beside.get("/a")
    assert found is not None
    assert write.result() == found.mod_revision > created


async def test_a_delete_whose_answer_was_lost(both: tuple[Store, Store, Relay]) -> None:
    store, beside, relay = both
    created = await store.create("/a", A)
    relay.lose = "answers"
    write = asyncio.create_task(store.delete("/a", created))
    await lost(relay, "answers", write)
    assert await beside.get("/a") is None
    assert write.result() > created


async def test_a_create_that_others_changed_before_it_was_found_out(
    both: tuple[Store, Store, Relay],
) -> None:
    store, beside, relay = both
    relay.lose = "answers"
    write = asyncio.create_task(store.create("/a", A))
    async with asyncio.timeout(etcds.PATIENCE):
        await relay.told.wait()
        while (found := await beside.get("/a")) is None:
            await asyncio.sleep(0.01)
    await beside.update("/a", A_CHANGED, found.mod_revision)
    await lost(relay, "answers", write)
    assert write.result() == found.create_revision


async def test_a_create_that_never_arrived_is_unknown(both: tuple[Store, Store, Relay]) -> None:
    store, beside, relay = both
    relay.lose = "requests"
    write = asyncio.create_task(store.create("/a", A))
    await lost(relay, "requests", write)
    assert isinstance(write.exception(), errors.UnknownOutcome)
    assert await beside.get("/a") is None


async def test_a_create_that_others_won_is_unknown(both: tuple[Store, Store, Relay]) -> None:
    store, beside, relay = both
    relay.lose = "requests"
    write = asyncio.create_task(store.create("/a", A))
    async with asyncio.timeout(etcds.PATIENCE):
        await relay.told.wait()
    await beside.create("/a", B)
    await lost(relay, "requests", write)
    assert isinstance(write.exception(), errors.UnknownOutcome)


async def test_reads_go_on_after_a_break(both: tuple[Store, Store, Relay]) -> None:
    store, _, relay = both
    await store.create("/a", A)
    relay.cut()
    async with asyncio.timeout(etcds.PATIENCE):
        while True:
            try:
                found = await store.get("/a")
            except errors.Unavailable:
                await asyncio.sleep(0.02)
            else:
                break
    assert found is not None
