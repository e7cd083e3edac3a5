"""The step that asks MutatingAdmissionPolicies: after the built-in plugins, before webhooks.

One mutation after the other, each sees what those before it made; policies that want it are asked
once more where a later one changed something. Neighbours: `asking`, `mutations`.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject
from apiserver.admission import conditions, fitting
from apiserver.admission.chain import CONNECT, CREATE, UPDATE, Attempt, Plugin
from apiserver.admission.policies import compiled, mutations, verdicts
from apiserver.admission.policies.asking import Asker, Misconfigured, Policies
from apiserver.admission.policies.compiled import Binding, Policy
from apiserver.admission.policies.validating import TOO_SLOW, kind
from apiserver.admission.webhooks.conversions import Conversions
from apiserver.attributes import Authorizer
from apiserver.cache import WatchCache
from apiserver.expressions.evaluator import Evaluator, TooSlow
from apiserver.expressions.questions import BUDGET


@dataclass(frozen=True, slots=True)
class _Use:
    """A policy with one binding and one set of parameters, for one write."""

    policy: Policy
    binding: Binding
    params: JsonObject | None
    row: Resource

    @property
    def again(self) -> bool:
        return self.policy.spec.get("reinvocationPolicy") == "IfNeeded"


class MutatingPolicies(Plugin):
    """See the module."""

    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE, CONNECT})
    subresources: ClassVar[frozenset[str]] = frozenset({"*"})
    again: ClassVar[bool] = False

    def __init__(
        self,
        cache: WatchCache,
        known: Scheme,
        evaluator: Evaluator,
        authorizer: Callable[[], Authorizer],
        conversions: Conversions,
    ) -> None:
        policies, bindings = "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"
        self._policies = Policies(cache, kind(policies), kind(bindings))
        self._asker = Asker(cache, known, evaluator, authorizer, conversions)

    def concerns(self, resource: Resource, subresource: str, operation: str) -> bool:
        own = operation in self.operations and compiled.concerns(resource)
        return own and super().concerns(resource, subresource, operation)

    async def mutate(self, attempt: Attempt) -> None:
        bound = self._policies.bound()
        if not bound or attempt.obj is None:
            return
        asked: list[_Use] = []
        last_change = -1
        for policy, bindings in bound:
            for use in self._uses(policy, bindings, attempt):
                if await self._change(use, attempt):
                    last_change = len(asked)
                asked.append(use)
        for use in asked[:last_change] if last_change > 0 else ():
            if use.again:
                await self._change(use, attempt)

    def _uses(self, policy: Policy, bindings: tuple[Binding, ...], attempt: Attempt) -> list[_Use]:
        row = self._asker.row(policy, None, attempt)
        if row is None:
            return []
        found: list[_Use] = []
        for binding in bindings:
            if self._asker.row(policy, binding, attempt) is None:
                continue
            try:
                params = self._asker.params(policy, binding, attempt)
            except Misconfigured as problem:
                _failed(policy, binding, attempt, f"failed to configure binding: {problem}")
                continue
            found += [_Use(policy, binding, one, row) for one in params]
        return found

    async def _change(self, use: _Use, attempt: Attempt) -> bool:
        """Apply a policy's mutations; whether they changed anything."""
        assert attempt.obj is not None, "looked at before"
        before = copy.deepcopy(attempt.obj)
        try:
            new = await self._mutated(use, attempt)
            return new is not None and fitting.replaced(attempt, new, f"policy {use.policy.name}")
        except TooSlow:
            problem = TOO_SLOW
        except (mutations.Unfit, fitting.Unfit) as error:
            problem = str(error)
        attempt.obj.clear()
        attempt.obj.update(before)
        _failed(use.policy, use.binding, attempt, problem)
        return False

    async def _mutated(self, use: _Use, attempt: Attempt) -> JsonObject | None:
        """The object after all mutations, None where the conditions do not hold."""
        policy = use.policy
        variables = await self._asker.variables(attempt, use.row)
        if policy.param_kind is not None:
            variables["params"] = use.params
        if policy.conditions:
            outcomes = await self._asker.conditions(policy, attempt, variables)
            holds, problem = verdicts.conditions(policy, outcomes)
            if problem:
                raise mutations.Unfit(problem)
            if not holds:
                return None
        new: JsonObject = copy.deepcopy(variables["object"])
        rule = fitting.rule_of(attempt)
        for mutation in policy.spec.get("mutations") or ():
            expression = mutations.expression_of(mutation)
            seen = {**variables, "object": new}
            (outcome,) = await self._asker.outcomes(
                policy, ((expression, ""),), attempt, seen, budget=BUDGET
            )
            if outcome.failed:
                text = conditions.resulted(expression, outcome)
                raise mutations.Unfit(text)
            new = mutations.applied(rule, new, mutation, outcome.value)
        return await self._asker.back(attempt, new, use.row)


def _failed(policy: Policy, binding: Binding, attempt: Attempt, problem: str) -> None:
    """Refuse the write where the policy must hold."""
    if policy.fails_closed:
        text = f"policy '{policy.name}' with binding '{binding.name}' denied request: {problem}"
        raise verdicts.refused(attempt, text, "Invalid")
