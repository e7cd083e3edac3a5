"""A service as the endpoint controllers see it: its ports, what they are on a pod, its names there.

Neighbours: the plans of `controllers.endpoints` and `controllers.endpointslice`;
`controllers.service_mirror` finds the pods. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apimachinery.wire import JsonObject
from controllers import views

HEADLESS_LABEL = "service.kubernetes.io/headless"


@dataclass(frozen=True, slots=True)
class Port:
    """A service's port. `target` is a number, or the name of a container port."""

    name: str
    protocol: str
    number: int
    target: int | str
    app_protocol: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the endpoint controllers see it."""

    meta: views.Meta
    selector: Mapping[str, str]
    ports: tuple[Port, ...]
    headless: bool
    external: bool
    """type ExternalName: a DNS alias without endpoints."""
    publish_unready: bool
    families: tuple[str, ...]
    """IPv4 and IPv6, the primary one first."""
    distribution: str
    """trafficDistribution: which endpoints are preferred; empty for any."""

    @property
    def selects(self) -> bool:
        return bool(self.selector) and not self.external


def service_of(obj: JsonObject) -> Service:
    spec = obj.get("spec") or {}
    return Service(
        meta=views.meta_of(obj),
        selector=spec.get("selector") or {},
        ports=tuple(_port(port) for port in spec.get("ports") or ()),
        headless=spec.get("clusterIP") == "None",
        external=spec.get("type") == "ExternalName",
        publish_unready=bool(spec.get("publishNotReadyAddresses")),
        families=tuple(spec.get("ipFamilies") or ("IPv4",)),
        distribution=spec.get("trafficDistribution") or "",
    )


def _port(port: JsonObject) -> Port:
    target = port.get("targetPort")
    return Port(
        name=port.get("name") or "",
        protocol=port.get("protocol") or "TCP",
        number=port["port"],
        # Zero and the empty string mean the service's own port, as absence does.
        target=target or port["port"],
        app_protocol=port.get("appProtocol") or "",
    )


def target_port(port: Port, pod: views.Pod) -> int | None:
    """The number of a service port on this pod; None where the pod has no port of that name."""
    if isinstance(port.target, int):
        return port.target
    for name, protocol, number in pod.ports:
        if name == port.target and protocol == port.protocol:
            return number
    return None


def addresses_of(pod: views.Pod, family: str) -> tuple[str, ...]:
    """The pod's addresses of a family."""
    six = family == "IPv6"
    return tuple(one for one in pod.addresses if (":" in one) == six)


def hostname_in(service: Service, pod: views.Pod) -> str:
    """The name under which DNS shall know the pod below the service, if it has one."""
    return pod.hostname if pod.hostname and pod.subdomain == service.meta.name else ""
