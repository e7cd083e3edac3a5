"""The child that evaluates expressions: requests on standard input, answers on standard output.

A request is a length and a pickle (its writer is the API server, which started this process), an
answer a length and JSON. It ends with its input, so it never outlives the server. Neighbours:
`evaluator` is at the other end, `functions` are known to all expressions.
"""

import pickle
import re
import resource
import struct
import sys
from functools import lru_cache
from typing import Any, BinaryIO

import cel
import orjson
from cel import stdlib

from apimachinery.schema.expressions import Maybe
from apiserver.expressions.functions import FUNCTIONS

LENGTH = struct.Struct("!I")
PROGRAMS_KEPT = 4096
"""Compiled expressions; a cluster has a few hundred."""
MEMORY_MAX = 2 * 1024**3
"""Address space: an expression that builds ever longer strings ends here."""
RECURSION = 10_000
"""Deep objects are walked by the engine in Rust; Python's own limit only guards conversions."""

_SIZE = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\bsize(?=\s*\()""")

_OPERATORS = re.compile(r"[^a-zA-Z]")
_LANGUAGE = frozenset(
    [
        "bool",
        "bytes",
        "double",
        "duration",
        "dyn",
        "int",
        "string",
        "timestamp",
        "type",
        "uint",
        "has",
        "matches",
        "startsWith",
        "endsWith",
        "contains",
        "hasValue",
        "of",
        "none",
        "value",
        "orValue",
        "or",
        "size",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "max",
        "min",
        "greatest",
        "least",
        "abs",
        "ceil",
        "floor",
        "round",
        "trunc",
        "isNaN",
        "isInf",
        "isFinite",
        "sqrt",
        "bitOr",
        "bitAnd",
        "bitXor",
        "bitNot",
        "bitShiftLeft",
        "bitShiftRight",
        "equivalent",
        "intersects",
        "encode",
        "decode",
        "quote",
        "range",
    ]
)
"""Functions of the language and the second halves of its libraries' names (sets.contains)."""
_NAMESPACES = frozenset(["sets", "math", "base64", "strings", "lists", "optional"])


@lru_cache(maxsize=PROGRAMS_KEPT)
def program(expression: str) -> Any:
    """The expression, compiled; raises ValueError."""
    # The engine's own size counts bytes of strings.
    return cel.compile(_SIZE.sub(lambda found: found[1] or "size_", expression))


def problem(expression: str, variables: set[str]) -> str:
    """Why an expression cannot be evaluated here; empty where it can."""
    try:
        compiled = program(expression)
    except ValueError as error:
        return f"compilation failed: {error}"
    known = {*FUNCTIONS, *stdlib.STDLIB_FUNCTIONS, *_LANGUAGE}
    for name in compiled.functions():
        if not _OPERATORS.search(name.replace("_", "")) and name not in known:
            return f"compilation failed: undeclared reference to '{name}' (in container '')"
    bound = set(re.findall(r"\b(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,", expression))
    for name in compiled.variables():
        if name not in variables | _NAMESPACES | bound:
            return f"compilation failed: undeclared reference to '{name}' (in container '')"
    return ""


def context() -> Any:
    """What all expressions know."""
    made = cel.Context()
    stdlib.add_stdlib_to_context(made)
    for name, function in FUNCTIONS.items():
        made.add_function(name, function)
    return made


def evaluate(known: Any, expression: str, variables: dict[str, Any], message: str) -> Any:
    """None where it holds, else {"said": …} or {"failed": …}."""
    try:
        known.update({name: _optional(value) for name, value in variables.items()})
        outcome = program(expression).execute(known)
        if outcome is True:
            return None
        if outcome is not False:
            return {"failed": "the expression is not boolean"}
    except KeyError as error:
        return {"failed": f"no such key: {error.args[0] if error.args else ''}"}
    except Exception as error:  # noqa: BLE001  whatever the engine or a function says
        return {"failed": str(error)}
    return {"said": _said(known, message)}


def _optional(value: Any) -> Any:
    if not isinstance(value, Maybe):
        return value
    return cel.OptionalValue.of(value.value) if value.there else cel.OptionalValue.none()


def _said(known: Any, message: str) -> str:
    """The text of a messageExpression; empty where it gives none."""
    if not message:
        return ""
    try:
        said = program(message).execute(known)
    except Exception:  # noqa: BLE001  then the rule's plain message is used
        return ""
    return said if isinstance(said, str) and "\n" not in said else ""


def answer(known: Any, request: Any) -> Any:
    """Check expressions of a definition, or evaluate those of a write."""
    if request["check"]:
        return [problem(one, set(names)) for one, names in request["check"]]
    return [evaluate(known, *one) for one in request["evaluate"]]


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the input ends."""
    known = context()
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        request = pickle.loads(source.read(*LENGTH.unpack(head)))  # noqa: S301  from our parent
        body = orjson.dumps(answer(known, request))
        sink.write(LENGTH.pack(len(body)) + body)
        sink.flush()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    sys.setrecursionlimit(RECURSION)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
