"""What probes and lifecycle hooks do: run a command, ask over HTTP or gRPC, open a port, sleep.

One call, one `Result`; no schedule (that is `kubelet.probes`). HTTP speaks to the pod's address with
aiohttp, certificates are not checked (as in Kubernetes: the probe asks whether it answers).
grpcio is imported when the first gRPC probe runs.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from apimachinery.wire import JsonObject
from kubelet.runtime.errors import ExecTimeoutError, RuntimeDriverError
from kubelet.runtime.interface import RuntimeDriver

if TYPE_CHECKING:
    import aiohttp
    import yarl

REDIRECTS = frozenset((301, 302, 303, 307, 308))
REDIRECTS_MAX = 10
"""How often a server may send us on (Kubernetes' number)."""
OUTPUT_MAX = 10 << 10
"""How much of a body or an output is read for the event's message (Kubernetes' number)."""
DEFAULT_TIMEOUT_S = 60.0
"""Of hooks without a deadline of their own that go over the network."""
USER_AGENT = "kube-probe/1.36"


@dataclass(frozen=True, slots=True)
class Target:
    """The container that an action is about."""

    pod: JsonObject
    spec: JsonObject
    container_id: str
    ips: tuple[str, ...]
    host_ip: str = ""

    @property
    def address(self) -> str:
        return self.ips[0] if self.ips else (self.host_ip or "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Result:
    """Whether it went well, and the words for an event."""

    ok: bool
    output: str = ""
    warning: bool = False
    """It went well, and somebody should read the output all the same."""


class Actions:
    """Runs handlers; one HTTP session for all of them, made at the first use."""

    def __init__(self, driver: RuntimeDriver, host_ip: str = "") -> None:
        self._driver = driver
        self._host_ip = host_ip

    async def run(self, handler: JsonObject, target: Target, timeout: float | None) -> Result:
        """The one action that the handler names. Never raises for what the container does."""
        try:
            async with asyncio.timeout(timeout):
                return await self._run(handler, target, timeout)
        except TimeoutError:
            return Result(False, f"timed out after {timeout:g}s")

    async def close(self) -> None:
        if "_session" in self.__dict__:
            await self._session.close()

    async def _run(self, handler: JsonObject, target: Target, timeout: float | None) -> Result:
        if "exec" in handler:
            return await self._exec(handler["exec"].get("command") or [], target, timeout)
        if "httpGet" in handler:
            return await self._http(handler["httpGet"], target, timeout)
        if "tcpSocket" in handler:
            return await self._tcp(handler["tcpSocket"], target)
        if "grpc" in handler:
            return await self._grpc(handler["grpc"], target, timeout)
        if "sleep" in handler:
            await asyncio.sleep(float(handler["sleep"].get("seconds") or 0))
            return Result(True)
        return Result(True)

    async def _exec(self, command: list[str], target: Target, timeout: float | None) -> Result:
        try:
            result = await self._driver.exec_sync(target.container_id, command, timeout or 0)
        except ExecTimeoutError as error:
            return Result(False, f"command timed out: {error}")
        except RuntimeDriverError as error:
            return Result(False, str(error))
        output = (result.stdout + result.stderr)[:OUTPUT_MAX].decode("utf-8", "replace")
        return Result(result.exit_code == 0, output)

    @cached_property
    def _session(self) -> "aiohttp.ClientSession":
        import aiohttp

        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        # A new connection each time: a probe asks whether the server accepts.
        connector = aiohttp.TCPConnector(ssl=trusting, force_close=True, limit=0)
        return aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def _http(self, action: JsonObject, target: Target, timeout: float | None) -> Result:
        import aiohttp
        import yarl

        host = action.get("host") or target.address
        scheme = str(action.get("scheme") or "HTTP").lower()
        port = port_number(action.get("port"), target.spec)
        path = str(action.get("path") or "/")
        literal = f"[{host}]" if ":" in host else host
        text = f"{scheme}://{literal}:{port}/{path.lstrip('/')}"
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        headers |= {h["name"]: h["value"] for h in action.get("httpHeaders") or ()}
        limit = aiohttp.ClientTimeout(total=timeout or DEFAULT_TIMEOUT_S)
        try:
            return await self._follow(yarl.URL(text, encoded=True), headers, limit)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Result(False, f'Get "{text}": {error}')

    async def _follow(
        self, url: "yarl.URL", headers: dict[str, str], limit: "aiohttp.ClientTimeout"
    ) -> Result:
        """Ask, and go on where the server sends us as long as that is the same host."""
        import yarl

        first = url.host
        for _ in range(REDIRECTS_MAX):
            async with self._session.get(
                url, headers=headers, allow_redirects=False, timeout=limit
            ) as response:
                body = (await response.content.read(OUTPUT_MAX)).decode("utf-8", "replace")
            if not 200 <= response.status < 400:
                return Result(False, f"HTTP probe failed with statuscode: {response.status}")
            if response.status not in REDIRECTS or "Location" not in response.headers:
                return Result(True, body)
            url = url.join(yarl.URL(response.headers["Location"], encoded=True))
            if url.host != first:
                text = f"Probe terminated redirects, Response body: {body}"
                return Result(True, text, warning=True)
        return Result(False, f"stopped after {REDIRECTS_MAX} redirects")

    async def _tcp(self, action: JsonObject, target: Target) -> Result:
        host = action.get("host") or target.address
        port = port_number(action.get("port"), target.spec)
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            return Result(False, f"dial tcp {host}:{port}: {error.strerror or error}")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return Result(True)

    async def _grpc(self, action: JsonObject, target: Target, timeout: float | None) -> Result:
        """grpc.health.v1.Health/Check: field 1 of both messages is all there is."""
        import grpc
        import grpc.aio

        address = f"{target.address}:{port_number(action.get('port'), target.spec)}"
        service = str(action.get("service") or "").encode()
        request = b"\x0a" + _varint(len(service)) + service if service else b""
        async with grpc.aio.insecure_channel(address) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                "/grpc.health.v1.Health/Check"
            )
            try:
                answer = await call(request, timeout=timeout or DEFAULT_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                return Result(False, f"health rpc of {address} failed: {error.code().name}")
        # HealthCheckResponse.status SERVING = 1, as a varint in field 1.
        serving = bytes(answer)[:2] == b"\x08\x01"
        return Result(serving, "" if serving else f"service at {address} is not serving")


def port_number(port: object, spec: JsonObject) -> int:
    """A number, or the container's port of that name; 0 when there is none."""
    if isinstance(port, int):
        return port
    text = str(port or "")
    if text.isdigit():
        return int(text)
    for entry in spec.get("ports") or ():
        if entry.get("name") == text:
            return int(entry["containerPort"])
    return 0


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
