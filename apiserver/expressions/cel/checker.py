"""What types an expression's parts have, and what is wrong with them, in cel-go's words.

Neighbours: `declarations` has the functions, the caller the variables. `dyn` fits everywhere: what
is not known is found out when the expression runs.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apiserver.expressions.cel import parser, tree, types
from apiserver.expressions.cel.declarations import Overload, functions
from apiserver.expressions.cel.tree import Node, Problem
from apiserver.expressions.cel.types import BOOL, DYN, Type

_CONSTANTS: dict[type, Type] = {
    bool: BOOL,
    int: types.INT,
    float: types.DOUBLE,
    str: types.STRING,
    bytes: types.BYTES,
    type(None): types.NULL,
}
_TYPE_NAMES = {
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
}
_NULLABLE = frozenset({"null", "timestamp", "duration"})

Bindings = dict[str, Type]


def check(source: str, variables: Mapping[str, Type]) -> Node:
    """The tree with its types; raises Problem. `Object` and `JSONPatch` are made where declared."""
    node = parser.parse(source)
    checker = _Checker(variables)
    checker.visit(node)
    if checker.problems:
        raise Problem(source, sorted(set(checker.problems)))
    return node


class _Checker:
    def __init__(self, variables: Mapping[str, Type]) -> None:
        self._scopes: dict[str, Type] = dict(variables)
        self._functions = functions()
        self._mixed = False
        """Inside of what is formatted: the one place for lists of several types."""
        self.problems: list[tuple[int, str]] = []

    def visit(self, node: Node) -> Type:
        node.type = _VISITS[type(node)](self, node)
        return node.type

    def _wrong(self, node: Node, text: str) -> Type:
        self.problems.append((node.at, text))
        return DYN

    def _undeclared(self, node: Node, name: str) -> Type:
        return self._wrong(node, f"undeclared reference to '{name}' (in container '')")

    def const(self, node: tree.Const) -> Type:
        return _CONSTANTS.get(type(node.value), types.UINT)

    def ident(self, node: tree.Ident) -> Type:
        found = self._scopes.get(node.name)
        if found is not None:
            return found
        if node.name in _TYPE_NAMES:
            return types.type_of(DYN)
        return self._undeclared(node, node.name)

    # --- members -----------------------------------------------------------------------------

    def select(self, node: tree.Select) -> Type:
        if isinstance(node.operand, tree.Ident):
            # `authorizer.requestResource` is a variable with a dot in its name.
            whole = self._scopes.get(f"{node.operand.name}.{node.name}")
            if whole is not None:
                return whole
        found = self._field(node, self.visit(node.operand), node.name)
        maybe = node.optional or _is_optional(node.operand.type)
        return types.optional_of(found) if maybe and not _is_optional(found) else found

    def has(self, node: tree.Has) -> Type:
        self._field(node, self.visit(node.operand), node.name)
        return BOOL

    def _field(self, node: Node, operand: Type, name: str) -> Type:
        if _is_optional(operand):
            operand = operand.params[0]
        if operand.fields is not None:
            found = operand.fields.get(name)
            if found is None and not operand.open:
                return self._wrong(node, f"undefined field '{name}'")
            return found or DYN
        if operand.name == "map":
            return operand.params[1]
        if operand.name == "dyn" or operand.is_variable:
            return DYN
        return self._wrong(node, f"type '{operand}' does not support field selection")

    def index(self, node: tree.Index) -> Type:
        operand, key = self.visit(node.operand), self.visit(node.key)
        maybe = node.optional or _is_optional(operand)
        if _is_optional(operand):
            operand = operand.params[0]
        if operand.name == "list" and key.name in ("int", "uint", "double", "dyn"):
            found = operand.params[0]
        elif operand.name == "map" and _fits(operand.params[0], key, {}):
            found = operand.params[1]
        elif operand.name == "dyn":
            found = DYN
        else:
            return self._wrong(
                node, f"found no matching overload for '_[_]' applied to '({operand}, {key})'"
            )
        return types.optional_of(found) if maybe else found

    # --- calls -------------------------------------------------------------------------------

    def call(self, node: tree.Call) -> Type:
        name, target = node.name, node.target
        if isinstance(target, tree.Ident) and target.name not in self._scopes:
            qualified = f"{target.name}.{name}"
            if qualified in self._functions:
                name, target = qualified, None
        overloads = self._functions.get(name)
        receiver = self.visit(target) if target is not None else None
        self._mixed, outer = self._mixed or name == "format", self._mixed
        args = [self.visit(one) for one in node.args]
        self._mixed = outer
        if overloads is None:
            return self._undeclared(node, name)
        found: list[Type] = []
        for overload in overloads:
            result = _applied(overload, receiver, args)
            if result is not None and result not in found:
                found.append(result)
        if not found:
            shown = f"({', '.join(map(str, args))})"
            shown = f"{receiver}.{shown}" if receiver is not None else shown
            return self._wrong(
                node, f"found no matching overload for '{name}' applied to '{shown}'"
            )
        return found[0] if len(found) == 1 else DYN

    # --- literals ----------------------------------------------------------------------------

    def list_literal(self, node: tree.ListOf) -> Type:
        found = [self._plain(item, optional=optional) for item, optional in node.items]
        return types.list_of(self._joined([one for one, _ in node.items], found), len(node.items))

    def map_literal(self, node: tree.MapOf) -> Type:
        keys = [self.visit(key) for key, _, _ in node.entries]
        values = [self._plain(value, optional=maybe) for _, value, maybe in node.entries]
        key = self._joined([one for one, _, _ in node.entries], keys)
        value = self._joined([one for _, one, _ in node.entries], values)
        return types.map_of(key, value, len(node.entries))

    def _plain(self, node: Node, *, optional: bool) -> Type:
        found = self.visit(node)
        return found.params[0] if optional and _is_optional(found) else found

    def _joined(self, nodes: list[Node], found: list[Type]) -> Type:
        """The one type of all items; lists and maps are homogeneous here."""
        first = next((one for one in found if one.name != "dyn"), DYN)
        for node, one in zip(nodes, found, strict=True):
            if not _fits(first, one, {}):
                if self._mixed:
                    return DYN
                return self._wrong(node, f"expected type '{first}' but found '{one}'")
        return first if DYN not in found else DYN

    def struct(self, node: tree.Struct) -> Type:
        root = node.name.partition(".")[0]
        if root not in self._scopes or root not in ("Object", "JSONPatch"):
            return self._undeclared(node, node.name)
        known = self._scopes[root].fields or {}
        for name, value, optional in node.fields:
            given = self._plain(value, optional=optional)
            wanted = known.get(name)
            if root == "JSONPatch" and wanted is None:
                self._wrong(node, f"undefined field '{name}'")
            elif wanted is not None and not _fits(wanted, given, {}):
                text = (
                    f"expected type of field '{name}' is '{wanted}' but provided type is '{given}'"
                )
                self._wrong(value, text)
            elif given.name.startswith("Object.") and given.name != f"{node.name}.{name}":
                text = (
                    f'unexpected type name "{given.name}", expected "{node.name}.{name}", '
                    "which matches field name path from root Object type"
                )
                self._wrong(value, text)
        return types.object_of(node.name, {}, open_=True)

    # --- what binds names --------------------------------------------------------------------

    def loop(self, node: tree.Loop) -> Type:
        first, second = self._items(node, self.visit(node.range), len(node.names))
        bound = dict(zip(node.names, (first, second), strict=False))

        def inside() -> Type:
            if node.condition is not None:
                self._boolean(node.condition)
            body = self.visit(node.body)
            if node.kind in _BOOLEAN and not _fits(BOOL, body, {}):
                self._wrong(node.body, f"expected type 'bool' but found '{body}'")
            return body

        return _result(node, self._within(bound, inside), first)

    def _boolean(self, node: Node) -> None:
        found = self.visit(node)
        if not _fits(BOOL, found, {}):
            self._wrong(node, f"expected type 'bool' but found '{found}'")

    def _items(self, node: tree.Loop, over: Type, count: int) -> tuple[Type, Type]:
        if over.name == "list":
            return (over.params[0], DYN) if count == 1 else (types.INT, over.params[0])
        if over.name == "map":
            return over.params[0], over.params[1]
        if over.name != "dyn":
            text = (
                f"expression of type '{over}' cannot be range of a comprehension (must be list, "
                "map, or dynamic)"
            )
            self._wrong(node.range, text)
        return DYN, DYN

    def _within(self, bound: Mapping[str, Type], visit: Callable[[], Type]) -> Type:
        outer = self._scopes
        self._scopes = {**outer, **bound}
        try:
            return visit()
        finally:
            self._scopes = outer

    def bind(self, node: tree.Bind) -> Type:
        value = self.visit(node.value)
        return self._within({node.name: value}, lambda: self.visit(node.body))

    def opt_map(self, node: tree.OptMap) -> Type:
        operand = self.visit(node.operand)
        inner = operand.params[0] if _is_optional(operand) else DYN
        if not _is_optional(operand) and operand.name != "dyn":
            name = "optFlatMap" if node.flat else "optMap"
            text = f"found no matching overload for '{name}' applied to '{operand}'"
            self._wrong(node, text)
        body = self._within({node.name: inner}, lambda: self.visit(node.body))
        return body if node.flat else types.optional_of(body)


_BOOLEAN = frozenset({"all", "exists", "exists_one", "existsOne", "filter"})


def _result(node: tree.Loop, body: Type, first: Type) -> Type:
    size = node.range.type.size
    match node.kind:
        case "filter":
            return types.list_of(first, size)
        case "map" | "transformList":
            return types.list_of(body, size)
        case "transformMap":
            return types.map_of(first, body, size)
        case "transformMapEntry":
            key, value = body.params if body.name == "map" else (DYN, DYN)
            return types.map_of(key, value, size)
        case _:
            return BOOL


def _is_optional(one: Type) -> bool:
    return one.name == "optional"


def _applied(overload: Overload, receiver: Type | None, args: list[Type]) -> Type | None:
    """The result of a call, None where the overload does not fit."""
    if len(args) != len(overload.args) or (receiver is None) != (overload.receiver is None):
        return None
    bound: Bindings = {}
    pairs = list(zip(overload.args, args, strict=True))
    if receiver is not None and overload.receiver is not None:
        pairs.insert(0, (overload.receiver, receiver))
    if not all(_fits(wanted, given, bound) for wanted, given in pairs):
        return None
    return _filled(overload.result, bound)


def _fits(wanted: Type, given: Type, bound: Bindings) -> bool:
    """Whether a value of one type may stand where another is wanted; binds type variables."""
    if wanted.is_variable:
        known = bound.get(wanted.name)
        if known is None or known.name == "dyn":
            bound[wanted.name] = given
            return True
        return _fits(known, given, bound)
    if "dyn" in (wanted.name, given.name) or given.is_variable:
        return True
    if given.name == "null" or wanted.name == "null":
        other = wanted if given.name == "null" else given
        return other.name in _NULLABLE or other.is_object
    if wanted.name != given.name or len(wanted.params) != len(given.params):
        return False
    return all(_fits(a, b, bound) for a, b in zip(wanted.params, given.params, strict=True))


def _filled(one: Type, bound: Bindings) -> Type:
    if one.is_variable:
        return bound.get(one.name, DYN)
    if not one.params:
        return one
    return Type(one.name, tuple(_filled(each, bound) for each in one.params), size=one.size)


_VISITS: dict[type, Callable[[_Checker, Any], Type]] = {
    tree.Const: _Checker.const,
    tree.Ident: _Checker.ident,
    tree.Select: _Checker.select,
    tree.Has: _Checker.has,
    tree.Index: _Checker.index,
    tree.Call: _Checker.call,
    tree.ListOf: _Checker.list_literal,
    tree.MapOf: _Checker.map_literal,
    tree.Struct: _Checker.struct,
    tree.Loop: _Checker.loop,
    tree.Bind: _Checker.bind,
    tree.OptMap: _Checker.opt_map,
}
