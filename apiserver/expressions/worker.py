"""The child that evaluates expressions: requests on standard input, answers on standard output.

Both are a length and a pickle (the API server started this process and owns both ends). It ends
with its input, so it never outlives the server. Neighbours: `evaluator` is at the other end,
`cel` does the work, `questions` are what is asked.
"""

import pickle
import resource
import struct
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, BinaryIO

from apimachinery.schema.expressions import Maybe as MaybeOld
from apiserver.expressions.cel import checker, cost, kubernetes, parser, program, schemas, types
from apiserver.expressions.cel.kubernetes import Asked
from apiserver.expressions.cel.program import Frame, Lazy, Step
from apiserver.expressions.cel.tree import Node, Problem
from apiserver.expressions.cel.types import DYN, Type
from apiserver.expressions.cel.values import NONE, CostExceeded, EvalError, Optional, plain
from apiserver.expressions.questions import (
    CALL_LIMIT,
    Answer,
    Ask,
    Check,
    Checked,
    Declared,
    Fields,
    Group,
    Maybe,
    Outcome,
    Question,
    Schema,
)

LENGTH = struct.Struct("!I")
PROGRAMS_KEPT = 4096
"""Compiled expressions; a cluster has a few hundred."""
MEMORY_MAX = 2 * 1024**3
"""Address space: an expression that builds ever longer strings ends here."""
RECURSION = 10_000
"""Deep objects and deep expressions: a level of nesting takes ten frames."""
MESSAGE_MAX = 5 * 1024
"""Characters of a messageExpression's text, as in Kubernetes."""


# --- checking ------------------------------------------------------------------------------------


def declared(given: Declared) -> Type:
    """The type of a variable."""
    match given:
        case Schema(schema, root, references):
            if not references:
                return schemas.type_of(schema, root=root)
            return schemas.type_of(
                schema, root=root, resolve=lambda name: dict(references.get(name) or {})
            )
        case Fields(name, fields):
            return types.object_of(name, {key: declared(one) for key, one in fields.items()})
        case Maybe(of):
            return types.optional_of(declared(of))
        case _:
            return types.parse(given)


def check(asked: Check, known: dict[int, Type]) -> Checked:
    """Whether an expression can be used; `known` keeps types of this request by their identity."""
    scope = {name: _declared(one, known) for name, one in asked.variables.items()}
    if asked.composed or "variables" in scope:
        scope["variables"] = _composed(asked.composed, scope)
    try:
        node = checker.check(asked.expression, scope)
    except Problem as problem:
        return Checked(problem=f"compilation failed: {problem}")
    except RecursionError:
        return Checked(problem="compilation failed: the expression is nested too deeply")
    if asked.wants and not _wanted(node, asked.wants):
        kinds = " or ".join(asked.wants)
        return Checked(problem=f"must evaluate to {kinds}", type=str(node.type))
    return Checked(type=str(node.type), cost=cost.most(node))


def _declared(given: Declared, known: dict[int, Type]) -> Type:
    if isinstance(given, str):
        return declared(given)
    found = known.get(id(given))
    if found is None:
        found = known[id(given)] = declared(given)
    return found


def _wanted(node: Node, wants: tuple[str, ...]) -> bool:
    shown = str(node.type)
    return shown == "dyn" or any(one == shown for one in wants)


def _composed(steps: tuple[tuple[str, str], ...], scope: Mapping[str, Type]) -> Type:
    """The object `variables`, each of its fields typed with those before it."""
    fields: dict[str, Type] = {}
    for name, expression in steps:
        inner = {**scope, "variables": types.object_of("kubernetes.variables", fields)}
        try:
            found = checker.check(expression, inner).type
        except Problem:
            found = DYN  # told where the variable itself is checked
        fields = {**fields, name: found}
    return types.object_of("kubernetes.variables", fields)


# --- evaluation ----------------------------------------------------------------------------------


@lru_cache(maxsize=PROGRAMS_KEPT)
def compiled(expression: str) -> Step:
    """The expression as a closure; raises Problem and EvalError."""
    return program.compiled(parser.parse(expression))


def evaluate(asked: Ask) -> list[list[Outcome]]:
    """All groups, until the budget is spent."""
    left = asked.budget
    found = []
    for group in asked.groups:
        outcomes, left = _group(group, left, asked.answers or {})
        found.append(outcomes)
    return found


def _group(
    group: Group, left: int, answers: Mapping[Question, tuple[bool, str]]
) -> tuple[list[Outcome], int]:
    names = {name: _value(value) for name, value in group.variables.items()}
    if group.request is not None:
        names["authorizer"] = kubernetes.authorizer(answers, group.request)
    if group.composed:
        names["variables"] = Lazy({name: _step(expression) for name, expression in group.composed})
    found = []
    for expression, message in group.expressions:
        frame = Frame(names, min(CALL_LIMIT, left))
        found.append(_one(frame, expression, message, spent=left <= 0))
        left -= frame.cost
    return found, left


def _step(expression: str) -> Step:
    """A step that compiles when it is taken: its faults are those of who asks for it."""

    def step(frame: Frame) -> Any:
        return compiled(expression)(frame)

    return step


def _one(frame: Frame, expression: str, message: str, *, spent: bool) -> Outcome:
    if spent:
        return Outcome(failed="the cost budget is used up", too_costly=True)
    try:
        value = compiled(expression)(frame)
        if isinstance(value, Optional):
            raise EvalError("an optional is no value")
        said = _said(frame, message) if value is False and message else ""
        return Outcome(value=plain(value), said=said)
    except CostExceeded:
        return Outcome(failed="operation cancelled: actual cost limit exceeded", too_costly=True)
    except (EvalError, Problem) as error:
        return Outcome(failed=str(error))
    except (RecursionError, MemoryError):
        return Outcome(failed="the expression needs too much memory", too_costly=True)


def _said(frame: Frame, message: str) -> str:
    """The text of a messageExpression; empty where it gives none."""
    try:
        said = compiled(message)(frame)
    except (EvalError, Problem, CostExceeded):
        return ""  # then the rule's plain message is used
    if not isinstance(said, str) or len(said) > MESSAGE_MAX or "\n" in said:
        return ""
    return said.strip()


def _value(value: Any) -> Any:
    if isinstance(value, MaybeOld):
        return Optional(value.value) if value.there else NONE
    return value


# --- the pipe ------------------------------------------------------------------------------------


def answer(asked: Ask) -> Answer:
    """Check expressions, or evaluate them."""
    known: dict[int, Type] = {}
    try:
        return Answer([check(one, known) for one in asked.checks], evaluate(asked))
    except Asked as question:
        return Answer(question=question.question)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the input ends."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        asked = pickle.loads(source.read(*LENGTH.unpack(head)))  # noqa: S301  from our parent
        body = pickle.dumps(answer(asked))
        sink.write(LENGTH.pack(len(body)) + body)
        sink.flush()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    sys.setrecursionlimit(RECURSION)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
