"""The loop over ranges of service addresses: says that they are ready, holds those in use.

A range that is to go stays while addresses of it are in use that no other range has. Neighbours:
`servicecidr.plan` decides; the API server deals the addresses.
"""

from apimachinery import meta, scheme, status
from controllers import base, views
from controllers.servicecidr import plan as planning


class ServiceRanges(base.Controller):
    """See the module's docstring."""

    name = "service-cidrs-controller"
    workers = 1

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._ranges = context.informers.objects(scheme.SERVICECIDRS)
        self._addresses = context.informers.objects(scheme.IPADDRESSES)
        self._ranges.add_handler(self._range_changed)
        self._addresses.add_handler(self._address_changed)

    def _range_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        if new is not None:
            self.queue.add(key)
        self._look_at_going()

    def _address_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del key, old
        if new is None:
            self._look_at_going()

    def _look_at_going(self) -> None:
        for view in self._ranges.values():
            if view.meta.deleting:
                self.queue.add(view.meta.name)

    async def reconcile(self, key: str) -> None:
        view = self._ranges.get(key)
        if view is None:
            return
        try:
            await self._settle(view)
        except status.NotFound:
            return

    async def _settle(self, view: views.Object) -> None:
        found, name = view.load(), view.meta.name
        held = planning.FINALIZER in view.meta.finalizers
        if view.meta.deleting and held and not self._needed(view):
            rest = [one for one in view.meta.finalizers if one != planning.FINALIZER]
            await self._finalize(view, rest)
            return
        if not view.meta.deleting and not held:
            await self._finalize(view, [*view.meta.finalizers, planning.FINALIZER])
            return  # the change brings the key back
        wanted = planning.condition(going=view.meta.deleting)
        known = meta.get_condition((found.get("status") or {}).get("conditions"), "Ready") or {}
        if known.get("status") != wanted["status"]:
            wanted["lastTransitionTime"] = meta.format_time(self.context.clock.now())
            patch = {"status": {"conditions": [wanted]}}
            await self.client.patch(
                scheme.SERVICECIDRS, name, patch, kind="strategic", subresource="status"
            )

    async def _finalize(self, view: views.Object, finalizers: list[str]) -> None:
        metadata = {"resourceVersion": view.meta.version, "finalizers": finalizers}
        await self.client.patch(scheme.SERVICECIDRS, view.meta.name, {"metadata": metadata})

    def _needed(self, view: views.Object) -> bool:
        others = [
            one.load()
            for one in self._ranges.values()
            if one.meta.name != view.meta.name and not one.meta.deleting
        ]
        used = [one.meta.name for one in self._addresses.values()]
        return planning.needed(view.load(), others, [one for one in used if ":" not in one])
