"""Rules about the volumes of a pod: one source each, and a sound one.

Neighbours: `apimachinery.validation.pods`, `apimachinery.validation.storage` (claims, volumes).
"""

from collections.abc import Callable, Sequence

from apimachinery import names, status
from apimachinery.validation import common, env, resources
from apimachinery.validation.common import Errors
from apimachinery.validation.seen import Seen
from apimachinery.wire import JsonObject

MODES = "must be a number between 0 and 0777 (octal), both inclusive"
MAX_MODE = 0o777
MIN_TOKEN_SECONDS = 600
MAX_TOKEN_SECONDS = 2**32

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

_SOUND = Seen(without=("name",))
"""Volumes but for their names: the token's volume has another one in each pod."""


def volumes(items: Sequence[JsonObject], path: str) -> Errors:
    """All volumes of a pod."""
    errors: Errors = []
    for index, one in enumerate(items):
        where = f"{path}[{index}]"
        errors += common.name(one.get("name"), f"{where}.name", names.dns1123_label)
        key = _SOUND.key(one)
        if key not in _SOUND:
            found = _source(one, where)
            if not found:
                _SOUND.add(key)
            errors += found
    named = ((f"{path}[{index}].name", one.get("name")) for index, one in enumerate(items))
    return errors + common.unique(named)


def _source(one: JsonObject, where: str) -> Errors:
    """Exactly one source, and a sound one."""
    given = [key for key, value in one.items() if key != "name" and value is not None]
    if not given:
        return [status.required(where, "must specify a volume type")]
    errors = [
        status.forbidden_field(f"{where}.{key}", "may not specify more than 1 volume type")
        for key in given[1:]
    ]
    check = _SOURCES.get(given[0])
    return errors + check(one[given[0]], f"{where}.{given[0]}") if check is not None else errors


def _mode(value: int | None, path: str) -> Errors:
    if value is not None and not 0 <= value <= MAX_MODE:
        return [status.invalid_value(path, value, MODES)]
    return []


def _items(items: Sequence[JsonObject] | None, path: str) -> Errors:
    errors: Errors = []
    for index, one in enumerate(items or ()):
        where = f"{path}.items[{index}]"
        if not one.get("key"):
            errors.append(status.required(f"{where}.key"))
        errors += _file(one, where)
    return errors


def _file(one: JsonObject, path: str) -> Errors:
    if not one.get("path"):
        return [status.required(f"{path}.path")]
    return common.path_without_dots(one["path"], f"{path}.path") + _mode(
        one.get("mode"), f"{path}.mode"
    )


def _secret(source: JsonObject, path: str) -> Errors:
    errors = [] if source.get("secretName") else [status.required(f"{path}.secretName")]
    errors += _mode(source.get("defaultMode"), f"{path}.defaultMode")
    return errors + _items(source.get("items"), path)


def _config_map(source: JsonObject, path: str) -> Errors:
    errors = [] if source.get("name") else [status.required(f"{path}.name")]
    errors += _mode(source.get("defaultMode"), f"{path}.defaultMode")
    return errors + _items(source.get("items"), path)


def _downward(source: JsonObject, path: str) -> Errors:
    errors = _mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, one in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        errors += _file(one, where)
        if one.get("fieldRef") is not None:
            errors += env.field_ref(one["fieldRef"], f"{where}.fieldRef", env.FILE_FIELDS)
            if one.get("resourceFieldRef") is not None:
                detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
                errors.append(status.invalid_value(where, "resource", detail))
        elif one.get("resourceFieldRef") is not None:
            errors += env.resource_ref(
                one["resourceFieldRef"], f"{where}.resourceFieldRef", needs_container=True
            )
        else:
            detail = "one of fieldRef and resourceFieldRef is required"
            errors.append(status.required(where, detail))
    return errors


def _projected(source: JsonObject, path: str) -> Errors:
    errors = _mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, one in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        given = [key for key, value in one.items() if value is not None]
        if not given:
            errors.append(status.required(where, "must specify a volume type"))
        errors += (
            status.forbidden_field(f"{where}.{key}", "may not specify more than 1 volume type")
            for key in given[1:]
        )
        for key in given[:1]:
            errors += _projection(key, one[key], f"{where}.{key}")
    return errors


def _projection(kind: str, one: JsonObject, path: str) -> Errors:
    if kind in ("secret", "configMap"):
        errors = [] if one.get("name") else [status.required(f"{path}.name")]
        return errors + _items(one.get("items"), path)
    if kind == "downwardAPI":
        return _downward(one, path)
    if kind == "serviceAccountToken":
        seconds = one.get("expirationSeconds") or 0
        where = f"{path}.expirationSeconds"
        errors = []
        if seconds < MIN_TOKEN_SECONDS:
            detail = "may not specify a duration less than 10 minutes"
            errors.append(status.invalid_value(where, seconds, detail))
        elif seconds > MAX_TOKEN_SECONDS:
            detail = "may not specify a duration larger than 2^32 seconds"
            errors.append(status.invalid_value(where, seconds, detail))
        if not one.get("path"):
            errors.append(status.required(f"{path}.path"))
        return errors
    return []


def _host_path(source: JsonObject, path: str) -> Errors:
    target = source.get("path", "")
    if not target:
        return [status.required(f"{path}.path")]
    errors: Errors = []
    if ".." in target.split("/"):
        detail = "must not contain '..'"
        errors.append(status.invalid_value(f"{path}.path", target, detail))
    kind = source.get("type")
    if kind is not None and kind not in HOST_PATH_TYPES:
        errors.append(status.not_supported(f"{path}.type", kind, HOST_PATH_TYPES))
    return errors


def _empty_dir(source: JsonObject, path: str) -> Errors:
    limit = source.get("sizeLimit")
    return resources.amount(limit, f"{path}.sizeLimit") if limit is not None else []


def _required(*keys: str) -> Callable[[JsonObject, str], Errors]:
    def check(source: JsonObject, path: str) -> Errors:
        return [status.required(f"{path}.{key}") for key in keys if not source.get(key)]

    return check


_SOURCES: dict[str, Callable[[JsonObject, str], Errors]] = {
    "secret": _secret,
    "configMap": _config_map,
    "downwardAPI": _downward,
    "projected": _projected,
    "hostPath": _host_path,
    "emptyDir": _empty_dir,
    "persistentVolumeClaim": _required("claimName"),
    "nfs": _required("server", "path"),
    "csi": _required("driver"),
    "image": _required("reference"),
    "ephemeral": _required("volumeClaimTemplate"),
    "iscsi": _required("targetPortal", "iqn"),
    "gitRepo": _required("repository"),
}
