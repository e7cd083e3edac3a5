"""kill -9 in the middle of writing: what was acknowledged is there, revisions do not go back."""

import asyncio
import random
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from apiserver.storage.sqlite.store import SqliteStore

ROUNDS = 6
WRITERS = 16
PATIENCE = 30.0
"""Seconds for a child to come up, or down, on a loaded machine."""
CHILD = Path(__file__).with_name("writer.py")
ROOT = Path(__file__).resolve().parents[3]


def killed_writer(path: Path, turn: int, seconds: float) -> dict[str, tuple[int, bytes]]:
    """Let a child write for a while, kill it: key → last acknowledged (revision, value)."""
    said = path.with_name(f"said.{turn}")
    with said.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(path), str(turn), str(WRITERS)],
            stdout=output,
            env={"PYTHONPATH": str(ROOT)},
        )
        deadline = time.monotonic() + PATIENCE
        while not said.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(seconds)
        child.kill()
        assert child.wait(PATIENCE) == -9
    acknowledged = {}
    for line in said.read_bytes().splitlines():
        key, revision, value = line.split()
        acknowledged[key.decode()] = (int(revision), value)
    return acknowledged


@pytest.mark.parametrize("seed", [1])
async def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "store.db"
    chance = random.Random(seed)
    newest = 0
    everything: dict[str, tuple[int, bytes]] = {}
    for turn in range(ROUNDS):
        last = await asyncio.to_thread(killed_writer, path, turn, chance.uniform(0.05, 0.4))
        everything |= last
        store = SqliteStore(path)
        await store.start()
        items = {item.key: item for item in (await store.list("/")).items}
        for key, (revision, value) in everything.items():
            assert items[key].mod_revision >= revision, f"{key} lost (seed {seed}, round {turn})"
            # At most the one write that was under way may have come on top.
            assert int(items[key].value) - int(value) in (0, 1)
        newest = max([newest, *(revision for revision, _ in last.values())])
        assert await store.current_revision() >= newest
        created = await store.create(f"/check/{turn}", b"0")
        assert created > newest
        newest = created
        everything |= {key: (item.mod_revision, item.value) for key, item in items.items()}
        seen = await past(store, newest)
        assert seen == sorted(set(seen))
        await store.compact(newest)
        await store.close()
    assert len(everything) > ROUNDS


async def past(store: SqliteStore, revision: int) -> list[int]:
    """The revisions of the past, in the order in which a watch gives them."""
    seen: list[int] = []
    async with aclosing(store.watch("/", store._compacted)) as stream:
        async for batch in stream:
            seen += [event.kv.mod_revision for event in batch.events]
            if batch.revision >= revision:
                break
    return seen
