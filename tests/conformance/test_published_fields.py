"""Our models have the fields that a client generated from Kubernetes' published API has.

The client (kubernetes_asyncio, of the same minor version) was written by others from the same
definitions: field by field, its names, shapes and types must be ours.
"""

import importlib
import inspect
import pkgutil
import re

import pytest
from kubernetes_asyncio.client import models as published

import apimachinery.types
from apimachinery.types.base import FieldFacts, Model, Scalar, facts

NOT_SERVED = re.compile(
    "Device|V2API|V1(CEL|Capacity|Alloc|Counter|Resource(Claim|Slice|Pool|Exact))"
)
"""Kinds of resource.k8s.io, and discovery's, which have no models."""

NAMED_APART = {
    "CoreV1Event": ("core_event", "Event"),
    "EventsV1Event": ("events", "Event"),
    "CoreV1EndpointPort": ("core_service", "EndpointPort"),
    "DiscoveryV1EndpointPort": ("discovery", "EndpointPort"),
    "FlowcontrolV1Subject": ("flowcontrol", "Subject"),
    "RbacV1Subject": ("rbac", "Subject"),
    "CoreV1ResourceClaim": ("core_container", "ResourceClaim"),
}
PYTHON_TYPES = {
    "str": {"string", "bytes", "quantity", "duration"},
    "int": {"int32", "int64"},
    "bool": {"bool"},
    "float": {"double"},
    "datetime": {"time", "microtime"},
    "object": {"raw", "json", "intorstring", "quantity"},
    "list[str]": {"strings"},
}


def _ours() -> dict[str, list[tuple[str, type[Model]]]]:
    found: dict[str, list[tuple[str, type[Model]]]] = {}
    for module in pkgutil.iter_modules(apimachinery.types.__path__):
        loaded = importlib.import_module(f"apimachinery.types.{module.name}")
        for name, value in vars(loaded).items():
            if isinstance(value, type) and value.__module__ == loaded.__name__:
                found.setdefault(name, []).append((module.name, value))
    return found


OURS = _ours()


def _counterpart(name: str) -> type[Model] | None:
    """Our model for a class of theirs, where the name leaves no doubt."""
    if name in NAMED_APART:
        module, ours = NAMED_APART[name]
        return next(model for where, model in OURS[ours] if where == module)
    found = re.fullmatch(r"V(1|2)([A-Z]\w+)", name)
    if found is None or NOT_SERVED.search(name):
        return None
    second = found[1] == "2"
    fitting = [
        model
        for where, model in OURS.get(found[2], [])
        if where != "offers" and (where == "autoscaling_v2") == second
    ]
    return fitting[0] if len(fitting) == 1 else None


PAIRS = {
    name: (theirs, ours)
    for name, theirs in inspect.getmembers(published, inspect.isclass)
    if (ours := _counterpart(name)) is not None
}


def test_most_models_have_a_counterpart():
    assert len(PAIRS) > 440


def _shape(text: str) -> tuple[str, str]:
    for shape, pattern in (("list", r"list\[(.*)\]"), ("map", r"dict[\[(]str, (.*)[\])]")):
        found = re.fullmatch(pattern, text)
        if found:
            return shape, found[1]
    return "one", text


def _fits(one: FieldFacts, text: str) -> bool:
    shape, inner = _shape(text)
    if one.type is Scalar.STRINGS:
        return text in ("list[str]", "dict[str, list[str]]", "dict(str, list[str])")
    if one.shape != shape:
        return False
    if isinstance(one.type, Scalar):
        return one.type.value in PYTHON_TYPES.get(inner, set())
    # An alternative or a message without fields is any object to them.
    return inner.endswith(one.type.__name__) or inner == "object"


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_fields_are_the_published_ones(name):
    theirs, ours = PAIRS[name]
    known = facts(ours)
    assert set(known) == set(theirs.attribute_map.values())
    for attribute, text in theirs.openapi_types.items():
        one = known[theirs.attribute_map[attribute]]
        assert _fits(one, text), f"{one.name}: {text} is not {one.shape} of {one.type}"
