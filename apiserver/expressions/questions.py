"""What the API server asks of the child that knows expressions: values that cross the pipe; pure.

Neighbours: `evaluator` sends them, `worker` answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apimachinery.wire import JsonObject

CALL_LIMIT = 1_000_000
"""What one expression may cost when it runs: Kubernetes' PerCallLimit, a tenth of a second."""
BUDGET = 10_000_000
"""What all expressions of one write may cost together (RuntimeCELCostBudget)."""
CONDITIONS_BUDGET = 2_500_000
"""What the matchConditions of one policy or webhook may cost (RuntimeCELCostBudgetMatchConditions)."""
STATIC_LIMIT = 10_000_000
"""What one rule of a definition may cost by its estimate (StaticEstimatedCostLimit)."""
STATIC_TOTAL = 100_000_000
"""What all rules of a version may cost by their estimates (StaticEstimatedCRDCostLimit)."""

Question = tuple[tuple[str, str], ...]
"""What an expression asks of the authorizer: its attributes by name."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A variable's type: what a schema says; `references` are those of `$ref`."""

    schema: JsonObject
    root: bool = False
    references: Mapping[str, JsonObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fields:
    """A variable's type: an object with fields of these types."""

    name: str
    fields: Mapping[str, "Declared"]


@dataclass(frozen=True, slots=True)
class Maybe:
    """A variable's type: an optional of it."""

    of: "Declared"


Declared = str | Schema | Fields | Maybe
"""Strings are types in the notation of `cel.types.parse`."""


@dataclass(frozen=True, slots=True)
class Check:
    """An expression of a definition or a policy: can it be used, and what may it cost?"""

    expression: str
    variables: Mapping[str, Declared]
    wants: tuple[str, ...] = ()
    """Types that it may have; none: any."""
    composed: tuple[tuple[str, str], ...] = ()
    """Those behind `variables`: name and expression, each may use those before it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer: why it cannot be used, the type that it has, the cost at most."""

    problem: str = ""
    type: str = "dyn"
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Expressions about the same variables."""

    expressions: tuple[tuple[str, str], ...]
    """Each with that of a message, asked where the first is false."""
    variables: Mapping[str, Any]
    composed: tuple[tuple[str, str], ...] = ()
    request: Question | None = None
    """What the request is about: then there is an `authorizer`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one expression."""

    value: Any = None
    failed: str = ""
    """Why it has no value."""
    said: str = ""
    """The text of its message."""
    too_costly: bool = False
    """It, or all together, cost more than they may: nothing after it was asked."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    checks: Sequence[Check] = ()
    groups: Sequence[Group] = ()
    budget: int = 0
    answers: Mapping[Question, tuple[bool, str]] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """And its answer: in the order of what was asked; or a question, before there is one."""

    checked: Sequence[Checked] = ()
    outcomes: Sequence[Sequence[Outcome]] = ()
    question: Question | None = None
