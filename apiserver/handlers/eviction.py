"""Eviction: a delete that disruption budgets may refuse.

Each eviction takes one disruption from the budget's status by compare-and-swap before the pod is
deleted, so that no two drains spend the same one. Neighbours: the disruption controller counts
budgets, `apiserver.handlers.delete` deletes.
"""

from apimachinery import labels, meta, scheme, status, wire
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.admission import chain
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.handlers import delete, render, special, writing
from apiserver.handlers.writing import Write
from apiserver.registry import deletion
from apiserver.registry.strategy import Context
from apiserver.routes import Route

_DETAIL = "Cannot evict pod as it would violate the pod's disruption budget."
FORMER_VERSION = "policy/v1beta1"
"""What clients older than Kubernetes 1.22 send, and some of today; Kubernetes takes it, too."""
RETRY_SECONDS = 10
"""What a drain is told to wait while a budget is not counted yet, as in Kubernetes."""


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer 201 with a Status once the pod is deleted or marked."""
    form = negotiation.accepted(request.headers.get("accept", ""))
    write = writing.begin(core, request, route, "CreateOptions")
    eviction = special.read(write, also=FORMER_VERSION)
    name = eviction["metadata"].get("name") or route.name
    if name != route.name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    if (eviction.get("deleteOptions") or {}).get("dryRun"):
        write.context.dry_run = True
    asked = writing.attempt(write, chain.CREATE, eviction, None)
    await core.admission.mutate(asked)
    options = delete.options_of(eviction.get("deleteOptions") or {})
    pod = (await write.registry.read(route.namespace, route.name)).parse()
    await core.admission.validate(asked)
    await evict(write, pod, options)
    return render.plain(form, status.success(), request, code=201)


async def evict(write: Write, pod: JsonObject, options: deletion.Options) -> None:
    """Delete the pod if its budget has a disruption left."""
    core, route = write.core, write.route
    registry = write.registry
    if options.preconditions is not None:
        options.preconditions.check_deletion(registry, pod)
    if not _unprotected(pod):
        budgets = _budgets(core, pod)
        if len(budgets) > 1:
            raise status.internal_error(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource "
                "does not support."
            )
        if budgets:
            await _spend(write, budgets[0], pod)
    if not write.context.dry_run:
        await _mark(write)
    await deletion.delete(registry, route.namespace, route.name, options, write.context)


def _unprotected(pod: JsonObject) -> bool:
    """Pods that serve nobody (any more) are not counted."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or meta.is_deleting(pod)


def _budgets(core: Core, pod: JsonObject) -> list[JsonObject]:
    """The budgets of the pod's namespace that select it."""
    found = []
    namespace = pod["metadata"].get("namespace", "")
    for entry in core.cache.list(scheme.PODDISRUPTIONBUDGETS, namespace).entries:
        budget = entry.parse()
        selector = (budget.get("spec") or {}).get("selector")
        if selector is not None and labels.from_label_selector(selector).matches(meta.labels(pod)):
            found.append(budget)
    return found


async def _spend(write: Write, budget: JsonObject, pod: JsonObject) -> None:
    """Take one disruption from the budget; 429 where there is none."""
    context = Context(
        user=write.context.user,
        now=write.context.now,
        dry_run=write.context.dry_run,
        subresource="status",
        fence=write.context.fence,
    )

    async def change(old: JsonObject, entry: Entry) -> JsonObject:
        if _may_go_anyway(old, pod):
            return entry.parse()
        _check(old)
        new = entry.parse()
        state = new["status"]
        state["disruptionsAllowed"] -= 1
        disrupted = state.setdefault("disruptedPods", {})
        disrupted[pod["metadata"]["name"]] = meta.format_time(context.now)
        return new

    registry = write.core.registries.of(scheme.PODDISRUPTIONBUDGETS)
    found = budget["metadata"]
    await registry.update(found["namespace"], found["name"], change, context, retry=True)


def _may_go_anyway(budget: JsonObject, pod: JsonObject) -> bool:
    """A pod that is not ready does not use up the budget."""
    conditions = (pod.get("status") or {}).get("conditions")
    if meta.condition_is_true(conditions, "Ready"):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    state = budget.get("status") or {}
    desired = state.get("desiredHealthy", 0)
    return bool(state.get("currentHealthy", 0) >= desired > 0)


def _check(budget: JsonObject) -> None:
    """Raise 429 unless the budget is up to date and has something left."""
    state, found = budget.get("status") or {}, budget["metadata"]
    name = found["name"]
    if state.get("observedGeneration", 0) < found.get("generation", 0):
        cause = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(cause, RETRY_SECONDS)
    if state.get("disruptionsAllowed", 0) <= 0:
        raise _too_many(
            f"The disruption budget {name} needs {state.get('desiredHealthy', 0)} healthy pods "
            f"and has {state.get('currentHealthy', 0)} currently"
        )


def _too_many(cause: str, retry_after: int = 0) -> status.ApiError:
    problem = status.too_many_requests(retry_after, _DETAIL)
    problem.details = {
        **({"retryAfterSeconds": retry_after} if retry_after else {}),
        "causes": [{"reason": "DisruptionBudget", "message": cause}],
    }
    return problem


async def _mark(write: Write) -> None:
    """Tell by a condition why the pod goes."""
    context = Context(
        user=write.context.user,
        now=write.context.now,
        subresource="status",
        fence=write.context.fence,
    )

    async def change(old: JsonObject, entry: Entry) -> JsonObject:  # noqa: ARG001  shape of Change
        new = entry.parse()
        state = new.setdefault("status", {})
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
        }
        state["conditions"] = meta.set_condition(state.get("conditions"), condition, context.now)
        return new

    await write.registry.update(
        write.route.namespace, write.route.name, change, context, retry=True
    )
