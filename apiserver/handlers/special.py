"""What the handlers of bodies that are no stored objects share: scales, bindings, evictions.

Neighbours: `scale`, `binding`, `eviction`, `token` beside it; `apimachinery.decode` fits bodies.
"""

from apimachinery import decode, status
from apimachinery.wire import JsonObject
from apiserver.handlers import body
from apiserver.handlers.writing import Write


def read(write: Write, *, also: str = "") -> JsonObject:
    """The request's body as an object of the kind that the route takes.

    `also` is another `apiVersion` that means the same.
    """
    obj = body.parse(write.request, write.core.scheme)
    if also and obj.get("apiVersion") == also:
        del obj["apiVersion"]
    return fit(write, obj, raw=write.raw)


def fit(write: Write, obj: JsonObject, *, raw: bytes | None = None) -> JsonObject:
    """Check the kind of an object and prune it."""
    core = write.core
    group, version, kind = write.resource.gvk_of(write.route.subresource)
    body.expect(obj, core.scheme, group=group, version=version, kind=kind)
    validation = write.options.validation
    obj, problems = decode.structure_as(
        core.scheme.model_of(group, version, kind),
        obj,
        version,
        kind,
        raw=raw if validation != "Ignore" else None,
    )
    if problems and validation == "Strict":
        raise status.bad_request(
            f'{kind} in version "{version}" cannot be handled as a {kind}: strict '
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
