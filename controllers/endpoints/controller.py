"""The loop that writes Endpoints objects for services with a selector.

Neighbours: `controllers.service_mirror` says which pods, `endpoints.plan` says what to write. Endpoints
of services without a selector belong to whoever wrote them.
"""

from apimachinery import scheme, status
from controllers import acts, base, views
from controllers.endpoints import plan as planning
from controllers.service_mirror import ServiceMirror

COALESCE_PER_POD = 0.0004
COALESCE_MAX = 1.0
"""Seconds to gather changes of many pods into one write, since each write holds all addresses. A
service of 20 pods waits 8 ms. Proxies read slices, which are quicker."""


class Endpoints(base.Controller):
    """See the module's docstring."""

    name = "endpoint-controller"

    def __init__(self, context: base.Context, joined: ServiceMirror) -> None:
        super().__init__(context)
        self._services = joined
        self._endpoints = context.informers.objects(scheme.ENDPOINTS)
        joined.listen(self._concerned)
        self._endpoints.add_handler(self._endpoints_changed)

    def _concerned(self, key: str, size: int) -> None:
        self.queue.add_after(key, min(size * COALESCE_PER_POD, COALESCE_MAX))

    def _endpoints_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        """Somebody else changed ours; our own writes make one idle look."""
        del old
        managed = new is not None and new.meta.labels.get(planning.MANAGED_BY) == planning.MANAGER
        if managed or new is None:
            self._concerned(key, self._services.weight(key))

    async def reconcile(self, key: str) -> None:
        service = self._services.get(key)
        present = self._endpoints.get(key)
        if service is None:
            managed = present and present.meta.labels.get(planning.MANAGED_BY) == planning.MANAGER
            if present is not None and managed:
                await self._delete(present.meta)
            return
        if not service.selects or service.meta.deleting:
            return
        wanted = planning.endpoints_of(service, self._services.pods_of(service))
        if present is None:
            await self._create(wanted)
        elif planning.differs(wanted, current := present.load()):
            annotations = current["metadata"].get("annotations") or {}
            annotations.pop(planning.OVER_CAPACITY, None)
            kept = annotations | wanted["metadata"].get("annotations", {})
            current["metadata"] |= {"labels": wanted["metadata"]["labels"], "annotations": kept}
            current["subsets"] = wanted.get("subsets", [])
            await self.client.update(scheme.ENDPOINTS, current)

    async def _create(self, wanted: dict[str, object]) -> None:
        try:
            await self.client.create(scheme.ENDPOINTS, wanted)
        except status.Forbidden as error:
            if not acts.namespace_ends(error):
                raise

    async def _delete(self, present: views.Meta) -> None:
        try:
            await self.client.delete(
                scheme.ENDPOINTS,
                present.name,
                present.namespace,
                preconditions={"uid": present.uid},
            )
        except (status.NotFound, status.Conflict):
            return
