"""Who manages what: claiming objects by selector, adopting orphans, letting go.

The rule is Kubernetes': an object has at most one managing owner, named in its ownerReferences by
uid. An owner keeps what it manages while its selector matches, lets go of what no longer matches,
and adopts what matches and has no manager. `claim` decides, `adopt` and `release` act.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from apimachinery import labels, meta, status
from apimachinery.client import rest
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import informers, views

T = TypeVar("T", bound=informers.HasMeta)


@dataclass(frozen=True, slots=True)
class Claims(Generic[T]):
    """How an owner stands to the candidates."""

    kept: tuple[T, ...]
    """Managed and matching."""
    adoptable: tuple[T, ...]
    """Matching, managed by nobody."""
    stray: tuple[T, ...]
    """Managed, no longer matching."""


def claim(owner: views.Meta, selector: labels.Selector, candidates: Iterable[T]) -> Claims[T]:
    """Sort the candidates. An owner on its way out neither adopts nor lets go."""
    kept: list[T] = []
    adoptable: list[T] = []
    stray: list[T] = []
    for one in candidates:
        manager = one.meta.controller
        matches = selector.matches(one.meta.labels)
        if manager is not None:
            if manager.uid == owner.uid:
                (kept if matches else stray).append(one)
        elif matches and not one.meta.deleting and one.meta.namespace == owner.namespace:
            adoptable.append(one)
    if owner.deleting:
        return Claims(tuple(kept), (), ())
    return Claims(tuple(kept), tuple(adoptable), tuple(stray))


class Adopter:
    """Writes ownership of `children` for owners of one resource.

    `finalizer` is one that managed children carry.
    """

    def __init__(
        self, client: rest.Client, owners: Resource, children: Resource, *, finalizer: str = ""
    ) -> None:
        self._client = client
        self._owners = owners
        self._children = children
        self._finalizers = [finalizer] if finalizer else []

    def reference(self, owner: views.Meta) -> JsonObject:
        return meta.owner_reference(
            self._owners.api_version, self._owners.kind, owner.name, owner.uid
        )

    async def settle(self, owner: views.Meta, claims: Claims[T]) -> tuple[T, ...]:
        """Adopt and let go; answers what the owner manages now.

        Before adopting the owner is read from the server: a mirror that is behind must not make
        orphans of a deleted owner its children again.
        """
        for one in claims.stray:
            await self._release(owner, one.meta)
        if not claims.adoptable or not await self._alive(owner):
            return claims.kept
        adopted = [one for one in claims.adoptable if await self._adopt(owner, one.meta)]
        return (*claims.kept, *adopted)

    async def _alive(self, owner: views.Meta) -> bool:
        try:
            live = await self._client.get(self._owners, owner.name, owner.namespace)
        except status.NotFound:
            return False
        return meta.uid(live) == owner.uid and not meta.is_deleting(live)

    async def _adopt(self, owner: views.Meta, child: views.Meta) -> bool:
        change: JsonObject = {"uid": child.uid, "ownerReferences": [self.reference(owner)]}
        if self._finalizers:
            change["finalizers"] = self._finalizers
        return await self._write(child, {"metadata": change})

    async def _release(self, owner: views.Meta, child: views.Meta) -> None:
        reference = {"$patch": "delete", "uid": owner.uid}
        change: JsonObject = {"uid": child.uid, "ownerReferences": [reference]}
        if self._finalizers:
            change["$deleteFromPrimitiveList/finalizers"] = self._finalizers
        await self._write(child, {"metadata": change})

    async def _write(self, child: views.Meta, patch: JsonObject) -> bool:
        """False when the child is gone, another object of its name, or just taken."""
        try:
            await self._client.patch(
                self._children, child.name, patch, child.namespace, kind="strategic"
            )
        except (status.NotFound, status.Conflict, status.Invalid):
            return False
        return True
