"""Raw rtnetlink: the dozen messages that wire a pod, packed by hand. Blocking, microseconds.

A socket stays in the network namespace where it was opened. One `Netlink` serves one thread. Knows
interfaces, addresses, routes and neighbours by name or index; pods are `pods.py`'s business.
"""

import contextlib
import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_NLMSG = struct.Struct("=IHHII")
_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBi")
_RTMSG = struct.Struct("=BBBBBBBBI")
_NDMSG = struct.Struct("=BxxxiHBB")
_ATTR = struct.Struct("=HH")

_NLM_REQUEST, _NLM_ACK, _NLM_DUMP = 0x1, 0x4, 0x300
_NLM_REPLACE, _NLM_EXCL, _NLM_CREATE = 0x100, 0x200, 0x400
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_RTM_NEWADDR = 20
_RTM_NEWROUTE, _RTM_DELROUTE, _RTM_GETROUTE = 24, 25, 26
_RTM_NEWNEIGH = 28

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 4, 18, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_NDA_DST, _NDA_LLADDR = 1, 2

_IFF_UP = 1
_NUD_PERMANENT = 0x80
_RT_TABLE_MAIN, _RTPROT_STATIC, _RTN_UNICAST = 254, 4, 1
_SCOPE_UNIVERSE, _SCOPE_LINK = 0, 253
_RECEIVE_BYTES = 256 << 10
# Interface names of Linux: 15 characters.
MAX_NAME_LENGTH = 15


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table, as far as we read it."""

    destination: str
    prefix_length: int
    interface_index: int


class Netlink:
    """One rtnetlink socket in the network namespace of the thread that opens it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
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

    # Interfaces

    def add_veth(self, name: str, peer: str, peer_netns: int, mtu: int, peer_mac: bytes) -> None:
        """A pair: `name` here and up, `peer` inside the namespace of an open file."""
        peer_attributes = (
            _attr(_IFLA_IFNAME, _text(peer))
            + _attr(_IFLA_MTU, struct.pack("=I", mtu))
            + _attr(_IFLA_ADDRESS, peer_mac)
            + _attr(_IFLA_NET_NS_FD, struct.pack("=I", peer_netns))
        )
        peer_info = _attr(_VETH_INFO_PEER, _IFINFO.pack(0, 0, 0, 0, 0) + peer_attributes)
        info = _attr(_IFLA_INFO_KIND, b"veth") + _attr(_IFLA_INFO_DATA, peer_info)
        body = (
            _IFINFO.pack(0, 0, 0, _IFF_UP, _IFF_UP)
            + _attr(_IFLA_IFNAME, _text(name))
            + _attr(_IFLA_MTU, struct.pack("=I", mtu))
            + _attr(_IFLA_LINKINFO, info)
        )
        self._request(_RTM_NEWLINK, _NLM_CREATE | _NLM_EXCL, body, f"add veth {name}")

    def delete_link(self, name: str) -> bool:
        """False if there is none."""
        body = _IFINFO.pack(0, 0, 0, 0, 0) + _attr(_IFLA_IFNAME, _text(name))
        try:
            self._request(_RTM_DELLINK, 0, body, f"delete interface {name}")
        except OSError as error:
            if error.errno == errno.ENODEV:
                return False
            raise
        return True

    def set_up(self, index: int) -> None:
        body = _IFINFO.pack(0, 0, index, _IFF_UP, _IFF_UP)
        self._request(_RTM_NEWLINK, 0, body, f"set interface {index} up")

    def hardware_address(self, name: str) -> bytes:
        body = _IFINFO.pack(0, 0, 0, 0, 0) + _attr(_IFLA_IFNAME, _text(name))
        answer = self._request(_RTM_GETLINK, 0, body, f"read interface {name}")
        attributes = dict(_attributes(answer[0], _IFINFO.size))
        return attributes[_IFLA_ADDRESS]

    def link_names(self) -> list[str]:
        answers = self._dump(_RTM_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0))
        found = (dict(_attributes(answer, _IFINFO.size)) for answer in answers)
        return [attributes[_IFLA_IFNAME].rstrip(b"\0").decode() for attributes in found]

    # IPv4 addresses, routes and neighbours

    def add_address(self, index: int, address: str, prefix_length: int) -> None:
        packed = ipaddress.IPv4Address(address).packed
        body = (
            _IFADDR.pack(socket.AF_INET, prefix_length, 0, _SCOPE_UNIVERSE, index)
            + _attr(_IFA_LOCAL, packed)
            + _attr(_IFA_ADDRESS, packed)
        )
        what = f"add address {address}/{prefix_length}"
        self._request(_RTM_NEWADDR, _NLM_CREATE | _NLM_REPLACE, body, what)

    def replace_route(
        self, destination: str, *, interface: int = 0, gateway: str = "", source: str = ""
    ) -> None:
        """`destination` as a network (`10.0.0.0/24`, `0.0.0.0/0`); without gateway on-link."""
        body = _route_body(destination, interface, gateway, source)
        what = f"add route {destination}"
        self._request(_RTM_NEWROUTE, _NLM_CREATE | _NLM_REPLACE, body, what)

    def delete_route(self, destination: str, *, interface: int = 0, gateway: str = "") -> bool:
        """False if there is none."""
        body = _route_body(destination, interface, gateway, "")
        try:
            self._request(_RTM_DELROUTE, 0, body, f"delete route {destination}")
        except OSError as error:
            if error.errno in {errno.ESRCH, errno.ENODEV}:
                return False
            raise
        return True

    def routes(self) -> list[Route]:
        """IPv4 routes of the main table that name a destination."""
        answers = self._dump(_RTM_GETROUTE, _RTMSG.pack(socket.AF_INET, *[0] * 7, 0))
        routes = []
        for answer in answers:
            _, length, _, _, table, *_ = _RTMSG.unpack_from(answer)
            attributes = dict(_attributes(answer, _RTMSG.size))
            if table == _RT_TABLE_MAIN and _RTA_DST in attributes:
                index = struct.unpack("=i", attributes.get(_RTA_OIF, bytes(4)))[0]
                destination = socket.inet_ntoa(attributes[_RTA_DST])
                routes.append(Route(destination, length, index))
        return routes

    def add_neighbour(self, index: int, address: str, hardware_address: bytes) -> None:
        """Permanent: nobody asks for it by ARP."""
        body = (
            _NDMSG.pack(socket.AF_INET, index, _NUD_PERMANENT, 0, 0)
            + _attr(_NDA_DST, ipaddress.IPv4Address(address).packed)
            + _attr(_NDA_LLADDR, hardware_address)
        )
        what = f"add neighbour {address}"
        self._request(_RTM_NEWNEIGH, _NLM_CREATE | _NLM_REPLACE, body, what)

    # The protocol

    def _request(self, kind: int, flags: int, body: bytes, what: str) -> list[bytes]:
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

    def _dump(self, kind: int, body: bytes) -> list[bytes]:
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


def interface_index(name: str) -> int:
    """In the calling thread's namespace; 0 if there is no such interface."""
    with contextlib.suppress(OSError):
        return socket.if_nametoindex(name)
    return 0


def _route_body(destination: str, interface: int, gateway: str, source: str) -> bytes:
    network = ipaddress.IPv4Network(destination)
    scope = _SCOPE_UNIVERSE if gateway else _SCOPE_LINK
    body = _RTMSG.pack(
        socket.AF_INET,
        network.prefixlen,
        0,
        0,
        _RT_TABLE_MAIN,
        _RTPROT_STATIC,
        scope,
        _RTN_UNICAST,
        0,
    )
    parts: list[tuple[int, bytes]] = []
    if network.prefixlen:
        parts.append((_RTA_DST, network.network_address.packed))
    if gateway:
        parts.append((_RTA_GATEWAY, ipaddress.IPv4Address(gateway).packed))
    if interface:
        parts.append((_RTA_OIF, struct.pack("=i", interface)))
    if source:
        parts.append((_RTA_PREFSRC, ipaddress.IPv4Address(source).packed))
    return body + _join(parts)


def _join(parts: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(_attr(kind, value) for kind, value in parts)


def _attr(kind: int, value: bytes) -> bytes:
    length = _ATTR.size + len(value)
    return _ATTR.pack(length, kind) + value + bytes(-length % 4)


def _attributes(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    while offset + _ATTR.size <= len(data):
        length, kind = _ATTR.unpack_from(data, offset)
        if length < _ATTR.size:
            return
        yield kind, data[offset + _ATTR.size : offset + length]
        offset += length + 3 & ~3


def _text(name: str) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) <= MAX_NAME_LENGTH:
        raise ValueError(f"interface name {name!r} is not 1 to {MAX_NAME_LENGTH} bytes")
    return raw + b"\0"
