"""How a document shows the schema of a custom resource.

Both versions tell what every embedded object has. Swagger (version 2) lacks words that a definition
may use, and its readers (older kubectl) take a list of properties for all there may be; so there
what they would misread is left out. Neighbour: `builder` asks here and adds what every object has.
"""

from typing import Any

from apimachinery.wire import JsonObject

PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_JUNCTORS = ("allOf", "anyOf", "oneOf", "not")


def shown(schema: JsonObject, object_fields: JsonObject, *, swagger: bool) -> JsonObject:
    """The schema below its root, where `object_fields` are those of any object."""
    return _Shown(object_fields, swagger=swagger).schema(schema)


class _Shown:
    def __init__(self, object_fields: JsonObject, *, swagger: bool) -> None:
        self._object_fields = object_fields
        self._swagger = swagger

    def schema(self, node: JsonObject) -> JsonObject:
        made = _readable(node) if self._swagger else dict(node)
        if properties := made.get("properties"):
            made["properties"] = {name: self.schema(one) for name, one in properties.items()}
        for below in ("items", "additionalProperties"):
            if isinstance(made.get(below), dict):
                made[below] = self.schema(made[below])
        if made.get(_EMBEDDED) and not (self._swagger and made.get(PRESERVE)):
            made["properties"] = {**(made.get("properties") or {}), **self._object_fields}
            required = made.get("required") or []
            made["required"] = [
                *required, *(one for one in ("kind", "apiVersion") if one not in required)
            ]  # fmt: skip
        return made


def _readable(node: JsonObject) -> JsonObject:
    """One node without what readers of Swagger misread; those below it are still as they were."""
    made: JsonObject = {key: value for key, value in node.items() if key not in _JUNCTORS}
    nullable, free = made.pop("nullable", False), made.get(PRESERVE, False)
    if nullable or free:
        made.pop("items", None)
        made.pop("properties", None)
    kind = made.get("type")
    if nullable or (free and kind == "object") or (kind == "array" and "items" not in made):
        made.pop("type", None)
    if required := made.pop("required", None):
        needed = [name for name in required if not _nullable(made, name)]
        if needed:
            made["required"] = needed
    return made


def _nullable(node: JsonObject, name: str) -> bool:
    """Whether a property may be null, which Swagger cannot say of one that is required."""
    others: Any = node.get("additionalProperties")
    if isinstance(others, dict) and others.get("nullable"):
        return True
    return bool((node.get("properties") or {}).get(name, {}).get("nullable"))
