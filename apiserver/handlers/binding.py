"""Binding a pod to a node: the commit point of scheduling, a compare-and-swap on `spec.nodeName`.

POST to `pods/NAME/binding`, or to the old `bindings` collection. Neighbours: the scheduler asks,
`apiserver.registry.pods` lets this one change through.
"""

from collections.abc import Awaitable, Callable

from apimachinery import meta, status, wire
from apimachinery.scheme import PODS
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.admission import chain
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.handlers import render, special, writing
from apiserver.handlers.writing import Write
from apiserver.registry.generic import Preconditions
from apiserver.registry.pods import BINDING
from apiserver.routes import Route


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer 201 with a Status."""
    form = negotiation.accepted(request.headers.get("accept", ""))
    write = writing.begin(core, request, route, "CreateOptions")
    binding = special.read(write)
    name = pod_name(route, binding)
    asked = writing.attempt(write, chain.CREATE, binding, None, name)
    await core.admission.mutate(asked)
    await bind(write, binding, name, admit=lambda: core.admission.validate(asked))
    return render.plain(form, status.success(), request, code=201)


def pod_name(route: Route, binding: JsonObject) -> str:
    """The pod that URL and body agree on."""
    name = str(binding["metadata"].get("name", ""))
    if route.name and name and name != route.name:
        raise status.bad_request("name in URL does not match name in Binding object")
    if not route.name and not name:
        error = status.required("metadata.name", "name or generateName is required")
        raise status.invalid("Binding", "", [error])
    return route.name or name


async def bind(
    write: Write, binding: JsonObject, name: str, *, admit: Callable[[], Awaitable[None]]
) -> None:
    """Set the node of a pod that has none."""
    target = binding.get("target") or {}
    errors = []
    if target.get("kind") not in (None, "", "Node"):
        errors.append(status.not_supported("target.kind", target["kind"], ["Node", "<empty>"]))
    if not target.get("name"):
        errors.append(status.required("target.name"))
    if errors:
        raise status.invalid("Binding", name, errors)
    node, context = target["name"], write.context
    registry = write.core.registries.of(PODS)
    found = binding["metadata"]

    async def change(old: JsonObject, entry: Entry) -> JsonObject:
        _refuse_unless_free(old, name)
        new = entry.parse()
        new["spec"]["nodeName"] = node
        if found.get("annotations"):
            held = new["metadata"].get("annotations") or {}
            new["metadata"]["annotations"] = {**held, **found["annotations"]}
        state = new.setdefault("status", {})
        # Room that was kept for the pod somewhere is of no interest any more.
        state.pop("nominatedNodeName", None)
        scheduled = {
            "type": "PodScheduled",
            "status": "True",
            "lastTransitionTime": meta.format_time(context.now),
        }
        others = meta.without_condition(state.get("conditions"), "PodScheduled")
        state["conditions"] = [*others, scheduled]
        return new

    async def admitted(new: JsonObject, old: JsonObject | None) -> None:  # noqa: ARG001  shape of Admit
        await admit()

    context.subresource = BINDING
    await registry.update(
        write.route.namespace,
        name,
        change,
        context,
        admit=admitted,
        preconditions=Preconditions(found.get("uid", ""), found.get("resourceVersion", "")),
        retry=True,
    )


def _refuse_unless_free(pod: JsonObject, name: str) -> None:
    """Raise 409 for a pod that is placed, ending, or held back."""
    spec = pod.get("spec") or {}
    detail = ""
    if pod["metadata"].get("deletionTimestamp"):
        detail = f"pod {name} is being deleted, cannot be assigned to a host"
    elif spec.get("nodeName"):
        detail = f"pod {name} is already assigned to node {status.quote(spec['nodeName'])}"
    elif spec.get("schedulingGates"):
        detail = f"pod {name} has non-empty .spec.schedulingGates"
    if detail:
        raise status.conflict("pods/binding", name, detail)
