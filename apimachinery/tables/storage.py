"""How volumes, claims and storage classes print."""

from typing import Any

from apimachinery.tables.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Printer,
    age,
    join,
    name_of,
    number,
    wide,
)
from apimachinery.wire import JsonObject

_ACCESS = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def _access_modes(modes: Any) -> str:
    """The short names of the modes present, in the order of the table."""
    present = set(modes or ())
    return ",".join([short for mode, short in _ACCESS.items() if mode in present])


def _class_of(obj: JsonObject) -> str:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return annotations.get(_BETA_CLASS) or (obj.get("spec") or {}).get("storageClassName") or ""


def _terminating(obj: JsonObject, phase: str) -> str:
    return "Terminating" if (obj.get("metadata") or {}).get("deletionTimestamp") else phase


def _volume(obj: JsonObject) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        str((spec.get("capacity") or {}).get("storage") or 0),
        _access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy") or "",
        _terminating(obj, status.get("phase") or ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class_of(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        status.get("reason") or "",
        age(obj),
        spec.get("volumeMode") or UNSET,
    ]


VOLUME = Printer(
    (
        NAME,
        Column("Capacity"),
        Column("Access Modes"),
        Column("Reclaim Policy"),
        Column("Status"),
        Column("Claim"),
        Column("StorageClass"),
        Column("VolumeAttributesClass"),
        Column("Reason"),
        AGE,
        wide("VolumeMode"),
    ),
    _volume,
)


def _claim(obj: JsonObject) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    volume = spec.get("volumeName") or ""
    capacity, modes = "", ""
    if volume:
        capacity = str((status.get("capacity") or {}).get("storage") or 0)
        modes = _access_modes(status.get("accessModes"))
    return [
        name_of(obj),
        _terminating(obj, status.get("phase") or ""),
        volume,
        capacity,
        modes,
        _class_of(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        age(obj),
        spec.get("volumeMode") or UNSET,
    ]


CLAIM = Printer(
    (
        NAME,
        Column("Status"),
        Column("Volume"),
        Column("Capacity"),
        Column("Access Modes"),
        Column("StorageClass"),
        Column("VolumeAttributesClass"),
        AGE,
        wide("VolumeMode"),
    ),
    _claim,
)


def _storage_class(obj: JsonObject) -> list[Any]:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    is_default = annotations.get(_DEFAULT_CLASS) == "true"
    return [
        name_of(obj) + (" (default)" if is_default else ""),
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age(obj),
    ]


STORAGE_CLASS = Printer(
    (
        NAME,
        Column("Provisioner"),
        Column("ReclaimPolicy"),
        Column("VolumeBindingMode"),
        Column("AllowVolumeExpansion"),
        AGE,
    ),
    _storage_class,
)


def _csi_driver(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    audiences = [one.get("audience") or "" for one in spec.get("tokenRequests") or ()]
    return [
        name_of(obj),
        bool(spec.get("attachRequired", True)),
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        ",".join(audiences) if audiences else UNSET,
        bool(spec.get("requiresRepublish")),
        join(spec.get("volumeLifecycleModes") or ()),
        age(obj),
    ]


CSI_DRIVER = Printer(
    (
        NAME,
        Column("AttachRequired", "boolean"),
        Column("PodInfoOnMount", "boolean"),
        Column("StorageCapacity", "boolean"),
        Column("TokenRequests"),
        Column("RequiresRepublish", "boolean"),
        Column("Modes"),
        AGE,
    ),
    _csi_driver,
)


def _csi_node(obj: JsonObject) -> list[Any]:
    return [name_of(obj), len((obj.get("spec") or {}).get("drivers") or ()), age(obj)]


CSI_NODE = Printer((NAME, number("Drivers"), AGE), _csi_node)


def _csi_capacity(obj: JsonObject) -> list[Any]:
    return [
        name_of(obj),
        obj.get("storageClassName") or "",
        obj.get("capacity") or UNSET,
        age(obj),
    ]


CSI_CAPACITY = Printer((NAME, Column("StorageClassName"), Column("Capacity"), AGE), _csi_capacity)


def _attachment(obj: JsonObject) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        spec.get("attacher") or "",
        (spec.get("source") or {}).get("persistentVolumeName") or NONE,
        spec.get("nodeName") or "",
        bool((obj.get("status") or {}).get("attached")),
        age(obj),
    ]


ATTACHMENT = Printer(
    (
        NAME,
        Column("Attacher"),
        Column("PV"),
        Column("Node"),
        Column("Attached", "boolean"),
        AGE,
    ),
    _attachment,
)


def _attributes_class(obj: JsonObject) -> list[Any]:
    return [name_of(obj), obj.get("driverName") or "", age(obj)]


ATTRIBUTES_CLASS = Printer((NAME, Column("DriverName"), AGE), _attributes_class)
