"""What is said of bytes that are no JSON, no YAML, or no object: Kubernetes' words for each. Pure.

Neighbours: `apiserver.handlers.body` reads bodies, `.patch` and `.apply` read patches, `.list` reads
continue tokens.
"""

import orjson

from apimachinery import status

MAX_SHOWN = 30
"""Bytes of a body that a refusal repeats."""


def json_problem(body: bytes, problem: orjson.JSONDecodeError) -> str:
    """What is wrong with a JSON text, and where it is not simply over."""
    text = body.decode(errors="replace")
    if problem.pos >= len(text.rstrip()):
        return "unexpected end of JSON input"
    shown = text[problem.pos]
    quoted = f"'{shown}'" if shown != "'" else "'\\''"
    return f"invalid character {quoted} looking for beginning of value"


def yaml_problem(problem: Exception) -> str:
    """The same for YAML, with the line."""
    mark = getattr(problem, "problem_mark", None)  # of YAML's own errors, if they have a place
    if mark is None:
        return f"yaml: {problem}"
    return f"yaml: line {mark.line + 1}: {getattr(problem, 'problem', problem)}"


def unrecognized(kind: str, detail: str, body: bytes) -> status.BadRequest:
    """A body of which not even the kind can be told."""
    if not kind:
        return status.bad_request(detail)
    return status.bad_request(
        f"the object provided is unrecognized (must be of type {kind}): {detail} ({_shown(body)})"
    )


def _shown(body: bytes) -> str:
    if not body:
        return "<empty>"
    more = " ..." if len(body) > MAX_SHOWN else ""
    if body[:1] == b"{":
        return body[:MAX_SHOWN].decode(errors="replace") + more
    return body[:MAX_SHOWN].hex() + more


def type_of(value: object) -> str:
    """A JSON value's type, as Go's decoder names it."""
    match value:
        case dict():
            return "object"
        case list():
            return "array"
        case str():
            return "string"
        case bool():
            return "bool"
        case None:
            return "null"
        case _:
            return "number"
