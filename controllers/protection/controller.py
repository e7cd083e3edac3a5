"""The loop that lets claims and volumes go once nobody uses them. Keys: `claim/NS/NAME`, `volume/NAME`.

The mirror of pods keeps no volumes, so the pods of a claim's namespace are read from the server: only
for claims that are being deleted. Neighbour: `protection.plan` decides.
"""

from apimachinery import scheme, status
from controllers import base, views
from controllers.protection import plan as planning

RETRY_SECONDS = 30.0
"""A pod that was missed (its end came before ours looked) is looked for again."""


class Protection(base.Controller):
    """See the module's docstring."""

    name = "pvc-protection-controller"
    workers = 2

    def __init__(self, context: base.Context, volumes: base.Context) -> None:
        """`context` acts on claims, `volumes` on volumes: Kubernetes has an account for each."""
        super().__init__(context)
        self._clients = {
            scheme.PERSISTENTVOLUMECLAIMS: context.client,
            scheme.PERSISTENTVOLUMES: volumes.client,
        }
        self._claims = context.informers.objects(scheme.PERSISTENTVOLUMECLAIMS)
        self._volumes = context.informers.objects(scheme.PERSISTENTVOLUMES)
        self._pods = context.informers.pods
        self._waiting: set[str] = set()
        """Keys of claims that are to go and were in use."""
        self._claims.add_handler(self._claim_changed)
        self._volumes.add_handler(self._volume_changed)
        self._pods.add_handler(self._pod_changed)

    def _claim_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        if new is None:
            self._waiting.discard(key)
        elif new.meta.deleting:
            self.queue.add(f"claim/{key}")

    def _volume_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        if new is not None and new.meta.deleting:
            self.queue.add(f"volume/{key}")

    def _pod_changed(self, key: str, old: views.Pod | None, new: views.Pod | None) -> None:
        del key, old
        if new is None or new.finished:
            for waiting in self._waiting:
                self.queue.add(f"claim/{waiting}")

    async def reconcile(self, key: str) -> None:
        kind, _, name = key.partition("/")
        if kind == "claim":
            await self._claim(name)
        else:
            await self._volume(name)

    async def _claim(self, key: str) -> None:
        view = self._claims.get(key)
        if view is None or not view.meta.deleting:
            return
        # Before the look: a pod that ends from now on brings the key back.
        self._waiting.add(key)
        used = await self._used(view.meta)
        if planning.releasable(view.meta, planning.CLAIM, used=used):
            await self._release(scheme.PERSISTENTVOLUMECLAIMS, view.meta, planning.CLAIM)
            self._waiting.discard(key)
        elif used:
            self.queue.add_after(f"claim/{key}", RETRY_SECONDS)
        else:
            self._waiting.discard(key)

    async def _used(self, claim: views.Meta) -> bool:
        found = await self.client.list(scheme.PODS, claim.namespace)
        return any(planning.uses(pod, claim.name) for pod in found["items"])

    async def _volume(self, key: str) -> None:
        view = self._volumes.get(key)
        if view is None:
            return
        bound = (view.load().get("status") or {}).get("phase") == "Bound"
        if planning.releasable(view.meta, planning.VOLUME, used=bound):
            await self._release(scheme.PERSISTENTVOLUMES, view.meta, planning.VOLUME)

    async def _release(self, resource: scheme.Resource, meta: views.Meta, finalizer: str) -> None:
        patch = planning.without(meta, finalizer)
        try:
            await self._clients[resource].patch(resource, meta.name, patch, meta.namespace)
        except status.NotFound:
            return
