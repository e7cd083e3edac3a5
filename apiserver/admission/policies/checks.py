"""Policies, bindings and webhooks when they are written: is all there, does each expression compile?

In Kubernetes' words. An expression that was there before is not looked at again. Neighbours:
`declared` has the variables, `apiserver.expressions` the language.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from apimachinery import status
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.admission.policies import declared
from apiserver.admission.policies.compiled import GROUP
from apiserver.admission.policies.mutations import PATCH
from apiserver.admission.policies.structure import problems
from apiserver.expressions.evaluator import Evaluator, TooSlow
from apiserver.expressions.questions import Check, Checked, Declared

_Wanted = tuple[str, Check]
"""The path of an expression, and what is asked about it."""

BOOL, STRING = ("bool",), ("string", "null")
MESSAGE = ("string",)


class PolicyChecks(Plugin):
    """See the module."""

    kinds: ClassVar[frozenset[str] | None] = frozenset(
        f"{plural}.{GROUP}"
        for plural in (
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
            "mutatingwebhookconfigurations",
        )
    )
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    async def validate(self, attempt: Attempt) -> None:
        obj, resource = attempt.obj, attempt.resource
        assert obj is not None, "a write has an object"
        errors = problems(resource.kind, obj)
        known = [check for _, check in _wanted(resource.kind, attempt.old)] if attempt.old else []
        wanted = [
            one
            for one in _wanted(resource.kind, obj)
            if one[1].expression.strip() and one[1] not in known
        ]
        if wanted:
            errors += await self._checked(wanted)
        if errors:
            raise status.invalid(resource.kind, attempt.name, errors, resource.group)

    async def _checked(self, wanted: list[_Wanted]) -> list[FieldError]:
        try:
            found = await self._evaluator.check([check for _, check in wanted])
        except TooSlow:
            found = [Checked("compilation failed: it takes too long")] * len(wanted)
        errors = []
        for (path, check), answer in zip(wanted, found, strict=True):
            if answer.problem:
                text = told(check, answer)
                errors.append(status.invalid_value(path, check.expression, text))
        return errors


def told(check: Check, answer: Checked) -> str:
    """Why an expression cannot be used."""
    if not answer.problem.startswith("must evaluate"):
        return answer.problem
    kinds = [one.replace("null", "null_type") for one in check.wants]
    return f"must evaluate to {' or '.join(kinds)}"


def _wanted(kind: str, obj: JsonObject | None) -> list[_Wanted]:
    if obj is None:
        return []
    if kind.endswith("WebhookConfiguration"):
        return list(_of_webhooks(obj))
    return list(of_policy(kind, obj.get("spec") or {}))


def _of_webhooks(obj: JsonObject) -> Iterator[_Wanted]:
    known = declared.variables(namespace=False)
    for index, hook in enumerate(obj.get("webhooks") or ()):
        yield from _conditions(hook, f"webhooks[{index}].", known)


def _conditions(holder: JsonObject, prefix: str, known: dict[str, Declared]) -> Iterator[_Wanted]:
    for index, one in enumerate(holder.get("matchConditions") or ()):
        path = f"{prefix}matchConditions[{index}].expression"
        yield path, Check(str(one.get("expression") or ""), known, BOOL)


def of_policy(kind: str, spec: JsonObject, obj: Declared = "dyn") -> Iterator[_Wanted]:
    """All expressions of a policy of either kind."""
    mutating = kind.startswith("Mutating")
    known = declared.variables(params=spec.get("paramKind") is not None, mutating=mutating, obj=obj)
    plain = {name: one for name, one in known.items() if name not in ("Object", "JSONPatch")}
    yield from _conditions(spec, "spec.", plain)
    composed: tuple[tuple[str, str], ...] = ()
    for index, one in enumerate(spec.get("variables") or ()):
        text = str(one.get("expression") or "")
        yield f"spec.variables[{index}].expression", Check(text, _within(known), (), composed)
        composed = (*composed, (str(one.get("name") or ""), text))
    known = _within(known)

    def check(one: JsonObject, key: str, wants: tuple[str, ...]) -> Check:
        return Check(str(one.get(key) or ""), known, wants, composed)

    for index, one in enumerate(spec.get("validations") or ()):
        path = f"spec.validations[{index}]"
        yield f"{path}.expression", check(one, "expression", BOOL)
        if one.get("messageExpression"):
            yield f"{path}.messageExpression", check(one, "messageExpression", MESSAGE)
    for index, one in enumerate(spec.get("auditAnnotations") or ()):
        path = f"spec.auditAnnotations[{index}].valueExpression"
        yield path, check(one, "valueExpression", STRING)
    for index, one in enumerate(spec.get("mutations") or ()):
        key = "jsonPatch" if one.get("patchType") == PATCH else "applyConfiguration"
        wants = ("list(JSONPatch)", "list(dyn)") if key == "jsonPatch" else ("Object",)
        part: Any = one.get(key) or {}
        if part.get("expression"):
            yield f"spec.mutations[{index}].{key}.expression", check(part, "expression", wants)


def _within(known: dict[str, Declared]) -> dict[str, Declared]:
    """With the composed variables, of which there may be none."""
    return {**known, "variables": "dyn"}
