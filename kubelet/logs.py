"""Container logs in the CRI format: parse, tail, since, limit, follow, rotate.

A line on disk is `TIME STREAM TAG TEXT`; TAG `P` says that the line goes on in the next one. Whoever
reads gets the text alone, or with its time in front. Following waits for inotify events on the
directory, never polls, and survives rotation (the old file is read to its end first). Neighbours:
`kubelet.server` streams what is read here; the runtime writes the files.
"""

import asyncio
import gzip
import io
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from apimachinery import meta
from kubelet.inotify import Hub, Watch

CHUNK = 64 << 10
"""Bytes read and sent at once."""
LINE_MAX = 1 << 20
"""A line on disk is at most 16 KiB of text; anything longer is no CRI log."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `kubectl logs` may ask for."""

    tail: int | None = None
    since: float | None = None
    """Epoch seconds: older lines are left out."""
    timestamps: bool = False
    limit_bytes: int | None = None
    follow: bool = False
    stream: str = ""
    """`stdout` or `stderr` alone; both when empty."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line on disk."""

    time: bytes
    stream: bytes
    partial: bool
    text: bytes


def parse_line(raw: bytes) -> Line | None:
    """None for what is no CRI log line (a write that was cut off by a crash)."""
    parts = raw.split(b" ", 3)
    if len(parts) < 4 or parts[1] not in (b"stdout", b"stderr"):
        return None
    return Line(parts[0], parts[1], parts[2].startswith(b"P"), parts[3])


class Renderer:
    """Lines to bytes, with the options that go line by line; remembers if it is in mid-line."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._in_line: dict[bytes, bool] = {}
        self._left = options.limit_bytes
        self._since_reached = options.since is None

    @property
    def full(self) -> bool:
        return self._left is not None and self._left <= 0

    def render(self, raw: bytes) -> bytes:
        line = parse_line(raw)
        if line is None or not self._wanted(line):
            return b""
        begins = not self._in_line.get(line.stream, False)
        self._in_line[line.stream] = line.partial
        out = line.text if line.partial else line.text + b"\n"
        if self._options.timestamps and begins:
            # conmon spells UTC as an offset, Kubernetes as Z.
            out = line.time.replace(b"+00:00", b"Z") + b" " + out
        if self._left is not None:
            out = out[: max(self._left, 0)]
            self._left -= len(out)
        return out

    def _wanted(self, line: Line) -> bool:
        if self._options.stream and line.stream.decode() != self._options.stream:
            return False
        if self._since_reached:
            return True
        assert self._options.since is not None, "reached when there is none"
        try:
            self._since_reached = meta.parse_time(line.time.decode("ascii")) >= self._options.since
        except ValueError:
            return False
        return self._since_reached


def tail_offset(path: Path, lines: int) -> int:
    """Where the last `lines` whole lines begin; pieces of one line count as one."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        if lines <= 0:
            return end
        found = 0
        position = end
        pending = b""
        while position > 0:
            size = min(CHUNK, position)
            position -= size
            file.seek(position)
            block = file.read(size) + pending
            start = len(block)
            while (cut := block.rfind(b"\n", 0, max(start - 1, 0))) >= 0:
                if _is_whole(block[cut + 1 : start]):
                    found += 1
                    if found > lines:
                        return position + start
                start = cut + 1
            pending = block[:start]
        if pending and _is_whole(pending.rstrip(b"\n")):
            found += 1
            if found > lines:
                return len(pending)
        return 0


def _is_whole(raw: bytes) -> bool:
    """Ends a line of text: a full piece, or the last of several."""
    line = parse_line(raw)
    return line is not None and not line.partial


def tail_text(path: Path, lines: int, limit: int) -> str:
    """The end of a log as text, for termination messages; nothing when there is no log."""
    try:
        offset = tail_offset(path, lines)
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(LINE_MAX)
    except OSError:
        return ""
    renderer = Renderer(Options())
    text = b"".join(renderer.render(raw) for raw in data.split(b"\n"))
    return text[-limit:].decode("utf-8", "replace")


async def read(
    path: Path, options: Options, hub: Hub, ended: asyncio.Event | None = None
) -> AsyncIterator[bytes]:
    """Chunks of the log. With `follow` it goes on until `ended` is set and everything was read."""
    renderer = Renderer(options)
    watch = hub.watch(path.parent) if options.follow and ended is not None else None
    file = await asyncio.to_thread(_open_at, path, options.tail)
    following: io.FileIO | None = None
    rest = b""
    try:
        while not renderer.full:
            over = ended is None or ended.is_set()
            data = await asyncio.to_thread(file.read, CHUNK)
            if data:
                *whole, rest = (rest + data).split(b"\n")
                chunk = b"".join([renderer.render(raw) for raw in whole])
                if chunk:
                    yield chunk
                continue
            if following is not None:
                file.close()
                file, following = following, None
                continue
            if watch is None or ended is None:
                return
            following = await asyncio.to_thread(_rotated, path, file.fileno())
            if following is not None:
                # Whatever stands in the old one was written before the new one began: read on.
                continue
            if over:
                return
            await _either(watch, ended)
    finally:
        file.close()
        if following is not None:
            following.close()
        if watch is not None:
            watch.close()


async def _either(watch: Watch, ended: asyncio.Event) -> None:
    """Until something was written, or nothing will be any more."""
    loop = asyncio.get_running_loop()
    waits = [loop.create_task(watch.changed()), loop.create_task(ended.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _open_at(path: Path, tail: int | None) -> io.FileIO:
    offset = 0 if tail is None else tail_offset(path, tail)
    file = path.open("rb", buffering=0)
    file.seek(offset)
    return file


def _rotated(path: Path, descriptor: int) -> io.FileIO | None:
    """The new file at the path, if the one that we read has been moved away."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return None
    old = os.fstat(descriptor)
    if (now.st_dev, now.st_ino) == (old.st_dev, old.st_ino):
        return None
    return path.open("rb", buffering=0)


def rotate(path: Path, max_files: int) -> Path:
    """Move the log aside as `.1`, older ones up by one; those beyond `max_files` go.

    The files that nobody writes to any more (`.2` on) are compressed. The caller then has the
    runtime reopen the log.
    """
    for number in range(max_files - 1, 0, -1):
        for suffix in ("", ".gz"):
            old = path.with_name(f"{path.name}.{number}{suffix}")
            if not old.exists():
                continue
            if number + 1 >= max_files:
                old.unlink()
            elif suffix:
                old.rename(path.with_name(f"{path.name}.{number + 1}{suffix}"))
            else:
                _compress(old, path.with_name(f"{path.name}.{number + 1}.gz"))
    first = path.with_name(f"{path.name}.1")
    path.rename(first)
    return first


def remove(path: Path) -> None:
    """The log and what was rotated away from it."""
    for old in [path, *path.parent.glob(f"{path.name}.*")]:
        old.unlink(missing_ok=True)


def _compress(source: Path, target: Path) -> None:
    temporary = target.with_name(f"{target.name}.tmp")
    with source.open("rb") as read_from, gzip.open(temporary, "wb", compresslevel=6) as write_to:
        shutil.copyfileobj(read_from, write_to, CHUNK)
    temporary.rename(target)
    source.unlink()
