"""The loop of StatefulSets: one step at a time, volume claims before their pod.

Neighbours: `statefulset.plan` decides, `controllers.revisions` keeps templates.
"""

import contextlib
from functools import partial

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import acts, base, history, ownership, revisions, views
from controllers import expectations as expecting
from controllers.statefulset import plan as planning

COALESCE_SECONDS = 0.005
"""Pods of one set may change together."""


class StatefulSets(base.Controller):
    """See the module's docstring."""

    name = "statefulset-controller"

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._sets = context.informers.objects(scheme.STATEFULSETS)
        self._pods = context.informers.pods
        self._adopter = ownership.Adopter(context.client, scheme.STATEFULSETS, scheme.PODS)
        self._revisions = revisions.Revisions(context, scheme.STATEFULSETS)
        self._acts = acts.Acts(context, scheme.STATEFULSETS)
        self._expected = expecting.Expectations(context.clock)
        self._sets.add_handler(self._set_changed)
        self._pods.add_handler(self._pod_changed)

    # --- changes to keys

    def _set_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        if new is None:
            self._expected.forget(key)
        self.queue.add(key)

    def _pod_changed(self, _: str, old: views.Pod | None, new: views.Pod | None) -> None:
        pod = new if new is not None else old
        owner = pod.meta.controller if pod is not None else None
        if pod is None or owner is None or owner.kind != "StatefulSet":
            return
        key = f"{pod.meta.namespace}/{owner.name}"
        self._expected.pod_changed(
            key, pod.meta.uid, exists=new is not None, ending=pod.meta.deleting
        )
        self.queue.add_after(key, COALESCE_SECONDS)

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        view = self._sets.get(key)
        if view is None or not self._expected.satisfied(key):
            return
        wanted = planning.statefulset_of(view.load())
        pods = await self._claimed(wanted)
        prefix = f"{wanted.meta.name}-"
        in_use = {pod.meta.labels.get(history.HASH_LABEL, "").removeprefix(prefix) for pod in pods}
        in_use.add((wanted.status.get("currentRevision") or "").removeprefix(prefix))
        digest = await self._revisions.current(
            wanted.meta,
            wanted.selector,
            wanted.template,
            limit=wanted.history_limit,
            in_use=in_use,
        )
        now = self.context.clock.now()
        step = planning.plan(wanted, pods, digest, now)
        await self._acts.write_status(wanted.meta, wanted.status, step.status)
        with self._expected.acting(key) as done:
            await base.in_parallel(step.delete, partial(self._delete, wanted, done))
            await base.in_parallel(step.create, partial(self._create, wanted, digest, done))
        self._wait_for_age(key, wanted, pods, now)

    def _wait_for_age(
        self, key: str, wanted: planning.StatefulSet, pods: list[views.Pod], now: float
    ) -> None:
        due = [pod.available_at(wanted.min_ready_seconds) - now for pod in pods if pod.ready]
        waiting = [seconds for seconds in due if seconds > 0]
        if waiting:
            self.queue.add_after(key, min(waiting))

    async def _claimed(self, wanted: planning.StatefulSet) -> list[views.Pod]:
        """Only pods with one of our names may be adopted."""
        owner = wanted.meta
        mine = self._pods.by_index("controller", owner.uid)
        free = [
            pod
            for pod in self._pods.by_index("orphans", owner.namespace)
            if planning.number_of(pod, owner.name) is not None
        ]
        claims = ownership.claim(owner, wanted.selector, (*mine, *free))
        return list(await self._adopter.settle(owner, claims))

    async def _create(
        self,
        wanted: planning.StatefulSet,
        digest: str,
        done: set[str],
        slot: tuple[int, bool],
    ) -> None:
        number, new = slot
        template, revision = wanted.template, wanted.revision(digest)
        current = wanted.status.get("currentRevision") or revision
        if not new and current != revision:
            old = current.removeprefix(f"{wanted.meta.name}-")
            kept = self._revisions.template_of(wanted.meta, old)
            if kept is not None:
                template, revision = kept, current
        reference = self._adopter.reference(wanted.meta)
        for claim in planning.claims_of(wanted, number, reference):
            await self._claim(claim)
        body = planning.pod_from(wanted, reference, template, number, revision)
        name = meta.name(body)
        try:
            made = await self.client.create(scheme.PODS, body)
        except status.ApiError as error:
            text = f"create Pod {name} in StatefulSet {wanted.meta.name} failed: {error.message}"
            self._acts.tell(wanted.meta, "FailedCreate", text, bad=True)
            raise
        done.add(expecting.created(meta.uid(made)))
        text = f"create Pod {name} in StatefulSet {wanted.meta.name} successful"
        self._acts.tell(wanted.meta, "SuccessfulCreate", text)

    async def _claim(self, claim: JsonObject) -> None:
        try:
            await self.client.create(scheme.PERSISTENTVOLUMECLAIMS, claim)
        except status.AlreadyExists:
            await self._keep(claim)

    async def _keep(self, claim: JsonObject) -> None:
        """A claim of the pod before, or of one that was scaled away: it need not go with that."""
        name, namespace = meta.name(claim), meta.namespace(claim)
        live = await self.client.get(scheme.PERSISTENTVOLUMECLAIMS, name, namespace)
        wanted = meta.owner_references(claim)
        uids = {one["uid"] for one in wanted}
        others = [
            one
            for one in meta.owner_references(live)
            if one["uid"] not in uids and one["kind"] not in ("Pod", "StatefulSet")
        ]
        if meta.owner_references(live) != [*others, *wanted]:
            change = {"metadata": {"ownerReferences": [*others, *wanted]}}
            await self.client.patch(scheme.PERSISTENTVOLUMECLAIMS, name, change, namespace)

    async def _give_to(self, pod: views.Pod) -> None:
        """Make the pod the owner of its claims: they go when it is gone."""
        owner = meta.owner_reference("v1", "Pod", pod.meta.name, pod.meta.uid)
        change = {"metadata": {"ownerReferences": [owner]}}
        for name in pod.claims:
            with contextlib.suppress(status.NotFound):
                await self.client.patch(
                    scheme.PERSISTENTVOLUMECLAIMS, name, change, pod.meta.namespace
                )

    async def _delete(self, wanted: planning.StatefulSet, done: set[str], pod: views.Pod) -> None:
        if wanted.claims_go_with_pods and planning.is_surplus(wanted, pod):
            await self._give_to(pod)
        if await self._acts.delete_pod(pod):
            done.add(expecting.deleted(pod.meta.uid))
            text = f"delete Pod {pod.meta.name} in StatefulSet {wanted.meta.name} successful"
            self._acts.tell(wanted.meta, "SuccessfulDelete", text)
