"""How large values of a schema may be, as far as costs of expressions depend on it; pure.

What a schema leaves open is bounded by what fits into a request: Kubernetes' reckoning. Neighbours:
`expressions` counts how often a rule may run, `apiserver.expressions.cel.schemas` sizes its types.
"""

from apimachinery.wire import JsonObject

REQUEST = 3 * 1024 * 1024 - 2
"""Bytes of the largest request."""
_LEAST = {"string": 2, "array": 2, "boolean": 4}
"""Bytes of the shortest value in JSON; 1 for the others."""


def least(schema: JsonObject) -> int:
    """Bytes of the shortest value of a schema."""
    if schema.get("type") != "object":
        return _LEAST.get(str(schema.get("type")), 1)
    size = 2
    for key, one in (schema.get("properties") or {}).items():
        if key in (schema.get("required") or ()) and one.get("default") is None:
            size += len(key) + 4 + least(one)
    return size


def items(schema: JsonObject, size: int) -> int:
    """Items of an array at most, each of at least that many bytes."""
    bound = schema.get("maxItems")
    return REQUEST // (size + 1) if bound is None else int(bound)


def entries(schema: JsonObject, size: int) -> int:
    """Entries of a map at most, whose values have at least that many bytes."""
    bound = schema.get("maxProperties")
    return REQUEST // (size + 6) if bound is None else int(bound)


def times(schema: JsonObject, bounded: int | None) -> int:
    """How often a place occurs in one object; `bounded` None: nothing above it has a bound."""
    return REQUEST // (least(schema) + 1) if bounded is None else bounded
