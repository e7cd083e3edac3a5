"""Raw rtnetlink: the dozen messages that wire a pod, packed by hand. Blocking, microseconds.

A socket stays in the network namespace where it was opened. One `Netlink` serves one thread. Knows
interfaces, addresses, routes and neighbours by name or index; pods are `pods.py`'s business.
"""

import contextlib
import errno
import ipaddress
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from kubelet.network import framing

_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBi")
_RTMSG = struct.Struct("=BBBBBBBBI")
_NDMSG = struct.Struct("=BxxxiHBB")

_NLM_REPLACE, _NLM_EXCL, _NLM_CREATE = 0x100, 0x200, 0x400
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_RTM_NEWADDR = 20
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26
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
# Interface names of Linux: 15 characters.
MAX_NAME_LENGTH = 15


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table, as far as we read it."""

    destination: str
    prefix_length: int
    interface_index: int


class Netlink(framing.NetlinkSocket):
    """One rtnetlink socket in the network namespace of the thread that opens it."""

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_ROUTE)

    # Interfaces

    def add_veth(self, name: str, peer: str, peer_netns: int, mtu: int, peer_mac: bytes) -> None:
        """A pair: `name` here and up, `peer` inside the namespace of an open file."""
        peer_attributes = (
            framing.attribute(_IFLA_IFNAME, _text(peer))
            + framing.attribute(_IFLA_MTU, struct.pack("=I", mtu))
            + framing.attribute(_IFLA_ADDRESS, peer_mac)
            + framing.attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer_netns))
        )
        peer_info = framing.attribute(
            _VETH_INFO_PEER, _IFINFO.pack(0, 0, 0, 0, 0) + peer_attributes
        )
        info = framing.attribute(_IFLA_INFO_KIND, b"veth") + framing.attribute(
            _IFLA_INFO_DATA, peer_info
        )
        body = (
            _IFINFO.pack(0, 0, 0, _IFF_UP, _IFF_UP)
            + framing.attribute(_IFLA_IFNAME, _text(name))
            + framing.attribute(_IFLA_MTU, struct.pack("=I", mtu))
            + framing.attribute(_IFLA_LINKINFO, info)
        )
        self.request(_RTM_NEWLINK, _NLM_CREATE | _NLM_EXCL, body, f"add veth {name}")

    def delete_link(self, name: str) -> bool:
        """False if there is none."""
        body = _IFINFO.pack(0, 0, 0, 0, 0) + framing.attribute(_IFLA_IFNAME, _text(name))
        try:
            self.request(_RTM_DELLINK, 0, body, f"delete interface {name}")
        except OSError as error:
            if error.errno == errno.ENODEV:
                return False
            raise
        return True

    def set_up(self, index: int) -> None:
        body = _IFINFO.pack(0, 0, index, _IFF_UP, _IFF_UP)
        self.request(_RTM_NEWLINK, 0, body, f"set interface {index} up")

    def hardware_address(self, name: str) -> bytes:
        body = _IFINFO.pack(0, 0, 0, 0, 0) + framing.attribute(_IFLA_IFNAME, _text(name))
        answer = self.request(_RTM_GETLINK, 0, body, f"read interface {name}")
        attributes = dict(framing.attributes(answer[0], _IFINFO.size))
        return attributes[_IFLA_ADDRESS]

    def link_names(self) -> list[str]:
        answers = self.dump(_RTM_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0))
        found = (dict(framing.attributes(answer, _IFINFO.size)) for answer in answers)
        return [attributes[_IFLA_IFNAME].rstrip(b"\0").decode() for attributes in found]

    # IPv4 addresses, routes and neighbours

    def add_address(self, index: int, address: str, prefix_length: int) -> None:
        packed = ipaddress.IPv4Address(address).packed
        body = (
            _IFADDR.pack(socket.AF_INET, prefix_length, 0, _SCOPE_UNIVERSE, index)
            + framing.attribute(_IFA_LOCAL, packed)
            + framing.attribute(_IFA_ADDRESS, packed)
        )
        what = f"add address {address}/{prefix_length}"
        self.request(_RTM_NEWADDR, _NLM_CREATE | _NLM_REPLACE, body, what)

    def replace_route(
        self, destination: str, *, interface: int = 0, gateway: str = "", source: str = ""
    ) -> None:
        """`destination` as a network (`10.0.0.0/24`, `0.0.0.0/0`); without gateway on-link."""
        body = _route_body(destination, interface, gateway, source)
        what = f"add route {destination}"
        self.request(_RTM_NEWROUTE, _NLM_CREATE | _NLM_REPLACE, body, what)

    def routes(self) -> list[Route]:
        """IPv4 routes of the main table that name a destination."""
        answers = self.dump(_RTM_GETROUTE, _RTMSG.pack(socket.AF_INET, *[0] * 7, 0))
        routes = []
        for answer in answers:
            _, length, _, _, table, *_ = _RTMSG.unpack_from(answer)
            attributes = dict(framing.attributes(answer, _RTMSG.size))
            if table == _RT_TABLE_MAIN and _RTA_DST in attributes:
                index = struct.unpack("=i", attributes.get(_RTA_OIF, bytes(4)))[0]
                destination = socket.inet_ntoa(attributes[_RTA_DST])
                routes.append(Route(destination, length, index))
        return routes

    def add_neighbour(self, index: int, address: str, hardware_address: bytes) -> None:
        """Permanent: nobody asks for it by ARP."""
        body = (
            _NDMSG.pack(socket.AF_INET, index, _NUD_PERMANENT, 0, 0)
            + framing.attribute(_NDA_DST, ipaddress.IPv4Address(address).packed)
            + framing.attribute(_NDA_LLADDR, hardware_address)
        )
        what = f"add neighbour {address}"
        self.request(_RTM_NEWNEIGH, _NLM_CREATE | _NLM_REPLACE, body, what)


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
    return b"".join(framing.attribute(kind, value) for kind, value in parts)


def _text(name: str) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) <= MAX_NAME_LENGTH:
        raise ValueError(f"interface name {name!r} is not 1 to {MAX_NAME_LENGTH} bytes")
    return raw + b"\0"
