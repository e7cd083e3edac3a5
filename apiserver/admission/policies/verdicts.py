"""What the outcomes of a policy's expressions mean: refusals, warnings, notes; pure.

In Kubernetes' words, with its reasons and codes. Neighbours: `validating` asks the expressions and
does what these say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from apimachinery import status
from apimachinery.wire import JsonObject
from apiserver.admission.chain import Attempt
from apiserver.admission.conditions import hold, resulted
from apiserver.admission.policies.compiled import Binding, Policy
from apiserver.expressions.questions import Outcome

DENY, WARN, AUDIT = "Deny", "Warn", "Audit"
NOTE = "validation.policy.admission.k8s.io/validation_failure"
"""The audit annotation of what failed and was let through."""
NOTES_MAX = 10 * 1024
"""Bytes of an audit annotation's value."""

_CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}


@dataclass(frozen=True, slots=True)
class Decision:
    """One validation that did not hold, or could not be evaluated."""

    policy: str
    binding: str
    message: str
    reason: str = "Invalid"
    index: int = 0
    """Of the validation."""

    def refusal(self, attempt: Attempt) -> status.ApiError:
        """What the writer is told."""
        bound = f" with binding '{self.binding}'" if self.binding else ""
        text = f"ValidatingAdmissionPolicy '{self.policy}'{bound} denied request: {self.message}"
        return refused(attempt, text, self.reason)

    @property
    def warning(self) -> str:
        return (
            f"Validation failed for ValidatingAdmissionPolicy '{self.policy}' with binding "
            f"'{self.binding}': {self.message}"
        )

    def note(self, actions: frozenset[str]) -> JsonObject:
        """Its part of the audit annotation."""
        return {
            "message": self.message,
            "policy": self.policy,
            "binding": self.binding,
            "expressionIndex": self.index,
            "validationActions": sorted(actions),
        }


def refused(attempt: Attempt, text: str, reason: str) -> status.ApiError:
    """A refusal that looks forbidden but has the code of its reason."""
    resource = attempt.resource
    plain = status.forbidden(resource.plural, attempt.name, text, resource.group)
    details = {**(plain.details or {}), "causes": [{"message": text}]}
    return status.ApiError(
        plain.message, code=_CODES.get(reason, 422), reason=reason, details=details
    )


def errors(policy: Policy, binding: Binding | None, problem: str) -> list[Decision]:
    """What a policy that cannot be asked means, by its failurePolicy."""
    if not policy.fails_closed:
        return []
    return [Decision(policy.name, binding.name if binding else "", problem)]


def conditions(policy: Policy, outcomes: Sequence[Outcome]) -> tuple[bool, str]:
    """Whether all matchConditions hold; or why that is not known."""
    return hold([expression for expression, _ in policy.conditions], outcomes)


def validations(policy: Policy, binding: Binding, outcomes: Sequence[Outcome]) -> list[Decision]:
    """The validations that do not hold."""
    found: list[Decision] = []
    wanted = policy.spec.get("validations") or ()
    for index, (one, outcome) in enumerate(zip(wanted, outcomes, strict=True)):
        expression = str(one.get("expression") or "")
        if outcome.failed:
            problem = resulted(expression, outcome)
            if policy.fails_closed:
                found.append(Decision(policy.name, binding.name, problem, index=index))
            continue
        if outcome.value is not True:
            message = outcome.said or str(one.get("message") or "").strip()
            message = message or f"failed expression: {expression.strip()}"
            reason = one.get("reason") or "Invalid"
            found.append(Decision(policy.name, binding.name, message, reason, index))
    return found


def annotations(policy: Policy, outcomes: Sequence[Outcome]) -> tuple[dict[str, str], str]:
    """A policy's audit annotations, and what went wrong with them."""
    found: dict[str, str] = {}
    wanted = policy.spec.get("auditAnnotations") or ()
    for one, outcome in zip(wanted, outcomes, strict=True):
        if outcome.failed:
            return found, resulted(str(one.get("valueExpression") or ""), outcome)
        if isinstance(outcome.value, str) and outcome.value:
            found[f"{policy.name}/{one.get('key', '')}"] = outcome.value[:NOTES_MAX]
    return found, ""


def add_notes(into: dict[str, str], notes: Sequence[JsonObject]) -> None:
    """What was let through with the action Audit, beside what is noted already."""
    if notes:
        before = orjson.loads(into[NOTE]) if NOTE in into else []
        into[NOTE] = orjson.dumps([*before, *notes]).decode()
