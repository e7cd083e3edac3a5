"""What the SQLite store adds to the contract: restarts, locks, formats, failed transactions."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apimachinery.aio.clock import SystemClock
from apiserver.storage import errors
from apiserver.storage.interface import EventType
from apiserver.storage.sqlite import database, writer
from apiserver.storage.sqlite.store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(path)
    await opened.start()
    yield opened
    await opened.close()


async def reopened(store: SqliteStore) -> SqliteStore:
    await store.close()
    again = SqliteStore(store.path)
    await again.start()
    return again


# --- restarts ------------------------------------------------------------------------------------


async def test_a_restart_keeps_everything(store: SqliteStore) -> None:
    one = await store.create("/a", b"1")
    two = await store.update("/a", b"2", one)
    b = await store.create("/b", b"")
    gone = await store.delete("/b", b)
    again = await reopened(store)
    found = await again.get("/a")
    assert found is not None
    assert (found.value, found.mod_revision, found.create_revision) == (b"2", two, one)
    assert await again.get("/b") is None
    assert await again.current_revision() == gone
    assert await again.create("/c", b"") == gone + 1
    await again.close()


async def test_revisions_do_not_go_back_where_everything_was_deleted_and_compacted(
    store: SqliteStore,
) -> None:
    created = await store.create("/a", b"1")
    deleted = await store.delete("/a", created)
    await store.compact(deleted)
    again = await reopened(store)
    assert await again.current_revision() == deleted
    assert await again.create("/a", b"1") > deleted
    await again.close()


async def test_a_watch_goes_on_over_a_restart(store: SqliteStore) -> None:
    start = await store.create("/a", b"1")
    deleted = await store.delete("/a", start)
    again = await reopened(store)
    batch = await anext(again.watch("/", start))
    assert [(e.type, e.kv.value, e.kv.mod_revision) for e in batch.events] == [
        (EventType.DELETE, b"1", deleted)
    ]
    await again.close()


async def test_compaction_is_remembered(store: SqliteStore) -> None:
    one = await store.create("/a", b"1")
    two = await store.update("/a", b"2", one)
    await store.compact(two)
    again = await reopened(store)
    with pytest.raises(errors.Compacted):
        await again.list("/", revision=one)
    await again.close()


class LaterClock(SystemClock):
    """The system's clock, an hour on."""

    def now(self) -> float:
        return super().now() + 3600


async def test_leases_run_on_while_the_store_is_closed(store: SqliteStore) -> None:
    await store.create("/short", b"", ttl=60)
    await store.create("/long", b"", ttl=7200)
    revision = await store.create("/kept", b"")
    await store.close()
    again = SqliteStore(store.path, clock=LaterClock())
    await again.start()
    async with asyncio.timeout(30):
        async for batch in again.watch("/", revision):
            if batch.events:
                break
    assert [event.kv.key for event in batch.events] == ["/short"]
    assert [item.key for item in (await again.list("/")).items] == ["/kept", "/long"]
    await again.close()


async def test_an_interrupted_compaction_is_finished_at_the_next_start(
    store: SqliteStore,
) -> None:
    last = await store.create("/a", b"0")
    for number in range(20):
        last = await store.update("/a", b"%d" % number, last)
    await store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE meta SET number = ? WHERE name = 'compacted'", (last,))
    connection.close()
    again = SqliteStore(store.path)
    await again.start()
    await again.close()
    again = SqliteStore(store.path)
    await again.start()
    await again.compact(last)
    await again.close()
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (1,)
    connection.close()


async def test_compaction_gives_space_back(store: SqliteStore) -> None:
    last = await store.create("/a", b"x" * 4000)
    for _ in range(500):
        last = await store.update("/a", b"x" * 4000, last)
    await store.compact(last)
    for _ in range(20):  # pages are given back in steps
        last = await store.update("/a", b"x" * 4000, last)
        await store.compact(last)
    await store.close()
    assert store.path.stat().st_size < 1_000_000


async def test_writes_go_on_during_a_compaction(store: SqliteStore) -> None:
    last = await store.create("/a", b"0")
    for number in range(3 * writer.SWEEP_ROWS):
        last = await store.update("/a", b"%d" % number, last)
    compaction = asyncio.create_task(store.compact(last))
    await asyncio.sleep(0)
    await store.update("/a", b"new", last)
    await compaction
    found = await store.get("/a")
    assert found is not None
    assert found.value == b"new"


# --- the file ------------------------------------------------------------------------------------


async def test_files_are_the_owners_only(store: SqliteStore) -> None:
    await store.create("/a", b"secret")
    modes = {file.name: file.stat().st_mode & 0o777 for file in store.path.parent.iterdir()}
    assert modes == dict.fromkeys(
        ["store.db", "store.db-wal", "store.db-shm", "store.db.lock"], 0o600
    )


async def test_a_second_server_is_told_who_has_the_store(store: SqliteStore) -> None:
    with pytest.raises(errors.BadStore, match=f"in use by another server .process {os.getpid()}"):
        await SqliteStore(store.path).start()


async def test_a_dead_servers_lock_does_not_stand(path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from apiserver.storage.sqlite.database import Database\n"
        "Database(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(path)], check=False
    )
    assert ended.returncode == -9
    store = SqliteStore(path)
    await store.start()
    await store.close()


async def test_a_newer_format_is_refused(store: SqliteStore) -> None:
    await store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute(f"PRAGMA user_version = {database.FORMAT + 1}")
    connection.close()
    with pytest.raises(errors.BadStore, match="use the newer version that wrote it"):
        await SqliteStore(store.path).start()


async def test_another_programs_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(errors.BadStore, match="another program"):
        await SqliteStore(path).start()
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"this is a text file, not a database; it is long enough to be looked at" * 20)
    with pytest.raises(errors.BadStore, match="cannot open the store"):
        await SqliteStore(path).start()


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.BadStore, match="cannot open the store"):
        await SqliteStore(tmp_path / "file" / "store.db").start()


async def test_a_refused_start_leaves_no_lock(store: SqliteStore, path: Path) -> None:
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(errors.BadStore):
        await SqliteStore(path).start()
    connection.execute(f"PRAGMA user_version = {database.FORMAT}")
    connection.close()
    again = SqliteStore(path)
    await again.start()
    await again.close()


async def test_a_closed_store_says_so(store: SqliteStore) -> None:
    await store.close()
    await store.close()
    for refused in (store.check(), store.create("/a", b""), store.get("/a"), store.list("/")):
        with pytest.raises(errors.Unavailable, match="is closed"):
            await refused


# --- failed transactions -------------------------------------------------------------------------


def poison(store: SqliteStore) -> None:
    """From now on a transaction that holds a key with "poison" fails in its COMMIT."""
    store._database.writing.executescript(
        """
        PRAGMA foreign_keys = ON;
        CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER poison AFTER INSERT ON log WHEN NEW.key LIKE '%poison%'
        BEGIN INSERT INTO child VALUES (NEW.rev); END;
        """
    )


async def test_a_failed_commit_is_an_unknown_outcome(store: SqliteStore) -> None:
    poison(store)
    with pytest.raises(errors.UnknownOutcome):
        await store.create("/poison", b"")
    with pytest.raises(errors.Unavailable):
        await store.check()
    assert await store.get("/poison") is None


async def test_the_store_works_again_after_a_failed_commit(store: SqliteStore) -> None:
    one = await store.create("/a", b"1")
    poison(store)
    results = await asyncio.gather(
        store.update("/a", b"2", one), store.create("/poison", b""), return_exceptions=True
    )
    assert any(isinstance(result, errors.UnknownOutcome) for result in results)
    found = await store.get("/a")
    assert found is not None
    again = await store.update("/a", b"3", found.mod_revision)
    assert again > found.mod_revision
    await store.check()


async def test_writes_built_on_a_lost_one_fail_too(store: SqliteStore) -> None:
    """Each task's write is decided while the one before is on its way to the disk."""
    poison(store)
    start = await store.current_revision()
    lost = asyncio.create_task(store.create("/poison", b""))
    await asyncio.sleep(0)
    behind = asyncio.create_task(store.update("/poison", b"2", start + 1))
    results = await asyncio.gather(lost, behind, return_exceptions=True)
    assert all(isinstance(result, errors.Unavailable) for result in results)
    assert (await store.list("/")).items == []
    assert await store.create("/a", b"") > start


async def test_watches_see_nothing_of_a_lost_transaction(store: SqliteStore) -> None:
    poison(store)
    stream = store.watch("/", await store.current_revision())
    await anext(stream)
    with pytest.raises(errors.Unavailable):
        await store.create("/poison", b"")
    revision = await store.create("/a", b"")
    batch = await anext(stream)
    assert [event.kv.key for event in batch.events] == ["/a"]
    assert batch.revision == revision


async def test_a_full_disk_is_unavailable_not_unknown(store: SqliteStore) -> None:
    one = await store.create("/a", b"1")
    connection = store._database.writing
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(errors.Unavailable, match="full") as caught:
        await store.create("/big", b"x" * 100_000)
    assert not isinstance(caught.value, errors.UnknownOutcome)
    connection.execute("PRAGMA max_page_count = 1000000")
    assert await store.update("/a", b"2", one) > one
    await store.check()


# --- readers see what is committed ---------------------------------------------------------------


async def test_a_read_waits_for_the_write_that_it_would_see(store: SqliteStore) -> None:
    writing = asyncio.create_task(store.create("/a", b"1"))
    await asyncio.sleep(0)
    found = await store.get("/a")
    assert found is not None
    assert writing.done()
    await writing


async def test_a_list_does_not_see_what_is_under_way(store: SqliteStore) -> None:
    one = await store.create("/a", b"1")
    b = await store.create("/b", b"1")
    tasks = [
        asyncio.create_task(step)
        for step in (store.update("/a", b"2", one), store.delete("/b", b), store.create("/c", b""))
    ]
    await asyncio.sleep(0)
    listing = await store.list("/")
    assert [(item.key, item.value) for item in listing.items] == [("/a", b"1"), ("/b", b"1")]
    await asyncio.gather(*tasks)
    assert [item.key for item in (await store.list("/")).items] == ["/a", "/c"]


async def test_a_cancelled_writers_commit_stands(store: SqliteStore) -> None:
    task = asyncio.create_task(store.create("/a", b"1"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    found = await store.get("/a")
    assert found is not None
    assert found.value == b"1"


async def test_many_writes_share_a_commit(store: SqliteStore) -> None:
    await asyncio.gather(*(store.create(f"/{number}", b"") for number in range(1000)))
    assert len((await store.list("/")).items) == 1000


async def test_a_reader_that_is_too_slow_is_cut(path: Path) -> None:
    store = SqliteStore(path, feed_bytes_max=10_000)
    await store.start()
    stream = store.watch("/", 0)
    await anext(stream)
    for number in range(3):
        await store.create(f"/{number}", b"x" * 5_000)
    with pytest.raises(errors.WatchCut):
        await anext(stream)
    batch = await anext(store.watch("/", 0))
    assert len(batch.events) == 3
    await store.close()


# --- broken files --------------------------------------------------------------------------------


async def damaged(store: SqliteStore) -> None:
    """Overwrite the middle of the file of a closed store."""
    for number in range(200):
        await store.create(f"/{number}", b"x" * 2000)
    await store.close()
    with store.path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 100_000)


async def test_a_damaged_file_is_told_at_the_start(store: SqliteStore) -> None:
    await damaged(store)
    with pytest.raises(errors.BadStore, match="restore it from a backup"):
        await SqliteStore(store.path).start()


async def test_a_file_that_cannot_be_read_after_a_failure_stops_the_store(
    store: SqliteStore,
) -> None:
    await store.create("/a", b"")
    poison(store)
    stream = store.watch("/", await store.current_revision())
    await anext(stream)
    store._database.reading.close()
    with pytest.raises(errors.UnknownOutcome):
        await store.create("/poison", b"")
    with pytest.raises(errors.Unavailable, match="cannot be used"):
        await store.create("/b", b"")
    with pytest.raises(errors.Unavailable):
        await anext(stream)
