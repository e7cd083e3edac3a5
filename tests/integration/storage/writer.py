"""A child process that writes to a SQLite store and says what was acknowledged, until killed.

Run as `python writer.py PATH ROUND WRITERS`. Each line on its output is one acknowledged write:
key, revision, value. A line is one system call, so that a kill leaves whole lines.
"""

import asyncio
import os
import sys
from pathlib import Path

from apiserver.storage.sqlite.store import SqliteStore


async def write(store: SqliteStore, key: str) -> None:
    """Create a key, then update it for ever."""
    revision = await store.create(key, b"0")
    number = 0
    while True:
        os.write(1, f"{key} {revision} {number}\n".encode())
        number += 1
        revision = await store.update(key, b"%d" % number, revision)


async def main(path: str, turn: str, writers: int) -> None:
    store = SqliteStore(Path(path))
    await store.start()
    async with asyncio.TaskGroup() as group:
        for number in range(writers):
            group.create_task(write(store, f"/{turn}/{number:03}"))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
