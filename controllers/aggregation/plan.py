"""Which rules an aggregating ClusterRole has. Pure.

Neighbour: `aggregation.controller` reads the roles and writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from apimachinery import labels, meta
from apimachinery.wire import JsonObject
from controllers import views


@dataclass(frozen=True, slots=True)
class Role:
    """A ClusterRole as aggregation sees it."""

    meta: views.Meta
    selectors: tuple[labels.Selector, ...]
    """Which roles it collects; empty for an ordinary role."""
    rules: tuple[JsonObject, ...]


def role_of(obj: JsonObject) -> Role:
    chosen = meta.dig(obj, "aggregationRule", "clusterRoleSelectors") or ()
    return Role(
        meta=views.meta_of(obj),
        selectors=tuple(labels.from_label_selector(one) for one in chosen),
        rules=tuple(obj.get("rules") or ()),
    )


def collects(role: Role, other: Role) -> bool:
    """Whether the rules of `other` belong into `role`."""
    if other.meta.name == role.meta.name:
        return False
    return any(one.matches(other.meta.labels) for one in role.selectors)


def rules_of(role: Role, others: Iterable[Role]) -> list[JsonObject]:
    """The rules of all that it collects, by name, each once."""
    found: list[JsonObject] = []
    for other in sorted(others, key=lambda one: one.meta.name):
        if collects(role, other):
            found += [rule for rule in other.rules if rule not in found]
    return found
