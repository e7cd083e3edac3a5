"""`proxy` of pods, services and nodes: an HTTP request passed on to what the object names.

Names may carry a scheme and a port: `https:web:8443`. Neighbours: `kubelet` (nodes), the watch
cache (addresses), `apiserver.passing` (what is sent on and what comes back, upgrades included).
"""

import io
import ipaddress
import ssl
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import aiohttp

from apimachinery import labels, scheme, status, wire
from apiserver import passing
from apiserver.cache import WatchCache
from apiserver.routes import Route
from apiserver.streaming.kubelet import CONNECT_SECONDS, Kubelets

_SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Target:
    """What the name of a proxied object says."""

    scheme: str
    name: str
    port: str


def target_of(name: str) -> Target:
    """Read `[scheme:]name[:port]`.

    Raises:
        ApiError: 400, it is no such name.
    """
    parts = name.split(":")
    if len(parts) == 3 and parts[0] in ("http", "https"):
        return Target(*parts)
    if len(parts) == 3 and not parts[0]:
        return Target("http", parts[1], parts[2])
    if len(parts) == 2:
        return Target("http", parts[0], parts[1])
    if len(parts) == 1:
        return Target("http", name, "")
    raise status.bad_request(f'invalid proxy target "{name}": expected [scheme:]name[:port]')


class Proxies:
    """Client of pods and services; nodes are reached through `Kubelets`."""

    def __init__(self, cache: WatchCache, kubelets: Kubelets) -> None:
        self._cache = cache
        self._kubelets = kubelets
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Drop all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def serve(self, request: wire.Request, route: Route) -> wire.Response:
        """Pass the request on; the answer's body streams.

        Raises:
            ApiError: there is no such target, or it does not answer.
        """
        assert route.resource is not None, "the dispatcher resolved it"
        staying = not passing.upgrade_of(request.headers)
        if staying and not route.tail and request.method in ("GET", "HEAD"):
            # Relative links of a page must lead back here.
            back = quote(request.path, safe="/:")
            return wire.Response(301, {"Location": _with_query(f"{back}/", request)})
        target = target_of(route.name)
        path = quote(route.tail or "/")
        if route.resource.gr == "nodes":
            address = self._kubelets.of_node(target.name)
            return await _pass_on(self._kubelets.client(), request, address.url(path))
        find = self._pod if route.resource.gr == "pods" else self._service
        host, port = find(route.namespace, target)
        return await _pass_on(self._client(), request, f"{target.scheme}://{host}:{port}{path}")

    def _pod(self, namespace: str, target: Target) -> tuple[str, int]:
        entry = self._cache.get(scheme.PODS, namespace, target.name)
        if entry is None:
            raise status.not_found("pods", target.name)
        pod = entry.parse()
        host = (pod.get("status") or {}).get("podIP", "")
        if not host:
            raise status.service_unavailable(f"pod {target.name} has no address yet")
        return allowed(host), _container_port(pod, target.port)

    def _service(self, namespace: str, target: Target) -> tuple[str, int]:
        service = self._cache.get(scheme.SERVICES, namespace, target.name)
        if service is None:
            raise status.not_found("services", target.name)
        selector = labels.from_set({_SERVICE_LABEL: target.name})
        wanted = _service_port(service.parse(), target)
        slices = self._cache.list(scheme.ENDPOINTSLICES, namespace, labels=selector).entries
        for entry in slices:
            if found := _endpoint(entry.parse(), wanted):
                return allowed(found[0]), found[1]
        raise status.service_unavailable(f'no endpoints available for service "{target.name}"')

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Pods show certificates of their own making, as in Kubernetes nobody checks them:
            # the way there is inside the cluster, and the client chose the target.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connector = aiohttp.TCPConnector(ssl=context, limit=0)
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _pass_on(
    session: aiohttp.ClientSession, request: wire.Request, url: str
) -> wire.Response:
    """The answer of whoever it is, streaming; raises 503."""
    url = _with_query(url, request)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    try:
        response = await session.request(
            request.method, url, data=io.BytesIO(request.body) if request.body else None,
            headers=passing.headers_of(request), timeout=timeout, allow_redirects=False,
        )  # fmt: skip
    except (aiohttp.ClientError, OSError, TimeoutError) as problem:
        raise passing.unreachable(problem) from problem
    return passing.answer_of(response)


def _with_query(url: str, request: wire.Request) -> str:
    return f"{url}?{urlencode(request.query)}" if request.query else url


def allowed(host: str) -> str:
    """The address, if a pod may have it; the API server's own loopback is none of theirs.

    Raises:
        ApiError: 403.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError as problem:
        raise status.bad_request(f'"{host}" is not an IP address') from problem
    # A mapped address is the IPv4 one that is inside of it.
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        raise status.Forbidden(f"address {host} is not allowed as a proxy target")
    return f"[{host}]" if address.version == 6 else host


def _container_port(pod: wire.JsonObject, asked: str) -> int:
    """The port by number or name; without one the first that a container declares, else 80."""
    ports = [
        port
        for container in (pod.get("spec") or {}).get("containers") or ()
        for port in container.get("ports") or ()
    ]
    if asked.isdigit():
        return int(asked)
    for port in ports:
        if not asked or port.get("name") == asked:
            return int(port["containerPort"])
    if asked:
        raise status.bad_request(f'pod has no port named "{asked}"')
    return 80


def _service_port(service: wire.JsonObject, target: Target) -> str:
    """The name of the service's port that is meant (endpoint slices go by it)."""
    ports = (service.get("spec") or {}).get("ports") or ()
    for port in ports:
        if target.port in ("", port.get("name"), str(port.get("port"))):
            return str(port.get("name") or "")
    raise status.bad_request(f'service "{target.name}" has no port "{target.port}"')


def _endpoint(found: wire.JsonObject, port_name: str) -> tuple[str, int] | None:
    """A ready endpoint of a slice and the number of the port there."""
    number = next(
        (p.get("port") for p in found.get("ports") or () if (p.get("name") or "") == port_name),
        None,
    )
    if number is None:
        return None
    for endpoint in found.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready", True) and endpoint.get("addresses"):
            return str(endpoint["addresses"][0]), int(number)
    return None
