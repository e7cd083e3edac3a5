"""What an expression may cost at most, before it ever runs: Kubernetes' estimate.

From the sizes that a schema allows: a loop costs its body times the longest list, strings a tenth
of their length. Neighbours: `checker` has set the types, `schemas` the sizes; `program` counts what
is really spent. Numbers stop at `types.UNBOUNDED`.
"""

from apiserver.expressions.cel import tree
from apiserver.expressions.cel.loops import ROUND
from apiserver.expressions.cel.program import FUNCTIONS
from apiserver.expressions.cel.tree import Node
from apiserver.expressions.cel.types import UNBOUNDED

_TENTH = frozenset(
    [
        "contains",
        "startsWith",
        "endsWith",
        "replace",
        "split",
        "substring",
        "trim",
        "lowerAscii",
        "upperAscii",
        "format",
        "quantity",
        "ip",
        "cidr",
        "url",
        "isQuantity",
        "isIP",
        "isCIDR",
        "isURL",
        "semver",
        "isSemver",
        "validate",
        "string",
        "bytes",
        "reverse",
    ]
)
_WHOLE = frozenset(
    [
        "@in",
        "isSorted",
        "sum",
        "min",
        "max",
        "indexOf",
        "lastIndexOf",
        "join",
        "sort",
        "distinct",
        "flatten",
    ]
)
_COMPARED = frozenset(["_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"])
_PAIRED = frozenset(["sets.contains", "sets.equivalent", "sets.intersects"])
_SIZED = frozenset({"string", "bytes", "list", "map"})
_SHORT = frozenset({"int", "uint", "double", "bool", "timestamp", "duration"})
DIGITS = 32
"""Characters of a number, a time: what conversion to a string makes of it."""


def most(node: Node) -> int:
    """The most that an expression may cost."""
    return min(_cost(node), UNBOUNDED)


def _cost(node: Node) -> int:
    match node:
        case tree.Const():
            return 0
        case tree.Ident():
            return 1
        case tree.Select() | tree.Has():
            return 1 + _cost(node.operand)
        case tree.Index():
            return 1 + _cost(node.operand) + _cost(node.key)
        case tree.ListOf():
            return 10 + sum(_cost(one) for one, _ in node.items)
        case tree.MapOf():
            return 30 + sum(_cost(key) + _cost(value) for key, value, _ in node.entries)
        case tree.Struct():
            return 40 + sum(_cost(value) for _, value, _ in node.fields)
        case tree.Bind():
            return 10 + _cost(node.value) + _cost(node.body)
        case tree.OptMap():
            return 10 + _cost(node.operand) + _cost(node.body)
        case tree.Loop():
            each = ROUND + _cost(node.body) + (_cost(node.condition) if node.condition else 0)
            return _cost(node.range) + 1 + min(size(node.range) * each, UNBOUNDED)
        case tree.Call():
            return _call(node)
        case _:
            return 1


def _call(node: tree.Call) -> int:
    parts = ([node.target] if node.target is not None else []) + node.args
    if node.name == "_?_:_":
        return _cost(parts[0]) + max(_cost(parts[1]), _cost(parts[2]))
    if isinstance(node.target, tree.Ident) and f"{node.target.name}.{node.name}" in FUNCTIONS:
        parts = node.args
    below = sum(map(_cost, parts))
    if node.name in ("_&&_", "_||_"):
        return below
    return below + _own(node, parts)


def _own(node: tree.Call, parts: list[Node]) -> int:
    """What a call itself costs."""
    sizes = [size(one) for one in parts]
    if node.name in _COMPARED:
        walked = min(sizes) if any(one.type.name in _SIZED for one in parts) else 1
        return max(1, _tenth(walked))
    if node.name == "_+_" and node.type.name in _SIZED:
        return max(1, _tenth(sum(sizes)))
    if node.name in ("matches", "find", "findAll"):
        return max(1, _tenth(sizes[0]) * (-(-sizes[1] // 4)))
    if node.name in _PAIRED or (isinstance(node.target, tree.Ident) and node.target.name == "sets"):
        return 1 + min(sizes[0] * sizes[1], UNBOUNDED)
    if node.name == "@in":
        return 1 + (sizes[1] if parts[1].type.name == "list" else 0)
    if node.name in ("startsWith", "endsWith"):
        return 1 + _tenth(sizes[1])
    if node.name == "contains" and len(sizes) == 2:
        return 1 + _tenth(sizes[0]) * _tenth(sizes[1])
    if node.name in _TENTH:
        return 1 + _tenth(sizes[0] if sizes else 0)
    if node.name in _WHOLE:
        return 1 + (_tenth(sizes[0]) if parts[0].type.name == "string" else sizes[0])
    return 1


def _tenth(count: int) -> int:
    return -(-count // 10)


def size(node: Node) -> int:
    """How large a value may be."""
    match node:
        case tree.Const():
            return len(node.value) if isinstance(node.value, (str, bytes)) else 1
        case tree.ListOf():
            return len(node.items)
        case tree.MapOf():
            return len(node.entries)
        case tree.Bind():
            return size(node.body)
        case tree.Loop() if node.kind in ("filter", "map", "transformList", "transformMap"):
            return size(node.range)
        case tree.Call():
            return _made(node)
        case _:
            return node.type.size if node.type.name in _SIZED | {"dyn"} else 1


def _made(node: tree.Call) -> int:
    if node.type.name not in _SIZED:
        return 1
    parts = ([node.target] if node.target is not None else []) + node.args
    if node.name == "_+_":
        return min(size(parts[0]) + size(parts[1]), UNBOUNDED)
    if node.name == "_?_:_":
        return max(size(parts[1]), size(parts[2]))
    if node.name in ("orValue", "value"):
        return node.type.size
    if node.name == "string" and parts[0].type.name in _SHORT:
        return DIGITS
    return size(parts[0]) if parts and parts[0].type.name in _SIZED | {"dyn"} else UNBOUNDED
