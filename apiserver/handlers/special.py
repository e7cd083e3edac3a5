"""What the handlers of bodies that are no stored objects share: scales, bindings, evictions.

Neighbours: `scale`, `binding`, `eviction`, `token` beside it; `apimachinery.decode` fits bodies.
"""

from apimachinery import decode, status
from apimachinery.resource import Subresource
from apimachinery.wire import JsonObject
from apiserver.handlers import body
from apiserver.handlers.writing import Write


def read(write: Write, part: Subresource) -> JsonObject:
    """The request's body as an object of the subresource's kind."""
    return fit(write, body.parse(write.request, write.core.scheme), part, raw=write.raw)


def fit(
    write: Write, obj: JsonObject, part: Subresource, *, raw: bytes | None = None
) -> JsonObject:
    """Check the kind of an object and prune it."""
    core, resource = write.core, write.resource
    group, version = (part.group, part.version) if part.version else resource.gvk[:2]
    body.expect(obj, core.scheme, group=group, version=version, kind=part.kind)
    validation = write.options.validation
    obj, problems = decode.structure_as(
        core.scheme.model_of(group, version, part.kind),
        obj,
        version,
        part.kind,
        raw=raw if validation != "Ignore" else None,
    )
    if problems and validation == "Strict":
        raise status.bad_request(
            f'{part.kind} in version "{version}" cannot be handled as a {part.kind}: strict '
            f"decoding error: {', '.join(problems)}"
        )
    if problems and validation == "Warn":
        write.context.warnings.extend(problems)
    metadata = obj.setdefault("metadata", {})
    namespace = metadata.get("namespace") or write.route.namespace
    if namespace != write.route.namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return obj
