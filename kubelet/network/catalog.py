"""The services of the cluster as one node sees them: shared by its proxy and its DNS.

Informers of Services, of EndpointSlices by service and of the ranges of ClusterIPs; whoever listens hears the key of a
service of which anything changed. Neighbours: `services` (the views), `proxy`, `dns`.
"""

import asyncio
from collections.abc import Callable

from apimachinery import scheme
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from kubelet.network import services
from kubelet.network.services import ServiceView, SliceView, service_view, slice_view

Listener = Callable[[str], None]
RANGES = "/"
"""What listeners are told when the ranges of ClusterIPs changed; no service has this key."""


class Catalog:
    """Follows the API while `run` runs; reading never waits."""

    def __init__(self, client: Client) -> None:
        self._services: Informer[ServiceView] = Informer(client, scheme.SERVICES, service_view)
        self._slices: Informer[SliceView] = Informer(
            client,
            scheme.ENDPOINTSLICES,
            slice_view,
            indexers={"service": lambda view: [view.service] if view.service else []},
        )
        self._ranges: Informer[tuple[str, ...]] = Informer(
            client, scheme.SERVICECIDRS, services.ranges_of
        )
        self._listeners: list[Listener] = []
        self._services.add_handler(self._service_changed)
        self._slices.add_handler(self._slice_changed)
        self._ranges.add_handler(lambda *_: self._tell(RANGES))

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._services.run())
            group.create_task(self._slices.run())
            group.create_task(self._ranges.run())

    async def synced(self) -> None:
        """Wait until all kinds have been seen whole."""
        await self._services.synced()
        await self._slices.synced()
        await self._ranges.synced()

    def listen(self, listener: Listener) -> None:
        """Call with the key of each service that changes; those known are told now."""
        self._listeners.append(listener)
        for key in self.service_keys():
            listener(key)

    def service_keys(self) -> list[str]:
        return list(self._services.keys())

    def service(self, key: str) -> ServiceView | None:
        return self._services.get(key)

    def slices(self, key: str) -> list[SliceView]:
        return self._slices.by_index("service", key)

    def ranges(self) -> set[str]:
        """Where ClusterIPs come from, as far as the API says so."""
        return {cidr for found in self._ranges.values() for cidr in found}

    def _tell(self, key: str) -> None:
        for listener in self._listeners:
            listener(key)

    def _service_changed(self, key: str, old: ServiceView | None, new: ServiceView | None) -> None:
        del old, new
        self._tell(key)

    def _slice_changed(self, key: str, old: SliceView | None, new: SliceView | None) -> None:
        del key
        for service in {view.service for view in (old, new) if view is not None and view.service}:
            self._tell(service)
