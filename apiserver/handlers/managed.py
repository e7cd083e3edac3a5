"""metadata.managedFields: who set which field, kept up to date on every write.

Neighbours: `apimachinery.patch.apply` has the rules (pure); this module binds them to a request's
context.
"""

from apimachinery.patch import apply
from apimachinery.patch.fieldsets import FieldSet
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, restore


def writer(context: Context, resource: Resource) -> apply.Writer:
    """The writer of a request."""
    untouched: FieldSet | None = None
    if context.subresource == "status":
        untouched = {"f:spec": {}}
    elif resource.subresource("status") is not None:
        untouched = apply.STATUS_ONLY
    return apply.Writer(
        manager=context.manager,
        api_version=resource.api_version,
        now=context.now,
        subresource=context.subresource,
        untouched=untouched,
    )


def track(context: Context, resource: Resource, new: JsonObject, old: JsonObject | None) -> None:
    """Bring managedFields up to date after a create, update or (non-apply) patch, in place.

    Before admission: what plugins add belongs to nobody.
    """
    if old is not None:
        # Nobody owns the end of an object: a body that lacks it, or brings another, changes nothing.
        for key in ("deletionTimestamp", "deletionGracePeriodSeconds"):
            restore(new["metadata"], old["metadata"], key)
    entries = apply.track_update(old, new, apply.rule_of(resource), writer(context, resource))
    if entries:
        new["metadata"]["managedFields"] = entries
    else:
        new["metadata"].pop("managedFields", None)
