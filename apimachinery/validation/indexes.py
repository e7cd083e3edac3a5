"""Sets of a job's indexes as text (`0,2-5`), and when such a set is enough for success; pure.

Neighbours: `jobs` has the rest of a job's specification, `job_status` what was reached.
"""

from apimachinery import status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_TEXT = 64 * 1024
"""Characters of a set of indexes."""
MAX_RULES = 20
"""Of a policy about success or failures."""


class IndexesError(ValueError):
    """The text is no set of indexes of this job."""


def read(text: str, completions: int) -> list[tuple[int, int]]:
    """The intervals of a set, both ends included, in their order. Raises IndexesError."""
    found: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        first, last = _interval(part, completions)
        if found and found[-1][1] >= first:
            raise IndexesError(f"non-increasing order, previous: {found[-1][1]}, current: {first}")
        found.append((first, last))
    return found


def _interval(text: str, completions: int) -> tuple[int, int]:
    ends = text.split("-")
    if len(ends) > 2:
        raise IndexesError(
            f"the fragment {status.quote(text)} violates the requirement that an index interval "
            "can have at most two parts separated by '-'"
        )
    numbers = [_number(end, completions) for end in ends]
    if len(numbers) == 2 and numbers[0] >= numbers[1]:
        raise IndexesError(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
    return numbers[0], numbers[-1]


def _number(text: str, completions: int) -> int:
    if not (text.isascii() and text.removeprefix("+").isdigit()):
        raise IndexesError(f"cannot convert string to integer for index: {status.quote(text)}")
    if int(text) >= completions:
        raise IndexesError(f"too large index: {status.quote(text)}")
    return int(text)


def problem(text: str, completions: int) -> str:
    """Why the text is no set of indexes; empty if it is one."""
    try:
        read(text, completions)
    except IndexesError as error:
        return str(error)
    return ""


def success_policy(policy: JsonObject, completions: int | None, path: str) -> Errors:
    """Which pods of an indexed job are enough."""
    rules, where = policy.get("rules") or (), f"{path}.rules"
    errors: Errors = []
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        errors.append(status.required(where, detail))
    if len(rules) > MAX_RULES:
        errors.append(status.too_many(where, len(rules), MAX_RULES))
    for index, rule in enumerate(rules[:MAX_RULES]):
        errors += _success_rule(rule, completions or 0, f"{where}[{index}]")
    return errors


def _success_rule(rule: JsonObject, completions: int, path: str) -> Errors:
    count, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    errors: Errors = []
    if count is None and text is None:
        detail = "at least one of succeededCount or succeededIndexes must be specified"
        errors.append(status.required(path, detail))
    listed = 0
    if text is not None:
        where = f"{path}.succeededIndexes"
        if len(text) > MAX_TEXT:
            errors.append(status.too_long(where, MAX_TEXT))
        wrong = problem(text, completions)
        if wrong:
            detail = f"error parsing succeededIndexes: {wrong}"
            errors.append(status.invalid_value(where, text, detail))
        else:
            listed = sum(last - first + 1 for first, last in read(text, completions))
    if count is None:
        return errors
    where = f"{path}.succeededCount"
    errors += common.non_negative(count, where)
    for most, what, known in (
        (completions, "specified completions", True),
        (listed, "indexes in the specified succeededIndexes field", text is not None),
    ):
        if known and count > most:
            detail = f"must be less than or equal to {most} (the number of {what})"
            errors.append(status.invalid_value(where, count, detail))
    return errors
