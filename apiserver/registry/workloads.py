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


class Jobs(OrphaningWorkload):
    """Pods of a job are found by the job's uid, unless the user insists on a selector."""

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        super().prepare_create(obj, context)
        spec = obj.setdefault("spec", {})
        if spec.get("manualSelector"):
            return
        name, uid = obj["metadata"].get("name", ""), obj["metadata"]["uid"]
        template = spec.setdefault("template", {})
        metadata = template["metadata"] = dict(template.get("metadata") or {})
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            **{prefix + "controller-uid": uid for prefix in _JOB_PREFIXES},
            **{prefix + "job-name": name for prefix in _JOB_PREFIXES},
        }
        selector = spec["selector"] = dict(spec.get("selector") or {})
        wanted = {_JOB_PREFIXES[0] + "controller-uid": uid}
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **wanted}


_JOB_PREFIXES = ("batch.kubernetes.io/", "")
"""The labels' names now, and as old tools still look for them."""


class PodTemplates(Strategy):
    """No controller looks at them."""

    returns_deleted: ClassVar[bool] = True
    create_on_update: ClassVar[bool] = True
