"""The loop that writes EndpointSlices: of services with a selector from their pods, of services
without one from the Endpoints object of their name.

Neighbours: `controllers.service_mirror` says which pods, `endpointslice.plan` which slices. Slices of
other managers (the label says who) are left alone. Deleting a service leaves its slices to the
garbage collector.
"""

from collections.abc import Iterable
from functools import partial

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import acts, base, services, views
from controllers import expectations as expecting
from controllers.endpointslice import plan as planning
from controllers.service_mirror import ServiceMirror

COALESCE_PER_POD = 0.0002
COALESCE_MAX = 1.0
"""Seconds to gather changes of many pods into one write of their slice. 20 pods wait 4 ms."""


class EndpointSlices(base.Controller):
    """See the module's docstring."""

    name = "endpointslice-controller"

    def __init__(self, context: base.Context, joined: ServiceMirror) -> None:
        super().__init__(context)
        self._services = joined
        self._nodes = context.informers.nodes
        self._endpoints = context.informers.objects(scheme.ENDPOINTS)
        self._slices = context.informers.objects(scheme.ENDPOINTSLICES)
        self._slices.add_indexer("service", _service_index)
        self._expected = expecting.Expectations(context.clock)
        joined.listen(self._concerned)
        self._endpoints.add_handler(self._endpoints_changed)
        self._slices.add_handler(self._slice_changed)

    # --- changes to keys

    def _concerned(self, key: str, size: int) -> None:
        self.queue.add_after(key, min(size * COALESCE_PER_POD, COALESCE_MAX))

    def _endpoints_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old, new
        service = self._services.get(key)
        if service is not None and not service.selector:
            self.queue.add(key)

    def _slice_changed(self, _: str, old: views.Object | None, new: views.Object | None) -> None:
        view = new if new is not None else old
        if view is None:
            return
        for key in _service_index(view):
            if new is not None:
                self._expected.observe(key, expecting.created(new.meta.uid))
            if new is None or new.meta.deleting:
                self._expected.observe(key, expecting.deleted(view.meta.uid))
            # Mostly the echo of our own write: no reason to hurry.
            self._concerned(key, self._services.weight(key))

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        service = self._services.get(key)
        if service is None:
            self._expected.forget(key)
            return
        if service.meta.deleting or not self._expected.satisfied(key):
            return
        present = [one.load() for one in self._slices.by_index("service", key)]
        for manager, face, wanted in self._wanted(key, service):
            mine = [
                one
                for one in present
                if meta.labels(one).get(planning.MANAGED_BY) == manager
                and not meta.is_deleting(one)
            ]
            if wanted or mine:
                await self._apply(key, planning.plan(face, wanted, mine))

    def _wanted(
        self, key: str, service: services.Service
    ) -> Iterable[tuple[str, planning.Face, planning.Wanted]]:
        """For both managers what the service should have; nothing for the one not in charge."""
        selected: planning.Wanted = {}
        if service.selects:
            pods = self._services.pods_of(service)
            zones = {
                pod.node: node.zone
                for pod in pods
                if (node := self._nodes.get(pod.node)) is not None
            }
            selected = planning.selected(service, pods, zones)
        face = planning.face_of(service, planning.SELECTED, service.meta.labels)
        yield planning.SELECTED, face, selected
        by_hand = self._endpoints.get(key)
        mirrored: planning.Wanted = {}
        labels = {}
        if by_hand is not None and planning.may_mirror(service, obj := by_hand.load()):
            mirrored = planning.mirrored(obj.get("subsets") or ())
            labels = dict(by_hand.meta.labels)
        yield planning.MIRRORED, planning.face_of(service, planning.MIRRORED, labels), mirrored

    async def _apply(self, key: str, changes: planning.Changes) -> None:
        with self._expected.acting(key) as done:
            await base.in_parallel(changes.create, partial(self._create, done))
            for piece in changes.update:
                await self.client.update(scheme.ENDPOINTSLICES, piece)
            for piece in changes.delete:
                await self._delete(done, piece)

    async def _create(self, done: set[str], piece: JsonObject) -> None:
        try:
            made = await self.client.create(scheme.ENDPOINTSLICES, piece)
        except status.Forbidden as error:
            if acts.namespace_ends(error):
                return
            raise
        done.add(expecting.created(meta.uid(made)))

    async def _delete(self, done: set[str], piece: JsonObject) -> None:
        try:
            await self.client.delete(
                scheme.ENDPOINTSLICES,
                meta.name(piece),
                meta.namespace(piece),
                preconditions={"uid": meta.uid(piece)},
            )
        except (status.NotFound, status.Conflict):
            return
        done.add(expecting.deleted(meta.uid(piece)))


def _service_index(view: views.Object) -> Iterable[str]:
    name = view.meta.labels.get(planning.SERVICE_NAME)
    return (f"{view.meta.namespace}/{name}",) if name else ()
