"""PodSecurity: refuses pods beyond the level of their namespace, warns about workloads.

Pods are refused by the level `enforce`; `warn` answers with a warning header, for pods and for all
that make pods from a template. Neighbours: `levels` decides; namespaces carry the labels. What the
level `audit` finds is told nowhere yet: the audit log has no annotations.
"""

from collections.abc import Mapping
from typing import ClassVar

from apimachinery import scheme, status
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.admission.podsecurity import levels
from apiserver.admission.podsecurity.finding import Finding, Pod
from apiserver.admission.podsecurity.levels import Level
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

PODS_TOLD = 5
"""Groups of pods that a warning names: the header has little room."""


class PodSecurity(Plugin):
    """See the module."""

    kinds: ClassVar[frozenset[str] | None] = _TEMPLATES | {"pods", "namespaces"}
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"", "ephemeralcontainers"})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def validate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a write has an object"
        if attempt.resource.gr == "namespaces":
            self._namespace(attempt, attempt.obj)
            return
        labels = self._labels(attempt.namespace)
        if not any(key.startswith(levels.PREFIX) for key in labels):
            return
        if attempt.old is not None and _same(attempt.resource.gr, attempt.obj, attempt.old):
            return
        pod = pod_of(attempt.resource.gr, attempt.obj)
        _audit(attempt, labels, pod)
        if attempt.resource.gr == "pods":
            enforced = levels.level(labels, "enforce")
            if found := enforced.findings(pod):
                raise status.forbidden(
                    "pods",
                    attempt.name,
                    f"violates PodSecurity {status.quote(str(enforced))}: {_told(found)}",
                )
        wanted = levels.level(labels, "warn")
        if found := wanted.findings(pod):
            attempt.warnings.append(
                f"would violate PodSecurity {status.quote(str(wanted))}: {_told(found)}"
            )

    def _labels(self, namespace: str) -> Mapping[str, str]:
        entry = self._cache.get(scheme.NAMESPACES, "", namespace)
        return entry.labels if entry is not None else {}

    def _namespace(self, attempt: Attempt, obj: JsonObject) -> None:
        """Labels that mean something; and a warning where pods are beyond the new level."""
        labels = obj["metadata"].get("labels") or {}
        before = ((attempt.old or {}).get("metadata") or {}).get("labels") or {}
        if problems := levels.errors(labels):
            if levels.errors(before) != problems:
                raise status.invalid("Namespace", attempt.name, problems)
            return
        wanted, old = levels.level(labels, "enforce"), levels.level(before, "enforce")
        if attempt.old is not None and wanted != old:
            attempt.warnings.extend(self._existing(attempt.name, wanted))

    def _existing(self, namespace: str, wanted: Level) -> list[str]:
        """Pods that run already and would not be let in now."""
        groups: dict[str, list[str]] = {}
        for entry in self._cache.list(scheme.PODS, namespace, limit=PODS_LOOKED_AT).entries:
            found = wanted.findings(pod_of("pods", entry.parse()))
            if found:
                reasons = ", ".join(one.reason for one in found)
                groups.setdefault(reasons, []).append(entry.name)
        if not groups:
            return []
        head = f"existing pods in namespace {status.quote(namespace)} violate the new PodSecurity"
        lines = [f"{head} enforce level {status.quote(str(wanted))}"]
        for reasons, names in list(groups.items())[:PODS_TOLD]:
            others = len(names) - 1
            more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
            lines.append(f"{names[0]}{more}: {reasons}")
        return lines


def _audit(attempt: Attempt, labels: Mapping[str, str], pod: Pod) -> None:
    """What the audit log is told: the level that was enforced, and what the mode `audit` finds."""
    if attempt.resource.gr == "pods":
        enforced = levels.level(labels, "enforce")
        attempt.annotations[f"{levels.PREFIX}enforce-policy"] = str(enforced)
    wanted = levels.level(labels, "audit")
    if found := wanted.findings(pod):
        text = f"would violate PodSecurity {status.quote(str(wanted))}: {_told(found)}"
        attempt.annotations[f"{levels.PREFIX}audit-violations"] = text


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


def _same(gr: str, new: JsonObject, old: JsonObject) -> bool:
    return pod_of(gr, new).spec == pod_of(gr, old).spec


def _told(found: list[Finding]) -> str:
    return ", ".join(str(one) for one in found)
