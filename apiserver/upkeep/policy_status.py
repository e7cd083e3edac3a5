"""Looks at the types in ValidatingAdmissionPolicies and writes what is doubtful into their status.

When a policy is written its objects are `dyn`: it may be about many kinds. Afterwards each kind that
its rules name is tried in turn, with that kind's schema; what does not fit is a warning, as in
Kubernetes. Neighbours: `admission.policies.checks` lists the expressions, `apiserver.server` starts
this.
"""

import contextlib
import logging
from collections.abc import Iterator

from apimachinery import scheme, status, wire
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.admission.policies import checks
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.expressions.evaluator import Evaluator, TooSlow
from apiserver.expressions.questions import Schema
from apiserver.registry.strategy import Context

LOG = logging.getLogger(__name__)

USER = wire.UserInfo("system:apiserver", groups=("system:masters",))
KINDS_MAX = 10
"""Kinds that one policy is tried with, as in Kubernetes."""

POLICIES = scheme.BUILTIN.by_plural(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies"
)


async def run(core: Core, evaluator: Evaluator) -> None:
    """Follow the policies until cancelled."""
    assert POLICIES is not None, "a built-in kind"
    async with core.cache.watch(POLICIES) as watcher:
        for entry in core.cache.list(POLICIES).entries:
            await _look(core, evaluator, entry)
        async for batch in watcher:
            for item in batch:
                if item.entry is not None and item.type != "DELETED":
                    await _look(core, evaluator, item.entry)


async def _look(core: Core, evaluator: Evaluator, entry: Entry) -> None:
    policy = entry.parse()
    generation = policy["metadata"].get("generation") or 0
    if ((policy.get("status") or {}).get("observedGeneration") or 0) == generation:
        return
    try:
        warnings = await _warnings(core, evaluator, policy["spec"])
    except TooSlow:
        LOG.warning("the types of policy %s take too long to check", entry.name)
        warnings = []
    checking = {"expressionWarnings": warnings} if warnings else {}
    wanted = {"observedGeneration": generation, "typeChecking": checking}

    async def change(old: JsonObject, entry: Entry) -> JsonObject:
        del old
        found = entry.parse()
        return {**found, "status": {**(found.get("status") or {}), **wanted}}

    assert POLICIES is not None, "a built-in kind"
    context = Context(user=USER, now=core.clock.now(), subresource="status")
    with contextlib.suppress(status.NotFound, status.Conflict):
        await core.registries.of(POLICIES).update("", entry.name, change, context, retry=True)


async def _warnings(core: Core, evaluator: Evaluator, spec: JsonObject) -> list[JsonObject]:
    """What is wrong with each expression, kind by kind."""
    found: dict[str, list[str]] = {}
    for row in _kinds(core, spec):
        wanted = list(checks.of_policy("ValidatingAdmissionPolicy", spec, _schema(row)))
        answers = await evaluator.check([check for _, check in wanted])
        for (path, check), answer in zip(wanted, answers, strict=True):
            if answer.problem:
                problem = checks.told(check, answer).removeprefix("compilation failed: ")
                line = f"{row.api_version}, Kind={row.kind}: {problem}"
                found.setdefault(path, []).append(line)
    return [{"fieldRef": path, "warning": "\n".join(lines) + "\n"} for path, lines in found.items()]


def _kinds(core: Core, spec: JsonObject) -> list[Resource]:
    """The kinds that a policy names; wildcards name none."""
    found: dict[tuple[str, str, str], Resource] = {}
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        for name in _names(rule):
            row = core.scheme.by_plural(*name)
            if row is not None:
                found[row.gvr] = row
    return sorted(found.values(), key=lambda row: row.gvr)[:KINDS_MAX]


def _names(rule: JsonObject) -> Iterator[tuple[str, str, str]]:
    for group in rule.get("apiGroups") or ():
        for version in rule.get("apiVersions") or ():
            for plural in rule.get("resources") or ():
                yield group, version, plural


def _schema(row: Resource) -> Schema:
    if row.custom is not None:
        return Schema(row.custom.published, root=True)
    # The documents' code is loaded when there is a policy to check, not at every start.
    from apimachinery.openapi.schema import Schemas, schema_name

    schemas, model = Schemas(""), row.load_model()
    assert model is not None, "kinds without a schema have a model"
    schemas.reference(model)
    return Schema(schemas.found[schema_name(model)], references=schemas.found)
