"""The garbage collector: looks at objects whose owners changed, and deletes what is left behind.

Keys are `delete/UID` (may have to go, or waits for its dependents) and `orphan/UID` (is to let
its dependents go). Before anything is deleted the server is asked whether the owners are really
gone, under the very uid; the deletion itself names uid and resourceVersion. Mirrors only say where
to look. Neighbours: `garbage.graph`, `garbage.plan`, `controllers.kinds`.
"""

from collections import OrderedDict

from apimachinery import meta, status
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import base, views
from controllers import kinds as all_kinds
from controllers.garbage import graph as graphs
from controllers.garbage import plan as planning

ABSENT_MAX = 4096
"""Uids of objects known to be gone: saves asking again for each dependent. A uid never returns."""

UNKNOWN_KIND_SECONDS = 30.0
"""When to look again at an owner whose kind we do not know: its definition may arrive."""

DELETE, ORPHAN = "delete", "orphan"


class GarbageCollector(base.Controller):
    """See the module's docstring."""

    name = "garbage-collector"
    workers = 16

    def __init__(self, context: base.Context, kinds: all_kinds.Kinds) -> None:
        super().__init__(context)
        self._kinds = kinds
        self._graph = graphs.Graph()
        self._absent: OrderedDict[str, None] = OrderedDict()
        kinds.listen(self._changed)

    # --- changes to keys

    def _changed(self, resource: Resource, old: views.Meta | None, new: views.Meta | None) -> None:
        if new is None or (old is not None and old.uid != new.uid):
            assert old is not None, "a change has an old or a new state"
            self._note_absent(old.uid)
            self._enqueue(self._graph.gone(old.uid))
        if new is not None:
            self._enqueue(self._graph.seen(resource, new, self._kinds.find))

    def _enqueue(self, looks: graphs.Looks) -> None:
        for uid in looks.delete:
            self.queue.add(f"{DELETE}/{uid}")
        for uid in looks.orphan:
            self.queue.add(f"{ORPHAN}/{uid}")

    def _note_absent(self, uid: str) -> None:
        self._absent[uid] = None
        if len(self._absent) > ABSENT_MAX:
            self._absent.popitem(last=False)

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        what, _, uid = key.partition("/")
        node = self._graph.get(uid)
        if node is None:
            return
        if what == ORPHAN:
            await self._let_dependents_go(node)
        elif node.meta is None:
            await self._verify(key, node)
        elif node.waits_for_dependents:
            await self._await_dependents(node)
        elif not node.meta.deleting:
            await self._judge(key, node, node.meta)

    async def _verify(self, key: str, node: graphs.Node) -> None:
        """Nobody has seen this owner: is there one?"""
        if node.uid in self._absent:
            self._enqueue_dependents(node)
            return
        if node.resource is None:
            self.queue.add_after(key, UNKNOWN_KIND_SECONDS)
            return
        live = await self._live(node.resource, node.namespace, node.name)
        if live is None or meta.uid(live) != node.uid:
            self._note_absent(node.uid)
            self._enqueue_dependents(node)

    def _enqueue_dependents(self, node: graphs.Node) -> None:
        for uid in node.dependents:
            self.queue.add(f"{DELETE}/{uid}")

    async def _judge(self, key: str, node: graphs.Node, seen: views.Meta) -> None:
        assert node.resource is not None, "what was seen has a resource"
        states: dict[str, planning.OwnerState] = {}
        for owner in seen.owners:
            state = await self._state_of(owner, seen.namespace)
            if state is None:
                self.queue.add_after(key, UNKNOWN_KIND_SECONDS)
                return
            states[owner.uid] = state
        dependents = self._graph.dependents_of(node)
        decision = planning.plan(
            seen,
            states,
            has_dependents=bool(dependents),
            dependents_wait=any(one.waits_for_dependents for one in dependents),
        )
        match decision:
            case planning.Keep(drop=drop):
                if drop:
                    await self._edit_owners(node.resource, seen, drop)
            case planning.Delete(propagation=propagation, unblock=unblock):
                if unblock:
                    await self._edit_owners(node.resource, seen, frozenset(), unblock=True)
                await self._delete(node.resource, seen, propagation, exact=not unblock)

    async def _state_of(self, owner: views.Owner, namespace: str) -> planning.OwnerState | None:
        """None where it cannot be found out."""
        if owner.uid in self._absent:
            return planning.OwnerState.GONE
        above = self._graph.get(owner.uid)
        if above is not None and _stands(above, owner, namespace):
            # No need to ask: to keep an object does no harm, and we hear of the owner's end.
            return planning.OwnerState.LASTS
        resource = self._kinds.find(owner.api_version, owner.kind)
        if resource is None:
            return None
        if resource.namespaced and not namespace:
            # An object of no namespace cannot be owned by one that has one: such a reference
            # leads nowhere and proves nothing.
            return planning.OwnerState.LASTS
        live = await self._live(resource, namespace, owner.name)
        if live is None or meta.uid(live) != owner.uid:
            self._note_absent(owner.uid)
            return planning.OwnerState.GONE
        if meta.is_deleting(live) and views.FOREGROUND in meta.finalizers(live):
            return planning.OwnerState.WAITS
        return planning.OwnerState.LASTS

    async def _await_dependents(self, node: graphs.Node) -> None:
        """Foreground deletion: push the blocking dependents, or go when there are none."""
        blocking = [
            one
            for one in self._graph.dependents_of(node)
            if any(owner.uid == node.uid and owner.blocks for owner in one.owners)
        ]
        if not blocking:
            await self._drop_finalizer(node, views.FOREGROUND)
            return
        for one in blocking:
            if not one.waits_for_dependents:
                self.queue.add(f"{DELETE}/{one.uid}")

    async def _let_dependents_go(self, node: graphs.Node) -> None:
        """Orphaning deletion: nobody shall follow the owner into its grave."""

        async def let_go(one: graphs.Node) -> None:
            if one.meta is not None and one.resource is not None:
                await self._edit_owners(one.resource, one.meta, frozenset({node.uid}))

        await base.in_parallel(self._graph.dependents_of(node), let_go)
        await self._drop_finalizer(node, views.ORPHAN)

    # --- writes

    async def _live(self, resource: Resource, namespace: str, name: str) -> JsonObject | None:
        try:
            return await self.client.get(resource, name, namespace)
        except status.NotFound:
            return None

    async def _delete(
        self, resource: Resource, seen: views.Meta, propagation: str, *, exact: bool
    ) -> None:
        """`exact`: only if nothing about the object changed since we saw it."""
        conditions = {"uid": seen.uid} | ({"resourceVersion": seen.version} if exact else {})
        try:
            await self.client.delete(
                resource,
                seen.name,
                seen.namespace,
                propagation=propagation,
                preconditions=conditions,
            )
        except status.NotFound:
            return

    async def _edit_owners(
        self,
        resource: Resource,
        seen: views.Meta,
        drop: frozenset[str],
        *,
        unblock: bool = False,
    ) -> None:
        live = await self._live(resource, seen.namespace, seen.name)
        if live is None or meta.uid(live) != seen.uid:
            return
        owners = [one for one in meta.owner_references(live) if one.get("uid") not in drop]
        if unblock:
            owners = [one | {"blockOwnerDeletion": False} for one in owners]
        if owners != meta.owner_references(live):
            await self._patch_metadata(resource, live, {"ownerReferences": owners or None})

    async def _drop_finalizer(self, node: graphs.Node, finalizer: str) -> None:
        if node.resource is None:
            return
        live = await self._live(node.resource, node.namespace, node.name)
        if live is None or meta.uid(live) != node.uid:
            return
        kept = [one for one in meta.finalizers(live) if one != finalizer]
        if kept != meta.finalizers(live):
            await self._patch_metadata(node.resource, live, {"finalizers": kept or None})

    async def _patch_metadata(
        self, resource: Resource, live: JsonObject, change: JsonObject
    ) -> None:
        patch = {"metadata": {"resourceVersion": meta.resource_version(live), **change}}
        try:
            await self.client.patch(resource, meta.name(live), patch, meta.namespace(live))
        except status.NotFound:
            return


def _stands(above: graphs.Node, owner: views.Owner, namespace: str) -> bool:
    """Whether the mirror shows just this owner, with nobody asking for its end."""
    return (
        above.meta is not None
        and not above.meta.deleting
        and above.name == owner.name
        and above.resource is not None
        and above.resource.kind == owner.kind
        and above.namespace in ("", namespace)
    )
