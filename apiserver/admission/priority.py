"""Priority: from a priority class's name to the number that the scheduler compares.

Neighbours: PriorityClass objects in the cache; the two system classes are made at start, and known
here too, so that a pod of the system is never refused for want of them.
"""

from typing import ClassVar

from apimachinery import scheme, status
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, DELETE, UPDATE, Attempt, Plugin
from apiserver.cache import WatchCache

SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
DEFAULT_POLICY = "PreemptLowerPriority"


class PriorityClasses(Plugin):
    """Keeps the system's classes, and one default at most."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"priorityclasses.scheduling.k8s.io"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE, DELETE})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def validate(self, attempt: Attempt) -> None:
        if attempt.operation == DELETE:
            if attempt.name in SYSTEM_CLASSES:
                raise _refused_class(
                    attempt, "this is a system priority class and cannot be deleted"
                )
            return
        obj = attempt.obj or {}
        if not obj.get("globalDefault"):
            return
        for entry in self._cache.list(scheme.PRIORITYCLASSES).entries:
            if entry.name != obj["metadata"].get("name") and entry.parse().get("globalDefault"):
                raise _refused_class(
                    attempt,
                    f"PriorityClass {entry.name} is already marked as default. Only one default "
                    "can exist",
                )


def _refused_class(attempt: Attempt, detail: str) -> status.ApiError:
    return status.forbidden("priorityclasses", attempt.name, detail, "scheduling.k8s.io")


class Priority(Plugin):
    """Fills in spec.priority and spec.preemptionPolicy."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache
        self._default: tuple[int, JsonObject | None] = (-1, None)

    async def mutate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a write has an object"
        spec = attempt.obj.setdefault("spec", {})
        if attempt.operation == UPDATE:
            old = (attempt.old or {}).get("spec") or {}
            for key in ("priority", "preemptionPolicy", "priorityClassName"):
                if spec.get(key) is None and old.get(key) is not None:
                    spec[key] = old[key]
            return
        found = self._resolve(attempt, spec.get("priorityClassName") or "")
        self._fill(attempt, spec, found)

    def _resolve(self, attempt: Attempt, name: str) -> JsonObject:
        """The class that counts, as name, value and policy."""
        if not name:
            return self._global_default() or {"name": "", "value": 0}
        entry = self._cache.get(scheme.PRIORITYCLASSES, "", name)
        if entry is not None:
            return {**entry.parse(), "name": name}
        if name in SYSTEM_CLASSES:
            return {"name": name, "value": SYSTEM_CLASSES[name]}
        raise status.forbidden(
            "pods",
            attempt.name,
            f"no PriorityClass with name {name} was found",
        )

    def _fill(self, attempt: Attempt, spec: JsonObject, found: JsonObject) -> None:
        value = found.get("value", 0)
        if spec.get("priority") is not None and spec["priority"] != value:
            raise status.forbidden(
                "pods",
                attempt.name,
                f"the integer value of priority ({spec['priority']}) must not be provided in pod "
                f"spec; priority admission controller computed {value} from the given "
                "PriorityClass name",
            )
        policy = found.get("preemptionPolicy") or DEFAULT_POLICY
        if spec.get("preemptionPolicy") not in (None, policy):
            raise status.forbidden(
                "pods",
                attempt.name,
                f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be "
                f"provided in pod spec; priority admission controller computed {policy} from the "
                "given PriorityClass name",
            )
        spec["priority"] = value
        spec["preemptionPolicy"] = policy
        if found["name"]:
            spec["priorityClassName"] = found["name"]

    def _global_default(self) -> JsonObject | None:
        """The class that pods get which name none: the lowest marked as default."""
        changed = self._cache.changed(scheme.PRIORITYCLASSES)
        if self._default[0] != changed:
            listing = self._cache.list(scheme.PRIORITYCLASSES)
            classes = [entry.parse() for entry in listing.entries]
            marked = [one for one in classes if one.get("globalDefault")]
            best = min(marked, key=lambda one: int(one.get("value", 0)), default=None)
            chosen = {**best, "name": best["metadata"]["name"]} if best else None
            self._default = (changed, chosen)
        return self._default[1]
