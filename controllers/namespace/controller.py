"""The loop that empties terminating namespaces: pods first, then everything else, then the end.

Pods go first so that what guards them (network policies, secrets) outlives them. The server lets
nothing new into a terminating namespace, so a kind that was found empty stays empty and is not
asked again. Neighbours: `controllers.kinds` knows the kinds and hears of each object's end;
`namespace.plan` writes the conditions.
"""

from collections.abc import Iterable

from apimachinery import meta, scheme, status
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import base, views
from controllers import kinds as all_kinds
from controllers.namespace import plan as planning

LOOK_AGAIN_SECONDS = 5.0
"""The end of each object is heard of; this only covers kinds that are not followed."""

PAGE = 500


class Namespaces(base.Controller):
    """See the module's docstring."""

    name = "namespace-controller"

    def __init__(self, context: base.Context, kinds: all_kinds.Kinds) -> None:
        super().__init__(context)
        self._kinds = kinds
        self._namespaces = context.informers.objects(scheme.NAMESPACES)
        self._pending: dict[str, set[Resource]] = {}
        """Kinds that may still have objects, by namespace on its way out."""
        self._namespaces.add_handler(self._namespace_changed)
        kinds.listen(self._object_changed)

    def _namespace_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old
        if new is None:
            self._pending.pop(key, None)
        elif new.meta.deleting:
            self.queue.add(key)

    def _object_changed(self, _: Resource, old: views.Meta | None, new: views.Meta | None) -> None:
        if new is None and old is not None and old.namespace in self._pending:
            # Many objects go at once: look when the wave is over.
            self.queue.add_after(old.namespace, 0.01)

    async def reconcile(self, key: str) -> None:
        view = self._namespaces.get(key)
        if view is None or not view.meta.deleting:
            return
        namespace = view.load()
        if "kubernetes" not in ((namespace.get("spec") or {}).get("finalizers") or ()):
            return
        pending = self._pending.setdefault(
            key, {one for one in self._kinds.all() if one.namespaced}
        )
        if scheme.PODS in pending:
            remaining, errors = await self._empty(key, {scheme.PODS})
        else:
            remaining, errors = {}, []
        if not remaining and not errors:
            pending.discard(scheme.PODS)
            remaining, errors = await self._empty(key, pending)
            pending.intersection_update(self._unfinished(pending, remaining, errors))
        if remaining or errors:
            await self._report(namespace, remaining, errors)
            self.queue.add_after(key, LOOK_AGAIN_SECONDS)
            return
        await self._finish(namespace)

    async def _empty(
        self, namespace: str, resources: set[Resource]
    ) -> tuple[dict[str, tuple[int, dict[str, int]]], list[str]]:
        """Delete all objects of these kinds; answers what is left and what went wrong."""
        remaining: dict[str, tuple[int, dict[str, int]]] = {}
        errors: list[str] = []

        async def empty(resource: Resource) -> None:
            try:
                left = await self._empty_kind(namespace, resource)
            except status.ApiError as error:
                errors.append(f"{_label(resource)}: {error.message}")
            else:
                if left:
                    remaining[_label(resource)] = (len(left), _finalizers(left))

        await base.in_parallel(sorted(resources, key=_label), empty)
        return remaining, errors

    async def _empty_kind(self, namespace: str, resource: Resource) -> list[JsonObject]:
        try:
            left = await self._list(namespace, resource)
            if not left:
                return left
            await self.client.delete_collection(resource, namespace, propagation="Background")
            return await self._list(namespace, resource)
        except (status.NotFound, status.MethodNotAllowed):
            # The kind itself is gone, or this server does not have it.
            return []

    async def _list(self, namespace: str, resource: Resource) -> list[JsonObject]:
        page = await self.client.list(resource, namespace, limit=PAGE)
        return list(page.get("items") or ())

    def _unfinished(
        self, pending: set[Resource], remaining: Iterable[str], errors: Iterable[str]
    ) -> set[Resource]:
        names = {*remaining, *(error.split(":", 1)[0] for error in errors)}
        return {one for one in pending if _label(one) in names}

    async def _report(
        self, namespace: JsonObject, remaining: planning.Remaining, errors: list[str]
    ) -> None:
        present = (namespace.get("status") or {}).get("conditions") or []
        now = self.context.clock.now()
        wanted = planning.conditions(present, remaining, errors, now)
        if wanted != present:
            patch = {"status": {"conditions": wanted}}
            await self.client.patch(
                scheme.NAMESPACES, meta.name(namespace), patch, subresource="status"
            )

    async def _finish(self, namespace: JsonObject) -> None:
        body = planning.finalized(namespace)
        try:
            await self.client.update(scheme.NAMESPACES, body, subresource="finalize")
        except status.NotFound:
            return


def _label(resource: Resource) -> str:
    """`pods.` and `deployments.apps`, as Kubernetes' conditions spell them."""
    return f"{resource.plural}.{resource.group}"


def _finalizers(objects: list[JsonObject]) -> dict[str, int]:
    found: dict[str, int] = {}
    for obj in objects:
        for name in meta.finalizers(obj):
            found[name] = found.get(name, 0) + 1
    return found
