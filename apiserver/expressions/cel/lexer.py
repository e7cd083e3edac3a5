"""Expressions cut into tokens.

Neighbours: `parser` reads them. Literals are read here: escapes, raw strings, bytes, numbers.
"""

import re
from dataclasses import dataclass
from typing import Any

from apiserver.expressions.cel.tree import Problem
from apiserver.expressions.cel.values import INT_MAX, INT_MIN, UINT_MAX, UInt

_STRING = (
    r"[rR]?[bB]?[rR]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''"
    r"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
)
_RAW = r"(?:[rR][bB]?|[bB][rR])(?:\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\n]*\"|'[^'\n]*')"
_TOKEN = re.compile(
    rf"""(?P<space>\s+|//[^\n]*)
    |(?P<raw>{_RAW})
    |(?P<string>{_STRING})
    |(?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<uint>(?:0x[0-9a-fA-F]+|\d+)[uU])
    |(?P<int>0x[0-9a-fA-F]+|\d+)
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |(?P<quoted>`[^`\n]+`)
    |(?P<op>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{{}}])""",
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL
)
_PLAIN = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: op, name, quoted, value, end."""

    kind: str
    text: str
    at: int
    value: Any = None


def tokens(source: str) -> list[Token]:
    """All tokens, an end at the end; raises Problem."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            text = f"Syntax error: token recognition error at: '{source[at:]}'"
            raise Problem(source, [(at, text)])
        kind, text = str(match.lastgroup), match.group()
        if kind in ("op", "name"):
            found.append(Token(kind, text, at))
        elif kind == "quoted":
            found.append(Token(kind, text[1:-1], at))
        elif kind != "space":
            found.append(Token("value", text, at, _value(source, kind, text, at)))
        at = match.end()
    found.append(Token("end", "<EOF>", len(source)))
    return found


def _value(source: str, kind: str, text: str, at: int) -> Any:
    if kind == "float":
        return float(text)
    if kind == "uint":
        number = int(text[:-1], 0 if "x" in text else 10)
        if number > UINT_MAX:
            raise Problem(source, [(at, "invalid uint literal")])
        return UInt(number)
    if kind == "int":
        return int(text, 0 if "x" in text else 10)  # its bounds: with its sign, in the parser
    prefix = text[: re.search("['\"]", text).start()].lower()  # type: ignore[union-attr]  # matched
    body = text[len(prefix) :]
    body = body[3:-3] if body.startswith(('"""', "'''")) else body[1:-1]
    if "b" in prefix:
        return body.encode() if kind == "raw" else _bytes(source, body, at)
    return body if kind == "raw" else _unescaped(source, body, at)


def _unescaped(source: str, text: str, at: int) -> str:
    if "\\" not in text:
        return text

    def plain(match: re.Match[str]) -> str:
        hexa = match[1] or match[2] or match[3]
        if hexa:
            return chr(int(hexa, 16))
        if match[4]:
            return chr(int(match[4], 8))
        if match[5] not in _PLAIN:
            raise Problem(source, [(at, f"Syntax error: unable to unescape \\{match[5]}")])
        return _PLAIN[match[5]]

    return _ESCAPE.sub(plain, text)


def _bytes(source: str, text: str, at: int) -> bytes:
    out, last = b"", 0
    for match in _ESCAPE.finditer(text):
        out += text[last : match.start()].encode()
        if match[1] or match[4]:
            out += bytes([int(match[1], 16) if match[1] else int(match[4], 8)])
        else:
            out += _unescaped(source, match.group(), at).encode()
        last = match.end()
    return out + text[last:].encode()


def in_range(number: int) -> bool:
    """Whether a literal, with its sign, is an int."""
    return INT_MIN <= number <= INT_MAX
