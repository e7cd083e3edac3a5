"""Mirrors of what placement depends on besides nodes and pods: budgets, claims, volumes, namespaces.

They are small, and a cluster may have none of them. Neighbours: `service` takes them into the
snapshot and hears of changes; `preemption` reads the budgets.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from apimachinery import meta, scheme
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from scheduler import budgets, claims
from scheduler.changes import Change
from scheduler.snapshot import Snapshot

V = TypeVar("V")


class Surroundings:
    """See the module's docstring."""

    def __init__(self, client: Client) -> None:
        self.budgets = Informer(client, scheme.PODDISRUPTIONBUDGETS, budgets.read)
        self._claims = Informer(client, scheme.PERSISTENTVOLUMECLAIMS, claims.read_claim)
        self._volumes = Informer(client, scheme.PERSISTENTVOLUMES, claims.read_volume)
        self._classes = Informer(client, scheme.STORAGECLASSES, claims.read_class)
        self._namespaces = Informer(client, scheme.NAMESPACES, meta.labels)

    def feed(self, snapshot: Snapshot, changed: Callable[[Change], None]) -> None:
        """Take all that is known into a snapshot, and what changes from now on."""
        storage = snapshot.storage

        def keep(into: dict[str, V]) -> Callable[[str, V | None, V | None], None]:
            def follow(key: str, old: V | None, new: V | None) -> None:
                if new is None:
                    into.pop(key, None)
                else:
                    into[key] = new
                if new != old:
                    # What was found of nodes for pods with claims is void.
                    snapshot.generation += 1
                    changed(Change.VOLUME)

            return follow

        def namespace_changed(
            key: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None
        ) -> None:
            snapshot.set_namespace(key, new)
            if old != new:
                changed(Change.NAMESPACE)

        self._claims.add_handler(keep(storage.claims))
        self._volumes.add_handler(keep(storage.volumes))
        self._classes.add_handler(keep(storage.classes))
        self._namespaces.add_handler(namespace_changed)

    async def synced(self) -> None:
        """Wait until all have been read once."""
        for synced in (
            self.budgets.synced,
            self._claims.synced,
            self._volumes.synced,
            self._classes.synced,
            self._namespaces.synced,
        ):
            await synced()

    async def run(self) -> None:
        """Follow for ever."""
        async with asyncio.TaskGroup() as group:
            for run in (
                self.budgets.run,
                self._claims.run,
                self._volumes.run,
                self._classes.run,
                self._namespaces.run,
            ):
                group.create_task(run())
