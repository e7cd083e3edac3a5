"""Conversion of custom objects between versions by the webhook that their definition names.

Stored bytes are converted when somebody wants to see another version; what came back is remembered,
so a list or a watch asks once for each state of an object. Neighbours: `caller` carries the bytes,
`apiserver.handlers.converted` asks, `apiserver.registry.definitions` says which webhook.
"""

import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from apimachinery import status
from apimachinery.resource import Resource
from apimachinery.schema.kind import CustomKind
from apimachinery.wire import JsonObject
from apiserver import conversion
from apiserver.admission.chain import Attempt
from apiserver.admission.webhooks.caller import Caller, Unreachable

API_VERSION = "apiextensions.k8s.io/v1"
SECONDS = 30.0
"""A webhook's time for one request, as in Kubernetes."""
KEPT = 4096
"""Converted objects that are remembered: a long list, and what its watchers see."""
REQUEST_BYTES = 1024 * 1024
"""Objects sent at once: answers are bounded, a long list is not."""
KEPT_BY_OBJECT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
"""Metadata that a webhook may not change."""


_Key = tuple[CustomKind, str, bytes]
"""A version as it was defined (another definition is another value), its name, the stored bytes."""


class _Bad(Exception):  # noqa: N818  told in the words of `_failed`
    """The answer is none."""


class Conversions:
    """See the module."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._known: OrderedDict[_Key, JsonObject] = OrderedDict()

    async def stored(self, resource: Resource, raws: Sequence[bytes]) -> list[JsonObject]:
        """Stored objects in the version of a resource."""
        assert resource.custom is not None, "only custom resources are converted"
        keys = [(resource.custom, resource.version, raw) for raw in raws]
        missing = [key for key in dict.fromkeys(keys) if key not in self._known]
        for part in _parts(missing):
            made = await self.converted(resource, [orjson.loads(raw) for _, _, raw in part])
            self._known.update(zip(part, made, strict=True))
        found = [self._known[key] for key in keys]
        while len(self._known) > max(KEPT, len(keys)):
            self._known.popitem(last=False)
        # Whoever asked may change what it gets.
        return [orjson.loads(orjson.dumps(one)) for one in found]

    async def shown(self, attempt: Attempt, row: Resource) -> Attempt:
        """A write with its objects as they are in another version; itself where that is none."""
        if row == attempt.resource or attempt.of_own_kind:
            return attempt
        obj = await self._seen(attempt.obj, row)
        return replace(attempt, obj=obj, old=await self._seen(attempt.old, row))

    async def _seen(self, obj: JsonObject | None, row: Resource) -> JsonObject | None:
        if obj is None:
            return None
        if row.custom is None or row.custom.conversion is None:
            return conversion.from_stored(row, obj)
        return (await self.converted(row, [obj]))[0]

    async def back(self, attempt: Attempt, obj: JsonObject, row: Resource) -> JsonObject:
        """An object that was shown as one of `row`, as it is stored."""
        if row == attempt.resource or attempt.of_own_kind:
            return obj
        if row.custom is None or row.custom.conversion is None:
            return conversion.to_stored(row, obj)
        return (await self.converted(attempt.resource, [obj]))[0]

    async def converted(self, resource: Resource, objects: list[JsonObject]) -> list[JsonObject]:
        """Objects of any versions in the version of a resource; 500 where the webhook fails."""
        custom = resource.custom
        assert custom is not None, "only custom resources are converted"
        assert custom.conversion is not None, "asked where there is a webhook"
        uid = str(uuid.uuid4())
        review = {
            "kind": "ConversionReview",
            "apiVersion": API_VERSION,
            "request": {
                "uid": uid,
                "desiredAPIVersion": resource.api_version,
                "objects": objects,
            },
        }
        client = custom.conversion.get("clientConfig") or {}
        try:
            answer = await self._caller.post(client, orjson.dumps(review), SECONDS)
            made = _read(answer, uid, resource, objects)
        except (Unreachable, _Bad) as error:
            raise _failed(objects[0], str(error)) from error
        for one in made:
            custom.prune(one)
            custom.default(one)
        return made


def _parts(keys: list[_Key]) -> Iterator[list[_Key]]:
    """Cut into requests that are not too long."""
    part: list[_Key] = []
    size = 0
    for key in keys:
        if part and size + len(key[2]) > REQUEST_BYTES:
            yield part
            part, size = [], 0
        part.append(key)
        size += len(key[2])
    if part:
        yield part


def _failed(obj: JsonObject, problem: str) -> status.ApiError:
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    what = f"{group}/{version}, Kind={obj.get('kind', '')}"
    return status.internal_error(f"conversion webhook for {what} failed: {problem}")


def _read(body: bytes, uid: str, resource: Resource, objects: list[JsonObject]) -> list[JsonObject]:
    """The objects of an answer; raises _Bad."""
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _Bad(f"couldn't get version/kind; json parse error: {error}") from error
    if not isinstance(review, dict) or review.get("kind") != "ConversionReview":
        raise _Bad("expected a ConversionReview")
    response = review.get("response")
    if not isinstance(response, dict):
        raise _Bad("no response provided")
    if response.get("uid") != uid:
        raise _Bad(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    result: Any = response.get("result") or {}
    if result.get("status") != "Success":
        said = result.get("message")
        if not said and result.get("status") != "Failure":
            raise _Bad(f"response.result.status was '{result.get('status', '')}', not 'Success'")
        raise _Bad(str(said or "no reason given"))
    made = response.get("convertedObjects") or []
    if len(made) != len(objects):
        raise _Bad(f"returned {len(made)} objects, expected {len(objects)}")
    for old, new in zip(objects, made, strict=True):
        _check(old, new, resource)
    return list(made)


def _check(old: JsonObject, new: Any, resource: Resource) -> None:
    """A converted object is the same object, of the wanted version; only labels may differ."""
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise _Bad("returned invalid converted object: it has no metadata")
    for key, wanted in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if new.get(key) != wanted:
            found = new.get(key, "")
            raise _Bad(f"returned invalid converted object: invalid {key}: {found}, want {wanted}")
    before = old.get("metadata") or {}
    for key in KEPT_BY_OBJECT:
        if before.get(key) != new["metadata"].get(key):
            raise _Bad(f"returned invalid metadata: metadata.{key} must not be changed")
    changed = {key: new["metadata"].get(key) for key in ("labels", "annotations")}
    kept = {key: one for key, one in before.items() if key not in changed}
    new["metadata"] = {**kept, **{key: one for key, one in changed.items() if one}}
