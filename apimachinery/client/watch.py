"""Watch streams: chunks into lines, lines into events.

Our own server writes `{"type":"ADDED","object":{…}}` and a newline, so the object's bytes are cut
out without parsing; any other layout of the same JSON is understood too, slower. Neighbours:
`client.rest` opens the stream, `client.informer` consumes the events. No reconnecting here.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from apimachinery import status, wire

LINE_MAX = 16 * 1024 * 1024
"""Ten times the largest object that the server stores: more is no watch line but a fault."""

_PREFIXES = {
    b'{"type":"%s","object":' % kind.encode(): kind
    for kind in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK")
}
_PREFIX_LENGTHS = tuple(sorted({len(prefix) for prefix in _PREFIXES}))


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line. `type` is ADDED, MODIFIED, DELETED or BOOKMARK; `raw` the object's JSON."""

    type: str
    raw: bytes

    def object(self) -> wire.JsonObject:
        """The object, parsed now."""
        loaded: wire.JsonObject = orjson.loads(self.raw)
        return loaded


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Split a byte stream at newlines. A last line without one is cut off, hence dropped."""
    rest = b""
    async for chunk in chunks:
        pieces = (rest + chunk if rest else chunk).split(b"\n")
        rest = pieces.pop()
        if len(rest) > LINE_MAX:
            raise status.internal_error(f"a watch line is longer than {LINE_MAX} bytes")
        for piece in pieces:
            if piece:
                yield piece


def parse_line(line: bytes) -> WatchEvent:
    """One event; an ERROR event is raised as the ApiError that it carries."""
    for length in _PREFIX_LENGTHS:
        kind = _PREFIXES.get(line[:length])
        if kind is not None and line[-1:] == b"}":
            return WatchEvent(kind, line[length:-1])
    return _parse_slowly(line)


def _parse_slowly(line: bytes) -> WatchEvent:
    try:
        loaded = orjson.loads(line)
        kind, obj = loaded["type"], loaded["object"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise status.internal_error(
            f"the server sent a line that is no watch event: {error}"
        ) from error
    if kind == "ERROR":
        raise status.ApiError.from_status(obj, 500)
    return WatchEvent(str(kind), orjson.dumps(obj))
