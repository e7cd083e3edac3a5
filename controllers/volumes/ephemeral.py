"""The loop that makes the claims of pods that bring their volumes with them. Keys are pods.

A volume of type `ephemeral` has a claim of its own, named after pod and volume, that the pod owns:
it goes with the pod. Neighbours: `volumes.controller` binds it like any other, the agent mounts it.
"""

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import base, views
from controllers.acts import Acts


class EphemeralVolumes(base.Controller):
    """See the module's docstring."""

    name = "ephemeral-volume-controller"
    workers = 2

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._pods = context.informers.pods
        self._acts = Acts(context, scheme.PODS)
        self._claims = context.informers.objects(scheme.PERSISTENTVOLUMECLAIMS)
        self._pods.add_handler(self._pod_changed)

    def _pod_changed(self, key: str, old: views.Pod | None, new: views.Pod | None) -> None:
        if new is not None and old is None and new.claims and new.active:
            self.queue.add(key)

    async def reconcile(self, key: str) -> None:
        pod = self._pods.get(key)
        if pod is None or not pod.active:
            return
        missing = {
            name for name in pod.claims if self._claims.get(f"{pod.meta.namespace}/{name}") is None
        }
        if not missing:
            return
        try:
            live = await self.client.get(scheme.PODS, pod.meta.name, pod.meta.namespace)
        except status.NotFound:
            return
        for claim in claims_for(live):
            if meta.name(claim) in missing and meta.uid(live) == pod.meta.uid:
                await self._create(pod, claim)

    async def _create(self, pod: views.Pod, claim: JsonObject) -> None:
        try:
            await self.client.create(scheme.PERSISTENTVOLUMECLAIMS, claim)
        except status.AlreadyExists:
            name, namespace = meta.name(claim), meta.namespace(claim)
            found = await self.client.get(scheme.PERSISTENTVOLUMECLAIMS, name, namespace)
            if not meta.is_controlled_by(found, pod.meta.uid):
                text = f"PVC {namespace}/{name} was not created for pod {pod.meta.key}"
                self._acts.tell(pod.meta, "FailedBinding", text, bad=True)
                raise


def claims_for(pod: JsonObject) -> list[JsonObject]:
    """The claims that a pod's ephemeral volumes ask for."""
    owner = meta.owner_reference("v1", "Pod", meta.name(pod), meta.uid(pod))
    found = []
    for volume in pod["spec"].get("volumes") or ():
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if template is None:
            continue
        head = template.get("metadata") or {}
        metadata = {
            "name": f"{meta.name(pod)}-{volume['name']}",
            "namespace": meta.namespace(pod),
            "labels": dict(head.get("labels") or {}),
            "annotations": dict(head.get("annotations") or {}),
            "ownerReferences": [owner],
        }
        body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
        found.append(body | {"spec": template.get("spec") or {}})
    return found
