"""Rules of custom resources (x-kubernetes-validations): looked at when a definition comes, kept
when an object does.

Evaluated once the object fits its schema, before webhooks are asked. Neighbours:
`apimachinery.schema.expressions` says what is to be evaluated, `apiserver.expressions` does it.
"""

from typing import ClassVar

from apimachinery import status
from apimachinery.resource import Resource
from apimachinery.schema import expressions
from apimachinery.schema.expressions import Job, Placed
from apimachinery.status import FieldError
from apimachinery.validation import definitions
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.expressions.evaluator import Evaluator, TooSlow
from apiserver.expressions.questions import (
    STATIC_LIMIT,
    STATIC_TOTAL,
    Check,
    Checked,
    Group,
    Maybe,
    Schema,
)

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"

_SIMPLIFY = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, "
    "maps, and strings are declared)"
)


class CustomRules(Plugin):
    """Refuses what a rule refuses, and rules that cannot be evaluated."""

    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"*"})

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def concerns(self, resource: Resource, subresource: str, operation: str) -> bool:
        custom = not resource.model
        return (custom or resource.gr == DEFINITIONS) and super().concerns(
            resource, subresource, operation
        )

    async def validate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a write has an object"
        custom = attempt.resource.custom
        if custom is not None:
            new, old = attempt.stored or (attempt.obj, attempt.old)
            errors = await self._objects(attempt, expressions.jobs(new, old, custom.node))
        else:
            errors = await self._definition(attempt.obj, attempt.old)
        if errors:
            resource = attempt.resource
            raise status.invalid(resource.kind, attempt.name, errors, resource.group)

    async def _objects(self, attempt: Attempt, jobs: list[Job]) -> list[FieldError]:
        if not jobs:
            return []
        wanted = [
            Group(((job.expression, job.rule.get("messageExpression") or ""),), job.variables)
            for job in jobs
        ]
        try:
            outcomes = await self._evaluator.evaluate(wanted)
        except TooSlow:
            return [_spent(attempt)]
        errors: list[FieldError] = []
        for job, (outcome,) in zip(jobs, outcomes, strict=True):
            if outcome.too_costly:
                return [*errors, job.too_costly(outcome.failed), _spent(attempt)]
            if outcome.failed or outcome.value is not True:
                failed = outcome.failed or ("" if outcome.value is False else "not a boolean")
                errors.append(job.error(outcome.said, failed=failed))
        return errors

    # --- definitions -------------------------------------------------------------------------

    async def _definition(self, obj: JsonObject, old: JsonObject | None) -> list[FieldError]:
        """Rules that are new in a definition must be such as can be evaluated, at a bounded cost."""
        known = {one.text for places in _places(old).values() for one in places}
        errors: list[FieldError] = []
        for path, places in _places(obj).items():
            wanted = [one for one in places if one.text not in known]
            if wanted:
                errors += await self._version(path, wanted)
        return errors

    async def _version(self, path: str, places: list[Placed]) -> list[FieldError]:
        asked = [_check(one) for one in places]
        try:
            found = await self._evaluator.check(asked)
        except TooSlow:
            found = [Checked("compilation failed: it takes too long")] * len(asked)
        errors = [_problem(one, answer) for one, answer in zip(places, found, strict=True)]
        total = sum(one.times * answer.cost for one, answer in zip(places, found, strict=True))
        if total > STATIC_TOTAL:
            whole = "for entire OpenAPIv3 schema"
            dear = [one for one, answer in zip(places, found, strict=True) if _share(one, answer)]
            text = f"contributed to estimated rule cost total exceeding cost limit {whole}"
            errors += [status.forbidden_field(one.path, text) for one in dear]
            text = f"x-kubernetes-validations estimated rule cost total {whole} {_beyond(total, STATIC_TOTAL)}"
            errors.append(status.forbidden_field(path, text))
        return [one for one in errors if one is not None]


def _spent(attempt: Attempt) -> FieldError:
    detail = (
        "validation failed due to running out of cost budget, no further validation rules will be "
        "run"
    )
    return status.invalid_value("<nil>", attempt.resource.kind, detail)


def _places(definition: JsonObject | None) -> dict[str, list[Placed]]:
    """All expressions of a definition, by the path of the schema that they are in."""
    found: dict[str, list[Placed]] = {}
    versions = ((definition or {}).get("spec") or {}).get("versions") or ()
    for index, version in enumerate(versions):
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        path = f"{definitions.place(versions, index, 'schema')}.openAPIV3Schema"
        found[path] = list(expressions.rules_of(schema, path))
    return found


def _check(one: Placed) -> Check:
    variable = Schema(one.schema, root=one.root)
    optional = one.rule.get("optionalOldSelf")
    old = Maybe(variable) if optional else variable
    wants = ("bool",) if one.key == "rule" else ("string",)
    return Check(one.expression, {"self": variable, "oldSelf": old}, wants)


def _problem(one: Placed, found: Checked) -> FieldError | None:
    """What is wrong with an expression, in Kubernetes' words."""
    if one.key == "rule" and one.unrelated and expressions.OLD.search(one.expression):
        where = one.unrelated
        detail = (
            f"oldSelf cannot be used on the uncorrelatable portion of the schema within {where}"
        )
        return status.invalid_value(one.path, one.expression, detail)
    if found.problem.startswith("must evaluate"):
        what = "cel expression" if one.key == "rule" else "messageExpression"
        kind = "a bool" if one.key == "rule" else "a string"
        detail = f"{what} must evaluate to {kind}"
        return status.invalid_value(one.path, _shown(one.rule), f"compilation failed: {detail}")
    if found.problem:
        what = "" if one.key == "rule" else "messageExpression "
        return status.invalid_value(one.path, _shown(one.rule), f"{what}{found.problem}")
    early = one.rule.get("optionalOldSelf")
    if one.key == "rule" and early is not None and not expressions.OLD.search(one.expression):
        where = f"{one.path.removesuffix('.rule')}.optionalOldSelf"
        detail = "may not be set if oldSelf is not used in rule"
        return status.invalid_value(where, early, detail)
    cost = found.cost * one.times
    if cost > STATIC_LIMIT:
        detail = f"estimated {one.key} cost {_beyond(cost, STATIC_LIMIT)}"
        return status.forbidden_field(one.path, detail)
    return None


def _shown(rule: JsonObject) -> JsonObject:
    """A rule as Kubernetes prints it: its own names, nothing left out."""
    texts = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
    absent = {"reason": None, "optionalOldSelf": None}
    return {key[:1].upper() + key[1:]: rule.get(key, absent.get(key, "")) for key in texts}


def _share(one: Placed, found: Checked) -> bool:
    """Whether an expression is among those that make the whole too dear."""
    return one.times * found.cost > STATIC_LIMIT


def _beyond(cost: int, limit: int) -> str:
    factor = cost / limit
    shown = f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return f"exceeds budget by factor of {shown if factor <= 100 else 'more than 100x'} {_SIMPLIFY}"
