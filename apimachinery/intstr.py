"""Numbers that may be written as percentages (`maxSurge: 25%`), and their meaning.

Neighbours: the deployment, daemon set and disruption planners resolve them; validation checks
them. Plain helpers on the JSON value, an int or a str.
"""

import re

_PERCENT = re.compile(r"[0-9]{1,9}%")


class IntOrStringError(ValueError):
    """The value is neither a number nor a percentage."""


def percent(value: int | str) -> int | None:
    """The number before the percent sign, or None if the value is no percentage."""
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return int(value[:-1])
    return None


def resolve(value: int | str, total: int, *, round_up: bool) -> int:
    """The absolute number: itself, or that share of `total`."""
    if isinstance(value, int):
        return value
    share = percent(value)
    if share is None:
        raise IntOrStringError(
            f"invalid value for IntOrString: invalid type: string is not a percentage: {value!r}"
        )
    return -(-share * total // 100) if round_up else share * total // 100
