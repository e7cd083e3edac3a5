"""A tree as closures: each takes a `Frame` and gives a value, or raises `EvalError`.

Every step is paid for (`Frame.pay`) by Kubernetes' price list (`prices`). Neighbours: `library`,
`kubernetes`, `operators` do the work; `checker` has seen the tree before.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apiserver.expressions.cel import kubernetes, prices, tree
from apiserver.expressions.cel.kubernetes import KUBERNETES
from apiserver.expressions.cel.library import LIBRARY
from apiserver.expressions.cel.loops import LOOPS, Parts
from apiserver.expressions.cel.operators import OPERATORS, no_overload
from apiserver.expressions.cel.values import (
    NONE,
    CostExceeded,
    EvalError,
    Opaque,
    Optional,
    UInt,
    size_of,
    type_name,
)

FUNCTIONS: Mapping[str, Callable[..., Any]] = {**OPERATORS, **LIBRARY, **KUBERNETES}
NAMESPACES = frozenset({one.partition(".")[0] for one in FUNCTIONS if "." in one})

_TYPES = {
    "int": "int",
    "uint": "uint",
    "double": "double",
    "bool": "bool",
    "string": "string",
    "bytes": "bytes",
    "list": "list",
    "map": "map",
    "null_type": "null_type",
    "type": "type",
}


class Frame:
    """One evaluation: its variables, and what it has cost."""

    __slots__ = ("cost", "limit", "names")

    def __init__(self, names: dict[str, Any], limit: int) -> None:
        self.names = names
        self.cost = 0
        self.limit = limit

    def pay(self, cost: int) -> None:
        self.cost += cost
        if self.cost > self.limit:
            raise CostExceeded


class Lazy:
    """Variables that are computed when first asked for (`variables.x` of policies)."""

    __slots__ = ("found", "steps")

    def __init__(self, steps: Mapping[str, "Step"]) -> None:
        self.steps = steps
        self.found: dict[str, Any] = {}

    def get(self, name: str, frame: Frame) -> Any:
        if name not in self.found:
            if name not in self.steps:
                raise EvalError(f"no such key: {name}")
            try:
                self.found[name] = self.steps[name](frame)
            except EvalError as error:
                self.found[name] = EvalError(
                    f"composited variable {name!r} fails to evaluate: {error}".replace("'", '"')
                )
        value = self.found[name]
        if isinstance(value, EvalError):
            raise value
        return value


Step = Callable[[Frame], Any]


def compiled(node: tree.Node) -> Step:
    """The closure of a tree."""
    return _MAKERS[type(node)](node)


def _const(node: tree.Const) -> Step:
    value = node.value
    return lambda frame: value  # noqa: ARG005  a step


def _ident(node: tree.Ident) -> Step:
    name = node.name
    known = Opaque("type", _TYPES[name]) if name in _TYPES else None

    def step(frame: Frame) -> Any:
        frame.cost += 1
        try:
            return frame.names[name]
        except KeyError:
            if known is not None:
                return known
            raise EvalError(f"no such attribute(s): {name}") from None

    return step


def _select(node: tree.Select) -> Step:
    operand, name, optional = compiled(node.operand), node.name, node.optional

    def step(frame: Frame) -> Any:
        value = operand(frame)
        frame.cost += 1
        if type(value) is dict and not optional:
            try:
                return value[name]
            except KeyError:
                raise EvalError(f"no such key: {name}") from None
        return _field(value, name, optional, frame)

    return step


def _field(value: Any, name: str, optional: bool, frame: Frame) -> Any:
    """Fields of what is no plain map."""
    if isinstance(value, Optional):
        if not value.there:
            return NONE
        return _field(value.value, name, True, frame)
    if isinstance(value, Lazy):
        found = value.get(name, frame)
        return Optional(found) if optional else found
    if isinstance(value, dict):
        if name in value:
            return Optional(value[name]) if optional else value[name]
        if optional:
            return NONE
        raise EvalError(f"no such key: {name}")
    if isinstance(value, Opaque) and name == "requestResource":
        return kubernetes.request_resource(value)
    raise no_overload(value)


def _has(node: tree.Has) -> Step:
    operand, name = compiled(node.operand), node.name

    def step(frame: Frame) -> Any:
        value = operand(frame)
        if isinstance(value, Optional):
            value = value.value if value.there else {}
        if isinstance(value, Lazy):
            return name in value.steps
        if not isinstance(value, dict):
            raise no_overload(value)
        return name in value

    return step


def _index(node: tree.Index) -> Step:
    operand, key, optional = compiled(node.operand), compiled(node.key), node.optional

    def step(frame: Frame) -> Any:
        value, at = operand(frame), key(frame)
        frame.cost += 1
        maybe = optional
        if isinstance(value, Optional):
            if not value.there:
                return NONE
            value, maybe = value.value, True
        try:
            found = _item(value, at)
        except EvalError as error:
            if maybe and str(error).startswith(("no such key", "index out")):
                return NONE
            raise
        return Optional(found) if maybe else found

    return step


def _item(value: Any, at: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(at, (str, int, float)) and at in value:
            return value[at]
        raise EvalError(f"no such key: {at}")
    if isinstance(value, list) and isinstance(at, (int, float)) and not isinstance(at, bool):
        if at != int(at) or not 0 <= at < len(value):
            raise EvalError(f"index out of bounds: {at}")
        return value[int(at)]
    raise no_overload(value, at)


def _call(node: tree.Call) -> Step:
    if node.name in _LAZY:
        parts = [compiled(one) for one in ([node.target] if node.target else []) + node.args]
        return _LAZY[node.name](*parts)
    name, target = node.name, node.target
    if isinstance(target, tree.Ident) and f"{target.name}.{name}" in FUNCTIONS:
        name, target = f"{target.name}.{name}", None
    function = FUNCTIONS.get(name)
    if function is None:
        raise EvalError(f"no such overload: {name}")
    steps = [compiled(one) for one in ([target] if target is not None else []) + node.args]
    return _calling(function, steps, _price(name))


def _price(name: str) -> Callable[[list[Any]], int] | None:
    """What a call costs by its operands; None for 1."""
    price = prices.WALKING.get(name)
    if price is None:
        return None
    if name == "_+_":
        return lambda values: price([*map(size_of, values)]) if type(values[0]) is not list else 1
    if name == "@in":
        return lambda values: len(values[1]) if type(values[1]) is list else 1
    if name in prices.LISTED:
        return lambda values: _traversed(values[0])
    return lambda values: price([*map(size_of, values)])


def _traversed(value: Any) -> int:
    """Going through a value and all that is in it."""
    if isinstance(value, (str, bytes)):
        return len(value) // 10
    if isinstance(value, list):
        return sum(map(_traversed, value))
    if isinstance(value, dict):
        return sum(_traversed(key) + _traversed(one) for key, one in value.items())
    return 1


def _calling(
    function: Callable[..., Any], steps: list[Step], price: Callable[[list[Any]], int] | None
) -> Step:
    def step(frame: Frame) -> Any:
        values = [one(frame) for one in steps]
        frame.pay(1 if price is None else price(values))
        try:
            return function(*values)
        except (TypeError, AttributeError, ValueError, OverflowError) as error:
            # Plain Python below: a value of a type that it was not made for.
            raise EvalError(f"no such overload: ({', '.join(map(type_name, values))})") from error

    return step


def _and(left: Step, right: Step, stop: bool = False) -> Step:
    """False wins over errors, whichever side it is on; `or` is the same with true."""

    def step(frame: Frame) -> Any:
        problem: EvalError | None = None
        for side in (left, right):
            try:
                value = side(frame)
            except EvalError as error:
                problem = problem or error
                continue
            if value is stop:
                return stop
            if type(value) is not bool:
                problem = problem or no_overload(value)
        if problem is not None:
            raise problem
        return not stop

    return step


def _either(left: Step, right: Step) -> Step:
    return _and(left, right, stop=True)


def _conditional(condition: Step, yes: Step, no: Step) -> Step:
    def step(frame: Frame) -> Any:
        value = condition(frame)
        if type(value) is not bool:
            raise no_overload(value)
        return yes(frame) if value else no(frame)

    return step


def _or_value(operand: Step, other: Step) -> Step:
    def step(frame: Frame) -> Any:
        value = operand(frame)
        if not isinstance(value, Optional):
            raise no_overload(value)
        return value.value if value.there else other(frame)

    return step


def _or_optional(operand: Step, other: Step) -> Step:
    def step(frame: Frame) -> Any:
        value = operand(frame)
        if not isinstance(value, Optional):
            raise no_overload(value)
        return value if value.there else other(frame)

    return step


_LAZY: dict[str, Callable[..., Step]] = {
    "_&&_": _and,
    "_||_": _either,
    "_?_:_": _conditional,
    "orValue": _or_value,
    "or": _or_optional,
}


def _list(node: tree.ListOf) -> Step:
    items = [(compiled(one), optional) for one, optional in node.items]

    def step(frame: Frame) -> Any:
        frame.pay(prices.LIST)
        out = []
        for make, optional in items:
            value = make(frame)
            if not optional:
                out.append(value)
            elif value.there:
                out.append(value.value)
        return out

    return step


def _map(node: tree.MapOf) -> Step:
    entries = [(compiled(key), compiled(value), maybe) for key, value, maybe in node.entries]

    def step(frame: Frame) -> Any:
        frame.pay(prices.MAP)
        out: dict[Any, Any] = {}
        for make_key, make_value, optional in entries:
            key, value = make_key(frame), make_value(frame)
            if not isinstance(key, (str, int, UInt, bool)):
                raise EvalError(f"unsupported key type: {type_name(key)}")
            if key in out:
                raise EvalError(f"Failed with repeated key: {key}")
            _put(out, key, value, optional=optional)
        return out

    return step


def _struct(node: tree.Struct) -> Step:
    fields = [(name, compiled(value), maybe) for name, value, maybe in node.fields]

    def step(frame: Frame) -> Any:
        frame.pay(prices.STRUCT)
        out: dict[Any, Any] = {}
        for name, make, optional in fields:
            _put(out, name, make(frame), optional=optional)
        return out

    return step


def _put(out: dict[Any, Any], key: Any, value: Any, *, optional: bool) -> None:
    if not optional:
        out[key] = value
    elif not isinstance(value, Optional):
        raise no_overload(value)
    elif value.there:
        out[key] = value.value


def _loop(node: tree.Loop) -> Step:
    source = compiled(node.range)
    condition = compiled(node.condition) if node.condition is not None else None
    return LOOPS[node.kind](Parts(node.kind, source, node.names, condition, compiled(node.body)))


def _bind(node: tree.Bind) -> Step:
    value, body, name = compiled(node.value), compiled(node.body), node.name

    def step(frame: Frame) -> Any:
        return _with(frame, name, value(frame), body)

    return step


def _with(frame: Frame, name: str, value: Any, body: Step) -> Any:
    names = frame.names
    frame.names = {**names, name: value}
    try:
        return body(frame)
    finally:
        frame.names = names


def _opt_map(node: tree.OptMap) -> Step:
    operand, body, name, flat = compiled(node.operand), compiled(node.body), node.name, node.flat

    def step(frame: Frame) -> Any:
        value = operand(frame)
        if not isinstance(value, Optional):
            raise no_overload(value)
        if not value.there:
            return NONE
        found = _with(frame, name, value.value, body)
        return found if flat else Optional(found)

    return step


_MAKERS: dict[type, Callable[[Any], Step]] = {
    tree.Const: _const,
    tree.Ident: _ident,
    tree.Select: _select,
    tree.Has: _has,
    tree.Index: _index,
    tree.Call: _call,
    tree.ListOf: _list,
    tree.MapOf: _map,
    tree.Struct: _struct,
    tree.Loop: _loop,
    tree.Bind: _bind,
    tree.OptMap: _opt_map,
}
