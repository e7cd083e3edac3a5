"""Which claims are used by pods, and whether a finalizer may go. Pure.

Neighbour: `protection.controller`. The API server's admission puts the finalizers on.
"""

from collections.abc import Iterable

from apimachinery.wire import JsonObject
from controllers import views

CLAIM = "kubernetes.io/pvc-protection"
VOLUME = "kubernetes.io/pv-protection"


def releasable(meta: views.Meta, finalizer: str, *, used: bool) -> bool:
    """Whether an object that is to go is held by nothing but our finalizer's promise."""
    return meta.deleting and finalizer in meta.finalizers and not used


def claims_of(pod: JsonObject) -> Iterable[str]:
    """Names of the claims that a pod mounts, those made for it (ephemeral) too."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            yield claim
        elif volume.get("ephemeral") is not None:
            yield f"{pod['metadata']['name']}-{volume['name']}"


def uses(pod: JsonObject, claim: str) -> bool:
    """Whether a pod may still write to a claim: it was scheduled and has not ended."""
    if not (pod.get("spec") or {}).get("nodeName"):
        return False
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    return claim in claims_of(pod)


def without(meta: views.Meta, finalizer: str) -> JsonObject:
    """A merge patch that takes the finalizer away, if the object is still as it was seen."""
    kept = [one for one in meta.finalizers if one != finalizer]
    return {"metadata": {"finalizers": kept or None, "resourceVersion": meta.version}}
