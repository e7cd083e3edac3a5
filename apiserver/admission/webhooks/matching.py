"""Which webhooks a write concerns: rules, namespace and object selectors; pure.

Configurations are compiled to `Hook` values once for each of their versions. Neighbours:
`plugins` asks, `apimachinery.labels` has the selectors. Configurations of admission itself are
never sent to webhooks: a wrong one could not be taken back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apimachinery import labels, meta
from apimachinery.labels import Selector
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject

EXEMPT_GROUP = "admissionregistration.k8s.io"

FAIL, IGNORE = "Fail", "Ignore"


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `rules`."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: frozenset[str]
    scope: str

    def covers(self, operation: str, group: str) -> bool:
        return _has(self.operations, operation) and _has(self.groups, group)

    def names(self, plural: str, subresource: str) -> bool:
        """`pods`, `pods/status`, `pods/*`, `*/scale`, `*` (no subresources), `*/*`."""
        if not subresource:
            wanted = {plural, "*", "*/*"}
        else:
            wanted = {f"{plural}/{subresource}", f"{plural}/*", f"*/{subresource}", "*/*"}
        return not wanted.isdisjoint(self.resources)

    def in_scope(self, *, namespaced: bool) -> bool:
        return self.scope in ("*", "") or (self.scope == "Namespaced") == namespaced


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

    def version_for(
        self, resource: Resource, subresource: str, operation: str, versions: Iterable[str]
    ) -> str:
        """The version in which a write is sent, empty where no rule speaks of it.

        `versions` are those in which the resource is served; its own is preferred.
        """
        for rule in self.rules:
            if not (
                rule.covers(operation, resource.group)
                and rule.names(resource.plural, subresource)
                and rule.in_scope(namespaced=resource.namespaced)
            ):
                continue
            if _has(rule.versions, resource.version):
                return resource.version
            for version in versions if self.equivalent else ():
                if version in rule.versions:
                    return version
        return ""

    def selects(
        self,
        namespace_labels: Mapping[str, str] | None,
        states: Iterable[JsonObject | None],
    ) -> bool:
        """Whether the selectors choose the write; `namespace_labels` None: no namespace."""
        if namespace_labels is not None and not self.namespaces.matches(namespace_labels):
            return False
        if self.objects.everything:
            return True
        return any(
            self.objects.matches(meta.labels(state)) for state in states if state is not None
        )


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
    )
