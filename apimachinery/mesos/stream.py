"""An event stream to a framework, an executor or an operator: RecordIO in HTTP chunks.

Each record goes out as one chunk, as Mesos does it. Events queue up here so that nobody waits for a slow reader; one that leaves too many
unread is cut off. Heartbeats fill the silence. Neighbours: `offers.http` and `kubelet.mesos` open,
fill and drain streams; `binary` and `schema` have the encoding.
"""

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Protocol

import orjson

from apimachinery.mesos import binary, recordio
from apimachinery.wire import JsonObject

EVENTS_MAX = 10_000
"""Events that may wait for the reader; a framework this far behind acts on a past long over."""
HEARTBEAT_S = 15.0
"""Mesos' own."""
FLUSH_S = 0.02
"""Some clients handle an event when the next one begins: a heartbeat follows this soon."""
ERROR_LINGER_S = 1.0
"""Between ERROR and the end: some clients come back at once, and would do so in a tight loop."""
UUID_BYTES = 16
JSON, PROTOBUF = "application/json", "application/x-protobuf"
HEARTBEAT: JsonObject = {"type": "HEARTBEAT"}


class Sink(Protocol):
    """Where records go: the body of an HTTP response."""

    async def write(self, data: bytes, /) -> None: ...
    async def write_eof(self, data: bytes = b"", /) -> None: ...


class EventStream:
    """The events of one subscription; also an `offers.framework.Stream`."""

    def __init__(
        self,
        stream_id: str,
        content_type: str,
        *,
        message: str = "Event",
        heartbeat: float = HEARTBEAT_S,
        flushes: bool = True,
    ) -> None:
        """`message` is what events are in the vocabulary; `flushes`: see FLUSH_S."""
        self._id = stream_id
        self._content_type = content_type
        self._message = message
        self._heartbeat = heartbeat
        self._flush = min(FLUSH_S, heartbeat) if flushes else heartbeat
        self._queue: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        self._ended = False
        self._cut = asyncio.Event()

    @property
    def id(self) -> str:
        return self._id

    def send(self, event: JsonObject) -> None:
        if self._ended:
            return
        if self._queue.qsize() >= EVENTS_MAX:
            self._cut.set()
            self.end()
            return
        self._queue.put_nowait(event)

    def fail(self, message: str) -> None:
        """Say ERROR and end."""
        if not self._ended:
            self._queue.put_nowait({"type": "ERROR", "error": {"message": message}})
            self.end()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._queue.put_nowait(None)

    async def pour(self, sink: Sink) -> bool:
        """Write everything until the end; False if the reader did not keep up and was cut off.

        Whoever is cut off does not read, so nothing more can be written to it, not even an end.
        """
        writing = asyncio.create_task(self._write(sink))
        cut = asyncio.create_task(self._cut.wait())
        try:
            await asyncio.wait((writing, cut), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, cut):
                task.cancel()
            await asyncio.gather(writing, cut, return_exceptions=True)
        return not self._cut.is_set()

    async def _write(self, sink: Sink) -> None:
        with contextlib.suppress(ConnectionError):
            async for record in self.records():
                await sink.write(record)
            await sink.write_eof()

    async def records(self) -> AsyncIterator[bytes]:
        """The records, heartbeats among them, until the end."""
        failed, due = False, self._heartbeat
        while True:
            try:
                event = await asyncio.wait_for(self._queue.get(), due)
            except TimeoutError:
                yield self.record(HEARTBEAT)
                due = self._heartbeat
                continue
            if event is None:
                break
            failed = event["type"] == "ERROR"
            yield self.record(event)
            due = self._heartbeat if event["type"] == "HEARTBEAT" else self._flush
        if failed:
            yield self.record(HEARTBEAT)
            await asyncio.sleep(ERROR_LINGER_S)

    def record(self, event: JsonObject) -> bytes:
        binary_wanted = self._content_type == PROTOBUF
        body = binary.dumps(event, self._message) if binary_wanted else ascii_json(event)
        return recordio.record(body)


def accepted(accept: str) -> str:
    """The type to answer an `Accept` header in; empty if the client takes neither."""
    kinds = [part.partition(";")[0].strip() for part in accept.split(",")]
    if not accept or JSON in kinds or "*/*" in kinds or "application/*" in kinds:
        return JSON
    return PROTOBUF if PROTOBUF in kinds else ""


def is_uuid(text: str) -> bool:
    """Whether it is base64 of the sixteen bytes of a uuid."""
    try:
        return len(base64.b64decode(text, validate=True)) == UUID_BYTES
    except binascii.Error:
        return False


def ascii_json(obj: object) -> bytes:
    """One line without a character beyond ASCII: some clients count characters as bytes."""
    body = orjson.dumps(obj)
    return body if body.isascii() else json.dumps(obj, separators=(",", ":")).encode()
