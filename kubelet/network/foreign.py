"""What other servers answer about a name, taken apart so that it fits into an answer of ours. Pure.

An ExternalName service is an alias of a name outside: whoever asks for its address gets the alias
and the foreign addresses in one answer, as from a recursive server. Names in foreign answers may
be compressed; here they are written out. Neighbour: `dns` asks and answers.
"""

import struct

CNAME = 5
_PLAIN = frozenset({1, 28})
"""Types whose data holds no name: A and AAAA."""
_POINTERS_MAX = 32
"""A name that jumps about more often than this is a loop."""


class UnreadableError(ValueError):
    """An answer that is cut short or malformed."""


def question(asked: bytes, name: bytes, kind: int) -> bytes:
    """Ask for another name (in wire form) under the id and the flags of a question."""
    return asked[:4] + struct.pack("!HHHH", 1, 0, 0, 0) + name + struct.pack("!HH", kind, 1)


def records(message: bytes) -> list[bytes]:
    """The aliases and addresses of an answer, each complete in itself."""
    try:
        return _records(message)
    except (IndexError, struct.error) as error:
        raise UnreadableError(str(error)) from error


def _records(message: bytes) -> list[bytes]:
    questions, count = struct.unpack_from("!HH", message, 4)
    at = 12
    for _ in range(questions):
        at = _name(message, at)[1] + 4
    found = []
    for _ in range(count):
        owner, at = _name(message, at)
        kind, klass, ttl, size = struct.unpack_from("!HHIH", message, at)
        at += 10
        data = message[at : at + size]
        if len(data) < size:
            raise UnreadableError("cut short")
        if kind == CNAME:
            data, _ = _name(message, at)
        if kind == CNAME or kind in _PLAIN:
            found.append(owner + struct.pack("!HHIH", kind, klass, ttl, len(data)) + data)
        at += size
    return found


def _name(message: bytes, at: int) -> tuple[bytes, int]:
    """A name written out, and where what follows it begins."""
    labels, end = [], -1
    for _ in range(_POINTERS_MAX):
        while (length := message[at]) and length < 64:
            labels.append(message[at : at + length + 1])
            at += length + 1
        if not length:
            return b"".join(labels) + b"\0", end if end >= 0 else at + 1
        if length < 0xC0:
            break
        end = end if end >= 0 else at + 2
        at = (length & 0x3F) << 8 | message[at + 1]
    raise UnreadableError("a name without an end")
