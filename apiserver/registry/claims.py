"""Claims of storage: pending at birth, and what they are filled from is said in both ways."""

from typing import ClassVar

from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy

_OLD, _NEW = "dataSource", "dataSourceRef"
_SNAPSHOTS = "snapshot.storage.k8s.io"


class Claims(Strategy):
    """A controller has yet to bind it."""

    counts_generation: ClassVar[bool] = False
    returns_deleted: ClassVar[bool] = True

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        super().prepare_create(obj, context)
        obj["status"] = {"phase": "Pending"}
        _say_both(obj.setdefault("spec", {}), {})

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_update(new, old, context)
        _say_both(new.setdefault("spec", {}), old.get("spec") or {})


def _say_both(spec: JsonObject, before: JsonObject) -> None:
    """The old field knows claims and snapshots of its own namespace, the new one everything."""
    if not before.get(_OLD) and not _is_old(spec.get(_OLD)):
        spec.pop(_OLD, None)
    given, full = spec.get(_OLD), spec.get(_NEW)
    if given and not full:
        spec[_NEW] = dict(given)
    elif full and not given and not full.get("namespace"):
        spec[_OLD] = {key: value for key, value in full.items() if key != "namespace"}


def _is_old(source: JsonObject | None) -> bool:
    if not source:
        return False
    known = (source.get("apiGroup") or "", source.get("kind"))
    return known in (("", "PersistentVolumeClaim"), (_SNAPSHOTS, "VolumeSnapshot"))
