"""Rules about the volumes of a pod: one source each, and a sound one.

Neighbours: `pods` asks; `volume_sources` has what lies on machines and in systems of storage,
`claims` what a volume may ask for. Paths are Kubernetes' own: files of the downward API are named
without their place in the list, tokens without the source that they are in.
"""

from collections.abc import Callable, Sequence

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import claims, common, env, volume_sources
from apimachinery.validation.common import Errors
from apimachinery.validation.seen import Seen
from apimachinery.wire import JsonObject

MODES = "must be a number between 0 and 0777 (octal), both inclusive"
MAX_MODE = 0o777
MIN_TOKEN_SECONDS = 600
MAX_TOKEN_SECONDS = 2**32

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
        errors += _file(one.get("path"), where) + _mode(one.get("mode"), f"{where}.mode")
    return errors


def _file(target: str | None, path: str) -> Errors:
    where = f"{path}.path"
    return common.file_path(target, where) if target else [status.required(where)]


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
    for one in source.get("items") or ():
        errors += _told(one, path)
    return errors


def _told(one: JsonObject, path: str) -> Errors:
    """A file with a field of the pod, or an amount of a container."""
    errors = _file(one.get("path"), path)
    if one.get("fieldRef") is not None:
        errors += env.field_ref(one["fieldRef"], f"{path}.fieldRef", env.FILE_FIELDS)
        if one.get("resourceFieldRef") is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(status.invalid_value(path, "resource", detail))
    elif one.get("resourceFieldRef") is not None:
        where = f"{path}.resourceFieldRef"
        errors += env.resource_ref(one["resourceFieldRef"], where, needs_container=True)
    else:
        errors.append(status.required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(one.get("mode"), f"{path}.mode")


def _projected(source: JsonObject, path: str) -> Errors:
    errors = _mode(source.get("defaultMode"), f"{path}.defaultMode")
    taken: set[str] = set()
    for index, one in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        given = [key for key, value in one.items() if value is not None]
        for key in given:
            errors += _projection(key, one[key], f"{where}.{key}", path)
            errors += _collisions(key, one[key], path, taken)
        if len(given) > 1:
            errors.append(status.forbidden_field(where, "may not specify more than 1 volume type"))
    return errors


def _projection(kind: str, one: JsonObject, path: str, whole: str) -> Errors:
    match kind:
        case "secret" | "configMap":
            errors = [] if one.get("name") else [status.required(f"{path}.name")]
            return errors + _items(one.get("items"), path)
        case "downwardAPI":
            return [error for file in one.get("items") or () for error in _told(file, path)]
        case "serviceAccountToken":
            return _token(one, path) + _file(one.get("path"), whole)
        case "clusterTrustBundle":
            return _bundle(one, path)
        case _:
            return []


def _token(one: JsonObject, path: str) -> Errors:
    seconds, detail = one.get("expirationSeconds") or 0, ""
    if seconds < MIN_TOKEN_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
    elif seconds > MAX_TOKEN_SECONDS:
        detail = "may not specify a duration larger than 2^32 seconds"
    return [status.invalid_value(f"{path}.expirationSeconds", seconds, detail)] if detail else []


def _bundle(one: JsonObject, path: str) -> Errors:
    errors: Errors = []
    if one.get("name") is not None and one.get("signerName") is not None:
        detail = "only one of name and signerName may be used"
        errors.append(status.invalid_value(path, one, detail))
    elif one.get("name") is None and one.get("signerName") is None:
        detail = "either name or signerName must be specified"
        errors.append(status.required(path, detail))
    return errors + _file(one.get("path"), path)


def _collisions(kind: str, one: JsonObject, path: str, taken: set[str]) -> Errors:
    """Two sources must not put different files in one place; the path is the volume's."""
    if kind == "clusterTrustBundle":
        named = [(one.get("path", ""), one.get("path", ""))]
    elif kind in ("secret", "configMap", "downwardAPI"):
        files = [file.get("path", "") for file in one.get("items") or ()]
        named = [(file, file if kind == "downwardAPI" else one.get("name", "")) for file in files]
    else:
        named = []
    errors: Errors = []
    for target, shown in named:
        if target and target in taken:
            errors.append(status.invalid_value(path, shown, "conflicting duplicate paths"))
        taken.add(target)
    return errors


def _empty_dir(source: JsonObject, path: str) -> Errors:
    limit = source.get("sizeLimit")
    if limit is None or Quantity.parse(limit).nano >= 0:
        return []
    detail = "SizeLimit field must be a valid resource quantity"
    return [status.forbidden_field(f"{path}.sizeLimit", detail)]


def _ephemeral(source: JsonObject, path: str) -> Errors:
    return claims.template(source.get("volumeClaimTemplate"), f"{path}.volumeClaimTemplate")


def _named(key: str) -> Callable[[JsonObject, str], Errors]:
    def check(source: JsonObject, path: str) -> Errors:
        return [] if source.get(key) else [status.required(f"{path}.{key}")]

    return check


_SOURCES: dict[str, Callable[[JsonObject, str], Errors]] = {
    **volume_sources.OF_PODS,
    "secret": _secret,
    "configMap": _config_map,
    "downwardAPI": _downward,
    "projected": _projected,
    "emptyDir": _empty_dir,
    "persistentVolumeClaim": _named("claimName"),
    "image": _named("reference"),
    "ephemeral": _ephemeral,
}
