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

NOTE = "kubernetes.io/limit-ranger"
"""The annotation of pods that were given amounts."""


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
        told = []
        for item in self._items(attempt.namespace, "Container"):
            for container in containers(attempt.obj):
                before = container.get("resources") or {}
                container["resources"] = defaulted(before, item)
                told += noted(container, before, init=_is_init(attempt.obj, container))
        if told:
            annotations = attempt.obj["metadata"].setdefault("annotations", {})
            annotations[NOTE] = "LimitRanger plugin set: " + "; ".join(told)

    async def validate(self, attempt: Attempt) -> None:
        obj = attempt.obj
        grown = attempt.subresource == "resize" or attempt.resource.gr != "pods"
        if obj is None or (attempt.operation == UPDATE and not grown):
            return  # a pod's resources change by resize only
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


def _is_init(pod: JsonObject, container: JsonObject) -> bool:
    return any(one is container for one in pod["spec"].get("initContainers") or ())


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


def noted(container: JsonObject, before: JsonObject, *, init: bool) -> list[str]:
    """What was filled in, as the pod's annotation says it."""
    kind = "init container" if init else "container"
    found = []
    for part in ("requests", "limits"):
        now = (container.get("resources") or {}).get(part) or {}
        new = sorted(key for key in now if key not in (before.get(part) or {}))
        if new:
            one = part.removesuffix("s")
            found.append(f"{', '.join(new)} {one} for {kind} {container.get('name', '')}")
    return found


def violations(resources: JsonObject, item: JsonObject) -> list[str]:
    """What lies outside of a range's bounds, in Kubernetes' words."""
    kind = item.get("type", "")
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    found = []
    for key, bound in (item.get("min") or {}).items():
        head = f"minimum {key} usage per {kind} is {bound}"
        request, limit = requests.get(key), limits.get(key)
        if request is None:
            found.append(f"{head}.  No request is specified")
        elif _amount(request) < _amount(bound):
            found.append(f"{head}, but request is {request}")
        elif limit is not None and _amount(limit) < _amount(bound):
            found.append(f"{head}, but limit is {limit}")
    for key, bound in (item.get("max") or {}).items():
        head = f"maximum {key} usage per {kind} is {bound}"
        request, limit = requests.get(key), limits.get(key)
        if kind == "PersistentVolumeClaim":
            limit = request  # claims have no limits: what they ask for is what they get
        what = "request" if kind == "PersistentVolumeClaim" else "limit"
        if limit is None:
            found.append(f"{head}.  No {what} is specified")
        elif _amount(limit) > _amount(bound):
            found.append(f"{head}, but {what} is {limit}")
        elif request is not None and _amount(request) > _amount(bound):
            found.append(f"{head}, but request is {request}")
    for key, bound in (item.get("maxLimitRequestRatio") or {}).items():
        found += _ratio(kind, key, bound, requests.get(key), limits.get(key))
    return found


def _ratio(
    kind: str, key: str, bound: str, request: str | None, limit: str | None
) -> Iterable[str]:
    head = f"{key} max limit to request ratio per {kind} is {bound}"
    if request is None or _amount(request) == _ZERO:
        yield f"{head}, but no request is specified or request is 0"
        return
    if limit is None or _amount(limit) == _ZERO:
        yield f"{head}, but no limit is specified or limit is 0"
        return
    actual = _amount(limit).milli() / _amount(request).milli()
    if actual > _amount(bound).milli() / 1000:
        yield f"{head}, but provided ratio is {actual:f}"


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
