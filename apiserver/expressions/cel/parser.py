"""Tokens → tree, by recursive descent; errors in the words of cel-go's parser.

Macros are told apart here, as the language wants it. Neighbours: `lexer`, `macros`, `tree`.
"""

from apimachinery.schema.expressions import RESERVED
from apiserver.expressions.cel import macros
from apiserver.expressions.cel.lexer import Token, in_range, tokens
from apiserver.expressions.cel.tree import (
    Call,
    Const,
    Ident,
    Index,
    ListOf,
    MapOf,
    Node,
    Problem,
    Select,
    Struct,
)

MAX_DEPTH = 250
"""Levels of nesting, as in cel-go: each takes ten frames, `worker` has room for them."""

_LITERALS = {"true": True, "false": False, "null": None}
_STARTS = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, "
    "BYTES, IDENTIFIER}"
)
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset("+-"),
    frozenset("*/%"),
)


def parse(source: str) -> Node:
    """The tree of an expression; raises Problem."""
    reader = _Reader(source)
    found = reader.expression()
    if reader.token.kind != "end":
        text = f"Syntax error: extraneous input '{reader.token.text}' expecting <EOF>"
        raise reader.problem(text)
    return found


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokens(source)
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def problem(self, text: str, at: int | None = None) -> Problem:
        return Problem(self._source, [(self.token.at if at is None else at, text)])

    def _next(self) -> Token:
        found = self.token
        self._at += 1
        return found

    def _take(self, text: str) -> bool:
        """Go on if the token is that operator."""
        if self.token.kind == "op" and self.token.text == text:
            self._at += 1
            return True
        return False

    def _want(self, text: str) -> None:
        if not self._take(text):
            raise self.problem(
                f"Syntax error: mismatched input '{self.token.text}' expecting '{text}'"
            )

    # --- operators ---------------------------------------------------------------------------

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.problem(f"expression recursion limit exceeded: {MAX_DEPTH}")
        found = self._or()
        at = self.token.at
        if self._take("?"):
            yes = self._or()
            self._want(":")
            found = Call(at, "_?_:_", None, [found, yes, self.expression()])
        self._depth -= 1
        return found

    def _or(self) -> Node:
        return self._logical("||", lambda: self._logical("&&", self._relation))

    def _logical(self, operator: str, below: "macros.Maker") -> Node:
        found = below()
        at = self.token.at
        while self._take(operator):
            found = Call(at, f"_{operator}_", None, [found, below()])
            at = self.token.at
        return found

    def _relation(self, level: int = 0) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        found = self._relation(level + 1)
        while self.token.kind in ("op", "name") and self.token.text in _LEVELS[level]:
            operator = self._next()
            name = "@in" if operator.text == "in" else f"_{operator.text}_"
            found = Call(operator.at, name, None, [found, self._relation(level + 1)])
        return found

    def _unary(self) -> Node:
        token = self.token
        if self._take("!"):
            return Call(token.at, "!_", None, [self._nested()])
        if self._take("-"):
            number = self.token
            if number.kind == "value" and type(number.value) in (int, float):
                self._next()
                return self._members(self._number(-number.value, token.at))
            return Call(token.at, "-_", None, [self._nested()])
        return self._members(self._primary())

    def _nested(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.problem(f"expression recursion limit exceeded: {MAX_DEPTH}")
        found = self._unary()
        self._depth -= 1
        return found

    def _number(self, value: int | float, at: int) -> Const:
        if type(value) is int and not in_range(value):
            raise self.problem("invalid int literal", at)
        return Const(at, value)

    # --- members -----------------------------------------------------------------------------

    def _members(self, found: Node) -> Node:
        while True:
            at = self.token.at
            if self._take("."):
                optional = self._take("?")
                name = self._field()
                opening = self.token.at
                if not optional and self._take("("):
                    found = self._called(name, found, self._arguments(")"), opening)
                else:
                    found = Select(at, found, name, optional)
            elif self._take("["):
                optional = self._take("?")
                found = Index(at, found, self.expression(), optional)
                self._want("]")
            elif self.token.text == "{" and self.token.kind == "op" and (name := _dotted(found)):
                self._next()
                found = self._struct(name, at)
            else:
                return found

    def _called(self, name: str, target: Node | None, args: list[Node], at: int) -> Node:
        try:
            made = macros.expand(name, target, args, at)
        except macros.Misused as error:
            raise self.problem(str(error), error.at) from None
        return made or Call(at, name, target, args)

    def _field(self) -> str:
        if self.token.kind in ("name", "quoted") and self.token.text not in (*_LITERALS, "in"):
            return self._next().text
        text = f"Syntax error: no viable alternative at input '.{self.token.text}'"
        if self.token.kind == "end":
            text = "Syntax error: mismatched input '<EOF>' expecting IDENTIFIER"
        raise self.problem(text)

    def _arguments(self, closing: str) -> list[Node]:
        found: list[Node] = []
        while not self._take(closing):
            if found:
                self._want(",")
            found.append(self.expression())
        return found

    def _primary(self) -> Node:
        token = self.token
        if token.kind == "value":
            self._next()
            if type(token.value) is int:
                return self._number(token.value, token.at)
            return Const(token.at, token.value)
        if token.kind == "name" and token.text != "in":
            return self._named(self._next())
        if self._take("("):
            found = self.expression()
            self._want(")")
            return found
        if self._take("["):
            return self._list(token.at)
        if self._take("{"):
            return self._map(token.at)
        if self._take(".") and self.token.kind == "name":
            return self._named(self._next())
        kind = "mismatched" if token.kind == "end" else "extraneous"
        raise self.problem(
            f"Syntax error: {kind} input '{token.text}' expecting {_STARTS}", token.at
        )

    def _named(self, token: Token) -> Node:
        if token.text in _LITERALS:
            return Const(token.at, _LITERALS[token.text])
        if token.text in RESERVED:
            raise self.problem(f"reserved identifier: {token.text}", token.at)
        opening = self.token.at
        if self._take("("):
            return self._called(token.text, None, self._arguments(")"), opening)
        return Ident(token.at, token.text)

    def _list(self, at: int) -> Node:
        items: list[tuple[Node, bool]] = []
        while not self._take("]"):
            if items:
                self._want(",")
                if self._take("]"):
                    break
            optional = self._take("?")
            items.append((self.expression(), optional))
        return ListOf(at, items)

    def _map(self, at: int) -> Node:
        entries: list[tuple[Node, Node, bool]] = []
        while not self._take("}"):
            if entries:
                self._want(",")
                if self._take("}"):
                    break
            optional = self._take("?")
            key = self.expression()
            self._want(":")
            entries.append((key, self.expression(), optional))
        return MapOf(at, entries)

    def _struct(self, name: str, at: int) -> Node:
        fields: list[tuple[str, Node, bool]] = []
        while not self._take("}"):
            if fields:
                self._want(",")
                if self._take("}"):
                    break
            optional = self._take("?")
            field = self._field()
            self._want(":")
            fields.append((field, self.expression(), optional))
        return Struct(at, name, fields)


def _dotted(node: Node) -> str:
    """`a.b.C` as a name; empty for what is no chain of names."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.optional:
        before = _dotted(node.operand)
        return f"{before}.{node.name}" if before else ""
    return ""
