"""OpenAPI schemas of the models: names, types, and the extensions that clients read.

The extensions: `x-kubernetes-group-version-kind` on kinds, patch strategies and merge keys for
strategic merge, list and map types for server-side apply. Neighbours: `documents`
puts the schemas into documents, `apimachinery.types.base` has the facts they are made of.
"""

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

from apimachinery.types.base import FieldFacts, Model, Scalar, facts
from apimachinery.wire import JsonObject

V3 = "#/components/schemas/"
"""Where references point to in a document of version 3."""
V2 = "#/definitions/"

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
TIME = f"{_META}.Time"
MICRO_TIME = f"{_META}.MicroTime"
DURATION = f"{_META}.Duration"
RAW = "io.k8s.apimachinery.pkg.runtime.RawExtension"
JSON = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"

_PREFIXES = {
    "meta": _META,
    "meta_options": _META,
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "apiregistration": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
    "metrics": "io.k8s.metrics.pkg.apis.metrics.v1beta1",
    "offers": "dev.bireme.offers.v1",
    "autoscaling_v1": "io.k8s.api.autoscaling.v1",
    "autoscaling_v2": "io.k8s.api.autoscaling.v2",
}

_NAMED: dict[Scalar, tuple[str, str, JsonObject]] = {
    Scalar.INT_OR_STRING: (
        INT_OR_STRING,
        "A number, or a string such as a percentage or the name of a port.",
        {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    ),
    Scalar.QUANTITY: (
        QUANTITY,
        "An exact amount with an optional suffix: 100m, 1.5, 2Gi, 1e3.",
        {"oneOf": [{"type": "string"}, {"type": "number"}]},
    ),
    Scalar.TIME: (
        TIME,
        "A moment in UTC, to the second, as RFC 3339 spells it.",
        {"type": "string", "format": "date-time"},
    ),
    Scalar.MICRO_TIME: (
        MICRO_TIME,
        "A moment in UTC, to the microsecond, as RFC 3339 spells it.",
        {"type": "string", "format": "date-time"},
    ),
    Scalar.DURATION: (DURATION, "A length of time such as 1m30s.", {"type": "string"}),
    Scalar.RAW: (RAW, "Any object.", {"type": "object"}),
    Scalar.JSON: (JSON, "Any JSON value.", {}),
}

_PLAIN: dict[Scalar, JsonObject] = {
    Scalar.STRING: {"type": "string"},
    Scalar.BOOL: {"type": "boolean"},
    Scalar.INT32: {"type": "integer", "format": "int32"},
    Scalar.INT64: {"type": "integer", "format": "int64"},
    Scalar.DOUBLE: {"type": "number", "format": "double"},
    Scalar.BYTES: {"type": "string", "format": "byte"},
    Scalar.STRINGS: {"type": "array", "items": {"type": "string"}},
}


@cache  # one entry for each model
def schema_name(model: type[Model]) -> str:
    """`io.k8s.api.apps.v1.Deployment`."""
    module = model.__module__.rpartition(".")[2]
    if module.startswith("core_"):
        return f"io.k8s.api.core.v1.{model.__name__}"
    return f"{_PREFIXES.get(module, f'io.k8s.api.{module}.v1')}.{model.__name__}"


class Schemas:
    """The schemas of one document: what was asked for and all that it refers to."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        """Where references point: "#/components/schemas/" or "#/definitions/"."""
        self.found: dict[str, JsonObject] = {}

    def reference(self, model: type[Model]) -> JsonObject:
        """A reference to the model's schema, which is made if it is new."""
        name = schema_name(model)
        if name not in self.found:
            self.found[name] = {}  # known from here on: messages may contain themselves
            self.found[name] = self._schema(model)
        return {"$ref": self._prefix + name}

    def kind(self, gvk: tuple[str, str, str], model: type[Model]) -> JsonObject:
        """The same for the root of a kind, which is marked with its group, version and kind."""
        reference = self.reference(model)
        mark = dict(zip(("group", "version", "kind"), gvk, strict=True))
        schema = self.found[schema_name(model)]
        marks = schema.setdefault("x-kubernetes-group-version-kind", [])
        if mark not in marks:
            marks.append(mark)
        return reference

    def _schema(self, model: type[Model]) -> JsonObject:
        properties = {one.name: self._property(one) for one in facts(model).values()}
        schema: JsonObject = {
            "description": inspect.cleandoc(model.__doc__ or ""),
            "type": "object",
        }
        needed = sorted(one.name for one in facts(model).values() if one.required)
        if needed:
            schema["required"] = needed
        if properties:
            schema["properties"] = dict(sorted(properties.items()))
        return schema

    def _property(self, one: FieldFacts) -> JsonObject:
        item = self._item(one)
        if one.shape == "list":
            made: JsonObject = {"type": "array", "items": item}
        elif one.shape == "map":
            made = {"type": "object", "additionalProperties": item}
        else:
            made = item
        if "$ref" in made and self._prefix == V3:
            # Siblings of a reference are ignored by readers of OpenAPI 3.0, hence the wrapping.
            made = {"allOf": [made]}
        extensions = dict(_extensions(one))
        if one.description:
            extensions["description"] = one.description
        if one.default is not None:
            extensions["default"] = one.default
        return {**extensions, **made}

    def _item(self, one: FieldFacts) -> JsonObject:
        if isinstance(one.type, Scalar):
            return self._scalar(one.type)
        if one.alternative:
            other = {
                "bool": {"type": "boolean"},
                "strings": _PLAIN[Scalar.STRINGS],
                "messages": {"type": "array", "items": self.reference(one.type)},
            }[one.alternative]
            return {"oneOf": [self.reference(one.type), other]}
        return self.reference(one.type)

    def _scalar(self, kind: Scalar) -> JsonObject:
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        name, description, body = _NAMED[kind]
        self.found.setdefault(name, {"description": description, **body})
        return {"$ref": self._prefix + name}


def _extensions(one: FieldFacts) -> Iterator[tuple[str, Any]]:
    if one.strategies:
        yield "x-kubernetes-patch-strategy", ",".join(one.strategies)
    if one.merge_key:
        yield "x-kubernetes-patch-merge-key", one.merge_key
    if one.shape == "list":
        yield "x-kubernetes-list-type", one.list_type
        if one.list_keys:
            yield "x-kubernetes-list-map-keys", list(one.list_keys)
    elif one.map_type == "atomic":
        yield "x-kubernetes-map-type", "atomic"
