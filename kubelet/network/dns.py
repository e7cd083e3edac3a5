"""The cluster's DNS on one node: answers for services itself, passes other names upstream.

Every node answers on the cluster's DNS address itself (the agent puts it on the loopback), so a
lookup never leaves the node. Answers are packed by hand: a lookup that fails costs microseconds,
and `ndots:5` makes four of each. Neighbours: `zone` (which names there are), `catalog` (the services).

Bounds: a question per message; UDP answers up to 1232 bytes (the DNS flag day's size), else
truncated and asked again over TCP; upstream queries in flight are limited and time out.
"""

import asyncio
import contextlib
import logging
import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from kubelet.network import foreign, routes
from kubelet.network.catalog import Catalog
from kubelet.network.zone import Records, Zone

LOG = logging.getLogger(__name__)

PORT = 53
TTL_S = 5
"""Short, as in Kubernetes: clients follow a changed service within seconds."""
UDP_BYTES_MAX = 1232
"""An answer larger than this is truncated; the client asks again over TCP."""
TCP_IDLE_S = 10.0
"""A TCP client that says nothing for this long is cut."""
UPSTREAM_TIMEOUT_S = 3.0
UPSTREAM_IN_FLIGHT_MAX = 512
"""More questions to the outside than this at once are answered SERVFAIL."""
TCP_CLIENTS_MAX = 256
RECORDS_MAX = 1000
"""Answers of one name beyond this are left out: no resolver reads more."""

A, CNAME, PTR, AAAA, SRV, ANY = 1, 5, 12, 28, 33, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5


ALIASES_MAX = 8
"""ExternalName services that lead to each other are followed no further than this."""
QUESTION = b"\xc0\x0c"
"""As an owner: a pointer to the question, which keeps the asker's spelling."""


class MalformedError(ValueError):
    """A message that is no DNS question."""


def parse_question(message: bytes) -> tuple[int, str, int, int]:
    """(flags, name in lower case, type, end of the question) of a query with one question."""
    if len(message) < 17:
        raise MalformedError("too short")
    flags, questions = struct.unpack_from("!HH", message, 2)
    if flags & 0x8000 or questions != 1:
        raise MalformedError("no single question")
    labels, at = [], 12
    while (length := message[at]) != 0:
        if length > 63 or at + length + 1 >= len(message):
            raise MalformedError("bad name")
        labels.append(message[at + 1 : at + 1 + length])
        at += length + 1
    if at + 5 > len(message) or at > 12 + 255:
        raise MalformedError("bad name")
    (kind,) = struct.unpack_from("!H", message, at + 1)
    name = b".".join(labels).lower().decode("ascii", errors="replace")
    return flags, name, kind, at + 5


def pack_name(name: str) -> bytes:
    """A name in wire form, uncompressed."""
    labels = name.encode("idna" if not name.isascii() else "ascii").split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels if label) + b"\0"


def record(owner: bytes, kind: int, data: bytes) -> bytes:
    """One answer."""
    return owner + struct.pack("!HHIH", kind, 1, TTL_S, len(data)) + data


def answers(records: Records, kind: int, owner: bytes = QUESTION) -> list[bytes]:
    """The packed records of one type that a name has."""
    found: list[tuple[int, bytes]] = []
    if records.cname:
        found.append((CNAME, pack_name(records.cname)))
    if kind in (A, ANY):
        found += [(A, bytes(map(int, ip.split(".")))) for ip in records.a]
    if kind in (SRV, ANY):
        found += [
            (SRV, struct.pack("!HHH", 0, 100, srv.port) + pack_name(srv.target))
            for srv in records.srv
        ]
    if kind in (PTR, ANY):
        found += [(PTR, pack_name(target)) for target in records.ptr]
    return [record(owner, *one) for one in found[:RECORDS_MAX]]


def respond(
    message: bytes, end: int, code: int, found: Sequence[bytes] = (), *, limit: int = 65535
) -> bytes:
    """An authoritative answer to a parsed question, truncated to the limit."""
    (flags,) = struct.unpack_from("!H", message, 2)
    size = end + sum(map(len, found))
    truncated = size > limit
    kept = () if truncated else found
    # QR, AA and RA set; the opcode and RD as they came.
    out = 0x8480 | (flags & 0x7900) | (0x0200 if truncated else 0) | code
    head = message[:2] + struct.pack("!HHHHH", out, 1, len(kept), 0, 0)
    return head + message[12:end] + b"".join(kept)


class Resolver:
    """Turns a query into an answer; asks upstream for what is not the cluster's."""

    def __init__(self, zone: Zone, upstream: Sequence[str], *, seed: int | None = None) -> None:
        self.zone = zone
        self.upstream = tuple(upstream)
        self._random = random.Random(seed)  # noqa: S311  shuffling answers is no secret
        self._in_flight = 0

    def local(self, message: bytes, *, limit: int) -> bytes | None:
        """The answer from the cluster's own names; None if they do not cover the question."""
        try:
            flags, name, kind, end = parse_question(message)
        except (MalformedError, IndexError):
            return message[:2] + struct.pack("!HHHHH", 0x8000 | FORMERR, 0, 0, 0, 0)
        if flags & 0x7800:
            return respond(message, end, NOTIMP)
        if not self.zone.covers(name):
            return None
        records = self.zone.find(name)
        if records is None:
            return respond(message, end, NXDOMAIN)
        found = answers(records, kind)
        if records.cname and kind not in (CNAME, ANY):
            found, target = self._aliases(name)
            if not self.zone.covers(target):
                return None
            there = self.zone.find(target)
            found += answers(there, kind, pack_name(target)) if there is not None else []
            return respond(message, end, NOERROR, found, limit=limit)
        if len(found) > 1:
            self._random.shuffle(found)
        return respond(message, end, NOERROR, found, limit=limit)

    def _aliases(self, name: str) -> tuple[list[bytes], str]:
        """The CNAMEs from a name on, and where they end: resolvers of pods follow none themselves."""
        found: list[bytes] = []
        owner = QUESTION
        for _ in range(ALIASES_MAX):
            records = self.zone.find(name) if self.zone.covers(name) else None
            if records is None or not records.cname:
                break
            found += answers(records, CNAME, owner)
            name = records.cname
            owner = pack_name(name)
        return found, name

    async def resolve(self, message: bytes, *, limit: int) -> bytes:
        """The answer, from here or from upstream; SERVFAIL if nobody answers."""
        found = self.local(message, limit=limit)
        if found is not None:
            return found
        _, name, kind, end = parse_question(message)
        aliases, target = self._aliases(name)
        if not aliases:
            answer = await self._ask_upstream(message)
            return answer if answer is not None else respond(message, end, SERVFAIL)
        answer = await self._ask_upstream(foreign.question(message, pack_name(target), kind))
        if answer is not None:
            with contextlib.suppress(foreign.UnreadableError):
                aliases += foreign.records(answer)
        return respond(message, end, NOERROR, aliases, limit=limit)

    async def _ask_upstream(self, message: bytes) -> bytes | None:
        """The first answer; None if nobody gives one, or too many ask."""
        if self._in_flight >= UPSTREAM_IN_FLIGHT_MAX:
            return None
        self._in_flight += 1
        try:
            for server in self.upstream:
                with contextlib.suppress(OSError, TimeoutError):
                    return await asyncio.wait_for(_ask(server, message), UPSTREAM_TIMEOUT_S)
        finally:
            self._in_flight -= 1
        return None


async def _ask(server: str, message: bytes) -> bytes:
    """Forward one query over UDP and return the answer with the same id."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Upstream(answer, message[:2]), remote_addr=(server, PORT)
    )
    try:
        transport.sendto(message)
        return await answer
    finally:
        transport.close()


class _Upstream(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes], identity: bytes) -> None:
        self._answer, self._identity = answer, identity

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        if data[:2] == self._identity and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, resolver: Resolver, tasks: asyncio.TaskGroup) -> None:
        self._resolver, self._tasks = resolver, tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The loop's own datagram transport does not derive from the class that it stands for.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        found = self._resolver.local(data, limit=UDP_BYTES_MAX)
        if found is not None:
            self._transport.sendto(found, addr)
        else:
            self._tasks.create_task(self._forward(data, addr))

    async def _forward(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(await self._resolver.resolve(data, limit=UDP_BYTES_MAX), addr)


class DnsServer:
    """Keeps the zone true to the services and answers on one address."""

    def __init__(
        self, catalog: Catalog, address: str, upstream: Sequence[str], *, port: int = PORT
    ) -> None:
        self.address, self.port = address, port
        self.zone = Zone()
        self.resolver = Resolver(self.zone, upstream)
        self._tcp_clients = 0
        self._catalog = catalog
        catalog.listen(self._refresh)

    async def run(self) -> None:
        """Answer until cancelled."""
        loop = asyncio.get_running_loop()
        # Fails if the address is there already, which is as good.
        await routes.ip_batch([f"addr add {self.address}/32 dev lo"])
        async with asyncio.TaskGroup() as group:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Udp(self.resolver, group), local_addr=(self.address, self.port)
            )
            server = await asyncio.start_server(self._serve_tcp, self.address, self.port)
            try:
                async with server:
                    await server.serve_forever()
            finally:
                transport.close()

    def _refresh(self, key: str) -> None:
        self.zone.update(key, self._catalog.service(key), self._catalog.slices(key))

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tcp_clients += 1
        try:
            while self._tcp_clients <= TCP_CLIENTS_MAX:
                async with asyncio.timeout(TCP_IDLE_S):
                    (size,) = struct.unpack("!H", await reader.readexactly(2))
                    message = await reader.readexactly(size)
                    found = await self.resolver.resolve(message, limit=65535)
                    writer.write(struct.pack("!H", len(found)) + found)
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # the client has gone or is idle
        finally:
            self._tcp_clients -= 1
            writer.close()


def host_nameservers(resolv_conf: Path = Path("/etc/resolv.conf")) -> list[str]:
    """The machine's own resolvers, for names outside the cluster."""
    try:
        lines = resolv_conf.read_text().splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    return [w[1] for w in words if len(w) > 1 and w[0] == "nameserver" and ":" not in w[1]]
