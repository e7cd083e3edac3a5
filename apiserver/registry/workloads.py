"""What differs between the kinds that run pods. Their controllers do the work, not this module."""

from typing import ClassVar

from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy, restore


class Deployments(Strategy):
    """A changed annotation counts as a change: controllers copy annotations to ReplicaSets."""

    annotations_count: ClassVar[bool] = True

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_status(new, old, context)
        restore(new["metadata"], old["metadata"], "labels")


class OrphaningWorkload(Strategy):
    """ReplicationControllers and Jobs leave their pods behind unless told otherwise."""

    orphans_by_default: ClassVar[bool] = True


class PodTemplates(Strategy):
    """No controller looks at them."""

    returns_deleted: ClassVar[bool] = True
    create_on_update: ClassVar[bool] = True
