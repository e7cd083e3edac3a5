"""Past templates of a DaemonSet or StatefulSet, kept as ControllerRevisions.

A revision is named after its owner and a hash of the template; the newest number is the current
one. Going back to an old template raises the number of the old revision, so `kubectl rollout
history` and `undo` read one line of history. `plan` decides; `Revisions` reads and writes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from apimachinery import labels, meta, scheme, status
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import base, ownership, views
from controllers.deployment import template as templates

HASH_LABEL = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Plan:
    """The revision of the present template, and what to write to make it so."""

    digest: str
    create: JsonObject | None = None
    renumber: tuple[JsonObject, int] | None = None
    delete: tuple[JsonObject, ...] = ()


def data_of(template: JsonObject) -> JsonObject:
    """What is kept: a patch that puts the template back, as `kubectl rollout undo` applies it."""
    return {"spec": {"template": template | {"$patch": "replace"}}}


def plan(
    owner: views.Meta,
    reference: JsonObject,
    template: JsonObject,
    present: Sequence[JsonObject],
    *,
    limit: int,
    in_use: Collection[str],
) -> Plan:
    """`in_use` are the hashes that live pods carry: their revisions stay."""
    ordered = sorted(present, key=lambda one: (one.get("revision") or 0, meta.name(one)))
    data = data_of(template)
    newest = (ordered[-1].get("revision") or 0) if ordered else 0
    same = next((one for one in reversed(ordered) if one.get("data") == data), None)
    if same is None:
        digest = templates.template_hash(template, 0)
        while any(meta.labels(one).get(HASH_LABEL) == digest for one in ordered):
            # Another template with the same hash: take the next one.
            digest = templates.template_hash(template | {"": digest}, 1)
        return Plan(digest, create=_revision(owner, reference, data, digest, newest + 1))
    digest = meta.labels(same).get(HASH_LABEL, "")
    renumber = (same, newest + 1) if (same.get("revision") or 0) < newest else None
    old = [
        one for one in ordered if one is not same and meta.labels(one).get(HASH_LABEL) not in in_use
    ]
    return Plan(digest, None, renumber, tuple(old[: max(len(old) - limit, 0)]))


def _revision(
    owner: views.Meta, reference: JsonObject, data: JsonObject, digest: str, number: int
) -> JsonObject:
    template = data["spec"]["template"]
    found = (template.get("metadata") or {}).get("labels") or {}
    return {
        "apiVersion": scheme.CONTROLLERREVISIONS.api_version,
        "kind": scheme.CONTROLLERREVISIONS.kind,
        "metadata": {
            "name": f"{owner.name}-{digest}",
            "namespace": owner.namespace,
            "labels": found | {HASH_LABEL: digest},
            "ownerReferences": [reference],
        },
        "data": data,
        "revision": number,
    }


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
        found = plan(owner, reference, template, present, limit=limit, in_use=in_use)
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
            if one.meta.labels.get(HASH_LABEL) == digest:
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
