"""What of a node is booked and not used, and who goes when it is wanted back. Pure.

As Mesos' agents have it: an estimator says how much may be used beyond what is booked (so much
always, or what was left idle lately), and a correction ends such work when those who booked need
the room. Only the CPU: it can be taken back at any moment, while memory that is used stays used.
Neighbour: `kubelet.oversubscription` measures and carries out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apimachinery import requests

SLACK = "slack"
RESERVE = 0.1
"""Of what is booked, never lent: whoever booked it finds room at once when he wakes up."""
STEP_MILLI = 100
"""Estimates are whole steps: every new one makes the node's offers anew."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How much is lent."""

    fixed_milli: int | None = None
    """Always so much; None: what is idle."""


@dataclass(frozen=True, slots=True)
class Load:
    """One pod that runs, in thousandths of a CPU."""

    uid: str
    booked: int
    lent: int
    """What it was promised of that which others have booked."""
    used: int
    started: float


def rule_of(text: str) -> Rule:
    """`slack`, or `cpu=AMOUNT`; ValueError."""
    if text == SLACK:
        return Rule()
    name, _, amount = text.partition("=")
    if name != requests.CPU or not amount:
        raise ValueError("give cpu=AMOUNT, or slack")
    milli = requests.amount(name, amount)
    if milli < 0:
        raise ValueError("it can't be negative")
    return Rule(milli)


def estimate(rule: Rule, loads: Sequence[Load]) -> int:
    """Thousandths of a CPU that may be lent, those that are lent already among them."""
    if rule.fixed_milli is not None:
        return rule.fixed_milli
    idle = sum(max(0, one.booked - one.used) for one in loads)
    reserve = int(RESERVE * sum(one.booked for one in loads))
    return max(0, idle - reserve) // STEP_MILLI * STEP_MILLI


def to_end(loads: Sequence[Load], capacity: int) -> Load | None:
    """The one to end, if those who booked use so much that what was lent does not fit beside.

    The youngest: least of its work is lost. One at a time, as it may be enough.
    """
    lent = [one for one in loads if one.lent]
    used = sum(one.used for one in loads if not one.lent)
    if not lent or used + sum(one.lent for one in lent) <= capacity:
        return None
    return max(lent, key=lambda one: (one.started, one.uid))
