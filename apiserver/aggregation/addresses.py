"""Where the server of an APIService is: an endpoint of its service, its cluster address, or its name.

Endpoints come from the watch cache, so that no service proxy is needed. Neighbour: `aggregator`.
"""

from apimachinery import labels, scheme
from apimachinery.wire import JsonObject
from apiserver.aggregation.services import Service
from apiserver.cache import WatchCache

_SERVICE_LABEL = "kubernetes.io/service-name"


class Unresolved(Exception):  # noqa: N818  it becomes a condition, with its reason
    """There is nobody to ask."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def find(cache: WatchCache, wanted: Service) -> str:
    """`host:port` to connect to.

    Raises:
        Unresolved: no such service, no such port, or nobody behind it.
    """
    shown = f'service/{wanted.service} in "{wanted.namespace}"'
    entry = cache.get(scheme.SERVICES, wanted.namespace, wanted.service)
    if entry is None:
        raise Unresolved("ServiceNotFound", f"{shown} is not present")
    spec = entry.parse().get("spec") or {}
    if spec.get("type") == "ExternalName":
        return f"{spec.get('externalName', '')}:{wanted.port}"
    ports = [one for one in spec.get("ports") or () if one.get("port") == wanted.port]
    if not ports:
        raise Unresolved("ServicePortError", f"{shown} is not listening on port {wanted.port}")
    found = _endpoint(cache, wanted, ports[0].get("name") or "")
    if found:
        return found
    raise Unresolved(
        "MissingEndpoints", f"endpoints for {shown} have no addresses with port name "
        f'"{ports[0].get("name") or ""}"',
    )  # fmt: skip


def _endpoint(cache: WatchCache, wanted: Service, port_name: str) -> str:
    mine = labels.from_set({_SERVICE_LABEL: wanted.service})
    for entry in cache.list(scheme.ENDPOINTSLICES, wanted.namespace, labels=mine).entries:
        if found := _ready(entry.parse(), port_name):
            return found
    return ""


def _ready(slice_: JsonObject, port_name: str) -> str:
    for port in slice_.get("ports") or ():
        if (port.get("name") or "") != port_name or not port.get("port"):
            continue
        for one in slice_.get("endpoints") or ():
            if (one.get("conditions") or {}).get("ready", True) and one.get("addresses"):
                address = one["addresses"][0]
                host = f"[{address}]" if ":" in address else address
                return f"{host}:{port['port']}"
    return ""
