"""DefaultStorageClass, StorageObjectInUseProtection, PersistentVolumeClaimResize: claims' basics.

A claim that names no class gets the one marked as default; claims and volumes carry the finalizer
that keeps them while they are used; a claim grows only where its class allows. Neighbours: whoever
provisions volumes takes the finalizers away.
"""

from typing import ClassVar

from apimachinery import scheme, status
from apimachinery.quantity import Quantity, QuantityError
from apimachinery.wire import JsonObject
from apiserver.admission import marked
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.cache import WatchCache

DEFAULT = "storageclass.kubernetes.io/is-default-class"
BETA_DEFAULT = "storageclass.beta.kubernetes.io/is-default-class"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
"""The annotation that named a class before there was a field; it counts to this day."""

FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


class DefaultStorageClass(Plugin):
    """Fills in the class of new claims that say nothing; the empty string says: none."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"persistentvolumeclaims"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def mutate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a create has an object"
        spec = attempt.obj.setdefault("spec", {})
        annotations = attempt.obj["metadata"].get("annotations") or {}
        if spec.get("storageClassName") is not None or BETA_CLASS in annotations:
            return
        default = marked.newest(self._cache, scheme.STORAGECLASSES, (DEFAULT, BETA_DEFAULT))
        if default:
            spec["storageClassName"] = default


class StorageProtection(Plugin):
    """What pods or claims use must outlive a careless delete."""

    kinds: ClassVar[frozenset[str] | None] = frozenset(FINALIZERS)
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})

    async def mutate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a create has an object"
        finalizer = FINALIZERS[attempt.resource.gr]
        metadata = attempt.obj["metadata"]
        present = metadata.get("finalizers") or []
        if finalizer not in present:
            metadata["finalizers"] = [*present, finalizer]


class ClaimResize(Plugin):
    """Refuses that a claim grows whose class does not allow it."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"persistentvolumeclaims"})
    operations: ClassVar[frozenset[str]] = frozenset({UPDATE})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def validate(self, attempt: Attempt) -> None:
        new, old = attempt.obj or {}, attempt.old or {}
        if _asked(new) <= _asked(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise _refused(attempt, "Only bound persistent volume claims can be expanded")
        name = (new.get("spec") or {}).get("storageClassName") or ""
        entry = self._cache.get(scheme.STORAGECLASSES, "", name) if name else None
        if entry is None or entry.parse().get("allowVolumeExpansion") is not True:
            raise _refused(
                attempt,
                "only dynamically provisioned pvc can be resized and the storageclass that "
                "provisions the pvc must support resize",
            )


def _asked(claim: JsonObject) -> Quantity:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    try:
        return Quantity.parse(requests.get("storage", 0))
    except QuantityError:
        return Quantity.parse(0)


def _refused(attempt: Attempt, detail: str) -> status.ApiError:
    return status.forbidden("persistentvolumeclaims", attempt.name, detail)
