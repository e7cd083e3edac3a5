"""Waiting for files in directories to change, without polling: inotify through ctypes.

One `Hub` per agent (the kernel allows 128 inotify instances a user, and any number of watches in
one). `watch(directory)` gives a `Watch`, whose `changed()` returns after something there was
written, created, moved or removed. Neighbours: `kubelet.logs` (following), `kubelet.rotation`.
"""

import asyncio
import ctypes
import os
import struct
from pathlib import Path

IN_MODIFY = 0x00000002
IN_MOVED_FROM = 0x00000040
IN_MOVED_TO = 0x00000080
IN_CREATE = 0x00000100
IN_DELETE = 0x00000200
MASK = IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
IN_NONBLOCK = 0o4000
IN_CLOEXEC = 0o2000000
EVENTS_BYTES = 64 << 10
"""Read at once; an event with a name takes at most 272 bytes."""
_HEADER = struct.Struct("iIII")

_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Changes in one directory, for one reader."""

    def __init__(self, hub: "Hub", number: int) -> None:
        self._hub = hub
        self.number = number
        self.event = asyncio.Event()

    async def changed(self) -> None:
        """Something changed since the last call."""
        await self.event.wait()
        self.event.clear()

    def close(self) -> None:
        self._hub.drop(self)


class Hub:
    """All watches of one process; opened by the first one, inside a running loop."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watches: dict[int, list[Watch]] = {}

    def watch(self, directory: Path) -> Watch:
        """OSError when there is no such directory."""
        if self._descriptor < 0:
            self._open()
        number = _libc.inotify_add_watch(
            self._descriptor, os.fsencode(directory), ctypes.c_uint32(MASK)
        )
        if number < 0:
            code = ctypes.get_errno()
            raise OSError(code, f"watch {directory}: {os.strerror(code)}")
        watch = Watch(self, number)
        self._watches.setdefault(number, []).append(watch)
        return watch

    def drop(self, watch: Watch) -> None:
        others = self._watches.get(watch.number, [])
        if watch in others:
            others.remove(watch)
        if not others and self._watches.pop(watch.number, None) is not None:
            # Fails when the directory has gone: then the kernel has removed it already.
            _libc.inotify_rm_watch(self._descriptor, watch.number)

    def close(self) -> None:
        if self._descriptor >= 0:
            assert self._loop is not None, "opened in a loop"
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._watches.clear()

    def _open(self) -> None:
        self._descriptor = _libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
        if self._descriptor < 0:
            code = ctypes.get_errno()
            raise OSError(code, f"inotify: {os.strerror(code)}")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._drain)

    def _drain(self) -> None:
        try:
            data = os.read(self._descriptor, EVENTS_BYTES)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            number, _, _, length = _HEADER.unpack_from(data, offset)
            offset += _HEADER.size + length
            # -1: the kernel's queue overflowed; whoever waits must look.
            woken = self._watches.values() if number < 0 else [self._watches.get(number, [])]
            for watches in woken:
                for watch in watches:
                    watch.event.set()
