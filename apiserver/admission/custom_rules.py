"""Rules of custom resources (x-kubernetes-validations): looked at when a definition comes, kept
when an object does.

Evaluated once the object fits its schema, before webhooks are asked. Neighbours:
`apimachinery.schema.expressions` says what is to be evaluated, `apiserver.expressions` does it.
"""

from typing import ClassVar

from apimachinery import status
from apimachinery.resource import Resource
from apimachinery.schema import expressions
from apimachinery.schema.expressions import Job
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.expressions.evaluator import Evaluator, TooSlow

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


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
            errors = await self._objects(
                attempt, expressions.jobs(attempt.obj, attempt.old, custom.node)
            )
        else:
            errors = await self._definition(attempt.obj, attempt.old)
        if errors:
            resource = attempt.resource
            raise status.invalid(resource.kind, attempt.name, errors, resource.group)

    async def _objects(self, attempt: Attempt, jobs: list[Job]) -> list[FieldError]:
        if not jobs:
            return []
        wanted = [
            (job.expression, job.variables, job.rule.get("messageExpression") or "") for job in jobs
        ]
        try:
            outcomes = await self._evaluator.evaluate(wanted)
        except TooSlow:
            detail = (
                "validation failed due to running out of cost budget, no further validation rules "
                "will be run"
            )
            return [status.invalid_value("<nil>", attempt.resource.kind, detail)]
        return [
            job.error(outcome.get("said", ""), failed=outcome.get("failed", ""))
            for job, outcome in zip(jobs, outcomes, strict=True)
            if outcome is not None
        ]

    async def _definition(self, obj: JsonObject, old: JsonObject | None) -> list[FieldError]:
        """Rules that are new in a definition must be such as can be evaluated."""
        known = {rule for _, rule in _expressions(old)} if old is not None else set()
        wanted = [one for one in _expressions(obj) if one[1] not in known]
        if not wanted:
            return []
        names = ["self", "oldSelf"]
        try:
            problems = await self._evaluator.check([(rule, names) for _, rule in wanted])
        except TooSlow:
            problems = ["compilation failed: it takes too long"] * len(wanted)
        return [
            status.invalid_value(path, rule, problem)
            for (path, rule), problem in zip(wanted, problems, strict=True)
            if problem
        ]


def _expressions(definition: JsonObject) -> list[tuple[str, str]]:
    """(path, expression) of all rules of a definition."""
    found: list[tuple[str, str]] = []
    for index, version in enumerate((definition.get("spec") or {}).get("versions") or ()):
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        path = f"spec.versions[{index}].schema.openAPIV3Schema"
        for rule, where in expressions.rules_of(schema, path):
            texts = {key: rule.get(key) for key in ("rule", "messageExpression")}
            found += [(f"{where}.{key}", text) for key, text in texts.items() if text]
    return found
