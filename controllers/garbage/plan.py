"""What to do with one object whose owners may be gone. Pure.

By the state of its owners: as long as one lasts, the object stays (and forgets the others). When
none lasts, it goes: in the foreground if an owner waits for it and it has dependents of its own,
else as its finalizers ask. Neighbours: `garbage.graph` knows the dependents, `garbage.controller`
finds out the owners' states by asking the server.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from controllers import views


class OwnerState(enum.Enum):
    """How an owner stands, as the server says now."""

    LASTS = enum.auto()
    WAITS = enum.auto()
    """In foreground deletion: it goes after this object."""
    GONE = enum.auto()


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the object; drop the references to these uids."""

    drop: frozenset[str]


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete it with this propagation policy; `unblock` first where its dependents wait too."""

    propagation: str
    unblock: bool = False


def plan(
    meta: views.Meta,
    owners: Mapping[str, OwnerState],
    *,
    has_dependents: bool,
    dependents_wait: bool,
) -> Keep | Delete:
    """`owners` by uid; `dependents_wait`: some dependent is in foreground deletion itself."""
    states = set(owners.values())
    if not owners or OwnerState.LASTS in states:
        gone = {uid for uid, state in owners.items() if state is not OwnerState.LASTS}
        return Keep(frozenset(gone))
    if OwnerState.WAITS in states and has_dependents:
        # In a circle of owners each would wait for the other for ever.
        return Delete("Foreground", unblock=dependents_wait)
    if views.ORPHAN in meta.finalizers:
        return Delete("Orphan")
    if views.FOREGROUND in meta.finalizers:
        return Delete("Foreground")
    return Delete("Background")
