"""What create, update and patch share: decode, default, admit; context and tracking of managers.

Neighbours: the verbs' handlers beside it, `apiserver.registry.generic` below. Nothing here stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apimachinery import defaults, wire
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.admission.chain import Attempt
from apiserver.core import Core
from apiserver.handlers import body, query
from apiserver.handlers.query import WriteOptions
from apiserver.registry import fences
from apiserver.registry.generic import Admit, Registry
from apiserver.registry.strategy import Context
from apiserver.routes import Route

ANONYMOUS = wire.UserInfo("system:anonymous", groups=("system:unauthenticated",))


@dataclass(slots=True)
class Write:
    """One write request, read and checked but not yet decoded."""

    core: Core
    request: wire.Request
    route: Route
    resource: Resource
    registry: Registry
    """Of the resource under which the objects are stored."""
    options: WriteOptions
    context: Context
    told: JsonObject
    """The options as admission sees them."""

    @property
    def raw(self) -> bytes | None:
        """The body where it is JSON (only there can a field occur twice)."""
        kind = negotiation.body_type(self.request.headers.get("content-type", ""))
        return self.request.body if kind == negotiation.JSON else None

    def doubled(self) -> list[str]:
        """What a YAML body says twice, as far as that matters."""
        kind = negotiation.body_type(self.request.headers.get("content-type", ""))
        if self.options.validation == "Ignore" or not kind.endswith("yaml"):
            return []
        if self.request.body[:1] == b"{":
            return []  # JSON, which most clients send as YAML
        from apiserver.handlers import yaml_loader

        return yaml_loader.doubled(self.request.body)


def begin(core: Core, request: wire.Request, route: Route, kind: str) -> Write:
    """Read the query; `kind` is the options' name in errors."""
    resource = route.resource
    assert resource is not None, "the dispatcher resolved it"
    options = query.write_options(request, kind)
    context = Context(
        user=request.user or ANONYMOUS,
        now=core.clock.now(),
        dry_run=options.dry_run,
        manager=query.manager_of(options, request),
        subresource=route.subresource,
        asked_in=resource.api_version,
        fence=fences.read(request.headers.get(wire.FENCE, "")),
        warnings=request.warnings,
    )
    request.annotations = context.annotations
    registry = core.registries.of(core.scheme.storage_resource(resource))
    return Write(
        core, request, route, resource, registry, options, context, _told(request, options)
    )


def _told(request: wire.Request, options: WriteOptions) -> JsonObject:
    found: JsonObject = {"dryRun": ["All"]} if options.dry_run else {}
    if options.manager:
        found["fieldManager"] = options.manager
    if request.query and (validation := request.param("fieldValidation")):
        found["fieldValidation"] = validation
    return found


def attempt(
    write: Write, operation: str, obj: JsonObject | None, old: JsonObject | None, name: str = ""
) -> Attempt:
    """The write as admission sees it."""
    context = write.context
    stored_as = write.registry.resource
    return Attempt(
        operation=operation,
        resource=stored_as,
        requested=write.resource if write.resource is not stored_as else None,
        namespace=write.route.namespace,
        name=name or write.route.name,
        obj=obj,
        old=old,
        user=context.user,
        now=context.now,
        subresource=write.route.subresource,
        dry_run=context.dry_run,
        warnings=context.warnings,
        annotations=context.annotations,
        options=write.told,
    )


async def admit_unstored(
    core: Core, request: wire.Request, route: Route, operation: str, obj: JsonObject
) -> JsonObject:
    """Admission of what is answered and never stored (a review, a connection): may change it."""
    assert route.resource is not None, "the dispatcher resolved it"
    request.annotations = request.annotations if request.annotations is not None else {}
    asked = Attempt(
        operation=operation,
        resource=route.resource,
        namespace=route.namespace,
        name=route.name,
        obj=obj,
        old=None,
        user=request.user or ANONYMOUS,
        now=core.clock.now(),
        subresource=route.subresource,
        warnings=request.warnings,
        annotations=request.annotations,
    )
    await core.admission.mutate(asked)
    await core.admission.validate(asked)
    return obj


def validator(write: Write, operation: str) -> Admit:
    """Validating admission, to be called once the object is valid."""

    async def admit(new: JsonObject, old: JsonObject | None) -> None:
        name = new["metadata"].get("name", "")
        await write.core.admission.validate(attempt(write, operation, new, old, name))

    return admit


def fit(
    write: Write, obj: JsonObject, raw: bytes | None = None, doubled: Sequence[str] = ()
) -> JsonObject:
    """Prune and default an object of the stored version, whose kind has been checked."""
    resource = write.registry.resource
    obj = body.structured(
        resource, obj, write.options.validation, write.context.warnings, raw, doubled
    )
    metadata = obj.get("metadata")
    if metadata is None:
        obj["metadata"] = {}
    defaults.apply(resource, obj)
    return body.in_order(resource, obj)
