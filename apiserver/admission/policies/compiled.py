"""Policies and their bindings, read once for each of their versions: what they concern; pure.

Neighbours: `apiserver.admission.webhooks.matching` has the rules that both kinds of admission share.
Policies are never asked about policies: a wrong one could not be taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apimachinery import labels
from apimachinery.labels import Selector
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.admission.chain import Attempt
from apiserver.admission.webhooks.matching import IGNORE, Rule, chosen, row_for, rule_of

GROUP = "admissionregistration.k8s.io"
OWN = frozenset(
    {
        f"validatingadmissionpolicies.{GROUP}",
        f"validatingadmissionpolicybindings.{GROUP}",
        f"mutatingadmissionpolicies.{GROUP}",
        f"mutatingadmissionpolicybindings.{GROUP}",
        "selfsubjectreviews.authentication.k8s.io",
        "tokenreviews.authentication.k8s.io",
        "localsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectrulesreviews.authorization.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
    }
)
"""What policies are never asked about: themselves, and questions that a cluster cannot do without."""


@dataclass(frozen=True, slots=True)
class Matching:
    """`matchConstraints` and `matchResources`."""

    rules: tuple[Rule, ...]
    excluded: tuple[Rule, ...]
    namespaces: Selector
    objects: Selector
    equivalent: bool
    all_resources: bool
    """Bindings without rules take what the policy takes."""

    def row(
        self,
        attempt: Attempt,
        equal: Sequence[Resource],
        namespace_labels: Mapping[str, str] | None,
    ) -> Resource | None:
        """As what a write concerns it; None where it does not."""
        if namespace_labels is not None and not self.namespaces.matches(namespace_labels):
            return None
        if not chosen(self.objects, attempt):
            return None
        equal = equal if self.equivalent else ()
        if row_for(self.excluded, attempt, equal) is not None:
            return None
        if not self.rules and self.all_resources:
            return attempt.asked
        return row_for(self.rules, attempt, equal)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of either kind."""

    name: str
    spec: JsonObject
    matching: Matching
    fails_closed: bool
    param_kind: tuple[str, str] | None
    """apiVersion and kind of its parameters."""
    conditions: tuple[tuple[str, str], ...]
    """Expressions of `matchConditions`, each with no message."""
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """What puts a policy into force."""

    name: str
    policy: str
    params: JsonObject | None
    """Its `paramRef`."""
    matching: Matching | None
    actions: frozenset[str]


def policy_of(obj: JsonObject) -> Policy:
    """A policy, read."""
    spec = obj["spec"]
    kind = spec.get("paramKind")
    return Policy(
        name=obj["metadata"]["name"],
        spec=spec,
        matching=_matching(spec.get("matchConstraints") or {}, all_resources=False),
        fails_closed=spec.get("failurePolicy") != IGNORE,
        param_kind=(kind.get("apiVersion", ""), kind.get("kind", "")) if kind else None,
        conditions=tuple(
            (one.get("expression") or "", "") for one in spec.get("matchConditions") or ()
        ),
        variables=tuple((one["name"], one["expression"]) for one in spec.get("variables") or ()),
    )


def binding_of(obj: JsonObject) -> Binding:
    """A binding, read."""
    spec = obj["spec"]
    resources = spec.get("matchResources")
    return Binding(
        name=obj["metadata"]["name"],
        policy=spec.get("policyName") or "",
        params=spec.get("paramRef"),
        matching=_matching(resources, all_resources=True) if resources is not None else None,
        actions=frozenset(spec.get("validationActions") or ()),
    )


def _matching(given: JsonObject, *, all_resources: bool) -> Matching:
    return Matching(
        rules=tuple(rule_of(one) for one in given.get("resourceRules") or ()),
        excluded=tuple(rule_of(one) for one in given.get("excludeResourceRules") or ()),
        namespaces=labels.from_label_selector(given.get("namespaceSelector") or {}),
        objects=labels.from_label_selector(given.get("objectSelector") or {}),
        equivalent=given.get("matchPolicy") != "Exact",
        all_resources=all_resources,
    )


def concerns(resource: Resource) -> bool:
    """Whether policies may be asked about a kind at all."""
    return resource.gr not in OWN
