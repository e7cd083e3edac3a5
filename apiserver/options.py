"""Settings of one API server process; defaults serve a cluster on one machine."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request body, Kubernetes' own limit: it keeps one client from filling memory."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may differ between two API servers."""

    service_cidr: str = "10.96.0.0/16"
    node_port_first: int = 30000
    node_port_last: int = 32767
    advertise_address: str = "127.0.0.1"
    """Where pods reach this server: the endpoint of default/kubernetes."""
    advertise_port: int = 6443
    event_ttl: int = 3600
    """Seconds that an Event is kept."""
    watch_timeout_min: int = 1800
    """A watch without timeoutSeconds ends between this and twice this, so that they spread."""

    @cached_property
    def service_network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.service_cidr)

    @property
    def kubernetes_ip(self) -> str:
        """The first address of the range: default/kubernetes."""
        return str(self.service_network[1])
