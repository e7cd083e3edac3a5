"""The loop that keeps an IPAddress object for each service's address. Keys are addresses.

Who lists them sees what is in use, and by whom. Neighbours: `servicecidr.plan` says how they
look; the API server deals the addresses, and does not deal one of a foreign IPAddress.
"""

from apimachinery import scheme, status
from controllers import base, views
from controllers.servicecidr import plan as planning


class ServiceAddresses(base.Controller):
    """See the module's docstring."""

    name = "service-addresses"
    workers = 2

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._addresses = context.informers.objects(scheme.IPADDRESSES)
        self._of_service: dict[str, str] = {}
        self._services: dict[str, str] = {}
        """Keys of services by address."""
        context.informers.objects(scheme.SERVICES).add_handler(self._service_changed)
        self._addresses.add_handler(self._address_changed)

    def _service_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old
        before = self._of_service.pop(key, "")
        after = planning.address_of(new) if new is not None else ""
        if before and before != after and self._services.get(before) == key:
            del self._services[before]
        if after:
            self._of_service[key] = after
            self._services[after] = key
        if before != after:
            for address in filter(None, (before, after)):
                self.queue.add(address)

    def _address_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        if old is None or new is None or old.meta.labels != new.meta.labels:
            self.queue.add(key)

    async def reconcile(self, key: str) -> None:
        service, view = self._services.get(key), self._addresses.get(key)
        present = view.load() if view is not None else None
        if service is not None and present is None:
            try:
                await self.client.create(scheme.IPADDRESSES, planning.object_for(key, service))
            except status.AlreadyExists:
                return  # its arrival brings the key back
        elif (
            present is not None
            and planning.is_ours(present)
            and (service is None or not planning.stands_for(present, service))
        ):
            # Which service it stands for cannot be changed: its end brings the key back.
            await self._delete(key, present["metadata"]["uid"])

    async def _delete(self, key: str, uid: str) -> None:
        try:
            await self.client.delete(scheme.IPADDRESSES, key, preconditions={"uid": uid})
        except (status.NotFound, status.Conflict):
            return
