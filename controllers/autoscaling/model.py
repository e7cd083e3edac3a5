"""One HorizontalPodAutoscaler as the loop works on it, and the status that a look collects. Pure.

Neighbours: `autoscaling.controller` looks and acts, `autoscaling.behavior` has the rules.
"""

from dataclasses import dataclass, field

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers import views
from controllers.autoscaling import behavior

LIMITS = {
    "": "the desired count is within the acceptable range",
    "TooManyReplicas": "the desired replica count is more than the maximum replica count",
    "TooFewReplicas": "the desired replica count is less than the minimum replica count",
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
}
"""Messages of ScalingLimited by reason."""

_THAN = "than current one, applying the"
READINESS = {
    "": ("ReadyForNewScale", "recommended size matches current size"),
    "ScaleDownStabilized": (
        "ScaleDownStabilized",
        f"recent recommendations were higher {_THAN} highest recent recommendation",
    ),
    "ScaleUpStabilized": (
        "ScaleUpStabilized",
        f"recent recommendations were lower {_THAN} lowest recent recommendation",
    ),
}
"""Reason and message of AbleToScale by what held the number."""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """What is asked for, and the status as stored."""

    meta: views.Meta
    target: JsonObject
    """apiVersion, kind, name."""
    least: int
    most: int
    metrics: tuple[JsonObject, ...]
    up: behavior.Direction
    down: behavior.Direction
    status: JsonObject

    @property
    def reference(self) -> str:
        return f"{self.target.get('kind', '')}/{self.target.get('name', '')}"


def autoscaler_of(obj: JsonObject) -> Autoscaler:
    spec = obj["spec"]
    rules = spec.get("behavior") or {}
    least = spec.get("minReplicas")
    return Autoscaler(
        meta=views.meta_of(obj),
        target=spec["scaleTargetRef"],
        least=1 if least is None else int(least),
        most=int(spec["maxReplicas"]),
        metrics=tuple(spec.get("metrics") or ()),
        up=behavior.direction_of(rules.get("scaleUp"), behavior.UP),
        down=behavior.direction_of(rules.get("scaleDown"), behavior.DOWN),
        status=obj.get("status") or {},
    )


@dataclass(slots=True)
class Sheet:
    """The status that one look writes, begun with the stored one."""

    now: float
    conditions: list[JsonObject]
    current: int = 0
    desired: int = 0
    last_scale: str = ""
    measured: list[JsonObject] = field(default_factory=list)
    """status.currentMetrics, in the order of spec.metrics."""

    def note(self, kind: str, good: bool, reason: str, message: str) -> None:
        """Set a condition."""
        new = {
            "type": kind,
            "status": "True" if good else "False",
            "reason": reason,
            "message": message,
        }
        self.conditions = meta.set_condition(self.conditions, new, self.now)

    def status(self, generation: int) -> JsonObject:
        found: JsonObject = {
            "observedGeneration": generation or None,
            "currentReplicas": self.current,
            "desiredReplicas": self.desired,
            "currentMetrics": self.measured or None,
            "conditions": self.conditions,
            "lastScaleTime": self.last_scale or None,
        }
        return {key: value for key, value in found.items() if value is not None}


def sheet_of(scaler: Autoscaler, now: float) -> Sheet:
    stored = scaler.status
    return Sheet(
        now,
        list(stored.get("conditions") or ()),
        current=int(stored.get("currentReplicas") or 0),
        desired=int(stored.get("desiredReplicas") or 0),
        last_scale=stored.get("lastScaleTime") or "",
    )
