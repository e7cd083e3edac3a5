"""The framing that all netlink families share: messages, acknowledgements, dumps, attributes.

A socket stays in the network namespace where it was opened, and serves one thread. Neighbours:
`netlink` (interfaces, addresses, routes) and `conntrack` speak families on top. Blocking.
"""

import os
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_NLMSG = struct.Struct("=IHHII")
_ATTR = struct.Struct("=HH")
_NLM_REQUEST, _NLM_ACK, _NLM_DUMP = 0x1, 0x4, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_RECEIVE_BYTES = 256 << 10
_KIND_MASK = 0x3FFF
"""The upper two bits of an attribute's kind are flags."""


class NetlinkSocket:
    """One socket of one netlink family."""

    def __init__(self, family: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def request(self, kind: int, flags: int, body: bytes, what: str) -> list[bytes]:
        """Send one message and read until its acknowledgement; OSError says what failed."""
        self._send(kind, flags | _NLM_ACK, body)
        answers = []
        for answer_kind, payload in self._receive():
            if answer_kind != _NLMSG_ERROR:
                answers.append(payload)
                continue
            code = -struct.unpack_from("=i", payload)[0]
            if code:
                raise OSError(code, f"{what}: {os.strerror(code)}")
            return answers
        raise AssertionError("unreachable: the kernel acknowledges every request")

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """Everything that the kernel has of a kind; OSError if it does not tell."""
        self._send(kind, _NLM_DUMP, body)
        answers = []
        for answer_kind, payload in self._receive():
            if answer_kind == _NLMSG_DONE:
                break
            if answer_kind == _NLMSG_ERROR:
                code = -struct.unpack_from("=i", payload)[0]
                raise OSError(code, f"netlink dump: {os.strerror(code)}")
            answers.append(payload)
        return answers

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        header = _NLMSG.pack(_NLMSG.size + len(body), kind, flags | _NLM_REQUEST, self._sequence, 0)
        self._socket.send(header + body)

    def _receive(self) -> Iterator[tuple[int, bytes]]:
        while True:
            data = self._socket.recv(_RECEIVE_BYTES)
            offset = 0
            while offset < len(data):
                length, kind, _, sequence, _ = _NLMSG.unpack_from(data, offset)
                if sequence == self._sequence:
                    yield kind, data[offset + _NLMSG.size : offset + length]
                offset += length + 3 & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = _ATTR.size + len(value)
    return _ATTR.pack(length, kind) + value + bytes(-length % 4)


def attributes(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """(kind, value) of each attribute from an offset on."""
    while offset + _ATTR.size <= len(data):
        length, kind = _ATTR.unpack_from(data, offset)
        if length < _ATTR.size:
            return
        yield kind & _KIND_MASK, data[offset + _ATTR.size : offset + length]
        offset += length + 3 & ~3
