"""The mirrors that all controllers share: one per resource, with the indexes they need.

Asking for a mirror (`informers.pods`, `informers.objects(resource)`) creates it; `run` follows
all of them. Neighbours: `controllers.views` says what is kept, `controllers.manager` owns the one
instance. A mirror added after `run` began is followed as well.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from apimachinery import scheme
from apimachinery.aio import tasks
from apimachinery.client import informer as informers
from apimachinery.client import rest
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import views

NODE_LEASES = "kube-node-lease"
"""The namespace in which node agents renew their leases."""


class HasMeta(Protocol):
    """What every view offers."""

    @property
    def meta(self) -> views.Meta: ...


T = TypeVar("T", bound=HasMeta)


class MetaOnly:
    """A view of nothing but metadata, for the garbage collector."""

    __slots__ = ("meta",)

    def __init__(self, obj: JsonObject) -> None:
        self.meta = views.meta_of(obj)


def by_namespace(view: HasMeta) -> Iterable[str]:
    return (view.meta.namespace,)


def by_controller(view: HasMeta) -> Iterable[str]:
    """The uid of the managing owner."""
    owner = view.meta.controller
    return (owner.uid,) if owner is not None else ()


def orphans(view: HasMeta) -> Iterable[str]:
    """The namespace, for objects that nobody manages: they may be adopted."""
    return () if view.meta.controller is not None else (view.meta.namespace,)


def label_index(namespace: str, key: str, value: str) -> str:
    return f"{namespace}|{key}={value}"


def by_label(view: HasMeta) -> Iterable[str]:
    space = view.meta.namespace
    return [label_index(space, key, value) for key, value in view.meta.labels.items()]


def by_node(pod: views.Pod) -> Iterable[str]:
    return (pod.node,) if pod.node else ()


OWNED: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "namespace": by_namespace,
    "controller": by_controller,
    "orphans": orphans,
}
"""Indexes of resources that controllers own and are owned in."""


class Informers:
    """Mirrors by resource. Views of one resource are the same for all its users."""

    def __init__(self, client: rest.Client) -> None:
        self._client = client
        self._mirrors: dict[tuple[str, str, str], informers.Informer[Any]] = {}
        self._views: dict[tuple[str, str, str], Any] = {}
        self._tasks: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._supervisor: tasks.Supervisor | None = None

    @property
    def pods(self) -> informers.Informer[views.Pod]:
        return self._mirror(
            scheme.PODS, views.pod_of, {**OWNED, "label": by_label, "node": by_node}
        )

    @property
    def nodes(self) -> informers.Informer[views.Node]:
        return self._mirror(scheme.NODES, views.node_of, {})

    @property
    def leases(self) -> informers.Informer[views.Lease]:
        return self._mirror(scheme.LEASES, views.lease_of, {})

    def objects(self, resource: Resource) -> informers.Informer[views.Object]:
        """A resource whose objects are kept whole, with the indexes of `OWNED`."""
        return self._mirror(resource, views.object_of, OWNED)

    def any(self, resource: Resource) -> informers.Informer[Any]:
        """The mirror that there is, else one of metadata only. Every view has `.meta`."""
        found = self._mirrors.get(resource.gvr)
        return found if found is not None else self._mirror(resource, MetaOnly, {})

    def drop(self, resource: Resource) -> None:
        """Stop following a resource that is gone."""
        self._mirrors.pop(resource.gvr, None)
        task = self._tasks.pop(resource.gvr, None)
        if task is not None:
            task.cancel()

    async def run(self) -> None:
        """Follow all mirrors until cancelled."""
        async with tasks.Supervisor() as supervisor:
            self._supervisor = supervisor
            for mirror in self._mirrors.values():
                self._follow(supervisor, mirror)
            # Mirrors may be added later; a group with no task left would end.
            supervisor.start(asyncio.Event().wait(), name="informers")

    async def synced(self) -> None:
        """Wait until every mirror that exists now is complete, or has nothing to mirror."""
        for mirror in list(self._mirrors.values()):
            await mirror.settled()

    def _mirror(
        self,
        resource: Resource,
        view: Callable[[JsonObject], T],
        indexers: Mapping[str, Callable[[T], Iterable[str]]],
    ) -> informers.Informer[T]:
        mirror = self._mirrors.get(resource.gvr)
        if mirror is None:
            mirror = informers.Informer(self._client, resource, view, indexers=indexers)
            self._mirrors[resource.gvr] = mirror
            self._views[resource.gvr] = view
            if self._supervisor is not None:
                self._follow(self._supervisor, mirror)
        assert self._views[resource.gvr] is view, f"{resource.gr} is mirrored in another view"
        return mirror

    def _follow(self, supervisor: tasks.Supervisor, mirror: informers.Informer[Any]) -> None:
        name = f"informer {mirror.resource.gr}"
        self._tasks[mirror.resource.gvr] = supervisor.start(mirror.run(), name=name)
