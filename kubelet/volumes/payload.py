"""Which files a configMap, secret, downwardAPI or projected volume shows. Pure.

`kubelet.volumes.manager` fetches the objects and writes the result with `kubelet.volumes.atomic`.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apimachinery.wire import JsonObject
from kubelet.env import ConfigMissingError, field_value, resource_value
from kubelet.options import Capacity, Options
from kubelet.volumes.atomic import File
from kubelet.volumes.errors import VolumeError

DEFAULT_MODE = 0o644
KEYS_OF = {"configmaps": "config", "secrets": "secret"}
"""How messages call them."""
TOKEN_SECONDS = 3600
"""A service account token's default life; the API server may shorten it."""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """A ConfigMap or Secret in the pod's namespace."""

    plural: str
    name: str
    optional: bool


@dataclass(frozen=True, slots=True)
class TokenRef:
    """A service account token that the volume shows."""

    audience: str
    seconds: int
    path: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Who reads the files: the pod's fsGroup, and its only user if there is one."""

    group: int | None = None
    user: int | None = None


def sources(volume: JsonObject) -> list[JsonObject]:
    """The volume as a list of projection sources, each with one of the four kinds."""
    if "projected" in volume:
        return list(volume["projected"].get("sources") or ())
    if "configMap" in volume:
        return [{"configMap": volume["configMap"]}]
    if "secret" in volume:
        secret = volume["secret"]
        return [{"secret": {**secret, "name": secret.get("secretName")}}]
    return [{"downwardAPI": volume["downwardAPI"]}]


def default_mode(volume: JsonObject) -> int:
    for kind in ("projected", "configMap", "secret", "downwardAPI"):
        if kind in volume:
            mode = (volume[kind] or {}).get("defaultMode")
            return DEFAULT_MODE if mode is None else int(mode)
    return DEFAULT_MODE


def object_refs(volume: JsonObject) -> list[ObjectRef]:
    """What has to be fetched for the volume, and watched after."""
    found = []
    for source in sources(volume):
        for kind, plural in (("configMap", "configmaps"), ("secret", "secrets")):
            if kind in source:
                body = source[kind] or {}
                name = str(body.get("name") or "")
                found.append(ObjectRef(plural, name, bool(body.get("optional"))))
    return found


def token_refs(volume: JsonObject) -> list[TokenRef]:
    return [
        TokenRef(
            str(body.get("audience") or ""),
            int(body.get("expirationSeconds") or TOKEN_SECONDS),
            str(body.get("path") or "token"),
        )
        for source in sources(volume)
        if (body := source.get("serviceAccountToken")) is not None
    ]


def files(
    volume: JsonObject,
    pod: JsonObject,
    objects: Mapping[tuple[str, str], JsonObject | None],
    tokens: Mapping[TokenRef, str],
    owner: Owner,
    options: Options,
    capacity: Capacity,
) -> dict[str, File]:
    """The whole content. `objects` by (plural, name), None where missing. VolumeError."""
    mode = default_mode(volume)
    result: dict[str, File] = {}
    for source in sources(volume):
        if "configMap" in source:
            body = source["configMap"] or {}
            result |= _of_object(body, objects, "configmaps", mode, owner)
        elif "secret" in source:
            result |= _of_object(source["secret"] or {}, objects, "secrets", mode, owner)
        elif "downwardAPI" in source:
            body = source["downwardAPI"] or {}
            result |= _downward(body, pod, options, capacity, mode, owner)
    for token in token_refs(volume):
        result[token.path] = _token_file(tokens[token].encode(), mode, owner)
    return result


def _of_object(
    body: JsonObject,
    objects: Mapping[tuple[str, str], JsonObject | None],
    plural: str,
    mode: int,
    owner: Owner,
) -> dict[str, File]:
    name = str(body.get("name") or "")
    optional = bool(body.get("optional"))
    obj = objects.get((plural, name))
    singular = plural.removesuffix("s")
    if obj is None:
        if optional:
            return {}
        raise VolumeError(f'{singular} "{name}" not found')
    data = _contents(obj, plural)
    items = body.get("items")
    if not items:
        return {key: _file(value, mode, owner) for key, value in data.items()}
    result = {}
    for item in items:
        key = item["key"]
        if key not in data:
            if optional:
                continue
            raise VolumeError(f"references non-existent {KEYS_OF[plural]} key: {key}")
        item_mode = item.get("mode")
        own = mode if item_mode is None else int(item_mode)
        result[str(item["path"])] = _file(data[key], own, owner)
    return result


def _contents(obj: JsonObject, plural: str) -> dict[str, bytes]:
    decode: Callable[[str], bytes] = _decode if plural == "secrets" else str.encode
    result = {key: decode(value) for key, value in (obj.get("data") or {}).items()}
    result |= {key: _decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    return result


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value)
    except binascii.Error:
        return b""


def _downward(
    body: JsonObject,
    pod: JsonObject,
    options: Options,
    capacity: Capacity,
    mode: int,
    owner: Owner,
) -> dict[str, File]:
    result = {}
    for item in body.get("items") or ():
        try:
            if "fieldRef" in item:
                text = field_value(pod, str(item["fieldRef"].get("fieldPath")), options)
            else:
                text = resource_value(pod, {}, item.get("resourceFieldRef") or {}, capacity)
        except ConfigMissingError as error:
            raise VolumeError(str(error)) from error
        item_mode = item.get("mode")
        own = mode if item_mode is None else int(item_mode)
        result[str(item["path"])] = _file(text.encode(), own, owner)
    return result


def _file(data: bytes, mode: int, owner: Owner) -> File:
    """With an fsGroup the group may read, whatever the mode says (as in Kubernetes)."""
    if owner.group is not None:
        return File(data, mode | 0o440, gid=owner.group)
    return File(data, mode)


def _token_file(data: bytes, mode: int, owner: Owner) -> File:
    """Tokens are for the pod's user or group alone, where it has one."""
    if owner.group is not None:
        return File(data, 0o640, gid=owner.group)
    if owner.user is not None:
        return File(data, 0o600, uid=owner.user)
    return File(data, mode)
