"""What probes and lifecycle hooks do: run a command, ask over HTTP or gRPC, open a port, sleep.

One call, one `Result`; no schedule (that is `kubelet.probes`). What a result says are Kubernetes'
words, which are Go's: tools and people search for them. HTTP speaks to the pod's address with
aiohttp, certificates are not checked (as in Kubernetes: the probe asks whether it answers).
grpcio is imported when the first gRPC probe runs.
"""

import asyncio
import contextlib
import os
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from apimachinery import duration
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
SERVING = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
"""How a gRPC server says how it is, by number."""
NO_HEALTH_SERVICE = (
    "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
)


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
    errored: bool = False
    """Nobody knows whether it went well: it could not be tried. `ok` is False."""


class _ImpossibleError(Exception):
    """The action cannot be tried as it is written."""


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
            return Result(False, _too_late(handler, target, timeout or DEFAULT_TIMEOUT_S))
        except _ImpossibleError as error:
            return Result(False, str(error), errored=True)

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
            raise TimeoutError from error
        except RuntimeDriverError as error:
            raise _ImpossibleError(str(error)) from error
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

        text = _url(action, target)
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        headers |= {h["name"]: h["value"] for h in action.get("httpHeaders") or ()}
        limit = aiohttp.ClientTimeout(total=timeout or DEFAULT_TIMEOUT_S)
        try:
            return await self._follow(yarl.URL(text, encoded=True), headers, limit)
        except TimeoutError:
            raise
        except aiohttp.ServerDisconnectedError:
            return Result(False, f'Get "{text}": EOF')
        except aiohttp.ClientConnectorError as error:
            where = f"{error.host}:{error.port}"
            return Result(False, f'Get "{text}": {_undialled(where, error.os_error)}')
        except OSError as error:
            return Result(False, f'Get "{text}": read tcp: read: {_words(error)}')
        except (aiohttp.ClientError, ValueError) as error:
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
        host, port = _place(action, target)
        try:
            _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            raise
        except OSError as error:
            return Result(False, _undialled(f"{host}:{port}", error))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return Result(True)

    async def _grpc(self, action: JsonObject, target: Target, timeout: float | None) -> Result:
        """grpc.health.v1.Health/Check: field 1 of both messages is all there is."""
        import grpc
        import grpc.aio

        address = "{}:{}".format(*_place(action, target))
        service = str(action.get("service") or "").encode()
        request = b"\x0a" + _varint(len(service)) + service if service else b""
        async with grpc.aio.insecure_channel(address) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                "/grpc.health.v1.Health/Check"
            )
            try:
                answer = await call(request, timeout=timeout or DEFAULT_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise TimeoutError from error
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return Result(False, f"{NO_HEALTH_SERVICE}: {error.details()}")
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    return Result(False, _too_late({"grpc": action}, target, timeout or 0))
                code = error.code().name.title().replace("_", "")
                text = f"rpc error: code = {code} desc = {error.details()}"
                return Result(False, f"error: health rpc probe failed: {text}")
        # HealthCheckResponse.status, a varint in field 1; not there where it is zero.
        number = bytes(answer)[1] if bytes(answer)[:1] == b"\x08" else 0
        name = SERVING[number] if number < len(SERVING) else str(number)
        if name == "SERVING":
            return Result(True, "service healthy")
        return Result(False, f'service unhealthy (responded with "{name}")')


def _place(action: JsonObject, target: Target) -> tuple[str, int]:
    """Where to connect to."""
    host = str(action.get("host") or target.address)
    return host, port_number(action.get("port"), target.spec)


def _url(action: JsonObject, target: Target) -> str:
    host, port = _place(action, target)
    scheme = str(action.get("scheme") or "HTTP").lower()
    literal = f"[{host}]" if ":" in host else host
    return f"{scheme}://{literal}:{port}/{str(action.get('path') or '/').lstrip('/')}"


def _undialled(where: str, error: OSError) -> str:
    """Why there was no connection."""
    return f"dial tcp {where}: connect: {_words(error)}"


def _words(error: OSError) -> str:
    """Negative numbers are those of name resolution."""
    number = error.errno or 0
    return os.strerror(number).lower() if number > 0 else str(error)


def _too_late(handler: JsonObject, target: Target, timeout: float) -> str:
    """What is said of an action that took too long."""
    after = duration.spelt(timeout)
    if "exec" in handler:
        command = " ".join(handler["exec"].get("command") or [])
        return f'command timed out: "{command}" timed out after {after}'
    if "httpGet" in handler:
        late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return f'Get "{_url(handler["httpGet"], target)}": {late}'
    if "tcpSocket" in handler:
        host, port = _place(handler["tcpSocket"], target)
        return f"dial tcp {host}:{port}: i/o timeout"
    if "grpc" in handler:
        host, port = _place(handler["grpc"], target)
        return (
            f'timeout: failed to connect service "{host}:{port}" within {after}: '
            "context deadline exceeded"
        )
    return f"timed out after {after}"


def port_number(port: object, spec: JsonObject) -> int:
    """A number, or the container's port of that name."""
    text = str(port or "")
    if text.isdigit():
        return int(text)
    for entry in spec.get("ports") or ():
        if entry.get("name") == text:
            return int(entry["containerPort"])
    raise _ImpossibleError(f'strconv.Atoi: parsing "{text}": invalid syntax')


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
