"""The two steps of the admission chain that ask webhooks: first those that change, one after the
other, and at the end those that only refuse, all at once.

Neighbours: `matching`, `review`, `caller`; the chain runs these after its own plugins. What a
webhook has changed goes through structure and defaults again before the next one sees it.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import ClassVar

import orjson

from apimachinery import meta, scheme, status
from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject
from apiserver.admission import conditions, fitting, permissions
from apiserver.admission.chain import CONNECT, CREATE, DELETE, UPDATE, Attempt, Plugin
from apiserver.admission.webhooks import matching, review
from apiserver.admission.webhooks.caller import Caller, Unreachable
from apiserver.admission.webhooks.conversions import Conversions
from apiserver.admission.webhooks.matching import Hook
from apiserver.admission.webhooks.review import BadAnswer, Verdict
from apiserver.attributes import Authorizer
from apiserver.cache import WatchCache
from apiserver.expressions.evaluator import Evaluator, TooSlow
from apiserver.expressions.questions import CONDITIONS_BUDGET, Group

LOG = logging.getLogger(__name__)


def _kind(plural: str) -> Resource:
    found = scheme.BUILTIN.by_plural(matching.EXEMPT_GROUP, "v1", plural)
    assert found is not None, "a built-in kind"
    return found


MUTATING = _kind("mutatingwebhookconfigurations")
VALIDATING = _kind("validatingwebhookconfigurations")


class _Webhooks(Plugin):
    """What both steps share: the hooks of one kind of configuration, and how one is asked."""

    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    subresources: ClassVar[frozenset[str]] = frozenset({"*"})
    again: ClassVar[bool] = False
    kind: ClassVar[Resource]
    """Of its configurations."""

    def __init__(
        self,
        cache: WatchCache,
        known: Scheme,
        caller: Caller,
        evaluator: Evaluator,
        authorizer: Callable[[], Authorizer],
        conversions: Conversions,
    ) -> None:
        self._cache = cache
        self._scheme = known
        self._caller = caller
        self._evaluator = evaluator
        self._authorizer = authorizer
        self._conversions = conversions
        self._stamp: tuple[int, ...] = ()
        self._hooks: tuple[Hook, ...] = ()

    def concerns(self, resource: Resource, subresource: str, operation: str) -> bool:
        del subresource, operation
        return resource.group != matching.EXEMPT_GROUP

    def hooks(self) -> tuple[Hook, ...]:
        """All hooks as configured now, by the configurations' names."""
        if not self._cache.count(self.kind):
            return ()  # two of three writes ask in a cluster without any: 0.3 µs instead of 5
        entries = self._cache.list(self.kind).entries
        stamp = tuple([entry.revision for entry in entries])
        if stamp != self._stamp:
            self._hooks = tuple(
                hook for entry in entries for hook in matching.compile_hooks(entry.parse())
            )
            self._stamp = stamp
        return self._hooks

    def concerned(self, attempt: Attempt) -> list[tuple[Hook, Resource]]:
        """The hooks that are to be asked about a write, each with what it is shown to be of."""
        hooks = self.hooks()
        if not hooks:
            return []
        equal = matching.others(self._scheme, attempt)
        labels = self._namespace_labels(attempt)
        found = []
        for hook in hooks:
            row = matching.row_for(hook.rules, attempt, equal if hook.equivalent else ())
            if row is not None and hook.selects(attempt, labels):
                found.append((hook, row))
        return found

    def _namespace_labels(self, attempt: Attempt) -> Mapping[str, str] | None:
        if attempt.resource.gr == "namespaces":
            state = attempt.obj or attempt.old
            return meta.labels(state) if state is not None else {}
        if not attempt.resource.namespaced:
            return None
        entry = self._cache.get(scheme.NAMESPACES, "", attempt.namespace)
        return entry.labels if entry is not None else {}

    async def ask(self, hook: Hook, row: Resource, attempt: Attempt) -> Verdict | None:
        """The hook's verdict; None where it failed and may fail."""
        uid = str(uuid.uuid4())
        asked = review.request_of(await self._conversions.shown(attempt, row), row, uid)
        if hook.conditions and not await self._meets(hook, asked["request"], attempt):
            return None
        if attempt.dry_run and hook.side_effects:
            raise status.bad_request(f'admission webhook "{hook.name}" does not support dry run')
        body = orjson.dumps(asked)
        try:
            answer = await self._caller.post(hook.client, body, hook.seconds)
            verdict = review.read(answer, uid)
        except Unreachable as error:
            self._failed(hook, f"failed to call webhook: {error}")
            return None
        except BadAnswer as error:
            self._failed(hook, str(error))
            return None
        attempt.warnings.extend(verdict.warnings)
        for key, value in verdict.annotations.items():
            attempt.annotations[f"{hook.name}/{key}"] = value
        if not verdict.allowed:
            raise review.refused(hook.name, verdict.refusal)
        return verdict

    async def _meets(self, hook: Hook, request: JsonObject, attempt: Attempt) -> bool:
        """Whether all matchConditions hold; where that is not known, the failure policy decides."""
        variables = {
            "object": request["object"],
            "oldObject": request["oldObject"],
            "request": {key: one for key, one in request.items() if not key.endswith("bject")},
        }
        wanted = tuple((one.get("expression") or "", "") for one in hook.conditions)
        try:
            (outcomes,) = await self._evaluator.evaluate(
                [Group(wanted, variables, (), permissions.about(attempt))],
                budget=CONDITIONS_BUDGET,
                decide=permissions.decider(self._authorizer, attempt.user),
            )
            met, problem = conditions.hold([expression for expression, _ in wanted], outcomes)
        except TooSlow:
            met, problem = False, "its matchConditions take too long"
        if problem and hook.fails_closed:
            resource = attempt.resource
            raise status.forbidden(resource.plural, attempt.name, problem, resource.group)
        return met

    def _failed(self, hook: Hook, problem: str) -> None:
        """Refuse the write where the hook must agree."""
        if hook.fails_closed:
            raise review.failed(hook.name, problem)
        LOG.warning("webhook %s of %s is passed over: %s", hook.name, hook.configuration, problem)


class MutatingWebhooks(_Webhooks):
    """Asks one after the other; those that want it once more where a later one changed things."""

    kind: ClassVar[Resource] = MUTATING

    async def mutate(self, attempt: Attempt) -> None:
        asked: list[tuple[Hook, Resource]] = []
        last_change = -1
        for hook, row in self.concerned(attempt):
            if await self._change(hook, row, attempt):
                last_change = len(asked)
            asked.append((hook, row))
        for hook, row in asked[:last_change] if last_change > 0 else ():
            if hook.reinvoked:
                await self._change(hook, row, attempt)

    async def _change(self, hook: Hook, row: Resource, attempt: Attempt) -> bool:
        """Ask, and apply what is wanted; whether that was anything."""
        verdict = await self.ask(hook, row, attempt)
        if verdict is None or not verdict.patch or attempt.obj is None:
            return False
        try:
            shown = await self._conversions.shown(attempt, row)
            new = review.patched(shown.obj or attempt.obj, verdict.patch)
            new = await self._conversions.back(attempt, new, row)
            return fitting.replaced(attempt, new, f"webhook {hook.name}")
        except (BadAnswer, fitting.Unfit) as error:
            self._failed(hook, str(error))
            return False


class ValidatingWebhooks(_Webhooks):
    """Asks all at once; the first refusal in their order is told."""

    kind: ClassVar[Resource] = VALIDATING

    async def validate(self, attempt: Attempt) -> None:
        concerned = self.concerned(attempt)
        if not concerned:
            return
        outcomes = await asyncio.gather(
            *(self.ask(hook, row, attempt) for hook, row in concerned),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
