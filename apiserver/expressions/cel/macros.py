"""Macros: calls that are no calls, because they bind names or ask about presence.

Neighbours: `parser` offers every call; those that are none here are left to it.
"""

from collections.abc import Callable

from apiserver.expressions.cel.tree import Bind, Has, Ident, Loop, Node, OptMap, Select

Maker = Callable[[], Node]

_ONE_NAME = {"all": 2, "exists": 2, "exists_one": 2, "existsOne": 2, "filter": 2, "map": 2}
_TWO_NAMES = ("all", "exists", "exists_one", "existsOne")
_TRANSFORM = ("transformList", "transformMap", "transformMapEntry")


class Misused(ValueError):  # noqa: N818  the parser makes a Problem of it
    """A macro was called with what it cannot take."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__(text)
        self.at = at


def expand(name: str, target: Node | None, args: list[Node], at: int) -> Node | None:
    """The node of a macro, None where the call is none."""
    count = len(args)
    if target is None:
        return _has(args[0], at) if name == "has" and count == 1 else None
    if isinstance(target, Ident) and target.name == "cel" and name == "bind" and count == 3:
        return Bind(at, _name(args[0]), args[1], args[2])
    if name in ("optMap", "optFlatMap") and count == 2:
        return OptMap(at, target, _name(args[0]), args[1], name == "optFlatMap")
    if _ONE_NAME.get(name) == count:
        return Loop(at, name, target, (_name(args[0]),), None, args[1])
    if name == "map" and count == 3:
        return Loop(at, name, target, (_name(args[0]),), args[1], args[2])
    if name in _TWO_NAMES and count == 3:
        return Loop(at, name, target, _two(args), None, args[2])
    if name in _TRANSFORM and count in (3, 4):
        condition = args[2] if count == 4 else None
        return Loop(at, name, target, _two(args), condition, args[-1])
    return None


def _has(arg: Node, at: int) -> Node:
    if not isinstance(arg, Select) or arg.optional:
        raise Misused("invalid argument to has() macro", arg.at)
    return Has(at, arg.operand, arg.name)


def _two(args: list[Node]) -> tuple[str, str]:
    first, second = _name(args[0]), _name(args[1])
    if first == second:
        raise Misused(
            f"duplicate variable name: {first}",
            args[1].at,
        )
    return first, second


def _name(node: Node) -> str:
    if not isinstance(node, Ident):
        raise Misused("argument must be a simple name", node.at)
    return node.name
