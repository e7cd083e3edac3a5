"""Tells load balancers which nodes run endpoints of a service (`healthCheckNodePort`).

One port of the node for each service with `externalTrafficPolicy: Local`: 200 with the count of
its ready endpoints here, or 503 where there is none, so that nobody sends traffic that the node
would refuse. Neighbour: `proxy` says what is so.
"""

import asyncio
import logging

import orjson

LOG = logging.getLogger(__name__)

ANSWER_S = 5.0
"""A client that asks nothing for this long is cut."""


class HealthPorts:
    """The ports that are open now, each with its service's count."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}
        self._servers: dict[str, asyncio.Task[None]] = {}

    def put(self, key: str, found: tuple[int, int] | None) -> None:
        """(port, ready endpoints on this node) of the service; None for no port."""
        old = self._counts.pop(key, None)
        if found is not None:
            self._counts[key] = found
        if (old and old[0]) != (found and found[0]):
            if (server := self._servers.pop(key, None)) is not None:
                server.cancel()
            if found is not None:
                serving = self._serve(key, found[0])
                self._servers[key] = asyncio.get_running_loop().create_task(serving)

    def close(self) -> None:
        for key in list(self._servers):
            self.put(key, None)

    async def _serve(self, key: str, port: int) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(key))
                    await writer.drain()
            except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass  # nobody waits for the answer
            finally:
                writer.close()

        try:
            # A service that just went may have had the port.
            server = await asyncio.start_server(answer, "0.0.0.0", port, reuse_address=True)  # noqa: S104  for load balancers outside
            async with server:
                await server.serve_forever()
        except OSError as error:
            LOG.warning("no health port service=%s port=%d error=%s", key, port, error)

    def _answer(self, key: str) -> bytes:
        _, count = self._counts.get(key, (0, 0))
        namespace, name = key.split("/")
        service = {"namespace": namespace, "name": name}
        body = {"service": service, "localEndpoints": count, "serviceProxyHealthy": True}
        text = orjson.dumps(body)
        status = "200 OK" if count else "503 Service Unavailable"
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + text
