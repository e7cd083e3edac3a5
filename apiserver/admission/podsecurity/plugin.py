"""PodSecurity: refuses pods beyond the level of their namespace, warns about workloads.

Pods are refused by the level `enforce`; `warn` answers with a warning header, for pods and for all
that make pods from a template; what `audit` finds is noted in the audit log. Neighbours: `levels`
decides; namespaces carry the labels; `configuration` says who is exempt.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from apimachinery import meta, scheme, status
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.admission.podsecurity import levels
from apiserver.admission.podsecurity.configuration import Configuration
from apiserver.admission.podsecurity.finding import Finding, Pod
from apiserver.admission.podsecurity.levels import Level, Policy
from apiserver.cache import WatchCache

_TEMPLATES = frozenset(
    {
        "cronjobs.batch",
        "daemonsets.apps",
        "deployments.apps",
        "jobs.batch",
        "podtemplates",
        "replicasets.apps",
        "replicationcontrollers",
        "statefulsets.apps",
    }
)

PODS_LOOKED_AT = 3000
"""Of a namespace whose level is raised; as many as Kubernetes looks at."""


class PodSecurity(Plugin):
    """See the module."""

    kinds: ClassVar[frozenset[str] | None] = _TEMPLATES | {"pods", "namespaces"}
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"", "ephemeralcontainers"})

    def __init__(self, cache: WatchCache, configuration: Configuration) -> None:
        self._cache = cache
        self._configuration = configuration

    async def validate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a write has an object"
        if attempt.resource.gr == "namespaces":
            self._namespace(attempt, attempt.obj)
            return
        if exempt := self._exempt(attempt):
            _note(attempt, "exempt", exempt)
            return
        labels = self._labels(attempt.namespace)
        policy = levels.policy(labels, self._configuration.defaults)
        problems = levels.errors(labels)
        if attempt.resource.gr != "pods":
            policy = replace(policy, enforce=Level())
        if policy.open and not problems:
            _audit(attempt, policy)
            return
        pod = pod_of(attempt.resource.gr, attempt.obj)
        changing = attempt.old if attempt.resource.gr == "pods" else None
        if changing is not None and not _significant(pod, pod_of("pods", changing)):
            return
        if pod.spec.get("runtimeClassName") in self._configuration.runtime_classes:
            _note(attempt, "exempt", "runtimeClass")
            return
        if problems:
            _note(attempt, "error", f"Failed to parse policy: {_aggregate(problems)}")
        _audit(attempt, policy)
        if found := policy.audit.findings(pod):
            _note(attempt, "audit-violations", _would_violate(policy.audit, found))
        if found := policy.enforce.findings(pod):
            raise status.forbidden(
                "pods",
                attempt.name,
                f"violates PodSecurity {status.quote(str(policy.enforce))}: {_told(found)}",
            )
        # Who is refused already is not warned of the same thing.
        if found := policy.warn.findings(pod):
            attempt.warnings.append(_would_violate(policy.warn, found))

    def _exempt(self, attempt: Attempt) -> str:
        """What of a request the configuration lets pass unseen, if anything."""
        if attempt.namespace in self._configuration.namespaces:
            return "namespace"
        return "user" if attempt.user.name in self._configuration.usernames else ""

    def _labels(self, namespace: str) -> Mapping[str, str]:
        entry = self._cache.get(scheme.NAMESPACES, "", namespace)
        return entry.labels if entry is not None else {}

    def _namespace(self, attempt: Attempt, obj: JsonObject) -> None:
        """Labels that mean something; and a warning where pods are beyond the new level."""
        labels, before = meta.labels(obj), meta.labels(attempt.old or {"metadata": {}})
        if problems := levels.errors(labels):
            if levels.errors(before) != problems:
                raise status.invalid("Namespace", attempt.name, problems)
            return
        defaults = self._configuration.defaults
        policy = levels.policy(labels, defaults)
        wanted = policy.enforce
        if attempt.old is not None:
            old = levels.policy(before, defaults).enforce
            relaxed = wanted.version == old.version and not wanted.stricter(old)
            if wanted == old or wanted.open or relaxed:
                return
        if attempt.name in self._configuration.namespaces:
            if not policy.open and policy != defaults:
                attempt.warnings.append(_ignored(attempt.name, policy, labels))
        elif attempt.old is not None:
            attempt.warnings.extend(self._existing(attempt.name, wanted))

    def _existing(self, namespace: str, wanted: Level) -> list[str]:
        """Pods that run already and would not be let in now."""
        groups: dict[str, list[str]] = {}
        listed = self._cache.list(scheme.PODS, namespace, limit=PODS_LOOKED_AT)
        for entry in listed.entries:
            pod = pod_of("pods", entry.parse())
            if pod.spec.get("runtimeClassName") in self._configuration.runtime_classes:
                continue
            if found := wanted.findings(pod):
                reasons = ", ".join(one.reason for one in found)
                groups.setdefault(reasons, []).append(entry.name)
        told = []
        if listed.remaining:
            seen = len(listed.entries)
            told.append(
                f"new PodSecurity enforce level only checked against the first {seen} of "
                f"{seen + listed.remaining} existing pods"
            )
        if groups:
            told.append(
                f"existing pods in namespace {status.quote(namespace)} violate the new "
                f"PodSecurity enforce level {status.quote(str(wanted))}"
            )
        lines = []
        for reasons, names in groups.items():
            others = len(names) - 1
            more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
            lines.append(f"{min(names)}{more}: {reasons}")
        return [*told, *sorted(lines)]


def _ignored(namespace: str, policy: Policy, labels: Mapping[str, str]) -> str:
    """What is said of labels on a namespace that is exempt."""
    told = [
        f"{mode}={level}"
        for mode in levels.MODES
        if not (level := getattr(policy, mode)).open
        and not labels.keys().isdisjoint({levels.PREFIX + mode, f"{levels.PREFIX}{mode}-version"})
    ]
    return (
        f"namespace {status.quote(namespace)} is exempt from Pod Security, and the policy "
        f"({', '.join(told)}) will be ignored"
    )


def _note(attempt: Attempt, key: str, text: str) -> None:
    attempt.annotations[levels.PREFIX + key] = text


def _audit(attempt: Attempt, policy: Policy) -> None:
    """The audit log is told which level a pod was held against."""
    if attempt.resource.gr == "pods":
        _note(attempt, "enforce-policy", str(policy.enforce))


def _aggregate(problems: list[FieldError]) -> str:
    told = [one.message() for one in problems]
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def _would_violate(level: Level, found: list[Finding]) -> str:
    return f"would violate PodSecurity {status.quote(str(level))}: {_told(found)}"


def pod_of(gr: str, obj: JsonObject) -> Pod:
    """The pod, or the template that pods are made from."""
    if gr == "podtemplates":
        obj = obj.get("template") or {}
    elif gr == "cronjobs.batch":
        job = (obj.get("spec") or {}).get("jobTemplate") or {}
        obj = (job.get("spec") or {}).get("template") or {}
    elif gr != "pods":
        obj = (obj.get("spec") or {}).get("template") or {}
    return Pod(obj.get("metadata") or {}, obj.get("spec") or {})


def _significant(new: Pod, old: Pod) -> bool:
    """Whether an update changes what a level looks at: other images, containers that came."""
    for key in ("containers", "initContainers"):
        pairs = new.spec.get(key) or [], old.spec.get(key) or []
        if [one.get("image") for one in pairs[0]] != [one.get("image") for one in pairs[1]]:
            return True
    known = {one["name"]: one.get("image") for one in old.spec.get("ephemeralContainers") or ()}
    return any(
        one["name"] not in known or known[one["name"]] != one.get("image")
        for one in new.spec.get("ephemeralContainers") or ()
    )


def _told(found: list[Finding]) -> str:
    return ", ".join(str(one) for one in found)
