"""The step that asks ValidatingAdmissionPolicies: after the built-in rules, before webhooks.

Every policy is asked, and every refusal is known, before the first one is told. Neighbours:
`asking`, `verdicts`.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from apimachinery import scheme
from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CONNECT, CREATE, DELETE, UPDATE, Attempt, Plugin
from apiserver.admission.policies import compiled, verdicts
from apiserver.admission.policies.asking import Asker, Misconfigured, Policies
from apiserver.admission.policies.compiled import GROUP, Binding, Policy
from apiserver.admission.policies.verdicts import AUDIT, DENY, WARN, Decision
from apiserver.admission.webhooks.conversions import Conversions
from apiserver.attributes import Authorizer
from apiserver.cache import WatchCache
from apiserver.expressions.evaluator import Evaluator, TooSlow
from apiserver.expressions.questions import BUDGET

TOO_SLOW = "the expressions take too long"


def kind(plural: str) -> Resource:
    """A built-in kind of this group."""
    found = scheme.BUILTIN.by_plural(GROUP, "v1", plural)
    assert found is not None, "a built-in kind"
    return found


class ValidatingPolicies(Plugin):
    """See the module."""

    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    subresources: ClassVar[frozenset[str]] = frozenset({"*"})

    def __init__(
        self,
        cache: WatchCache,
        known: Scheme,
        evaluator: Evaluator,
        authorizer: Callable[[], Authorizer],
        conversions: Conversions,
    ) -> None:
        policies, bindings = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
        self._policies = Policies(cache, kind(policies), kind(bindings))
        self._asker = Asker(cache, known, evaluator, authorizer, conversions)

    def concerns(self, resource: Resource, subresource: str, operation: str) -> bool:
        del subresource, operation
        return compiled.concerns(resource)

    async def validate(self, attempt: Attempt) -> None:
        denied: list[Decision] = []
        notes: list[JsonObject] = []
        for policy, bindings in self._policies.bound():
            row = self._asker.row(policy, None, attempt)
            if row is None:
                continue
            matched = [one for one in bindings if self._asker.row(policy, one, attempt)]
            if matched:
                denied += await self._asked(policy, matched, attempt, row, notes)
        verdicts.add_notes(attempt.annotations, notes)
        if denied:
            raise denied[0].refusal(attempt)

    async def _asked(
        self,
        policy: Policy,
        bindings: list[Binding],
        attempt: Attempt,
        row: Resource,
        notes: list[JsonObject],
    ) -> list[Decision]:
        """The refusals of one policy; warnings and notes are made on the way."""
        variables = await self._asker.variables(attempt, row)
        try:
            if policy.conditions:
                outcomes = await self._asker.conditions(policy, attempt, variables)
                holds, problem = verdicts.conditions(policy, outcomes)
                if problem:
                    return verdicts.errors(policy, bindings[0], problem)
                if not holds:
                    return []
            denied: list[Decision] = []
            for binding in bindings:
                found = await self._bound(policy, binding, attempt, variables)
                denied += _acted(found, binding, attempt, notes)
        except TooSlow:
            return verdicts.errors(policy, bindings[0], TOO_SLOW)
        return denied

    async def _bound(
        self, policy: Policy, binding: Binding, attempt: Attempt, variables: dict[str, Any]
    ) -> list[Decision]:
        """What does not hold, with each of a binding's parameters."""
        try:
            params = self._asker.params(policy, binding, attempt)
        except Misconfigured as wrong:
            what = "binding" if "paramKind" not in str(wrong) else "policy"
            return verdicts.errors(policy, binding, f"failed to configure {what}: {wrong}")
        wanted = [
            (one.get("expression") or "", one.get("messageExpression") or "")
            for one in policy.spec.get("validations") or ()
        ]
        count = len(wanted)
        wanted += [
            (one.get("valueExpression") or "", "")
            for one in policy.spec.get("auditAnnotations") or ()
        ]
        found: list[Decision] = []
        for one in params:
            asked = variables if policy.param_kind is None else {**variables, "params": one}
            outcomes = await self._asker.outcomes(
                policy, tuple(wanted), attempt, asked, budget=BUDGET
            )
            found += verdicts.validations(policy, binding, outcomes[:count])
            noted, problem = verdicts.annotations(policy, outcomes[count:])
            _note(attempt.annotations, noted)
            if problem:
                found += verdicts.errors(policy, binding, problem)
        return found


def _acted(
    found: list[Decision], binding: Binding, attempt: Attempt, notes: list[JsonObject]
) -> list[Decision]:
    """Do what a binding wants done; the refusals are left."""
    if WARN in binding.actions:
        attempt.warnings.extend(one.warning for one in found)
    if AUDIT in binding.actions:
        notes.extend(one.note(binding.actions) for one in found)
    return found if DENY in binding.actions else []


def _note(into: dict[str, str], noted: dict[str, str]) -> None:
    """Values of one key from several bindings stand side by side."""
    for key, value in noted.items():
        before = into.get(key)
        if before is None:
            into[key] = value
        elif value not in before.split(", "):
            into[key] = f"{before}, {value}"
