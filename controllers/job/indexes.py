"""Sets of completion indexes as text: "0-3,5,7,8". Pure.

Neighbour: `job.plan` keeps `status.completedIndexes` in this form.
"""

from collections.abc import Iterable


def parse(text: str) -> set[int]:
    """The numbers that a text names; what is malformed names nothing."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first.isdecimal() and (not dash or last.isdecimal()):
            found.update(range(int(first), int(last or first) + 1))
    return found


def render(numbers: Iterable[int]) -> str:
    """Ascending; from three in a row on by the first and the last of them, as Kubernetes does."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(
        f"{first}-{last}" if last > first + 1 else ",".join(map(str, range(first, last + 1)))
        for first, last in runs
    )
