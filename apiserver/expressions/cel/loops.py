"""Comprehensions while they run: all, exists, filter, map and those of two variables.

Neighbours: `program` makes their parts and looks the kind up in `LOOPS`. An error of one item does
not end `all` and `exists`: another item may decide.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from apiserver.expressions.cel.operators import no_overload
from apiserver.expressions.cel.values import EvalError

ROUND = 3
"""What a round costs beside its body: the condition of the loop, and joining its result."""


class _Frame(Protocol):
    names: dict[str, Any]

    def pay(self, cost: int) -> None: ...


Step = Callable[[Any], Any]
_Maker = Callable[[Step, tuple[str, ...], "Step | None", Step], Step]
_Rounds = Iterator[tuple[Any, Any]]


def _pairs(value: Any, count: int) -> Iterable[tuple[Any, Any]]:
    """(what the first variable is, what the second is) for each round."""
    if isinstance(value, list):
        return enumerate(value) if count == 2 else ((one, None) for one in value)
    if isinstance(value, dict):
        return list(value.items())
    raise no_overload(value)


def _rounds(frame: _Frame, source: Step, names: tuple[str, ...]) -> _Rounds:
    """Run through a range: the variables are set before each round, and gone afterwards."""
    outer = frame.names
    value = source(frame)
    inner = dict(outer)
    frame.names = inner
    try:
        for first, second in _pairs(value, len(names)):
            frame.pay(ROUND)
            frame.names = inner
            inner[names[0]] = first
            if len(names) == 2:
                inner[names[1]] = second
            yield first, second
    finally:
        frame.names = outer


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise no_overload(value)
    return value


def _quantified(stop: bool) -> _Maker:
    def make(source: Step, names: tuple[str, ...], condition: Step | None, body: Step) -> Step:
        del condition

        def step(frame: _Frame) -> bool:
            problem: EvalError | None = None
            rounds = _rounds(frame, source, names)
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


def _one(source: Step, names: tuple[str, ...], condition: Step | None, body: Step) -> Step:
    del condition

    def step(frame: _Frame) -> bool:
        return sum(_boolean(body(frame)) for _ in _rounds(frame, source, names)) == 1

    return step


def _filter(source: Step, names: tuple[str, ...], condition: Step | None, body: Step) -> Step:
    del condition

    def step(frame: _Frame) -> list[Any]:
        frame.pay(10)
        return [first for first, _ in _rounds(frame, source, names) if _boolean(body(frame))]

    return step


def _listed(source: Step, names: tuple[str, ...], condition: Step | None, body: Step) -> Step:
    def step(frame: _Frame) -> list[Any]:
        frame.pay(10)
        return [
            body(frame)
            for _ in _rounds(frame, source, names)
            if condition is None or _boolean(condition(frame))
        ]

    return step


def _mapped(source: Step, names: tuple[str, ...], condition: Step | None, body: Step) -> Step:
    def step(frame: _Frame) -> dict[Any, Any]:
        frame.pay(30)
        return {
            first: body(frame)
            for first, _ in _rounds(frame, source, names)
            if condition is None or _boolean(condition(frame))
        }

    return step


def _entries(source: Step, names: tuple[str, ...], condition: Step | None, body: Step) -> Step:
    def step(frame: _Frame) -> dict[Any, Any]:
        frame.pay(30)
        out: dict[Any, Any] = {}
        for _ in _rounds(frame, source, names):
            if condition is not None and not _boolean(condition(frame)):
                continue
            made = body(frame)
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
