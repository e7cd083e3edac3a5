"""Past templates of a DaemonSet or StatefulSet, kept as ControllerRevisions.

A revision is named after its owner and a hash of the template; the newest number is the current
one. Going back to an old template raises the number of the old revision, so `kubectl rollout
history` and `undo` read one line of history. Pure: `controllers.revisions` reads and writes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from apimachinery import meta, scheme
from apimachinery.wire import JsonObject
from controllers import views
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
