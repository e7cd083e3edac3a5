"""What a benchmark found, and how it is printed: a table for people, JSON lines for programs."""

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One number."""

    bench: str
    what: str
    value: float
    unit: str
    goal: float | None = None
    """At most this; None where the number only informs."""

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "ok" if self.value <= self.goal else f"{self.value / self.goal:.1f}x"


def show(rows: Iterable[Row], *, as_json: bool) -> None:
    """Print rows; the last column says by how much a goal was missed."""
    if as_json:
        for row in rows:
            print(json.dumps(asdict(row)))
        return
    print(f"{'bench':12}{'what':44}{'measured':>10} {'unit':8}{'goal':>8}")
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:g}"
        print(
            f"{row.bench:12}{row.what:44}{_number(row.value):>10} {row.unit:8}{goal:>8} {row.verdict}"
        )


def _number(value: float) -> str:
    """Three digits say all that a busy machine can."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def main(measure: Callable[[], list[Row]], about: str | None) -> None:
    """The command line of a benchmark that takes no options of its own."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    show(measure(), as_json=arguments.json)
