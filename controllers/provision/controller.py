"""The loop that keeps one object in every active namespace. Keys are namespaces.

Neighbours: `provision.plan` says which object; one instance each. The object's own end brings it
back, so it need not be followed by anything but the mirror that the garbage collector has anyway.
"""

from apimachinery import scheme, status
from controllers import base, informers, views
from controllers.provision import plan as planning


class Provisioner(base.Controller):
    """See the module's docstring."""

    workers = 2

    def __init__(self, context: base.Context, provision: planning.Provision) -> None:
        super().__init__(context)
        self.name = provision.component
        self._provision = provision
        self._namespaces = context.informers.objects(scheme.NAMESPACES)
        self._namespaces.add_handler(self._namespace_changed)
        self._present = context.informers.any(provision.resource)
        self._present.add_handler(self._object_changed)

    def _namespace_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        if new is not None and old is None and not new.meta.deleting:
            self.queue.add(key)

    def _object_changed(
        self, _: str, old: informers.HasMeta | None, new: informers.HasMeta | None
    ) -> None:
        view = new if new is not None else old
        if view is not None and view.meta.name == self._provision.name and old is not None:
            self.queue.add(view.meta.namespace)

    async def reconcile(self, key: str) -> None:
        namespace = self._namespaces.get(key)
        if namespace is None or namespace.meta.deleting:
            return
        wanted = self._provision
        try:
            present = await self.client.get(wanted.resource, wanted.name, key)
        except status.NotFound:
            await self._create(key)
            return
        patch = wanted.repair(present)
        if patch is not None:
            await self.client.patch(wanted.resource, wanted.name, patch, key)

    async def _create(self, namespace: str) -> None:
        wanted = self._provision
        try:
            await self.client.create(wanted.resource, wanted.object_in(namespace))
        except status.AlreadyExists:
            return
        except (status.NotFound, status.Forbidden) as error:
            # The namespace ends or has ended meanwhile.
            if isinstance(error, status.Forbidden) and not error.causes:
                raise
