"""HTTPS to webhooks: by URL, or to a ready endpoint of a service; bounded in time and size.

Neighbours: `plugins` asks; endpoints come from the watch cache, so that a service is reached
without the node's proxy. Redirects are not followed, proxies of the environment not used.
"""

import asyncio
import base64
import binascii
import ssl
from collections import OrderedDict

import aiohttp
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from apimachinery import labels, scheme
from apimachinery.wire import JsonObject
from apiserver.cache import WatchCache

ANSWER_MAX = 3 * 1024 * 1024
"""Bytes of an answer: a patch of the largest object."""
CONTEXTS_KEPT = 256
"""TLS contexts by certificate bundle: one per webhook, mostly."""
CONNECTIONS = 256
"""Open at once: a slow webhook must not take every descriptor."""

SERVICE_NAME = "kubernetes.io/service-name"


class Unreachable(Exception):  # noqa: N818  the failure policy decides what it means
    """The webhook was not reached, or its answer was no 200."""


class Caller:
    """One pool of connections for all webhooks of a server."""

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache
        self._session: ClientSession | None = None
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()

    async def post(self, client: JsonObject, body: bytes, seconds: float) -> bytes:
        """The answer's body; raises Unreachable."""
        url, host = self._address(client)
        # Webhooks may read there how long they are waited for.
        url = shown = f"{url}?timeout={seconds:g}s"
        context = self._context(client.get("caBundle") or "")
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if host:
            headers["Host"] = host
            shown = f"https://{host}/{url.split('/', 3)[3]}"
        try:
            async with self._open().post(
                url,
                data=body,
                headers=headers,
                ssl=context,
                server_hostname=host.partition(":")[0] or None,
                timeout=ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as answer:
                found = await answer.content.read(ANSWER_MAX + 1)
                while not answer.content.at_eof() and len(found) <= ANSWER_MAX:
                    found += await answer.content.read(ANSWER_MAX + 1)
        except TimeoutError as error:
            raise Unreachable(f'Post "{shown}": context deadline exceeded') from error
        except (ClientError, OSError, ValueError) as error:
            raise Unreachable(f'Post "{shown}": {error}') from error
        if len(found) > ANSWER_MAX:
            raise Unreachable(f"the answer is longer than {ANSWER_MAX} bytes")
        if answer.status != 200:
            text = found[:200].decode(errors="replace")
            raise Unreachable(f"the server answered {answer.status}: {text}")
        return found

    def _address(self, client: JsonObject) -> tuple[str, str]:
        """URL, and the host's name where the URL has an address instead."""
        if client.get("url"):
            return client["url"], ""
        service = client.get("service") or {}
        namespace, name = service.get("namespace", ""), service.get("name", "")
        port, path = service.get("port") or 443, (service.get("path") or "/").lstrip("/")
        if self._cache.get(scheme.SERVICES, namespace, name) is None:
            raise Unreachable(f'service "{name}" not found')
        target = self._endpoint(namespace, name, port)
        return f"https://{target}/{path}", f"{name}.{namespace}.svc:{port}"

    def _endpoint(self, namespace: str, name: str, port: int) -> str:
        """address:port of a ready endpoint behind a service's port."""
        service = self._cache.get(scheme.SERVICES, namespace, name)
        assert service is not None, "looked up before"
        ports = (service.parse().get("spec") or {}).get("ports") or ()
        title = next((one.get("name", "") for one in ports if one.get("port") == port), None)
        if title is None:
            raise Unreachable(f'no port {port} in service "{name}"')
        mine = labels.from_set({SERVICE_NAME: name})
        for entry in self._cache.list(scheme.ENDPOINTSLICES, namespace, labels=mine).entries:
            found = _ready(entry.parse(), title)
            if found:
                return found
        raise Unreachable(f'no endpoints available for service "{name}"')

    def _context(self, bundle: str) -> ssl.SSLContext:
        found = self._contexts.get(bundle)
        if found is None:
            found = self._contexts[bundle] = _context(bundle)
            if len(self._contexts) > CONTEXTS_KEPT:
                self._contexts.popitem(last=False)
        return found

    def _open(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)  # transports close in the next turn of the loop


def _ready(slice_: JsonObject, title: str) -> str:
    port = next(
        (one.get("port") for one in slice_.get("ports") or () if one.get("name", "") == title), None
    )
    if not port:
        return ""
    for one in slice_.get("endpoints") or ():
        if (one.get("conditions") or {}).get("ready", True) and one.get("addresses"):
            address = one["addresses"][0]
            return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return ""


def _context(bundle: str) -> ssl.SSLContext:
    if not bundle:
        return ssl.create_default_context()
    try:
        pem = base64.b64decode(bundle, validate=True).decode("ascii")
        return ssl.create_default_context(cadata=pem)
    except (binascii.Error, ValueError, ssl.SSLError) as error:
        raise Unreachable(f"unable to load root certificates: {error}") from error
