"""Which claims are used by pods, and whether a finalizer may go. Pure.

Neighbour: `protection.controller`. The API server's admission puts the finalizers on.
"""

from apimachinery.wire import JsonObject
from controllers import views

CLAIM = "kubernetes.io/pvc-protection"
VOLUME = "kubernetes.io/pv-protection"


def releasable(meta: views.Meta, finalizer: str, *, used: bool) -> bool:
    """Whether an object that is to go is held by nothing but our finalizer's promise."""
    return meta.deleting and finalizer in meta.finalizers and not used


def uses(pod: JsonObject, claim: str) -> bool:
    """Whether a pod may still write to a claim: it was scheduled and has not ended."""
    if not (pod.get("spec") or {}).get("nodeName"):
        return False
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    return claim in views.claims_of(pod)


def without(meta: views.Meta, finalizer: str) -> JsonObject:
    """A merge patch that takes the finalizer away, if the object is still as it was seen."""
    kept = [one for one in meta.finalizers if one != finalizer]
    return {"metadata": {"finalizers": kept or None, "resourceVersion": meta.version}}
