"""How the API server talks to a node's agent: the protocol, and the client side of it.

The agent serves HTTPS on its address, port 10250 (`status.daemonEndpoints.kubeletEndpoint.Port`),
asks for a client certificate of the cluster's CA and lets in whoever shows one of the group
`system:masters` (the API server shows `kube-apiserver-kubelet-client`). Its own certificate names
the node's addresses. This text binds both sides; `kubelet.server` is the other one.

    GET /healthz                          200 "ok"
    GET /configz                          `{"kubeletconfig": …}`: how the agent is set up
    GET /metrics                          Prometheus' text form
    GET /pods                             a PodList of what the agent runs

    GET /containerLogs/NS/POD/CONTAINER   ?follow=true&tailLines=N&sinceSeconds=N&sinceTime=RFC3339
        &timestamps=true&previous=true&limitBytes=N&stream=All|Stdout|Stderr
        200, text/plain, the log as bytes; with follow it stays open until the container ends.

    GET /exec/NS/POD/CONTAINER            ?command=A&command=B&input=1&output=1&error=1&tty=1
    GET /attach/NS/POD/CONTAINER          ?input=1&output=1&error=1&tty=1
        WebSocket, subprotocol `v5.channel.k8s.io`. Every message is binary; its first byte is a
        channel, the rest belongs to it:
          0    to the agent: bytes for stdin
          1 2  from the agent: bytes of stdout, stderr (with tty everything is on 1)
          3    from the agent, once, last: a Status as JSON, then it closes with code 1000
          4    to the agent: `{"Width": 80, "Height": 24}`, the terminal's size
          255  to the agent: one byte, the channel that has ended (stdin is closed on `255 0`)
        Success is `{"metadata": {}, "status": "Success"}`. A process that ended otherwise is
        `{"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": "command
        terminated with exit code 7", "details": {"causes": [{"reason": "ExitCode", "message":
        "7"}]}}`. A WebSocket that closes means that the client has gone: the agent lets go of the
        process (attach) or ends it (exec); one that reads its input from a pipe sees the end of
        that first, and has half a minute to make something of it.

    GET /portForward/NS/POD               ?port=N
        WebSocket without a subprotocol, one for each connection. The agent connects to the port in
        the pod's network first and answers 502 with the reason as text if it cannot. Then every
        binary message is bytes of the connection; an empty message says that this side sends no
        more (half-close). Either side closes when both have ended.

    DELETE /localVolumes/NAME             the directory of a volume on the node's disk goes.

    Errors before an upgrade or a log: the HTTP code (400, 404, 500, 502 …) and one sentence as
    text/plain, which is shown to the user: `container "app" in pod "web" is waiting to start:
    ContainerCreating` (400), `container app not found in pod web_default` (404), `previous
    terminated container "app" in pod "web" not found` (400). WebSocket clients cannot read the
    body of a refused upgrade, so the text also stands in the header `X-Kubelet-Error`, on one
    line.

Neighbours: `apiserver.streaming` uses it. Nothing here knows who asked or whether they may.
"""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import aiohttp

from apimachinery import ports, scheme, status, wire
from apiserver.cache import WatchCache
from apiserver.identity.pki import Pki

CONNECT_SECONDS = 5.0
"""A node that does not answer for this long is taken for dead; kubectl's users wait for it."""

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of one WebSocket message; agents send what they read from a pipe, 64 KiB at most."""

MAX_ERROR = 8 * 1024
"""Bytes of an agent's error text that are passed on."""

HEARTBEAT_SECONDS = 30.0
"""Pings on idle streams, so that a dead node or a dropped connection is noticed."""

ERROR_HEADER = "X-Kubelet-Error"

CHANNEL_PROTOCOL = "v5.channel.k8s.io"

_ADDRESS_TYPES = ("InternalIP", "Hostname", "ExternalIP")
"""Which of a node's addresses is tried, as kube-apiserver prefers them (IP first)."""

Query = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the agent of a node listens."""

    node: str
    host: str
    port: int

    def url(self, path: str, query: Query | None = None) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}{path}" + (f"?{urlencode(query)}" if query else "")


def address_of(node: wire.JsonObject) -> Address:
    """Where a node's agent is reached.

    Raises:
        ApiError: 503, the node has not told an address yet.
    """
    told = node.get("status") or {}
    name = node["metadata"]["name"]
    by_type = {one.get("type"): one.get("address") for one in told.get("addresses") or ()}
    host = next((by_type[kind] for kind in _ADDRESS_TYPES if by_type.get(kind)), "")
    if not host:
        raise status.service_unavailable(f"node {name} has not reported an address yet")
    endpoint = (told.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
    return Address(name, host, int(endpoint.get("Port") or ports.KUBELET))


class Kubelets:
    """Client of all agents of the cluster; one connection pool."""

    def __init__(self, cache: WatchCache, keys: Pki) -> None:
        self._cache = cache
        self._keys = keys
        self._context: ssl.SSLContext | None = None
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Drop all connections; streams under way break."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def renew(self) -> None:
        """Show new connections a certificate that is not due for renewal."""
        if self._context is not None:
            pair = self._keys.kubelet_client()
            self._context.load_cert_chain(pair.cert, pair.key)

    def of_pod(self, pod: wire.JsonObject) -> Address:
        """The agent that runs a pod.

        Raises:
            ApiError: the pod has no node, or the node is gone or unknown.
        """
        name = (pod.get("spec") or {}).get("nodeName", "")
        if not name:
            raise status.bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
        return self.of_node(name)

    def of_node(self, name: str) -> Address:
        """The agent of a node; raises like `of_pod`."""
        entry = self._cache.get(scheme.NODES, "", name)
        if entry is None:
            raise status.not_found("nodes", name)
        return address_of(entry.parse())

    async def ask(self, address: Address, path: str, query: Query) -> "Body":
        """A GET and its streamed answer; the caller closes that.

        Raises:
            ApiError: the agent does not answer, or what it answered.
        """
        # sock_read stays open: a followed log may be silent for hours.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        try:
            response = await self.client().get(address.url(path, query), timeout=timeout)
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise _unreachable(address, problem) from problem
        if response.status != 200:
            try:
                text = await response.content.read(MAX_ERROR)
            finally:
                response.close()
            raise refusal(response.status, text.decode(errors="replace"))
        return Body(response)

    async def websocket(
        self, address: Address, path: str, query: Query, protocol: str = ""
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a stream; the caller closes it. Raises like `ask`."""
        try:
            return await self.client().ws_connect(
                address.url(path, query),
                protocols=(protocol,) if protocol else (),
                timeout=aiohttp.ClientWSTimeout(ws_close=CONNECT_SECONDS),
                heartbeat=HEARTBEAT_SECONDS,
                max_msg_size=MAX_MESSAGE,
            )
        except aiohttp.WSServerHandshakeError as problem:
            text = problem.headers.get(ERROR_HEADER, "") if problem.headers else ""
            raise refusal(problem.status, text) from problem
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise _unreachable(address, problem) from problem

    def client(self) -> aiohttp.ClientSession:
        """Whose connections show the agents who we are."""
        if self._session is None:
            self._context = ssl.create_default_context(cafile=str(self._keys.ca.cert))
            self.renew()
            connector = aiohttp.TCPConnector(ssl=self._context, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session


class Body:
    """The bytes of an answer as they arrive."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.content_type = response.headers.get("Content-Type", "text/plain")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.content.readany()
        except aiohttp.ClientError:
            # The node went away in the middle: for the reader the log ends here.
            chunk = b""
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Hang up."""
        self._response.close()


def container_path(verb: str, pod: wire.JsonObject, container: str = "") -> str:
    """`/exec/NS/POD/CONTAINER`, each part escaped."""
    metadata = pod["metadata"]
    parts = [verb, metadata["namespace"], metadata["name"], *([container] if container else [])]
    return "/" + "/".join(quote(part, safe="") for part in parts)


def refusal(code: int, text: str) -> status.ApiError:
    """An agent's error as the API's."""
    text = text.strip() or f"the kubelet answered {code}"
    match code:
        case 400:
            return status.bad_request(text)
        case 404:
            return status.NotFound(text, details={})
        case 401 | 403:
            return status.internal_error(f"the kubelet refuses this API server: {text}")
        case _:
            return status.internal_error(text)


def _unreachable(address: Address, problem: Exception) -> status.ApiError:
    reason = str(problem) or type(problem).__name__
    return status.service_unavailable(
        f"the kubelet of node {address.node} at {address.host}:{address.port} does not answer: "
        f"{reason}"
    )
