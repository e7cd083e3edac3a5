"""Forgets connections that the kernel still sends to endpoints that are gone.

A UDP "connection" lives in the kernel's table for as long as packets keep coming, rewritten as it
was first: a client that talks on would never reach another endpoint. So when a UDP frontend loses
backends, its entries towards others than the present ones are deleted. TCP needs none of this: the
peer is gone, and the connection breaks. Neighbour: `proxy` calls `flush` in a thread.
"""

import ipaddress
import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kubelet.network import framing
from kubelet.network.rules import Frontend

_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x101, 0x102
"""ctnetlink's subsystem (1) and the message."""
_HEADER = struct.pack("=BBH", socket.AF_INET, 0, 0)
_TUPLE_ORIG, _TUPLE_REPLY = 1, 2
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_IP_SRC, _IP_DST = 1, 2
_PROTO_NUM, _PROTO_SRC_PORT, _PROTO_DST_PORT = 1, 2, 3
_NESTED = 0x8000


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of a connection."""

    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int


def parse_side(data: bytes) -> Side | None:
    """A nested tuple of addresses and ports; None for protocols without ports."""
    parts = dict(framing.attributes(data, 0))
    addresses = dict(framing.attributes(parts.get(_TUPLE_IP, b""), 0))
    numbers = dict(framing.attributes(parts.get(_TUPLE_PROTO, b""), 0))
    if not {_PROTO_SRC_PORT, _PROTO_DST_PORT} <= numbers.keys() or _IP_SRC not in addresses:
        return None
    return Side(
        protocol=numbers[_PROTO_NUM][0],
        source=str(ipaddress.IPv4Address(addresses[_IP_SRC])),
        source_port=int.from_bytes(numbers[_PROTO_SRC_PORT][:2], "big"),
        destination=str(ipaddress.IPv4Address(addresses[_IP_DST])),
        destination_port=int.from_bytes(numbers[_PROTO_DST_PORT][:2], "big"),
    )


def is_stale(
    original: Side,
    reply: Side,
    backends: Mapping[tuple[str, int], Collection[tuple[str, int]]],
) -> bool:
    """Whether a UDP entry was sent from one of the frontends to none of its present backends."""
    present = backends.get((original.destination, original.destination_port))
    return (
        original.protocol == socket.IPPROTO_UDP
        and present is not None
        and (reply.source, reply.source_port) not in present
    )


def flush(lost: Mapping[Frontend, Collection[tuple[str, int]]]) -> int:
    """Delete stale entries of these frontends, given with the backends that they have now.

    Works in the caller's network namespace; answers how many were deleted. Raises OSError.
    """
    backends = {(f.ip, f.port): present for f, present in lost.items() if f.protocol == "udp"}
    if not backends:
        return 0
    with framing.NetlinkSocket(_NETLINK_NETFILTER) as kernel:
        count = 0
        for entry in kernel.dump(_GET, _HEADER):
            parts = dict(framing.attributes(entry, len(_HEADER)))
            original = parse_side(parts.get(_TUPLE_ORIG, b""))
            reply = parse_side(parts.get(_TUPLE_REPLY, b""))
            if original and reply and is_stale(original, reply, backends):
                body = framing.attribute(_TUPLE_ORIG | _NESTED, parts[_TUPLE_ORIG])
                kernel.request(_DELETE, 0, _HEADER + body, "delete a connection")
                count += 1
    return count
