"""LimitRanger: defaults and bounds for the resources of each container, pod and claim.

The ranges of a namespace are read from the cache and remembered until one of them changes. The
arithmetic is pure (`defaulted`, `violations`). Neighbours: LimitRange objects; quotas are counted
after this, so that defaults count.
"""

from collections.abc import Iterable
from typing import ClassVar

from apimachinery import scheme, status
from apimachinery.quantity import Quantity, QuantityError
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.cache import WatchCache


class LimitRanger(Plugin):
    """Fills in what a namespace's ranges say, then refuses what lies outside."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods", "persistentvolumeclaims"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"", "resize"})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    def _items(self, namespace: str, kind: str) -> list[JsonObject]:
        """The limits of one type in all ranges of a namespace."""
        found: list[JsonObject] = []
        if not self._cache.count(scheme.LIMITRANGES):
            return found
        for entry in self._cache.list(scheme.LIMITRANGES, namespace).entries:
            limits = (entry.parse().get("spec") or {}).get("limits") or []
            found += [limit for limit in limits if limit.get("type") == kind]
        return found

    async def mutate(self, attempt: Attempt) -> None:
        if attempt.operation != CREATE or attempt.resource.gr != "pods" or attempt.obj is None:
            return
        for item in self._items(attempt.namespace, "Container"):
            for container in containers(attempt.obj):
                container["resources"] = defaulted(container.get("resources") or {}, item)

    async def validate(self, attempt: Attempt) -> None:
        obj = attempt.obj
        if obj is None or (attempt.operation == UPDATE and attempt.subresource != "resize"):
            return
        problems: list[str] = []
        if attempt.resource.gr == "persistentvolumeclaims":
            resources = (obj.get("spec") or {}).get("resources") or {}
            for item in self._items(attempt.namespace, "PersistentVolumeClaim"):
                problems += violations(resources, item)
        else:
            for item in self._items(attempt.namespace, "Container"):
                for container in containers(obj):
                    problems += violations(container.get("resources") or {}, item)
            for item in self._items(attempt.namespace, "Pod"):
                problems += violations(total(obj), item)
        if problems:
            text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise status.forbidden(attempt.resource.plural, attempt.name, text)


def containers(pod: JsonObject) -> list[JsonObject]:
    spec = pod.get("spec") or {}
    return [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]


def defaulted(resources: JsonObject, item: JsonObject) -> JsonObject:
    """The resources with a range's defaults where nothing is said."""
    out = dict(resources)
    for part, source in (("limits", "default"), ("requests", "defaultRequest")):
        wanted = item.get(source) or {}
        missing = {key: value for key, value in wanted.items() if key not in (out.get(part) or {})}
        if missing:
            out[part] = {**(out.get(part) or {}), **missing}
    # A limit without a request asks for as much as it allows, unless the range says otherwise.
    for key, value in (out.get("limits") or {}).items():
        out.setdefault("requests", {}).setdefault(key, value)
    return out


def violations(resources: JsonObject, item: JsonObject) -> list[str]:
    """What lies outside of a range's bounds, in Kubernetes' words."""
    kind = item.get("type", "")
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    found = []
    for key, bound in (item.get("min") or {}).items():
        request = requests.get(key)
        if request is None:
            found.append(f"minimum {key} usage per {kind} is {bound}.  No request is specified")
        elif _amount(request) < _amount(bound):
            found.append(f"minimum {key} usage per {kind} is {bound}, but request is {request}")
    for key, bound in (item.get("max") or {}).items():
        limit = limits.get(key)
        if kind == "PersistentVolumeClaim":
            limit = requests.get(key)
        if limit is None:
            found.append(f"maximum {key} usage per {kind} is {bound}.  No limit is specified")
        elif _amount(limit) > _amount(bound):
            found.append(f"maximum {key} usage per {kind} is {bound}, but limit is {limit}")
    for key, bound in (item.get("maxLimitRequestRatio") or {}).items():
        found += _ratio(kind, key, bound, requests.get(key), limits.get(key))
    return found


def _ratio(
    kind: str, key: str, bound: str, request: str | None, limit: str | None
) -> Iterable[str]:
    if request is None or limit is None or _amount(request) == _ZERO:
        yield (
            f"{key} max limit to request ratio per {kind} is {bound}, but no request is specified "
            "or request is 0"
        )
        return
    actual = _amount(limit).milli() / _amount(request).milli()
    if actual > _amount(bound).milli() / 1000:
        yield (
            f"{key} max limit to request ratio per {kind} is {bound}, but provided ratio is "
            f"{actual:f}"
        )


_ZERO = Quantity.parse(0)


def _amount(text: object) -> Quantity:
    try:
        return Quantity.parse(text)  # type: ignore[arg-type]  # decoded: a string or a number
    except QuantityError:
        return _ZERO


def total(pod: JsonObject) -> JsonObject:
    """What a whole pod asks for: its containers together, or the largest init container."""
    spec = pod.get("spec") or {}
    out: JsonObject = {}
    for part in ("requests", "limits"):
        amounts: dict[str, Quantity] = {}
        for container in spec.get("containers") or []:
            for key, value in ((container.get("resources") or {}).get(part) or {}).items():
                amounts[key] = amounts.get(key, _ZERO) + _amount(value)
        for container in spec.get("initContainers") or []:
            for key, value in ((container.get("resources") or {}).get(part) or {}).items():
                amounts[key] = max(amounts.get(key, _ZERO), _amount(value))
        out[part] = {key: str(value) for key, value in amounts.items()}
    return out
