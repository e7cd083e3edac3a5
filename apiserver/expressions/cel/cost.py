"""What an expression may cost at most, before it ever runs: Kubernetes' estimate.

From the sizes that a schema allows: a loop costs its body times the longest list, strings a tenth
of their length. Neighbours: `checker` has set the types, `schemas` the sizes, `prices` has the price
list; `program` counts what is really spent. Numbers stop at `types.UNBOUNDED`.
"""

from apiserver.expressions.cel import prices, tree
from apiserver.expressions.cel.program import FUNCTIONS
from apiserver.expressions.cel.tree import Node
from apiserver.expressions.cel.types import UNBOUNDED, Type

_TEXTS = frozenset({"string", "bytes"})
_SIZED = _TEXTS | {"list", "map"}
_ONE = frozenset({"int", "uint", "double", "bool", "timestamp", "duration"})
DIGITS = 32
"""Characters of a number, a time: what conversion to a string makes of it."""
ESCAPED = 2
"""Characters that one becomes at most where texts are quoted."""
UTF_8 = 4
"""Bytes of a character at most."""


def most(node: Node) -> int:
    """The most that an expression may cost."""
    return min(_cost(node), UNBOUNDED)


def _cost(node: Node) -> int:
    match node:
        case tree.Const():
            return 0
        case tree.Ident():
            return prices.IDENT
        case tree.Has():
            return _cost(node.operand)
        case tree.Select():
            found = node.operand.type
            typed = found.is_object or found.name == "map" or found.is_variable
            return _cost(node.operand) + (1 if typed or node.optional else 0)
        case tree.Index():
            return 1 + _cost(node.operand) + _cost(node.key)
        case tree.ListOf():
            return prices.LIST + sum(_cost(one) for one, _ in node.items)
        case tree.MapOf():
            parts = (part for key, value, _ in node.entries for part in (key, value))
            return prices.MAP + sum(map(_cost, parts))
        case tree.Struct():
            return prices.STRUCT + sum(_cost(value) for _, value, _ in node.fields)
        case tree.Bind():
            return prices.LIST + _cost(node.value) + _cost(node.body)
        case tree.OptMap():
            # Written out, what it is called on stands there twice.
            made = 2 + prices.LIST + 2 * _cost(node.operand) + _cost(node.body)
            return made if node.flat else made + 1
        case tree.Loop():
            return _loop(node)
        case tree.Call():
            return _call(node)
        case _:
            return 1


def _loop(node: tree.Loop) -> int:
    kind = node.kind
    each = prices.ROUND[kind] + _cost(node.body)
    each += _cost(node.condition) if node.condition else 0
    ends = prices.START.get(kind, 0) + prices.END.get(kind, prices.IDENT)
    return _cost(node.range) + ends + min(size(node.range) * each, UNBOUNDED)


def _call(node: tree.Call) -> int:
    name, parts = _named(node)
    if name == "_?_:_":
        return _cost(parts[0]) + max(_cost(parts[1]), _cost(parts[2]))
    below = sum(map(_cost, parts))
    if name in ("_&&_", "_||_"):
        return below
    return below + min(_own(name, parts), UNBOUNDED)


def _named(node: tree.Call) -> tuple[str, list[Node]]:
    """A call's whole name, and its operands."""
    if isinstance(node.target, tree.Ident):
        whole = f"{node.target.name}.{node.name}"
        if whole in FUNCTIONS:
            return whole, node.args
    return node.name, [*([node.target] if node.target is not None else []), *node.args]


def _own(name: str, parts: list[Node]) -> int:
    """What a call itself costs."""
    price = prices.ESTIMATED.get(name)
    if price is None or not parts:
        return 1
    sizes, first = [size(one) for one in parts], parts[0].type
    if name == "_+_" and not {one.type.name for one in parts} & (_TEXTS | {"dyn"}):
        return 1
    if name == "@in" and parts[1].type.name == "map":
        return 1
    if name in ("string", "bytes") and first.name in _ONE:
        return 1
    if name in prices.LISTED:
        if first.name != "list":
            return prices.tenth(sizes[0])
        item = _item(first)
        return sizes[0] * (1 + (prices.tenth(item.size) if item.name in _TEXTS else 0))
    if name == "join":
        return prices.tenth(_joined(parts))
    return price(sizes)


def _item(listed: Type) -> Type:
    return listed.params[0] if listed.params else listed


def _joined(parts: list[Node]) -> int:
    """Characters of a list's texts with what stands between them."""
    count, item = size(parts[0]), _item(parts[0].type)
    between = size(parts[1]) * max(count - 1, 0) if len(parts) > 1 else 0
    return min(count * (item.size if item.name in _SIZED else 1) + between, UNBOUNDED)


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
        case tree.Loop() if node.kind in prices.START:
            return size(node.range)
        case tree.Call():
            return min(_made(node), UNBOUNDED)
        case _:
            return node.type.size if node.type.name in _SIZED | {"dyn"} else 1


def _made(node: tree.Call) -> int:
    if node.type.name not in _SIZED:
        return 1
    name, parts = _named(node)
    sizes = [size(one) for one in parts]
    match name:
        case "_+_":
            return sum(sizes)
        case "_?_:_":
            return max(sizes[1:])
        case "orValue" | "value":
            return node.type.size
        case "string" if parts[0].type.name in _ONE:
            return DIGITS
        case "bytes":
            return UTF_8 * sizes[0]
        case "strings.quote":
            return ESCAPED * sizes[0] + 2
        case "format":
            return sizes[0] + sizes[1]
        case "join":
            return _joined(parts)
        case "replace" if len(sizes) > 2:
            return _replaced(sizes[0], parts[1], sizes[1], sizes[2])
        case "split" if len(parts) > 2 and isinstance(parts[2], tree.Const):
            limit = int(parts[2].value)
            return limit if limit >= 0 else sizes[0]
        case _:
            known = parts and parts[0].type.name in _SIZED | {"dyn"}
            return sizes[0] if known else UNBOUNDED


def _replaced(whole: int, what: Node, longest: int, by: int) -> int:
    """A text in which as many places as there may be have become longer."""
    least = longest if isinstance(what, tree.Const) else 0
    if not least:
        return whole + (whole + 1) * by
    return whole if by <= least else -(-whole // least) * by
