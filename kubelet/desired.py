"""What a pod asks for, as values, and how they are read from the object. Pure.

`kubelet.lifecycle` decides on them, beside what is in `kubelet.observed`. Neighbours:
`kubelet.worker` and `kubelet.status` use the accessors so that nobody spells wire names twice;
`kubelet.configs` reads the rest of the spec for the runtime. Nothing is validated: the API server
has done so before it stored the pod.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apimachinery import meta
from apimachinery.wire import JsonObject
from kubelet import allocation

DEFAULT_GRACE_S = 30.0
"""`terminationGracePeriodSeconds` when the pod says nothing."""


class Role(StrEnum):
    """Which list of the pod a container stands in, and how it counts."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"
    EPHEMERAL = "ephemeral"
    """Added to a running pod for debugging: run once, counts for nothing."""


class RestartPolicy(StrEnum):
    """When an ended container is started again."""

    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


@dataclass(frozen=True, slots=True)
class RestartRule:
    """Restart on these exit codes (or on all others) whatever the policy says."""

    codes: frozenset[int]
    inside: bool = True

    def matches(self, code: int) -> bool:
        return (code in self.codes) is self.inside


@dataclass(frozen=True, slots=True)
class Container:
    """One container as the pod asks for it."""

    name: str
    role: Role = Role.MAIN
    policy: RestartPolicy = RestartPolicy.ALWAYS
    spec_hash: str = ""
    """Of what makes it another container when changed (the image)."""
    startup: bool = False
    liveness: bool = False
    readiness: bool = False
    probe_grace: float | None = None
    """Seconds to end in after a failed probe; None: the pod's own."""
    rules: tuple[RestartRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """One pod as its spec asks for it; init containers first, in order."""

    uid: str
    name: str
    namespace: str
    containers: tuple[Container, ...]
    policy: RestartPolicy = RestartPolicy.ALWAYS
    grace: float = 30.0
    expires_at: float | None = None
    """When `activeDeadlineSeconds` is over."""

    def of(self, *roles: Role) -> tuple[Container, ...]:
        return tuple(c for c in self.containers if c.role in roles)


def uid(pod: JsonObject) -> str:
    return str(pod["metadata"]["uid"])


def name(pod: JsonObject) -> str:
    return str(pod["metadata"]["name"])


def namespace(pod: JsonObject) -> str:
    return str(pod["metadata"]["namespace"])


def full_name(pod: JsonObject) -> str:
    """As in messages about back-off: `name_namespace(uid)`."""
    return f"{name(pod)}_{namespace(pod)}({uid(pod)})"


def deleting(pod: JsonObject) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def phase(pod: JsonObject) -> str:
    return str(pod.get("status", {}).get("phase", "Pending"))


def finished(pod: JsonObject) -> bool:
    """The API already says that it has ended; nothing is started for it again."""
    return phase(pod) in ("Succeeded", "Failed")


def containers(pod: JsonObject) -> Iterator[tuple[JsonObject, Role]]:
    """Every container's spec with its role; init containers first, in order."""
    spec = pod["spec"]
    for container in spec.get("initContainers") or ():
        always = container.get("restartPolicy") == "Always"
        yield container, Role.SIDECAR if always else Role.INIT
    for container in spec.get("containers") or ():
        yield container, Role.MAIN
    for container in spec.get("ephemeralContainers") or ():
        yield container, Role.EPHEMERAL


def container_spec(pod: JsonObject, wanted: str) -> JsonObject:
    """The spec of one container; KeyError when the pod has none of that name."""
    for container, _ in containers(pod):
        if container["name"] == wanted:
            return container
    raise KeyError(wanted)


FIELDS = {
    Role.INIT: "initContainers",
    Role.SIDECAR: "initContainers",
    Role.MAIN: "containers",
    Role.EPHEMERAL: "ephemeralContainers",
}


def field_path(pod: JsonObject, wanted: str) -> str:
    """`spec.containers{web}`, for events about a container."""
    role = next((r for c, r in containers(pod) if c["name"] == wanted), Role.MAIN)
    return f"spec.{FIELDS[role]}{{{wanted}}}"


def spec_hash(container: JsonObject) -> str:
    """Of the part of a container that may change in a running pod and makes it another one."""
    text = str(container.get("image", ""))
    if amounts := allocation.restarting(container):
        text += json.dumps(amounts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def grace_seconds(pod: JsonObject) -> float:
    """How long its processes have between TERM and KILL."""
    meta_grace = pod["metadata"].get("deletionGracePeriodSeconds")
    if deleting(pod) and meta_grace is not None:
        return float(meta_grace)
    value = pod["spec"].get("terminationGracePeriodSeconds")
    if value is None:
        return DEFAULT_GRACE_S
    # Old objects may say less than nothing: Kubernetes takes that for one second.
    return float(value) if value >= 0 else 1.0


def start_time(pod: JsonObject) -> float | None:
    """When an agent first took the pod, if one did."""
    text = pod.get("status", {}).get("startTime")
    return meta.parse_time(text) if text else None


def read(pod: JsonObject, started_at: float) -> Desired:
    """The pod as `lifecycle` sees it; `started_at` counts for `activeDeadlineSeconds`."""
    spec = pod["spec"]
    policy = RestartPolicy(spec.get("restartPolicy") or "Always")
    limit = spec.get("activeDeadlineSeconds")
    return Desired(
        uid=uid(pod),
        name=name(pod),
        namespace=namespace(pod),
        containers=tuple(_container(c, role, policy) for c, role in containers(pod)),
        policy=policy,
        grace=grace_seconds(pod),
        expires_at=None if limit is None else started_at + float(limit),
    )


def _container(spec: JsonObject, role: Role, policy: RestartPolicy) -> Container:
    if role is Role.SIDECAR:
        own = RestartPolicy.ALWAYS
    elif role is Role.EPHEMERAL:
        own = RestartPolicy.NEVER
    elif spec.get("restartPolicy"):
        own = RestartPolicy(spec["restartPolicy"])
    elif role is Role.INIT and policy is RestartPolicy.ALWAYS:
        # A failed init container is tried again, one that succeeded is not.
        own = RestartPolicy.ON_FAILURE
    else:
        own = policy
    return Container(
        name=spec["name"],
        role=role,
        policy=own,
        spec_hash=spec_hash(spec),
        startup=_has(spec, "startupProbe"),
        liveness=_has(spec, "livenessProbe"),
        readiness=_has(spec, "readinessProbe"),
        probe_grace=_probe_grace(spec),
        rules=tuple(_rule(rule) for rule in spec.get("restartPolicyRules") or ()),
    )


def _probe_grace(spec: JsonObject) -> float | None:
    """The shortest grace that a killing probe asks for."""
    asked = [
        float(probe["terminationGracePeriodSeconds"])
        for kind in ("livenessProbe", "startupProbe")
        if (probe := spec.get(kind) or {}).get("terminationGracePeriodSeconds") is not None
    ]
    return min(asked) if asked else None


def _rule(rule: JsonObject) -> RestartRule:
    codes = rule.get("exitCodes") or {}
    return RestartRule(
        frozenset(int(code) for code in codes.get("values") or ()),
        inside=codes.get("operator") != "NotIn",
    )


def _has(spec: dict[str, Any], key: str) -> bool:
    return bool(spec.get(key))
