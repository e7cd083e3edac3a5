"""What a policy's expressions are asked about: the request, its objects, parameters, permissions.

Neighbours: `validating` and `mutating` share this; parameters and namespaces come from the watch
cache, permissions from the authorizer.
"""

from collections.abc import Callable, Sequence
from typing import Any

from apimachinery import labels, meta, scheme
from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject, UserInfo
from apiserver.admission import permissions
from apiserver.admission.chain import Attempt
from apiserver.admission.policies.compiled import Binding, Policy, binding_of, policy_of
from apiserver.admission.webhooks import matching, review
from apiserver.admission.webhooks.conversions import Conversions
from apiserver.attributes import Authorizer
from apiserver.cache import WatchCache
from apiserver.expressions.evaluator import Evaluator
from apiserver.expressions.questions import CONDITIONS_BUDGET, Group, Outcome

NO_PARAMS = "no params found for policy binding with `Deny` parameterNotFoundAction"


class Misconfigured(Exception):  # noqa: N818  the failure policy decides what it means
    """A policy's parameters cannot be found as it says."""


class Policies:
    """The policies of one kind, with their bindings, as they are now."""

    def __init__(self, cache: WatchCache, policies: Resource, bindings: Resource) -> None:
        self._cache = cache
        self._kinds = (policies, bindings)
        self._changed: tuple[int, int] = (-1, -1)
        self._bound: tuple[tuple[Policy, tuple[Binding, ...]], ...] = ()

    def bound(self) -> tuple[tuple[Policy, tuple[Binding, ...]], ...]:
        """Every policy that is in force, by name."""
        policies, bindings = self._kinds
        if not self._cache.count(policies) or not self._cache.count(bindings):
            return ()
        changed = (self._cache.changed(policies), self._cache.changed(bindings))
        if changed != self._changed:
            self._bound = tuple(self._read())
            self._changed = changed
        return self._bound

    def _read(self) -> list[tuple[Policy, tuple[Binding, ...]]]:
        policies, bindings = self._kinds
        known: dict[str, list[Binding]] = {}
        for entry in self._cache.list(bindings).entries:
            binding = binding_of(entry.parse())
            known.setdefault(binding.policy, []).append(binding)
        found = (policy_of(entry.parse()) for entry in self._cache.list(policies).entries)
        return [(one, tuple(known[one.name])) for one in found if one.name in known]


class Asker:
    """Asks expressions on behalf of policies."""

    def __init__(
        self,
        cache: WatchCache,
        known: Scheme,
        evaluator: Evaluator,
        authorizer: Callable[[], Authorizer],
        conversions: Conversions,
    ) -> None:
        self._cache = cache
        self._scheme = known
        self._evaluator = evaluator
        self._authorizer = authorizer
        self._conversions = conversions

    # --- which -------------------------------------------------------------------------------

    def row(self, policy: Policy, binding: Binding | None, attempt: Attempt) -> Resource | None:
        """As what a write concerns a policy, or one of its bindings."""
        wanted = policy.matching if binding is None else binding.matching
        if wanted is None:
            return attempt.asked
        equal = matching.others(self._scheme, attempt)
        return wanted.row(attempt, equal, self._namespace_labels(attempt))

    def _namespace_labels(self, attempt: Attempt) -> dict[str, str] | None:
        if attempt.resource.gr == "namespaces":
            return dict(meta.labels(attempt.obj or attempt.old or {"metadata": {}}))
        if not attempt.resource.namespaced:
            return None
        entry = self._cache.get(scheme.NAMESPACES, "", attempt.namespace)
        return dict(entry.labels) if entry is not None else {}

    # --- what about --------------------------------------------------------------------------

    async def variables(self, attempt: Attempt, row: Resource) -> dict[str, Any]:
        """All but the parameters."""
        shown = await self._conversions.shown(attempt, row)
        request = review.request_of(shown, row, "")["request"]
        seen = {
            key: one for key, one in request.items() if key not in ("object", "oldObject", "uid")
        }
        namespace = None
        if attempt.resource.namespaced:
            entry = self._cache.get(scheme.NAMESPACES, "", attempt.namespace)
            namespace = entry.parse() if entry is not None else None
        return {
            "object": request["object"],
            "oldObject": request["oldObject"],
            "request": seen,
            "namespaceObject": namespace,
        }

    async def back(self, attempt: Attempt, obj: JsonObject, row: Resource) -> JsonObject:
        """An object that was seen in another version, as it is stored."""
        return await self._conversions.back(attempt, obj, row)

    def params(
        self, policy: Policy, binding: Binding, attempt: Attempt
    ) -> Sequence[JsonObject | None]:
        """The parameters that a binding names; raises Misconfigured."""
        if policy.param_kind is None or binding.params is None:
            return [None]
        resource = self._scheme.by_api_version(*policy.param_kind)
        if resource is None:
            api_version, kind = policy.param_kind
            what = f"failed to find resource referenced by paramKind: '{api_version}, Kind={kind}'"
            raise Misconfigured(what)
        found = self._found(resource, binding.params, attempt)
        if not found and binding.params.get("parameterNotFoundAction") != "Allow":
            raise Misconfigured(NO_PARAMS)
        return found

    def _found(
        self, resource: Resource, reference: JsonObject, attempt: Attempt
    ) -> Sequence[JsonObject]:
        namespace = str(reference.get("namespace") or "")
        if resource.namespaced and not namespace:
            if not attempt.resource.namespaced:
                raise Misconfigured(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped "
                    "resources"
                )
            namespace = attempt.namespace
        if not resource.namespaced and namespace:
            raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped kind")
        stored = self._scheme.storage_resource(resource)
        if name := reference.get("name"):
            entry = self._cache.get(stored, namespace, name)
            return [entry.parse()] if entry is not None else []
        wanted = labels.from_label_selector(reference.get("selector") or {})
        entries = self._cache.list(stored, namespace, labels=wanted).entries
        return [one.parse() for one in entries]

    # --- asked -------------------------------------------------------------------------------

    async def conditions(
        self, policy: Policy, attempt: Attempt, variables: dict[str, Any]
    ) -> Sequence[Outcome]:
        """The outcomes of its matchConditions; raises TooSlow."""
        group = Group(policy.conditions, variables, (), permissions.about(attempt))
        return (await self._ask([group], attempt.user, CONDITIONS_BUDGET))[0]

    async def outcomes(
        self,
        policy: Policy,
        expressions: tuple[tuple[str, str], ...],
        attempt: Attempt,
        variables: dict[str, Any],
        *,
        budget: int,
    ) -> Sequence[Outcome]:
        """The outcomes of some of its expressions; raises TooSlow."""
        group = Group(expressions, variables, policy.variables, permissions.about(attempt))
        return (await self._ask([group], attempt.user, budget))[0]

    async def _ask(
        self, groups: list[Group], user: UserInfo, budget: int
    ) -> Sequence[Sequence[Outcome]]:
        decide = permissions.decider(self._authorizer, user)
        return await self._evaluator.evaluate(groups, budget=budget, decide=decide)
