"""Rules about where a container's volumes appear: as directories and files, and as devices.

Neighbours: `containers` asks; `volumes` judges the volumes themselves.
"""

from collections.abc import Mapping, Sequence

from apimachinery import status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

Volumes = Mapping[str, JsonObject]
"""The pod's volumes by name."""

PROPAGATION = ("Bidirectional", "HostToContainer", "None")
RECURSIVE_READ_ONLY = ("Disabled", "Enabled", "IfPossible")


def check(container: JsonObject, path: str, volumes: Volumes) -> Errors:
    """The lists `volumeMounts` and `volumeDevices`."""
    mounts, devices = container.get("volumeMounts") or (), container.get("volumeDevices") or ()
    errors = _mounts(mounts, devices, f"{path}.volumeMounts", volumes) if mounts else []
    if mounts:
        for one in mounts:
            errors += _modes(one, container, f"{path}.volumeMounts")
    return errors + (_devices(devices, mounts, f"{path}.volumeDevices", volumes) if devices else [])


def _mounts(
    mounts: Sequence[JsonObject], devices: Sequence[JsonObject], path: str, volumes: Volumes
) -> Errors:
    errors: Errors = []
    taken: set[str] = set()
    device_names = {one.get("name") for one in devices}
    device_paths = {one.get("devicePath") for one in devices}
    for index, one in enumerate(mounts):
        where = f"{path}[{index}]"
        name, target = one.get("name", ""), one.get("mountPath", "")
        if not name:
            errors.append(status.required(f"{where}.name"))
        if name not in volumes:
            errors.append(status.not_found_value(f"{where}.name", name))
        if not target:
            errors.append(status.required(f"{where}.mountPath"))
        if target in taken:
            errors.append(status.invalid_value(f"{where}.mountPath", target, "must be unique"))
        taken.add(target)
        if name in device_names:
            detail = "must not already exist in volumeDevices"
            errors.append(status.invalid_value(f"{where}.name", name, detail))
        if target in device_paths:
            detail = "must not already exist as a path in volumeDevices"
            errors.append(status.invalid_value(f"{where}.mountPath", target, detail))
        errors += _sub_paths(one, where, path)
    return errors


def _sub_paths(one: JsonObject, where: str, path: str) -> Errors:
    """Kubernetes names the list, not its item, where a sub-path is no good."""
    plain, expression = one.get("subPath"), one.get("subPathExpr")
    errors: Errors = []
    if plain:
        errors += common.path_without_dots(plain, f"{path}.subPath")
    if expression:
        if plain:
            detail = "subPathExpr and subPath are mutually exclusive"
            errors.append(status.invalid_value(f"{where}.subPathExpr", expression, detail))
        errors += common.path_without_dots(expression, f"{path}.subPathExpr")
    return errors


def _modes(one: JsonObject, container: JsonObject, path: str) -> Errors:
    """How mounts spread, and how far down they are read-only."""
    spread, depth = one.get("mountPropagation"), one.get("recursiveReadOnly")
    errors: Errors = []
    if spread is not None:
        where = f"{path}.mountPropagation"
        if spread not in PROPAGATION:
            errors.append(status.not_supported(where, spread, PROPAGATION))
        if spread == "Bidirectional" and not (container.get("securityContext") or {}).get(
            "privileged"
        ):
            detail = "Bidirectional mount propagation is available only to privileged containers"
            errors.append(status.forbidden_field(where, detail))
    if depth is not None:
        where = f"{path}.recursiveReadOnly"
        if depth not in RECURSIVE_READ_ONLY:
            errors.append(status.not_supported(where, depth, RECURSIVE_READ_ONLY))
        elif depth != "Disabled":
            if not one.get("readOnly"):
                detail = "may only be specified when readOnly is true"
                errors.append(status.forbidden_field(where, detail))
            if spread not in (None, "None"):
                detail = "may only be specified when mountPropagation is None or not specified"
                errors.append(status.forbidden_field(where, detail))
    return errors


def _devices(
    devices: Sequence[JsonObject], mounts: Sequence[JsonObject], path: str, volumes: Volumes
) -> Errors:
    errors: Errors = []
    names_taken: set[str] = set()
    paths_taken: set[str] = set()
    mount_names = {one.get("name") for one in mounts}
    mount_paths = {one.get("mountPath") for one in mounts}
    for index, one in enumerate(devices):
        where = f"{path}[{index}]"
        name, target = one.get("name", ""), one.get("devicePath", "")
        for key, value, taken in (
            ("name", name, names_taken),
            ("devicePath", target, paths_taken),
        ):
            if not value:
                errors.append(status.required(f"{where}.{key}"))
            elif value in taken:
                errors.append(status.invalid_value(f"{where}.{key}", value, "must be unique"))
            taken.add(value)
        errors += _claimed(name, f"{where}.name", volumes)
        if ".." in target.split("/"):
            detail = "can not contain backsteps ('..')"
            errors.append(status.invalid_value(f"{where}.devicePath", target, detail))
        if name in mount_names:
            detail = "must not already exist in volumeMounts"
            errors.append(status.invalid_value(f"{where}.name", name, detail))
        if target in mount_paths:
            detail = "must not already exist as a path in volumeMounts"
            errors.append(status.invalid_value(f"{where}.devicePath", target, detail))
    return errors


def _claimed(name: str, path: str, volumes: Volumes) -> Errors:
    """A device is a claim's volume."""
    volume = volumes.get(name)
    if volume is None:
        return [status.not_found_value(path, name)]
    if volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
        detail = (
            "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        )
        return [status.invalid_value(path, name, detail)]
    return []
