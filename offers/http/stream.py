"""One framework's event stream: RecordIO in HTTP chunks, with heartbeats.

A record is its length in decimal, a newline, and the bytes; each goes out as one chunk, as Mesos
does it. Events queue up here so that nobody waits for a slow reader; one that leaves too many
unread is cut off. Neighbours: `offers.frameworks` sends, `scheduler` opens and drains.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import orjson

from apimachinery.wire import JsonObject
from offers.http import binary

EVENTS_MAX = 10_000
"""Events that may wait for the reader; a framework this far behind acts on a past long over."""
HEARTBEAT_S = 15.0
"""Mesos' own."""
FLUSH_S = 0.02
"""Some clients handle an event when the next one begins: a heartbeat follows this soon."""
ERROR_LINGER_S = 1.0
"""Between ERROR and the end: some clients come back at once, and would do so in a tight loop."""
JSON, PROTOBUF = "application/json", "application/x-protobuf"
HEARTBEAT: JsonObject = {"type": "HEARTBEAT"}


class EventStream:
    """The events for one subscription; `offers.frameworks.Stream`."""

    def __init__(self, stream_id: str, content_type: str) -> None:
        self._id = stream_id
        self._content_type = content_type
        self._queue: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        self._ended = False

    @property
    def id(self) -> str:
        return self._id

    def send(self, event: JsonObject) -> None:
        if self._ended:
            return
        if self._queue.qsize() >= EVENTS_MAX:
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

    async def records(self) -> AsyncIterator[bytes]:
        """The records, heartbeats among them, until the end."""
        failed, due = False, HEARTBEAT_S
        while True:
            try:
                event = await asyncio.wait_for(self._queue.get(), due)
            except TimeoutError:
                yield self.record(HEARTBEAT)
                due = HEARTBEAT_S
                continue
            if event is None:
                break
            failed = event["type"] == "ERROR"
            yield self.record(event)
            due = HEARTBEAT_S if event["type"] == "HEARTBEAT" else FLUSH_S
        if failed:
            yield self.record(HEARTBEAT)
            await asyncio.sleep(ERROR_LINGER_S)

    def record(self, event: JsonObject) -> bytes:
        binary_wanted = self._content_type == PROTOBUF
        body = binary.dumps(event, "Event") if binary_wanted else ascii_json(event)
        return b"%d\n%s" % (len(body), body)


def ascii_json(obj: object) -> bytes:
    """One line without a character beyond ASCII: some clients count characters as bytes."""
    body = orjson.dumps(obj)
    return body if body.isascii() else json.dumps(obj, separators=(",", ":")).encode()
