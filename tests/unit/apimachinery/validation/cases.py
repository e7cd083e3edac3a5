"""What a kind's rules say of a body: the form of all tables of cases beside this file."""

from typing import Any

from apimachinery import defaults, scheme, validation
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject

BY_KIND = {
    (one.kind, one.version): one for one in scheme.BUILTIN.all() if one.group != "events.k8s.io"
}


def kind(name: str, version: str = "v1") -> Resource:
    return BY_KIND[name, version]


def made(resource: Resource, obj: JsonObject) -> JsonObject:
    """With a name, a namespace where there is one, and defaults."""
    meta: dict[str, Any] = {"name": "a", **({"namespace": "n"} if resource.namespaced else {})}
    full = {**obj, "metadata": {**meta, **obj.get("metadata", {})}}
    defaults.apply(resource, full)
    return full


def on_create(resource: Resource, obj: JsonObject) -> list[str]:
    """Each message once, as the server tells them."""
    errors = validation.validate_create(resource, made(resource, obj))
    return list(dict.fromkeys(one.message() for one in errors))


def on_update(resource: Resource, new: JsonObject, old: JsonObject) -> list[str]:
    errors = validation.validate_update(resource, made(resource, new), made(resource, old))
    return list(dict.fromkeys(one.message() for one in errors))


def on_status(resource: Resource, new: JsonObject, old: JsonObject) -> list[str]:
    """Of a write to the status; both are whole objects."""
    errors = validation.validate_status_update(resource, made(resource, new), made(resource, old))
    return list(dict.fromkeys(one.message() for one in errors))
