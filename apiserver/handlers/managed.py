"""metadata.managedFields: who set which field, kept up to date on every write.

Neighbours: `apimachinery.patch.apply` has the rules (pure); this module binds them to a request's
context for `apiserver.registry.generic`.
"""

from apimachinery.resource import Resource
from apiserver.registry.generic import Track
from apiserver.registry.strategy import Context


def tracker(context: Context, resource: Resource) -> Track | None:
    """What brings managedFields up to date after a create, update or (non-apply) patch."""
    return None
