"""A Deployment and its ReplicaSets as the planner works with them, and what it may order.

`Deployment` is what is asked for; `ReplicaSet` a working copy whose size the planner changes as it
orders changes, so that later steps and the status see them. Neighbours: `deployment.plan`,
`deployment.status`, `deployment.controller`. Pure values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apimachinery import intstr, meta
from apimachinery.wire import JsonObject
from controllers import views
from controllers.deployment import template as templates

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"

UNLIMITED = 2**31 - 1
"""How Kubernetes spells "no limit" and "no deadline"."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the user asks for, and the status as it reads now."""

    meta: views.Meta
    annotations: dict[str, str]
    replicas: int
    paused: bool
    rolling: bool
    surge: int
    """Pods above `replicas` that a rolling update may have."""
    unavailable: int
    """Pods below `replicas` that may be unavailable during one; 0 for Recreate."""
    min_ready_seconds: int
    history_limit: int
    deadline: int
    """Seconds without progress before a rollout counts as stuck; UNLIMITED = never."""
    selector: JsonObject
    template: JsonObject
    status: JsonObject

    @property
    def has_deadline(self) -> bool:
        return self.deadline != UNLIMITED

    @property
    def collisions(self) -> int:
        return int(self.status.get("collisionCount") or 0)

    @property
    def max_replicas(self) -> int:
        return self.replicas + self.surge

    def condition(self, kind: str) -> JsonObject | None:
        return meta.get_condition(self.status.get("conditions"), kind)


def deployment_of(obj: JsonObject) -> Deployment:
    spec = obj["spec"]
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
    replicas = _number(spec, "replicas", 1)
    surge, unavailable = fenceposts(strategy.get("rollingUpdate") or {}, replicas)
    return Deployment(
        meta=views.meta_of(obj),
        annotations=dict(meta.annotations(obj)),
        replicas=replicas,
        paused=bool(spec.get("paused")),
        rolling=rolling,
        surge=surge if rolling else 0,
        unavailable=unavailable if rolling else 0,
        min_ready_seconds=_number(spec, "minReadySeconds", 0),
        history_limit=_number(spec, "revisionHistoryLimit", UNLIMITED),
        deadline=_number(spec, "progressDeadlineSeconds", UNLIMITED),
        selector=spec.get("selector") or {},
        template=spec.get("template") or {},
        status=obj.get("status") or {},
    )


def fenceposts(rolling: JsonObject, replicas: int) -> tuple[int, int]:
    """(surge, unavailable) in pods: surge rounds up, unavailable down, never both zero."""
    surge = intstr.resolve(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = intstr.resolve(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        # Percentages of a small number may round to nothing, and nothing could ever move.
        unavailable = 1
    return surge, min(unavailable, replicas)


@dataclass(slots=True)
class ReplicaSet:
    """A working copy. `replicas` is what its spec asks for; the planner changes it."""

    meta: views.Meta
    annotations: dict[str, str]
    replicas: int
    min_ready_seconds: int
    template: JsonObject
    """Without the hash label: comparable with the Deployment's."""
    running: int
    """status.replicas"""
    ready: int
    available: int
    observed: int
    conditions: list[JsonObject] = field(default_factory=list)

    @property
    def revision(self) -> int:
        return _integer(self.annotations.get(REVISION))

    @property
    def age_key(self) -> tuple[float, str]:
        """Sorts the oldest first."""
        return (self.meta.created, self.meta.name)


def replicaset_of(obj: JsonObject) -> ReplicaSet:
    spec, state = obj["spec"], obj.get("status") or {}
    return ReplicaSet(
        meta=views.meta_of(obj),
        annotations=dict(meta.annotations(obj)),
        replicas=_number(spec, "replicas", 1),
        min_ready_seconds=_number(spec, "minReadySeconds", 0),
        template=templates.without_hash(spec.get("template") or {}),
        running=_number(state, "replicas", 0),
        ready=_number(state, "readyReplicas", 0),
        available=_number(state, "availableReplicas", 0),
        observed=_number(state, "observedGeneration", 0),
        conditions=state.get("conditions") or [],
    )


def total(sets: Iterable[ReplicaSet]) -> int:
    """Pods that the sets ask for."""
    return sum(one.replicas for one in sets)


def active(sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    return [one for one in sets if one.replicas > 0]


@dataclass(frozen=True, slots=True)
class News:
    """An Event about the Deployment."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class CreateSet:
    """A new ReplicaSet, whole."""

    body: JsonObject
    news: News | None


@dataclass(frozen=True, slots=True)
class PatchSet:
    """A merge patch of a ReplicaSet, for exactly the version that the plan saw."""

    target: views.Meta
    patch: JsonObject
    news: News | None = None


@dataclass(frozen=True, slots=True)
class DeleteSet:
    """An old ReplicaSet, if it is still in the version that the plan saw."""

    target: views.Meta


@dataclass(frozen=True, slots=True)
class SetRevision:
    """Note the current revision on the Deployment itself."""

    revision: int


Action = CreateSet | PatchSet | DeleteSet | SetRevision


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in order, then the status as it shall read; None = leave it."""

    actions: tuple[Action, ...]
    status: JsonObject | None
    look_again: float
    """Seconds after which to look even if nothing changes; 0 = no need."""


def _number(obj: Any, name: str, default: int) -> int:
    value = obj.get(name)
    return default if value is None else int(value)


def _integer(text: str | None) -> int:
    try:
        return int(text) if text else 0
    except ValueError:
        return 0
