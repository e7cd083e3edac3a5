"""Why a framework that wants offers has none: a sentence for people. Pure.

Asks of each node what the allocator asks, in the same order, and counts the answers. Neighbours:
`allocator` (the rules), `master` (who wants what), `rolekeeper` (shows it in the Role).
"""

from collections import Counter

from offers import allocator, parts, resources
from offers.allocator import Wanting
from offers.filters import Filters
from offers.ledger import Account, Ledger
from offers.roles import RoleTree

NODES_MAX = 200
"""Nodes that are looked at; what is true of so many is likely true of all."""


def why(
    ledger: Ledger,
    one: Wanting,
    role: str,
    filters: Filters,
    *,
    now: float,
    region: str = "",
) -> str:
    """What keeps offers from one in a role, such as `0 of 3 nodes: 2 have nothing free, …`."""
    nodes = [each for each in ledger.accounts.values() if each.capacity][:NODES_MAX]
    if not nodes:
        return "there are no nodes"
    if full := _full(ledger.roles, role):
        return full
    reasons = Counter(_reason(ledger, one, role, filters, node, now, region) for node in nodes)
    taken = reasons.pop("", 0)
    said = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"{taken} of {len(nodes)} nodes: {said}" if said else "it is about to be offered some"


def _full(tree: RoleTree, path: str) -> str:
    """The limit that is reached, of the role or of one above it; empty if none is."""
    for role in tree.known_lineage(path):
        consumed = role.consumed
        for name, most in role.limit.items():
            if consumed.get(name, 0) >= most:
                said, has = (
                    resources.quantities({name: value}).get(name, "0")
                    for value in (most, consumed.get(name, 0))
                )
                return f"role {role.path} may have {name}={said}, and has {has}"
    return ""


def _reason(
    ledger: Ledger,
    one: Wanting,
    role: str,
    filters: Filters,
    account: Account,
    now: float,
    region: str,
) -> str:
    if not account.open:
        return "cordoned"
    if account.tainted and one.avoids_taints:
        return "tainted or not ready"
    free = resources.positive(account.free)
    if not resources.is_offerable(parts.folded(free)):
        if not account.offered:
            return "have nothing free"
        taken = filters.allows(one.framework_id, role, account.name, account.offered, now)
        return "on offer to others" if taken else "declined"
    if problem := allocator.incapable(one, account, region):
        return problem
    constraint = one.constraints.get(role)
    if constraint is not None and not constraint.allows(account.name, account.attributes):
        return "against its constraints"
    tree = ledger.roles
    offered = tree.headroom(role, parts.plain(free))
    if not resources.is_offerable(offered):
        return "beyond the role's limit"
    spare = ledger.spare if tree.required else None
    offered = tree.headroom(role, offered, spare, below=one.serves_below)
    if not resources.is_offerable(offered):
        return "kept for the guarantees of others"
    if not allocator.welcome(one.sizes_for(role), one.smallest, parts.folded(free)):
        return "too small"
    return "" if filters.allows(one.framework_id, role, account.name, free, now) else "declined"
