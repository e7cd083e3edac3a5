"""Which webhooks a write concerns: rules, namespace and object selectors; pure.

Configurations are compiled to `Hook` values once for each of their versions. Neighbours:
`plugins` asks, `apimachinery.labels` has the selectors. Configurations of admission itself are
never sent to webhooks: a wrong one could not be taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apimachinery import labels, meta
from apimachinery.labels import Selector
from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject
from apiserver.admission.chain import Attempt

EXEMPT_GROUP = "admissionregistration.k8s.io"

FAIL, IGNORE = "Fail", "Ignore"


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `rules` or `resourceRules`."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: frozenset[str]
    scope: str
    only: frozenset[str]
    """Names of objects (`resourceNames`); empty for all."""

    def covers(self, attempt: Attempt, row: Resource) -> bool:
        """Whether it speaks of a write to objects of this row."""
        return (
            _has(self.operations, attempt.operation)
            and _has(self.groups, row.group)
            and _has(self.versions, row.version)
            and self._names(row.plural, attempt.subresource)
            and (self.scope == "*" or (self.scope == "Namespaced") == row.namespaced)
            and (not self.only or attempt.name in self.only)
        )

    def _names(self, plural: str, subresource: str) -> bool:
        """`pods`, `pods/status`, `pods/*`, `*/scale`, `*` (no subresources), `*/*`."""
        if not subresource:
            wanted = {plural, "*", "*/*"}
        else:
            wanted = {f"{plural}/{subresource}", f"{plural}/*", f"*/{subresource}", "*/*"}
        return not wanted.isdisjoint(self.resources)


def _has(wanted: frozenset[str], value: str) -> bool:
    return "*" in wanted or value in wanted


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook, compiled."""

    name: str
    configuration: str
    client: JsonObject
    """Its `clientConfig`."""
    rules: tuple[Rule, ...]
    namespaces: Selector
    objects: Selector
    fails_closed: bool
    seconds: float
    side_effects: bool
    equivalent: bool
    """Whether a rule about another version of the same resource counts."""
    reinvoked: bool
    conditions: tuple[JsonObject, ...] = ()
    """`matchConditions`: expressions."""

    def selects(self, attempt: Attempt, namespace_labels: Mapping[str, str] | None) -> bool:
        """Whether the selectors choose the write; `namespace_labels` None: no namespace."""
        if namespace_labels is not None and not self.namespaces.matches(namespace_labels):
            return False
        return chosen(self.objects, attempt)


def chosen(objects: Selector, attempt: Attempt) -> bool:
    """Whether an object selector takes what is written, or what was there; options have no labels."""
    if objects.everything:
        return True
    states = (one for one in (attempt.obj, attempt.old) if one is not None and "metadata" in one)
    return any(objects.matches(meta.labels(one)) for one in states)


def others(known: Scheme, attempt: Attempt) -> list[Resource]:
    """The same objects under other versions or groups than the request named."""
    return [row for row in known.served_as(attempt.resource) if row != attempt.asked]


def row_for(rules: Sequence[Rule], attempt: Attempt, equal: Sequence[Resource]) -> Resource | None:
    """As what a write is shown: as it came where a rule speaks of that, else as what one does."""
    asked = attempt.asked
    if any(rule.covers(attempt, asked) for rule in rules):
        return asked
    return next((row for rule in rules for row in equal if rule.covers(attempt, row)), None)


def compile_hooks(configuration: JsonObject) -> list[Hook]:
    """The webhooks of a configuration, in its order."""
    name = configuration["metadata"]["name"]
    return [_hook(name, one) for one in configuration.get("webhooks") or ()]


def _hook(configuration: str, given: JsonObject) -> Hook:
    return Hook(
        name=given.get("name", ""),
        configuration=configuration,
        client=given.get("clientConfig") or {},
        rules=tuple(rule_of(one) for one in given.get("rules") or ()),
        namespaces=labels.from_label_selector(given.get("namespaceSelector") or {}),
        objects=labels.from_label_selector(given.get("objectSelector") or {}),
        fails_closed=given.get("failurePolicy") != IGNORE,
        seconds=float(given.get("timeoutSeconds") or 10),
        side_effects=given.get("sideEffects") not in ("None", "NoneOnDryRun"),
        equivalent=given.get("matchPolicy") != "Exact",
        reinvoked=given.get("reinvocationPolicy") == "IfNeeded",
        conditions=tuple(given.get("matchConditions") or ()),
    )


def rule_of(given: JsonObject) -> Rule:
    """One entry of `rules` or `resourceRules`."""
    return Rule(
        operations=frozenset(given.get("operations") or ()),
        groups=frozenset(given.get("apiGroups") or ()),
        versions=frozenset(given.get("apiVersions") or ()),
        resources=frozenset(given.get("resources") or ()),
        scope=given.get("scope") or "*",
        only=frozenset(given.get("resourceNames") or ()),
    )
