"""Vector arithmetic over named resources. Pure.

A vector maps resource names to whole numbers (cpu in thousandths, memory in bytes, …); a name
that is absent counts as zero, and results leave zeros out. Vectors are never changed in place.
Neighbours: `ledger`, `allocator`, `sorter`; frameworks read offers with it.
"""

from collections.abc import Mapping

Vector = Mapping[str, int]

CPU, MEMORY, DISK, PODS = "cpu", "memory", "ephemeral-storage", "pods"
OFFERABLE = (CPU, MEMORY)
"""A node is worth offering while it has some of one; who is offered it may ask for both."""


def add(left: Vector, right: Vector) -> dict[str, int]:
    """Left + right"""
    total = dict(left)
    for name, value in right.items():
        total[name] = total.get(name, 0) + value
    return {name: value for name, value in total.items() if value}


def subtract(left: Vector, right: Vector) -> dict[str, int]:
    """Left - right; entries may become negative, as on an overcommitted node."""
    total = dict(left)
    for name, value in right.items():
        total[name] = total.get(name, 0) - value
    return {name: value for name, value in total.items() if value}


def fits(wanted: Vector, available: Vector) -> bool:
    """Whether every entry of `wanted` is there."""
    for name, value in wanted.items():  # noqa: SIM110  (the allocator's innermost step)
        if value > 0 and value > available.get(name, 0):
            return False
    return True


def positive(vector: Vector) -> dict[str, int]:
    """Without what is used up or overdrawn."""
    return {name: value for name, value in vector.items() if value > 0}


def is_offerable(vector: Vector) -> bool:
    """Whether a node with this much free is worth an offer."""
    return any(vector.get(name, 0) > 0 for name in OFFERABLE)


def smallest(left: Vector, right: Vector) -> dict[str, int]:
    """Entry by entry the smaller of the two."""
    return {n: v for n in left if n in right and (v := min(left[n], right[n]))}


def largest(left: Vector, right: Vector) -> dict[str, int]:
    """Entry by entry the larger of the two."""
    return {n: max(left.get(n, 0), right.get(n, 0)) for n in {**left, **right}}


def quantities(vector: Vector) -> dict[str, str]:
    """A vector as Kubernetes spells it."""
    return {name: _quantity(name, value) for name, value in sorted(vector.items())}


def _quantity(name: str, value: int) -> str:
    if name == CPU:
        return str(value // 1000) if value % 1000 == 0 else f"{value}m"
    if name in (MEMORY, DISK):
        for unit, size in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
            if value and value % size == 0:
                return f"{value // size}{unit}"
    return str(value)
