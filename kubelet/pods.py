"""Which pods this node runs: the API's pods with its name, admitted, each with a worker.

An informer brings the pods; the runtime brings what is left of an earlier agent. Pods that the
runtime knows and the API does not are stopped and cleaned. Exits come from the driver's event
stream; a slow relist (`relist_seconds`) is the safety net for a stream that lost something.
Neighbours: `kubelet.worker` does the work of one pod, `kubelet.admission` refuses.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Protocol

from apimachinery import meta, scheme
from apimachinery import status as errors
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet import admission
from kubelet import desired as reading
from kubelet.kit import Kit
from kubelet.observed import Run
from kubelet.publisher import Publisher
from kubelet.resizing import Refusal
from kubelet.runtime.errors import RuntimeDriverError
from kubelet.runtime.interface import (
    ContainerExited,
    ContainerState,
    ContainerStatus,
    SandboxState,
    SandboxStatus,
)
from kubelet.starting import Starter
from kubelet.volumes.interface import Volumes
from kubelet.worker import PodWorker

LOG = logging.getLogger(__name__)

START_OVER_S = 5.0
"""After a worker's bug: not so often that the log is all there is."""


Handler = Callable[[str, JsonObject | None, JsonObject | None], None]


class PodFeed(Protocol):
    """The node's pods as they come: an Informer, or a part of a shared one (hollow nodes)."""

    async def run(self) -> None: ...

    async def synced(self) -> None: ...

    def values(self) -> Iterable[JsonObject]: ...

    def add_handler(self, handler: Handler) -> None: ...


def feed_of(client: Client, node_name: str) -> PodFeed:
    """The API's pods with this node's name."""
    return Informer(client, scheme.PODS, trimmed, field_selector=f"spec.nodeName={node_name}")


def trimmed(pod: JsonObject) -> JsonObject:
    """What is kept of a pod: field ownership is half of it and nobody's business here."""
    pod["metadata"].pop("managedFields", None)
    return pod


class Pods:
    """All workers of one node."""

    def __init__(
        self,
        kit: Kit,
        starter: Starter,
        volumes: Volumes,
        publisher: Publisher,
        node_labels: Mapping[str, str],
        feed: PodFeed,
    ) -> None:
        self._kit = kit
        self._starter = starter
        self._volumes = volumes
        self._publisher = publisher
        self._node_labels = node_labels
        """As last heard: they are asked for anew before a pod is refused for them."""
        self.pressed: frozenset[str] = frozenset()
        """Pressures of the node: told by `kubelet.pressure`."""
        self._doubted: set[str] = set()
        """Pods (uids) that the labels as last heard keep out."""
        self._workers: dict[str, PodWorker] = {}
        self._unsettled: set[str] = set()
        """Pods (uids) that may want other resources than they were granted."""
        self._sandboxes: dict[str, list[SandboxStatus]] = {}
        self._containers: dict[str, list[ContainerStatus]] = {}
        self._group: asyncio.TaskGroup | None = None
        self.feed = feed
        self._taken = False
        self._early_exits: set[tuple[str, str]] = set()
        """(pod uid, container) that ended while the runtime was being listed."""

    # --- reading

    def workers(self) -> list[PodWorker]:
        return list(self._workers.values())

    def find(self, namespace: str, name: str, uid: str = "") -> PodWorker | None:
        """The pod of that name; of several (one still stopping) the newest."""
        found = [
            worker
            for worker in self._workers.values()
            if reading.name(worker.pod) == name
            and reading.namespace(worker.pod) == namespace
            and (not uid or worker.uid == uid)
        ]
        return found[-1] if found else None

    # --- running

    async def run(self) -> None:
        """Adopt, then follow the API and the runtime until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            # Subscribed before the lists are read: no exit falls between.
            exits = self._kit.driver.events()
            group.create_task(self._follow(exits), name="container exits")
            group.create_task(self.feed.run(), name="pods of this node")
            await self.feed.synced()
            await self._list_runtime()
            self._take_first()
            self.feed.add_handler(self._changed)
            group.create_task(self._clean_orphans(), name="orphans")
            group.create_task(self._relist_slowly(), name="relist")

    async def _list_runtime(self) -> None:
        for sandbox in await self._kit.driver.list_pod_sandboxes():
            self._sandboxes.setdefault(sandbox.uid, []).append(sandbox)
        for container in await self._kit.driver.list_containers():
            self._containers.setdefault(container.pod_uid, []).append(container)

    def _take_first(self) -> None:
        """What runs already is taken before what is new: it must not lose its place to it."""
        pods = sorted(
            self.feed.values(),
            key=lambda pod: (
                reading.uid(pod) not in self._sandboxes,
                reading.start_time(pod) is None,
                pod["metadata"].get("creationTimestamp", ""),
            ),
        )
        for pod in pods:
            self._take(pod)
        for uid, container_id in self._early_exits:
            if uid in self._workers:
                self._workers[uid].exited(container_id)
        self._early_exits.clear()
        self._settle_resizes()
        self._taken = True

    def _changed(self, _key: str, old: JsonObject | None, new: JsonObject | None) -> None:
        """A handler of the informer; the name may pass to another pod in one step."""
        if old is not None and (new is None or reading.uid(new) != reading.uid(old)):
            worker = self._workers.get(reading.uid(old))
            if worker is not None:
                worker.vanish()
        if new is not None:
            self._heard(new)
        self._settle_resizes()

    def _heard(self, new: JsonObject) -> None:
        worker = self._workers.get(reading.uid(new))
        if worker is None:
            self._take(new)
        elif worker.pod is not new:
            before = worker.pod
            worker.update(new)
            self._note_wish(worker)
            if _shows_differ(before, new):
                worker.spawn(self._volumes.update(new), name=f"volumes of {worker.uid}")

    def _take(self, pod: JsonObject, *, surely: bool = False) -> None:
        """A worker for a pod of this node, or a refusal. `surely`: our labels are fresh."""
        uid = reading.uid(pod)
        if uid in self._workers or uid in self._doubted:
            return
        refusal = None
        known = uid in self._sandboxes or reading.start_time(pod) is not None
        if not known and not reading.deleting(pod):
            refusal = admission.admit(
                pod, self._load(), self._kit.capacity, self._node_labels, self.pressed
            )
        if refusal is None:
            self._start(pod)
        elif refusal.reason == admission.AFFINITY and not surely:
            assert self._group is not None, "pods are taken inside run"
            self._doubted.add(uid)
            self._group.create_task(self._ask_again(uid), name=f"labels for pod {uid}")
        else:
            self._kit.warn(pod, refusal.reason, refusal.message)
            self._start(pod, (refusal.reason, refusal.message))

    async def _ask_again(self, uid: str) -> None:
        """The scheduler may know labels of our node that we have not heard of."""
        try:
            node = await self._kit.client.get(scheme.NODES, self._kit.options.node_name)
            self._node_labels = meta.labels(node)
        except errors.ApiError as error:
            LOG.info("labels of this node unknown: %s", error.message)
        self._doubted.discard(uid)
        for pod in self.feed.values():
            if reading.uid(pod) == uid:
                self._take(pod, surely=True)

    def _load(self, *, without: str = "") -> admission.Load:
        """What the node has set aside, but for one pod."""
        return admission.load_of(
            worker.as_granted
            for worker in self._workers.values()
            if worker.active and worker.uid != without
        )

    def _note_wish(self, worker: PodWorker) -> None:
        if worker.wants_resize:
            self._unsettled.add(worker.uid)

    def _settle_resizes(self) -> None:
        """Grant what has room now, the most important first; the others are told why not."""
        noted = [self._workers[uid] for uid in self._unsettled & self._workers.keys()]
        waiting = [worker for worker in noted if worker.wants_resize]
        self._unsettled = {worker.uid for worker in waiting}
        for worker in sorted(waiting, key=lambda one: -int(one.pod["spec"].get("priority") or 0)):
            load = self._load(without=worker.uid)
            refusal = admission.resize(worker.pod, load, self._kit.capacity)
            worker.settle_resize(Refusal(refusal.reason, refusal.message) if refusal else None)

    def _start(self, pod: JsonObject, rejected: tuple[str, str] | None = None) -> PodWorker:
        uid = reading.uid(pod)
        worker = PodWorker(
            self._kit,
            self._starter,
            self._publisher,
            pod,
            rejected=rejected,
            sandboxes=self._sandboxes.pop(uid, ()),
            containers=self._containers.pop(uid, ()),
        )
        self._workers[uid] = worker
        self._note_wish(worker)
        assert self._group is not None, "workers start inside run"
        self._group.create_task(self._work(worker), name=f"pod {reading.full_name(pod)}")
        return worker

    async def _work(self, worker: PodWorker) -> None:
        """A worker that fails is a bug: the other pods go on, and it starts over."""
        try:
            await worker.run()
        except Exception:
            LOG.exception("worker of pod %s", reading.full_name(worker.pod))
            await asyncio.sleep(START_OVER_S)
            await self._start_over(worker)
        else:
            self._workers.pop(worker.uid, None)
            self._settle_resizes()

    async def _start_over(self, worker: PodWorker) -> None:
        """As a new agent would: from what the runtime has."""
        uid = worker.uid
        driver = self._kit.driver
        self._sandboxes[uid] = [s for s in await driver.list_pod_sandboxes() if s.uid == uid]
        self._containers[uid] = [c for c in await driver.list_containers() if c.pod_uid == uid]
        fresh = self._start(worker.pod, worker.rejected)
        if worker.vanished:
            fresh.vanish()

    # --- the runtime's news

    async def _follow(self, exits: AsyncIterator[ContainerExited]) -> None:
        async for event in exits:
            worker = self._workers.get(event.pod_uid)
            if worker is not None:
                worker.exited(event.container_id)
            elif not self._taken:
                self._early_exits.add((event.pod_uid, event.container_id))

    async def _relist_slowly(self) -> None:
        """The safety net: what the runtime says of containers that we believe to run."""
        while True:
            await asyncio.sleep(self._kit.options.relist_seconds)
            try:
                listed = {c.id: c for c in await self._kit.driver.list_containers()}
                sandboxes = {s.id: s for s in await self._kit.driver.list_pod_sandboxes()}
            except RuntimeDriverError as error:
                LOG.warning("relist: %s", error)
                continue
            for worker in self.workers():
                sandbox = worker.ledger.sandbox
                if sandbox is not None and sandbox.ready and not _is_ready(sandboxes, sandbox.id):
                    LOG.warning("sandbox of pod %s is lost", reading.full_name(worker.pod))
                    worker.sandbox_lost()
                for attempt in worker.ledger.running():
                    status = listed.get(attempt.id)
                    if status is None or status.state is not ContainerState.RUNNING:
                        LOG.warning("container %s ended unheard", attempt.id)
                        worker.exited(attempt.id)

    async def _clean_orphans(self) -> None:
        """Pods that vanished from the API while no agent looked: stopped, then cleaned."""
        for uid in list(self._sandboxes):
            sandboxes = self._sandboxes.get(uid)
            if sandboxes and uid not in self._workers:
                LOG.info(
                    "pod %s/%s is gone from the API: stopping",
                    sandboxes[0].namespace,
                    sandboxes[0].name,
                )
                self._start(_skeleton(sandboxes[0], self._containers.get(uid, []))).vanish()
        try:
            await self._starter.clean_leftovers(self._workers)
        except OSError as error:
            LOG.warning("leftovers of pods: %s", error)

    def running_containers(self) -> int:
        return sum(
            1
            for worker in self._workers.values()
            for attempts in worker.ledger.attempts.values()
            if attempts and attempts[-1].run is Run.RUNNING
        )


def _is_ready(sandboxes: Mapping[str, SandboxStatus], sandbox_id: str) -> bool:
    found = sandboxes.get(sandbox_id)
    return found is not None and found.state is SandboxState.READY


def _shows_differ(old: JsonObject, new: JsonObject) -> bool:
    """Whether downward API files may show something else."""
    return any(
        old["metadata"].get(key) != new["metadata"].get(key) for key in ("labels", "annotations")
    )


def _skeleton(sandbox: SandboxStatus, containers: list[ContainerStatus]) -> JsonObject:
    """What is known of a pod whose object is gone: enough to stop it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": sandbox.name, "namespace": sandbox.namespace, "uid": sandbox.uid},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": name} for name in sorted({c.name for c in containers})],
        },
        "status": {},
    }
