"""Who owns whom, over all kinds, by uid. Pure.

A `Node` is an object that was seen, or one that others name as their owner and that nobody has
seen yet (`meta` is None). Each change answers which nodes want a look, so that the cost of a
change grows with it and not with the cluster. Neighbours: `garbage.plan` decides about one node,
`garbage.controller` feeds changes and acts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from apimachinery.resource import Resource
from controllers import views

Find = Callable[[str, str], Resource | None]
"""From apiVersion and kind to the resource, where it is known."""


@dataclass(slots=True)
class Node:
    """One object. `dependents` are the uids of nodes that name it as an owner."""

    uid: str
    resource: Resource | None
    """None where the kind is not known to us."""
    namespace: str
    name: str
    meta: views.Meta | None = None
    dependents: dict[str, None] = field(default_factory=dict)

    @property
    def owners(self) -> tuple[views.Owner, ...]:
        return self.meta.owners if self.meta is not None else ()

    @property
    def waits_for_dependents(self) -> bool:
        """Foreground deletion: the object goes when its blocking dependents are gone."""
        return (
            self.meta is not None
            and self.meta.deleting
            and (views.FOREGROUND in self.meta.finalizers)
        )

    @property
    def orphans_dependents(self) -> bool:
        return self.meta is not None and self.meta.deleting and views.ORPHAN in self.meta.finalizers


@dataclass(slots=True)
class Looks:
    """Uids that want a look after a change."""

    delete: list[str] = field(default_factory=list)
    """May have to go, or may be waiting for what just went."""
    orphan: list[str] = field(default_factory=list)
    """Are to let their dependents go."""


class Graph:
    """Nodes by uid. `seen` and `gone` keep it in step with the mirrors."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def get(self, uid: str) -> Node | None:
        return self.nodes.get(uid)

    def dependents_of(self, node: Node) -> list[Node]:
        return [self.nodes[uid] for uid in node.dependents]

    def seen(self, resource: Resource, meta: views.Meta, find: Find) -> Looks:
        """An object appeared or changed."""
        looks = Looks()
        node = self.nodes.get(meta.uid)
        if node is None:
            node = Node(meta.uid, resource, meta.namespace, meta.name)
            self.nodes[meta.uid] = node
        before = node.meta
        old_owners = node.owners
        waited, orphaned = node.waits_for_dependents, node.orphans_dependents
        node.meta = meta
        node.resource, node.namespace, node.name = resource, meta.namespace, meta.name
        if old_owners != meta.owners:
            self._relink(node, old_owners, find, looks)
        if before is None and not meta.deleting and self._has_unseen_owner(node):
            # Its owner may have gone before we first saw it.
            looks.delete.append(node.uid)
        if node.orphans_dependents and not orphaned:
            looks.orphan.append(node.uid)
        if node.waits_for_dependents and not waited:
            looks.delete += [*node.dependents, node.uid]
        if meta.deleting and before is not None and not before.deleting:
            self._look_at_waiting_owners(node, node.owners, looks)
        return looks

    def gone(self, uid: str) -> Looks:
        """An object was deleted, or an owner that nobody had seen turned out not to exist."""
        looks = Looks()
        node = self.nodes.get(uid)
        if node is None:
            return looks
        self._look_at_waiting_owners(node, node.owners, looks)
        for owner in node.owners:
            self._unlink(owner.uid, uid)
        looks.delete += list(node.dependents)
        node.meta = None
        if not node.dependents:
            del self.nodes[uid]
        return looks

    def _relink(
        self,
        node: Node,
        old: tuple[views.Owner, ...],
        find: Find,
        looks: Looks,
    ) -> None:
        kept = {owner.uid for owner in node.owners}
        for owner in old:
            if owner.uid not in kept:
                self._unlink(owner.uid, node.uid)
        # Whoever waited for this node to go need not, if it is no longer theirs or lets them.
        self._look_at_waiting_owners(node, old, looks)
        for owner in node.owners:
            above = self.nodes.get(owner.uid)
            if above is None:
                resource = find(owner.api_version, owner.kind)
                space = node.namespace if resource is None or resource.namespaced else ""
                above = Node(owner.uid, resource, space, owner.name)
                self.nodes[owner.uid] = above
                looks.delete.append(owner.uid)
            above.dependents[node.uid] = None
            if above.waits_for_dependents:
                looks.delete.append(node.uid)

    def _has_unseen_owner(self, node: Node) -> bool:
        return any(
            (above := self.nodes.get(owner.uid)) is None or above.meta is None
            for owner in node.owners
        )

    def _look_at_waiting_owners(
        self, node: Node, owners: tuple[views.Owner, ...], looks: Looks
    ) -> None:
        for owner in owners:
            above = self.nodes.get(owner.uid)
            if above is not None and above is not node and above.waits_for_dependents:
                looks.delete.append(above.uid)

    def _unlink(self, owner_uid: str, uid: str) -> None:
        above = self.nodes.get(owner_uid)
        if above is None:
            return
        above.dependents.pop(uid, None)
        if above.meta is None and not above.dependents:
            del self.nodes[owner_uid]
