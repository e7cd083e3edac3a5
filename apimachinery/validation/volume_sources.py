"""Rules about where the bytes of volumes are: on machines and in systems of storage.

Most have a few members that must be there. Neighbours: `volumes` asks for pods, `storage` for
persistent volumes; what comes from the API (secrets, tokens) is in `volumes`. Paths are
Kubernetes' own.
"""

import re
from collections.abc import Callable

from apimachinery import names, status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

Check = Callable[[JsonObject, str], Errors]

HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
MAX_DRIVER = 63
"""Characters of the name of a storage driver."""
MAX_NUMBER = 255
"""Of a partition or a logical unit."""
_ISCSI_NAMES = (
    re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)"),
    re.compile(r"eui.[0-9A-Fa-f]{16}"),
    re.compile(r"naa.[0-9A-Fa-f]{32}"),
)
_OWN_DOMAINS = (".kubernetes.io", ".k8s.io")


def _required(*keys: str) -> Check:
    def check(source: JsonObject, path: str) -> Errors:
        return [status.required(f"{path}.{key}") for key in keys if not source.get(key)]

    return check


def host_path(source: JsonObject, path: str) -> Errors:
    """A directory of the node."""
    if not source.get("path"):
        return [status.required(f"{path}.path")]
    errors = common.no_backsteps(source["path"], f"{path}.path")
    kind = source.get("type")
    if kind is not None and kind not in HOST_PATH_TYPES:
        errors.append(status.not_supported(f"{path}.type", kind, HOST_PATH_TYPES))
    return errors


def _local(source: JsonObject, path: str) -> Errors:
    if not source.get("path"):
        return [status.required(f"{path}.path")]
    return common.no_backsteps(source["path"], f"{path}.path")


def _nfs(source: JsonObject, path: str) -> Errors:
    errors = _required("server", "path")(source, path)
    target = source.get("path", "")
    if not target.startswith("/"):
        errors.append(status.invalid_value(f"{path}.path", target, "must be an absolute path"))
    return errors


def _git(source: JsonObject, path: str) -> Errors:
    errors = _required("repository")(source, path)
    return errors + common.path_without_dots(source.get("directory", ""), f"{path}.directory")


def _disk(key: str) -> Check:
    def check(source: JsonObject, path: str) -> Errors:
        errors = _required(key)(source, path)
        return errors + common.in_range(source.get("partition"), f"{path}.partition", 0, MAX_NUMBER)

    return check


def driver_name(name: str, path: str) -> Errors:
    errors: Errors = [] if name else [status.required(path)]
    if len(name) > MAX_DRIVER:
        errors.append(status.too_long(path, MAX_DRIVER))
    shown = names.dns1123_subdomain(name.lower())
    return errors + [status.invalid_value(path, name, text) for text in shown]


def _csi(source: JsonObject, path: str) -> Errors:
    errors = driver_name(source.get("driver", ""), f"{path}.driver")
    secret = source.get("nodePublishSecretRef")
    if secret is None:
        return errors
    if not secret.get("name"):
        return [*errors, status.required(f"{path}.nodePublishSecretRef.name")]
    return errors + common.name(secret["name"], f"{path}.name", names.dns1123_subdomain)


def _persistent_csi(source: JsonObject, path: str) -> Errors:
    errors = driver_name(source.get("driver", ""), f"{path}.driver")
    errors += _required("volumeHandle")(source, path)
    for key in (
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ):
        if source.get(key) is not None:
            where = f"{path}.{key}"
            errors += common.name(source[key].get("name"), f"{where}.name", names.dns1123_subdomain)
            space = source[key].get("namespace")
            errors += common.name(space, f"{where}.namespace", names.dns1123_label)
    return errors


def _iscsi(source: JsonObject, path: str) -> Errors:
    errors = _required("targetPortal")(source, path)
    name, initiator = source.get("iqn", ""), source.get("initiatorName")
    errors += _iscsi_name(name, f"{path}.iqn") if name else [status.required(f"{path}.iqn")]
    errors += common.in_range(source.get("lun"), f"{path}.lun", 0, MAX_NUMBER)
    secret = source.get("secretRef")
    if secret is None and (source.get("chapAuthDiscovery") or source.get("chapAuthSession")):
        errors.append(status.required(f"{path}.secretRef"))
    if initiator is not None:
        errors += _iscsi_name(initiator, f"{path}.initiatorname")
    return errors


def _iscsi_name(name: str, path: str) -> Errors:
    if any(form.fullmatch(name) for form in _ISCSI_NAMES):
        return []
    if not name.startswith(("iqn", "eui", "naa")):
        detail = "must be valid format starting with iqn, eui, or naa"
        return [status.invalid_value(path, name, detail)]
    return [status.invalid_value(path, name, "must be valid format")]


def _fibre(source: JsonObject, path: str) -> Errors:
    targets, wide, unit = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    where = f"{path}.targetWWNs"
    errors: Errors = []
    if not targets and not wide:
        detail = "must specify either targetWWNs or wwids, but not both"
        errors.append(status.required(where, detail))
    if targets and wide:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(status.invalid_value(where, targets, detail))
    if targets and unit is None:
        detail = "lun is required if targetWWNs is specified"
        errors.append(status.required(f"{path}.lun", detail))
    elif targets:
        errors += common.in_range(unit, f"{path}.lun", 0, MAX_NUMBER)
    return errors


def _flex(source: JsonObject, path: str) -> Errors:
    errors = _required("driver")(source, path)
    detail = "kubernetes.io and k8s.io namespaces are reserved"
    return errors + [
        status.invalid_value(f"{path}.options[{key}]", key, detail)
        for key in source.get("options") or ()
        if f".{key.partition('/')[0].lower()}".endswith(_OWN_DOMAINS)
    ]


def _cinder(source: JsonObject, path: str) -> Errors:
    errors = _required("volumeID")(source, path)
    if source.get("secretRef") is not None:
        errors += _required("name")(source["secretRef"], f"{path}.secretRef")
    return errors


_COMMON: dict[str, Check] = {
    "hostPath": host_path,
    "nfs": _nfs,
    "iscsi": _iscsi,
    "fc": _fibre,
    "flexVolume": _flex,
    "cinder": _cinder,
    "gcePersistentDisk": _disk("pdName"),
    "awsElasticBlockStore": _disk("volumeID"),
    "azureFile": _required("secretName", "shareName"),
    "azureDisk": _required("diskName", "diskURI"),
    "vsphereVolume": _required("volumePath"),
    "photonPersistentDisk": _required("pdID"),
    "portworxVolume": _required("volumeID"),
    "scaleIO": _required("gateway", "system", "volumeName"),
    "storageos": _required("volumeName"),
    "quobyte": _required("registry", "volume"),
    "glusterfs": _required("endpoints", "path"),
    "cephfs": _required("monitors"),
    "rbd": _required("monitors", "image"),
}
OF_PODS: dict[str, Check] = {**_COMMON, "csi": _csi, "gitRepo": _git}
_PERSISTENT: dict[str, Check] = {**_COMMON, "csi": _persistent_csi, "local": _local}


def persistent(kind: str, source: JsonObject, path: str) -> Errors:
    """The source of a persistent volume."""
    check = _PERSISTENT.get(kind)
    return check(source, path) if check is not None else []
