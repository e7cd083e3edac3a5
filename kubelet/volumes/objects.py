"""ConfigMaps and Secrets that pods of this node refer to: fetched when asked, watched while used.

One watch per object, shared by all pods that use it, ended with the last of them: a node sees only
what its pods may see (the node authorizer allows no more). Neighbour: `kubelet.volumes.manager`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from apimachinery import meta, scheme
from apimachinery import status as errors
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject

RESOURCES = {"configmaps": scheme.CONFIGMAPS, "secrets": scheme.SECRETS}
Key = tuple[str, str, str]
"""(plural, namespace, name)."""


@dataclass(slots=True)
class _Entry:
    informer: Informer[JsonObject]
    task: "asyncio.Task[None]"
    users: set[str] = field(default_factory=set)


class ObjectCache:
    """`use` to register and fetch, `drop` to let go; `changed(pod uids)` is called on news."""

    def __init__(self, client: Client, changed: Callable[[set[str]], None]) -> None:
        self._client = client
        self._changed = changed
        self._entries: dict[Key, _Entry] = {}

    async def use(self, plural: str, namespace: str, name: str, uid: str) -> JsonObject | None:
        """The object as it is now (None when missing); from now on pod `uid` hears of changes."""
        key = (plural, namespace, name)
        entry = self._entries.get(key) or self._watch(key)
        entry.users.add(uid)
        if entry.informer.has_synced:
            known = entry.informer.get(f"{namespace}/{name}")
            if known is not None:
                return known
        try:
            # Also when the mirror has none: it may not have heard of a new object yet.
            return await self._client.get(RESOURCES[plural], name, namespace)
        except errors.NotFound:
            return None

    def drop(self, uid: str) -> None:
        """The pod uses nothing any more."""
        for key, entry in list(self._entries.items()):
            entry.users.discard(uid)
            if not entry.users:
                entry.task.cancel()
                del self._entries[key]

    async def close(self) -> None:
        tasks = [entry.task for entry in self._entries.values()]
        self._entries.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _watch(self, key: Key) -> _Entry:
        plural, namespace, name = key
        informer: Informer[JsonObject] = Informer(
            self._client,
            RESOURCES[plural],
            lambda obj: obj,
            namespace=namespace,
            field_selector=f"metadata.name={name}",
        )
        loop = asyncio.get_running_loop()
        task = loop.create_task(informer.run(), name=f"watch {plural} {namespace}/{name}")
        entry = _Entry(informer, task)
        self._entries[key] = entry
        informer.add_handler(lambda _, old, new: self._news(entry, old, new))
        return entry

    def _news(self, entry: _Entry, old: JsonObject | None, new: JsonObject | None) -> None:
        """What is gone may be optional: then its files go, too."""
        if old is None or new is None or meta.resource_version(old) != meta.resource_version(new):
            self._changed(set(entry.users))
