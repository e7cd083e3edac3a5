"""Pods: status at birth, grace at death.

Binding, eviction, resize and ephemeral containers are subresources with handlers of their own;
they end in this strategy too. Neighbours: `apiserver.registry.qos`.
"""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

from typing import ClassVar

from apimachinery.wire import JsonObject
from apiserver.registry.qos import qos_class
from apiserver.registry.strategy import Context, Strategy, restore

DEFAULT_GRACE = 30
"""Seconds, where the pod does not say; the default fills it in, so only odd objects need it."""


class Pods(Strategy):
    """The kubelet's word counts for the status, the user's for the spec."""

    returns_deleted: ClassVar[bool] = True

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj.get("spec") or {})}

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_status(new, old, context)
        # A kubelet that does not know a field must not cut the object off its owner.
        restore(new["metadata"], old["metadata"], "ownerReferences")
        status = new.setdefault("status", {})
        if not status.get("qosClass"):
            restore(status, old.get("status") or {}, "qosClass")

    def grace_period(self, obj: JsonObject, asked: int | None) -> int | None:
        """None before a node knows it or after it has ended: nothing has to be stopped."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        grace = asked
        if grace is None:
            grace = spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
        if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
            grace = 0
        return max(1, grace) if grace < 0 else grace
