"""Where an app's instances may be, as `[field, operator, value]` says it. Pure.

A field is `hostname`, `@region`, `@zone` or an attribute of the agent. An agent that lacks the
attribute satisfies only UNLIKE. Operators that compare with other instances look at those of the
same configuration. Neighbours: `validation` has refused nonsense, `matching` asks.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import re2

HOSTNAME = ("hostname", "@hostname")
Fields = Mapping[str, str]
"""Values by field of one agent; the host's name under `hostname`."""


def satisfied(
    constraints: Sequence[Sequence[str]], agent: Fields, placed: Sequence[Fields]
) -> bool:
    """Whether one more instance may be on the agent, given where the others are."""
    return all(_one(constraint, agent, placed) for constraint in constraints)


def _one(constraint: Sequence[str], agent: Fields, placed: Sequence[Fields]) -> bool:
    field, operator = constraint[0], constraint[1]
    value = constraint[2] if len(constraint) > 2 else ""
    key = "hostname" if field in HOSTNAME else field
    here = agent.get(key)
    if here is None:
        return operator == "UNLIKE"
    others = Counter(fields[key] for fields in placed if key in fields)
    return OPERATORS[operator](here, value, others)


def _unique(here: str, _: str, others: Counter[str]) -> bool:
    return here not in others


def _cluster(here: str, value: str, others: Counter[str]) -> bool:
    """All in one place: the one that is named, else the one where the first is."""
    return here == value if value else not others or set(others) == {here}


def _group_by(here: str, value: str, others: Counter[str]) -> bool:
    """Evenly: never where there are more than in the place that has fewest.

    Nobody knows of places that were never seen; the value says how many there are at least.
    """
    groups = int(value) if value else 0
    fewest = min(others.values(), default=0) if len(others) >= groups else 0
    return here not in others or others[here] <= fewest


def _max_per(here: str, value: str, others: Counter[str]) -> bool:
    return others[here] < int(value)


def _like(here: str, value: str, _: Counter[str]) -> bool:
    return pattern(value).fullmatch(here) is not None


def _unlike(here: str, value: str, others: Counter[str]) -> bool:
    return not _like(here, value, others)


def _is(here: str, value: str, _: Counter[str]) -> bool:
    return here == value or _number(here) == _number(value) is not None


def _number(text: str) -> float | None:
    """Scalar attributes are equal as numbers, at three digits."""
    try:
        return round(float(text), 3)
    except ValueError:
        return None


OPERATORS: Mapping[str, Callable[[str, str, Counter[str]], bool]] = {
    "UNIQUE": _unique,
    "CLUSTER": _cluster,
    "GROUP_BY": _group_by,
    "MAX_PER": _max_per,
    "LIKE": _like,
    "UNLIKE": _unlike,
    "IS": _is,
}


@lru_cache(maxsize=1024)
def pattern(text: str) -> Any:
    """Compiled by RE2: linear in time, whatever a user writes; re2.error where it is none."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(text, options)
