"""The loop of claims and volumes. Keys: `claim/NS/NAME`, `volume/NAME`, `class/NAME`.

Neighbours: `volumes.plan` decides, `volumes.disk` makes and removes what lies on nodes; the agent
mounts. Binding is four writes (the volume is kept, says so, the claim names it, says so): each look
does what is missing, so it may stop anywhere. A class that waits for the first consumer is served
when a pod that uses the claim has a node.
"""

import contextlib
from collections.abc import Iterable

from apimachinery import scheme, status
from apimachinery.wire import JsonObject
from controllers import base, views
from controllers.acts import Acts
from controllers.volumes import model, plan
from controllers.volumes.disk import Disks
from controllers.volumes.model import Claim, StorageClass, Volume


class Volumes(base.Controller):
    """See the module's docstring."""

    name = "persistentvolume-binder"
    workers = 4

    def __init__(self, context: base.Context, *, default_class: bool) -> None:
        """`default_class`: make the storage class of the nodes' own disks where it is missing."""
        super().__init__(context)
        self._claims: dict[str, Claim] = {}
        self._volumes: dict[str, Volume] = {}
        self._classes: dict[str, StorageClass] = {}
        self._open: dict[str, set[str]] = {}
        """Names of volumes that nobody has, by class: what unbound claims look through."""
        self._kept: dict[str, set[str]] = {}
        """Names of the volumes that are kept for a claim, by its key."""
        self._waiting: dict[str, set[str]] = {}
        """Keys of claims that have no volume, by class: whom a new volume or class concerns."""
        self._consumers: dict[str, dict[str, str]] = {}
        """By claim, pods that use it and their node; only of pods that have one."""
        self._nodes = context.informers.nodes
        self._pods = context.informers.pods
        self._claim_acts = Acts(context, scheme.PERSISTENTVOLUMECLAIMS)
        self._volume_acts = Acts(context, scheme.PERSISTENTVOLUMES)
        self._disks = Disks(context.client)
        mirrors = context.informers
        mirrors.objects(scheme.STORAGECLASSES).add_handler(self._class_changed)
        mirrors.objects(scheme.PERSISTENTVOLUMES).add_handler(self._volume_changed)
        mirrors.objects(scheme.PERSISTENTVOLUMECLAIMS).add_handler(self._claim_changed)
        self._pods.add_handler(self._pod_changed)
        if default_class:
            self.queue.add(f"class/{plan.LOCAL_CLASS}")

    # --- changes to keys

    def _class_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        if new is None:
            self._classes.pop(key, None)
            return
        self._classes[key] = model.class_of(new.load())
        self._wake(key)

    def _volume_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        before = self._volumes.pop(key, None)
        if before is not None:
            self._open.get(before.storage_class, set()).discard(key)
            kept = self._kept.get(before.claim_key)
            if kept is not None:
                kept.discard(key)
                if not kept:
                    del self._kept[before.claim_key]
            self.queue.add(f"claim/{before.claim_key}")
        if new is None:
            return
        volume = self._volumes[key] = model.volume_of(new.load())
        if volume.claim_key:
            self._kept.setdefault(volume.claim_key, set()).add(key)
            self.queue.add(f"claim/{volume.claim_key}")
        else:
            self._open.setdefault(volume.storage_class, set()).add(key)
            self._wake(volume.storage_class)
        self.queue.add(f"volume/{key}")

    def _wake(self, storage_class: str) -> None:
        """Claims of the class that have no volume yet."""
        for key in self._waiting.get(storage_class, ()):
            self.queue.add(f"claim/{key}")

    def _claim_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        gone = self._claims.pop(key, None)
        if gone is not None and (waiting := self._waiting.get(gone.storage_class or "")):
            waiting.discard(key)
            if not waiting:
                del self._waiting[gone.storage_class or ""]
        if new is None:
            for name in self._kept.get(key, ()):
                self.queue.add(f"volume/{name}")
            if gone is not None and gone.volume:
                self.queue.add(f"volume/{gone.volume}")
            return
        claim = self._claims[key] = model.claim_of(new.load())
        self.queue.add(f"claim/{key}")
        if claim.volume:
            self.queue.add(f"volume/{claim.volume}")
        else:
            self._waiting.setdefault(claim.storage_class or "", set()).add(key)

    def _pod_changed(self, key: str, old: views.Pod | None, new: views.Pod | None) -> None:
        pod = new if new is not None else old
        if pod is None or not pod.claims:
            return
        uses = new is not None and bool(new.node) and not new.finished
        for name in pod.claims:
            claim = f"{pod.meta.namespace}/{name}"
            users = self._consumers.setdefault(claim, {})
            if not uses:
                users.pop(key, None)
            elif key not in users:
                users[key] = pod.node
                self.queue.add(f"claim/{claim}")
            if not users:
                del self._consumers[claim]

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        kind, _, name = key.partition("/")
        if kind == "claim":
            claim = self._claims.get(name)
            if claim is not None and not claim.meta.deleting:
                await self._claim(claim)
        elif kind == "class":
            await self._make_class()
        else:
            volume = self._volumes.get(name)
            if volume is not None:
                # Also on its way out: it goes when it is said to be released.
                await self._volume(volume)

    async def _make_class(self) -> None:
        # At start only: who deletes it while we run does not want it.
        if plan.LOCAL_CLASS not in self._classes:
            with contextlib.suppress(status.AlreadyExists):
                await self.client.create(scheme.STORAGECLASSES, plan.local_class())

    async def _claim(self, claim: Claim) -> None:
        if claim.phase == "Lost":
            return
        storage_class = self._classes.get(claim.storage_class or "")
        node = self._node_of(claim)
        step = plan.for_claim(
            claim, self._volumes.get(claim.volume), self._candidates(claim), storage_class, node
        )
        match step:
            case plan.Bind(name):
                await self._bind(claim, self._volumes[name])
            case plan.Provision(where, kind):
                await self._provision(claim, kind, where)
            case plan.AskProvisioner(provisioner, wanted_node):
                await self._ask(claim, provisioner, wanted_node)
            case plan.Lost(reason, message):
                await self._claim_acts.patch_status(claim.meta, {"phase": "Lost"})
                self._claim_acts.tell(claim.meta, reason, message, bad=True)
            case plan.Wait(reason, message, bad):
                if claim.status.get("phase") != "Pending":
                    await self._claim_acts.patch_status(claim.meta, {"phase": "Pending"})
                self._claim_acts.tell(claim.meta, reason, message, bad=bad)

    def _candidates(self, claim: Claim) -> Iterable[Volume]:
        names = {
            *self._open.get(claim.storage_class or "", ()),
            *self._kept.get(claim.meta.key, ()),
        }
        return [self._volumes[name] for name in sorted(names)]

    def _node_of(self, claim: Claim) -> plan.Node | None:
        """Where the claim is needed: the node of the first pod, or the one that was told before."""
        users = self._consumers.get(claim.meta.key)
        name = claim.annotations.get(model.SELECTED_NODE) or (
            next(iter(users.values())) if users else ""
        )
        node = self._nodes.get(name) if name else None
        return plan.Node(name, node.meta.labels) if node is not None else None

    async def _bind(self, claim: Claim, volume: Volume) -> None:
        """Whatever is missing of the four writes. Conflicts come again with fresh mirrors."""
        if volume.claim_uid != claim.meta.uid:
            change: JsonObject = {
                "metadata": {
                    "resourceVersion": volume.meta.version,
                    "annotations": {model.BOUND_BY_US: "yes"},
                },
                "spec": {"claimRef": plan.reference(claim)},
            }
            await self.client.patch(scheme.PERSISTENTVOLUMES, volume.meta.name, change)
        if claim.volume != volume.meta.name or not claim.completed:
            marks = {model.COMPLETED: "yes"}
            if not claim.volume:
                marks[model.BOUND_BY_US] = "yes"
            change = {
                "metadata": {"resourceVersion": claim.meta.version, "annotations": marks},
                "spec": {"volumeName": volume.meta.name},
            }
            await self.client.patch(
                scheme.PERSISTENTVOLUMECLAIMS, claim.meta.name, change, claim.meta.namespace
            )
        if volume.phase != "Bound":
            await self._volume_acts.patch_status(volume.meta, {"phase": "Bound"})
        wanted = {
            **claim.status,
            "phase": "Bound",
            "accessModes": list(volume.access_modes),
            "capacity": volume.capacity,
        }
        await self._claim_acts.write_status(claim.meta, claim.status, wanted)

    async def _provision(self, claim: Claim, storage_class: StorageClass, node: plan.Node) -> None:
        body = plan.local_volume(claim, storage_class, node)
        try:
            await self.client.create(scheme.PERSISTENTVOLUMES, body)
        except status.AlreadyExists:
            # Ours, of a look whose mirror was behind: its name has the claim's uid.
            return
        text = f"Successfully provisioned volume {body['metadata']['name']}"
        self._claim_acts.tell(claim.meta, "ProvisioningSucceeded", text)

    async def _ask(self, claim: Claim, provisioner: str, node: str) -> None:
        """Leave the claim to whoever serves the class."""
        marks = {
            model.PROVISIONER: provisioner,
            f"volume.beta.{model.PROVISIONER.removeprefix('volume.')}": provisioner,
        }
        if node:
            marks[model.SELECTED_NODE] = node
        if any(claim.annotations.get(name) != value for name, value in marks.items()):
            await self.client.patch(
                scheme.PERSISTENTVOLUMECLAIMS,
                claim.meta.name,
                {"metadata": {"annotations": marks}},
                claim.meta.namespace,
            )
        text = (
            "Waiting for a volume to be created either by the external provisioner "
            f"'{provisioner}' or manually by the system administrator."
        )
        self._claim_acts.tell(claim.meta, "ExternalProvisioning", text)

    async def _volume(self, volume: Volume) -> None:
        claim = self._claims.get(volume.claim_key)
        phase = plan.phase_of(volume, claim)
        if phase == "Released" and claim is None and await self._exists(volume):
            # The claim is newer than our mirror of claims.
            return
        if phase != volume.phase:
            await self._volume_acts.patch_status(volume.meta, {"phase": phase})
        if phase == "Released" and volume.reclaim == "Delete" and volume.handle:
            await self._give_back(volume)

    async def _exists(self, volume: Volume) -> bool:
        namespace, _, name = volume.claim_key.partition("/")
        try:
            found = await self.client.get(scheme.PERSISTENTVOLUMECLAIMS, name, namespace)
        except status.NotFound:
            return False
        return str(found["metadata"]["uid"]) == volume.claim_uid

    async def _give_back(self, volume: Volume) -> None:
        """The directory first: a volume object is the only thing that tells of it."""
        try:
            await self._disks.remove(volume)
        except status.ApiError as error:
            self._volume_acts.tell(volume.meta, "VolumeFailedDelete", error.message, bad=True)
            raise
        try:
            await self.client.delete(
                scheme.PERSISTENTVOLUMES,
                volume.meta.name,
                preconditions={"uid": volume.meta.uid},
            )
        except (status.NotFound, status.Conflict):
            return
