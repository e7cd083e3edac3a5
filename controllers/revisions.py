"""The stored ControllerRevisions of DaemonSets and StatefulSets: adopted, written, pruned.

Neighbours: `controllers.history` decides what there should be; the controllers of both kinds ask
for the hash of their present template. Shared so that both keep history alike.
"""

from collections.abc import Collection

from apimachinery import labels, meta, scheme, status
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import base, history, ownership, views


class Revisions:
    """The revisions of the owners of one resource."""

    def __init__(self, context: base.Context, owners: Resource) -> None:
        self._client = context.client
        self._mirror = context.informers.objects(scheme.CONTROLLERREVISIONS)
        self._adopter = ownership.Adopter(context.client, owners, scheme.CONTROLLERREVISIONS)

    async def current(
        self,
        owner: views.Meta,
        selector: labels.Selector,
        template: JsonObject,
        *,
        limit: int,
        in_use: Collection[str],
    ) -> str:
        """The hash of the present template; writes history as needed."""
        mine = self._mirror.by_index("controller", owner.uid)
        free = self._mirror.by_index("orphans", owner.namespace)
        claims = ownership.claim(owner, selector, (*mine, *free))
        present = [one.load() for one in await self._adopter.settle(owner, claims)]
        reference = self._adopter.reference(owner)
        found = history.plan(owner, reference, template, present, limit=limit, in_use=in_use)
        if found.create is not None:
            await self._create(owner, found.create)
        if found.renumber is not None:
            revision, number = found.renumber
            await self._client.update(scheme.CONTROLLERREVISIONS, revision | {"revision": number})
        for revision in found.delete:
            await self._delete(revision)
        return found.digest

    def template_of(self, owner: views.Meta, digest: str) -> JsonObject | None:
        """A past template, as the mirror has it."""
        for one in self._mirror.by_index("controller", owner.uid):
            if one.meta.labels.get(history.HASH_LABEL) == digest:
                data = one.load().get("data") or {}
                template = meta.dig(data, "spec", "template") or {}
                return {key: value for key, value in template.items() if key != "$patch"}
        return None

    async def _create(self, owner: views.Meta, revision: JsonObject) -> None:
        try:
            await self._client.create(scheme.CONTROLLERREVISIONS, revision)
        except status.AlreadyExists:
            live = await self._client.get(
                scheme.CONTROLLERREVISIONS, meta.name(revision), owner.namespace
            )
            if not meta.is_controlled_by(live, owner.uid):
                raise

    async def _delete(self, revision: JsonObject) -> None:
        try:
            await self._client.delete(
                scheme.CONTROLLERREVISIONS,
                meta.name(revision),
                meta.namespace(revision),
                preconditions={"uid": meta.uid(revision)},
            )
        except (status.NotFound, status.Conflict):
            return
