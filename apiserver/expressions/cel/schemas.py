"""The types that expressions see in a schema, with the sizes that it allows.

Neighbours: `apimachinery.schema.expressions` makes the values accordingly (escaped names, times);
`cost` reads the sizes. Objects of built-in kinds have schemas as well (OpenAPI).
"""

from collections.abc import Callable

from apimachinery.schema import expressions, sizes
from apimachinery.schema.sizes import REQUEST
from apimachinery.wire import JsonObject
from apiserver.expressions.cel import types
from apiserver.expressions.cel.types import DYN, Type

DEPTH = 30
"""Levels of a schema that are looked at: schemas of schemas have no end."""

KEY = Type("string", size=0)
"""Keys of maps cost nothing to walk, by Kubernetes' estimate: no schema bounds them."""

Resolve = Callable[[str], JsonObject]

_TIMES = {"date": types.TIMESTAMP, "date-time": types.TIMESTAMP, "datetime": types.TIMESTAMP,
          "duration": types.DURATION}  # fmt: skip
_SCALARS = {
    "boolean": Type("bool", least=4),
    "integer": Type("int"),
    "number": Type("double"),
}


def no_references(name: str) -> JsonObject:
    """Schemas of definitions stand for themselves."""
    del name
    return {}


def type_of(
    schema: JsonObject,
    *,
    root: bool = False,
    name: str = "selfType",
    resolve: Resolve = no_references,
    depth: int = 0,
) -> Type:
    """The type of a place; `root` has apiVersion, kind and metadata whatever is said."""
    if depth > DEPTH:
        return DYN
    while reference := _reference(schema):
        schema = resolve(reference)
    if schema.get("x-kubernetes-int-or-string"):
        return Type("dyn", size=REQUEST)
    root = root or bool(schema.get("x-kubernetes-embedded-resource"))
    match schema.get("type"):
        case "array":
            items = schema.get("items") or {}
            item = type_of(items, name=f"{name}.@idx", resolve=resolve, depth=depth + 1)
            return types.list_of(item, sizes.items(schema, item.least))
        case "object":
            return _object(schema, root=root, name=name, resolve=resolve, depth=depth)
        case "string":
            return _string(schema)
        case kind:
            return _SCALARS.get(str(kind), DYN)


def _reference(schema: JsonObject) -> str:
    found = schema.get("$ref")
    if not found and len(schema.get("allOf") or ()) == 1 and not schema.get("type"):
        found = schema["allOf"][0].get("$ref")
    return str(found or "").rpartition("/")[2]


def _object(schema: JsonObject, *, root: bool, name: str, resolve: Resolve, depth: int) -> Type:
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        value = type_of(additional, name=f"{name}.@elem", resolve=resolve, depth=depth + 1)
        return types.map_of(KEY, value, sizes.entries(schema, value.least))
    given = schema.get("properties") or {}
    if not given and not root:
        return types.map_of(types.STRING, DYN) if resolve is not no_references else _empty(name)
    fields = {}
    for key, one in given.items():
        found = type_of(one, name=f"{name}.{key}", resolve=resolve, depth=depth + 1)
        fields[expressions.escape(key)] = found
        if resolve is not no_references:
            fields[key] = found  # objects of built-in kinds keep their names
    if root:
        fields |= _of_every_object(name)
    return types.object_of(name, fields, least=sizes.least(schema))


def _empty(name: str) -> Type:
    return types.object_of(name, {})


def _of_every_object(name: str) -> dict[str, Type]:
    text = Type("string", size=253)
    names = {"name": text, "generateName": text}
    return {
        "apiVersion": text,
        "kind": text,
        "metadata": types.object_of(f"{name}.metadata", names),
    }


def _string(schema: JsonObject) -> Type:
    form = schema.get("format") or ""
    if form in _TIMES:
        return _TIMES[form]
    longest = schema.get("maxLength")
    if form == "byte":
        return Type("bytes", size=REQUEST if longest is None else longest, least=2)
    if longest is not None:
        size = longest * 4  # characters are counted, bytes are walked
    elif schema.get("enum"):
        size = max(len(str(one)) for one in schema["enum"])
    else:
        size = REQUEST
    return Type("string", size=size, least=2)
