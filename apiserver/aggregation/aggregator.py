"""Passes requests of aggregated groups on to their servers, and keeps an eye on those.

A server is reached over HTTPS; it sees this server's front-proxy certificate and, in headers, who asks.
Each one is asked for its discovery now and then: that makes the condition `Available` and what
`/apis` tells about it. Neighbours: `apiserver.server` asks `serves` for each request below /apis,
the discovery handler reads `documents`, `apiserver.passing` has what is sent on and what returns.
"""

import asyncio
import base64
import contextlib
import logging
import ssl
from dataclasses import dataclass, field

import aiohttp
import orjson
from yarl import URL

from apimachinery import meta, scheme, status, wire
from apimachinery.aio import tasks
from apimachinery.wire import JsonObject
from apiserver import passing
from apiserver.aggregation import addresses, requests, services
from apiserver.aggregation.addresses import Unresolved
from apiserver.aggregation.services import Service
from apiserver.attributes import Attributes
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.foreign import ForeignGroups
from apiserver.identity import authn
from apiserver.identity.pki import KeyPair
from apiserver.registry.strategy import Context

LOG = logging.getLogger(__name__)

USER = wire.UserInfo("system:kube-aggregator", groups=("system:masters",))

CONNECT_SECONDS = 5.0
PROBE_SECONDS = 5.0
"""A server that needs longer for its discovery is not available."""
HEALTHY_SECONDS, FAILING_SECONDS = 30.0, 1.0
"""Between two looks at a server: one that starts is wanted soon."""
SERVICES_MAX = 256
"""APIServices that are looked after: each costs a request now and then."""
CONNECTIONS = 256
DOCUMENT_MAX = 1024 * 1024
"""Bytes of a server's discovery: kept, and shown to everybody."""


@dataclass(slots=True)
class Backend:
    """One server, while its APIService exists."""

    service: Service
    tls: ssl.SSLContext
    listed: JsonObject | None = None
    """The APIResourceList that it last answered with, while it is available."""
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Aggregator(ForeignGroups):
    """See the module. `start` after the core, `stop` before it."""

    def __init__(self, core: Core, identity: KeyPair) -> None:
        self._core = core
        self._identity = identity
        self._backends: dict[tuple[str, str], Backend] = {}
        self._groups: frozenset[str] = frozenset()
        self._session: aiohttp.ClientSession | None = None
        self._follower: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow the APIServices."""
        work = tasks.keep_running(self._follow, name="API services")
        self._follower = asyncio.get_running_loop().create_task(work)

    async def stop(self) -> None:
        """Forget all servers and hang up."""
        if self._follower is not None:
            await tasks.stop(self._follower)
        for backend in list(self._backends.values()):
            self._drop(backend)
        if self._session is not None:
            await self._session.close()
            self._session = None

    # --- requests ----------------------------------------------------------------------------

    def serves(self, path: str) -> bool:
        return bool(self._groups) and self._backend(path) is not None

    def _backend(self, path: str) -> Backend | None:
        parts = path.split("/", 4)
        if len(parts) < 4 or parts[1] != "apis":
            return None
        return self._backends.get((parts[2], parts[3]))

    def attributes(self, request: wire.Request, user: wire.UserInfo) -> Attributes:
        return requests.attributes(request, user)

    async def handle(self, request: wire.Request, attributes: Attributes) -> wire.Response:
        """Pass an allowed request on; the answer streams."""
        backend = self._backend(request.path)
        if backend is None:
            raise status.path_not_found()
        decision = self._core.authorizer.authorize(attributes)
        if not decision.allowed:
            raise authn.forbidden(attributes, decision)
        sent = requests.headers(passing.headers_of(request), attributes.user)
        try:
            answer = await self._send(
                backend, request.method, requests.target(request), sent, request.body
            )
        except Unresolved as problem:
            raise status.service_unavailable(str(problem)) from problem
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise passing.unreachable(problem) from problem
        return passing.answer_of(answer)

    async def _send(
        self,
        backend: Backend,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes = b"",
    ) -> aiohttp.ClientResponse:
        service = backend.service
        where = addresses.find(self._core.cache, service)
        external = self._is_external(service)
        host = where if external else f"{service.host}:{service.port}"
        return await self._open().request(
            method,
            URL(f"https://{where}{target}", encoded=True),
            data=body or None,
            headers=[*headers, ("Host", host)],
            ssl=backend.tls,
            server_hostname=where.rpartition(":")[0] if external else service.host,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            allow_redirects=False,
        )

    def _is_external(self, service: Service) -> bool:
        entry = self._core.cache.get(scheme.SERVICES, service.namespace, service.service)
        spec = (entry.parse().get("spec") or {}) if entry is not None else {}
        return bool(spec.get("type") == "ExternalName")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    # --- the servers -------------------------------------------------------------------------

    def groups(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[Service]] = {}
        for backend in self._backends.values():
            found.setdefault(backend.service.group, []).append(backend.service)
        ordered = sorted(
            found.items(), key=lambda one: (-max(each.group_priority for each in one[1]), one[0])
        )
        return {
            group: tuple(
                each.version
                for each in sorted(versions, key=lambda one: (-one.version_priority, one.version))
            )
            for group, versions in ordered
        }

    def discovery(self, group: str, version: str) -> wire.JsonObject | None:
        backend = self._backends.get((group, version))
        if backend is None:
            return None
        listed = backend.listed
        resources = services.discovered(listed, group, version) if listed is not None else []
        freshness = "Current" if listed is not None else "Stale"
        return {"version": version, "resources": resources, "freshness": freshness}

    async def _follow(self) -> None:
        while True:
            async with self._core.cache.watch(scheme.APISERVICES) as watcher:
                self._compare()
                async for batch in watcher:
                    del batch
                    self._compare()
                    await self._tell_local()

    def _compare(self) -> None:
        """Make the servers those of the stored APIServices."""
        wanted: dict[tuple[str, str], Service] = {}
        for entry in self._core.cache.list(scheme.APISERVICES, limit=SERVICES_MAX).entries:
            if (service := services.read(entry.parse())) is not None:
                wanted[service.group, service.version] = service
        for key, backend in list(self._backends.items()):
            if wanted.get(key) != backend.service:
                self._drop(backend)
        for key, service in wanted.items():
            if key not in self._backends:
                self._add(service)
        self._groups = frozenset(group for group, _ in self._backends)

    def _add(self, service: Service) -> None:
        backend = Backend(service, _tls(service, self._identity))
        self._backends[service.group, service.version] = backend
        work = tasks.keep_running(lambda: self._look_after(backend), name=service.name)
        backend.task = asyncio.get_running_loop().create_task(work)
        self._changed()

    def _drop(self, backend: Backend) -> None:
        del self._backends[backend.service.group, backend.service.version]
        if backend.task is not None:
            backend.task.cancel()
        self._changed()

    def _changed(self) -> None:
        """Documents made of the scheme are made anew: discovery shows our groups too."""
        self._core.scheme.generation += 1

    async def _look_after(self, backend: Backend) -> None:
        while True:
            found = await self._probe(backend)
            await self._tell(backend.service.name, found)
            healthy = found["status"] == "True"
            await asyncio.sleep(HEALTHY_SECONDS if healthy else FAILING_SECONDS)

    async def _probe(self, backend: Backend) -> JsonObject:
        """The condition that a server is in; keeps its discovery."""
        service = backend.service
        headers = [*requests.headers((), USER), ("Accept", "application/json")]
        listed: JsonObject | None = None
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                answer = await self._send(backend, "GET", service.path, headers)
                listed = await _document(answer)
            found = services.condition("Passed", "all checks passed", available=True)
        except Unresolved as problem:
            found = services.condition(problem.reason, str(problem), available=False)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
            url = f"https://{service.host}:{service.port}{service.path}"
            text = str(problem) or type(problem).__name__
            told = f"failing or missing response from {url}: {text}"
            found = services.condition("FailedDiscoveryCheck", told, available=False)
        if listed != backend.listed:
            backend.listed = listed
            self._changed()
        return found

    async def _tell_local(self) -> None:
        for entry in self._core.cache.list(scheme.APISERVICES, limit=SERVICES_MAX).entries:
            if services.read(entry.parse()) is None:
                await self._tell(entry.name, services.local())

    async def _tell(self, name: str, found: JsonObject) -> None:
        entry = self._core.cache.get(scheme.APISERVICES, "", name)
        if entry is None:
            return
        now = self._core.clock.now()
        present = (entry.parse().get("status") or {}).get("conditions") or []
        old = meta.get_condition(present, services.AVAILABLE) or {}
        if all(old.get(key) == found[key] for key in ("status", "reason", "message")):
            return

        async def change(old: JsonObject, entry: Entry) -> JsonObject:
            del old
            obj = entry.parse()
            before = (obj.get("status") or {}).get("conditions")
            return {**obj, "status": {"conditions": meta.set_condition(before, found, now)}}

        registry = self._core.registries.of(scheme.APISERVICES)
        context = Context(user=USER, now=now, subresource="status")
        with contextlib.suppress(status.NotFound, status.Conflict):
            await registry.update("", name, change, context, retry=True)


async def _document(answer: aiohttp.ClientResponse) -> JsonObject:
    """The APIResourceList in an answer; ValueError where it is none."""
    async with answer:
        if answer.status != 200:
            raise ValueError(f"bad status from the server: {answer.status}")
        body = await answer.content.read(DOCUMENT_MAX)
        while chunk := await answer.content.read(DOCUMENT_MAX):
            body += chunk
            if len(body) > DOCUMENT_MAX:
                raise ValueError(f"its discovery is longer than {DOCUMENT_MAX} bytes")
    found = orjson.loads(body)
    if not isinstance(found, dict) or found.get("kind") != "APIResourceList":
        raise ValueError("its discovery is no APIResourceList")
    return found


def _tls(service: Service, identity: KeyPair) -> ssl.SSLContext:
    """Who is trusted, and who this server says that it is."""
    bundle = ""
    with contextlib.suppress(ValueError):
        bundle = base64.b64decode(service.ca_bundle).decode("ascii")
    try:
        made = ssl.create_default_context(cadata=bundle or None)
    except ssl.SSLError:
        LOG.warning("the caBundle of %s holds no certificates", service.name)
        made = ssl.create_default_context()
    if service.insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    made.load_cert_chain(identity.cert, identity.key)
    return made
