"""RuntimeClass: a pod that names one gets its overhead, node selector and tolerations.

Neighbours: the scheduler counts the overhead, the kubelet asks its runtime for the handler.
"""

from typing import ClassVar

from apimachinery import scheme, status
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, Attempt, Plugin
from apiserver.cache import WatchCache


class RuntimeClass(Plugin):
    """See the module."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})
    again: ClassVar[bool] = False

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def mutate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a create has an object"
        spec = attempt.obj.setdefault("spec", {})
        name = spec.get("runtimeClassName")
        if not name:
            if spec.get("overhead"):
                raise status.forbidden(
                    "pods", attempt.name, "pod rejected: Pod Overhead set without corresponding "
                    "RuntimeClass defined Overhead",
                )  # fmt: skip
            return
        found = await self._find(attempt, name)
        _overhead(attempt, spec, (found.get("overhead") or {}).get("podFixed") or {})
        _scheduling(attempt, spec, found.get("scheduling") or {})

    async def _find(self, attempt: Attempt, name: str) -> JsonObject:
        entry = self._cache.get(scheme.RUNTIMECLASSES, "", name)
        if entry is None:
            await self._cache.fresh()
            entry = self._cache.get(scheme.RUNTIMECLASSES, "", name)
        if entry is None:
            raise status.forbidden(
                "pods",
                attempt.name,
                f"pod rejected: RuntimeClass {status.quote(name)} not found",
            )
        return entry.parse()


def _overhead(attempt: Attempt, spec: JsonObject, fixed: JsonObject) -> None:
    given = spec.get("overhead") or {}
    if given and given != fixed:
        raise status.forbidden(
            "pods",
            attempt.name,
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        )
    if fixed:
        spec["overhead"] = fixed


def _scheduling(attempt: Attempt, spec: JsonObject, wanted: JsonObject) -> None:
    """The pod's own selector and that of the class must agree; tolerations are joined."""
    selector = spec.get("nodeSelector") or {}
    for key, value in (wanted.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            raise status.forbidden(
                "pods",
                attempt.name,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}",
            )
        selector = {**selector, key: value}
    if selector:
        spec["nodeSelector"] = selector
    present = spec.get("tolerations") or []
    more = [one for one in wanted.get("tolerations") or [] if one not in present]
    if more:
        spec["tolerations"] = [*present, *more]
