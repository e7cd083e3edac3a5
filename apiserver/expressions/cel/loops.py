"""Comprehensions while they run: all, exists, filter, map and those of two variables.

Neighbours: `program` makes their parts and looks the kind up in `LOOPS`; `prices` says what a round
costs. An error of one item does not end `all` and `exists`: another item may decide.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from apiserver.expressions.cel import prices
from apiserver.expressions.cel.operators import no_overload
from apiserver.expressions.cel.values import EvalError


class _Frame(Protocol):
    names: dict[str, Any]

    def pay(self, cost: int) -> None: ...


Step = Callable[[Any], Any]
_Rounds = Iterator[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a loop is made of."""

    kind: str
    """The macro."""
    source: Step
    names: tuple[str, ...]
    condition: Step | None
    body: Step

    @property
    def start(self) -> int:
        """What it costs before and after its rounds."""
        return prices.START.get(self.kind, 0) + prices.END.get(self.kind, prices.IDENT)

    def rounds(self, frame: _Frame) -> _Rounds:
        """Run through the range: the variables are set before each round, and gone afterwards."""
        outer, names, cost = frame.names, self.names, prices.ROUND[self.kind]
        value = self.source(frame)
        frame.pay(self.start)
        inner = dict(outer)
        frame.names = inner
        try:
            for first, second in _pairs(value, len(names)):
                frame.pay(cost)
                frame.names = inner
                inner[names[0]] = first
                if len(names) == 2:
                    inner[names[1]] = second
                yield first, second
        finally:
            frame.names = outer

    def chosen(self, frame: _Frame) -> bool:
        """Whether the item of this round takes part."""
        return self.condition is None or _boolean(self.condition(frame))


_Maker = Callable[[Parts], Step]


def _pairs(value: Any, count: int) -> Iterable[tuple[Any, Any]]:
    """(what the first variable is, what the second is) for each round."""
    if isinstance(value, list):
        return enumerate(value) if count == 2 else ((one, None) for one in value)
    if isinstance(value, dict):
        return list(value.items())
    raise no_overload(value)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise no_overload(value)
    return value


def _quantified(stop: bool) -> _Maker:
    def make(parts: Parts) -> Step:
        body = parts.body

        def step(frame: _Frame) -> bool:
            problem: EvalError | None = None
            rounds = parts.rounds(frame)
            try:
                for _ in rounds:
                    try:
                        if _boolean(body(frame)) is stop:
                            return stop
                    except EvalError as error:
                        problem = problem or error
            finally:
                rounds.close()  # type: ignore[attr-defined]  # a generator
            if problem is not None:
                raise problem
            return not stop

        return step

    return make


def _one(parts: Parts) -> Step:
    def step(frame: _Frame) -> bool:
        return sum(_boolean(parts.body(frame)) for _ in parts.rounds(frame)) == 1

    return step


def _filter(parts: Parts) -> Step:
    def step(frame: _Frame) -> list[Any]:
        return [first for first, _ in parts.rounds(frame) if _boolean(parts.body(frame))]

    return step


def _listed(parts: Parts) -> Step:
    def step(frame: _Frame) -> list[Any]:
        return [parts.body(frame) for _ in parts.rounds(frame) if parts.chosen(frame)]

    return step


def _mapped(parts: Parts) -> Step:
    def step(frame: _Frame) -> dict[Any, Any]:
        return {first: parts.body(frame) for first, _ in parts.rounds(frame) if parts.chosen(frame)}

    return step


def _entries(parts: Parts) -> Step:
    def step(frame: _Frame) -> dict[Any, Any]:
        out: dict[Any, Any] = {}
        for _ in parts.rounds(frame):
            if not parts.chosen(frame):
                continue
            made = parts.body(frame)
            if not isinstance(made, dict):
                raise no_overload(made)
            for key, value in made.items():
                if key in out:
                    raise EvalError(f"insert failed: key {key} already exists")
                out[key] = value
        return out

    return step


LOOPS: dict[str, _Maker] = {
    "all": _quantified(stop=False),
    "exists": _quantified(stop=True),
    "exists_one": _one,
    "existsOne": _one,
    "filter": _filter,
    "map": _listed,
    "transformList": _listed,
    "transformMap": _mapped,
    "transformMapEntry": _entries,
}
