"""The loop of StatefulSets: one step at a time, volume claims before their pod.

Neighbours: `statefulset.plan` decides, `controllers.revisions` keeps templates.
"""

from functools import partial

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import acts, base, concerned, history, ownership, revisions, views
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
        self._adopters = concerned.Adopters(self._sets)
        self._claims = context.informers.objects(scheme.PERSISTENTVOLUMECLAIMS)
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
        for key in concerned.managers(scheme.STATEFULSETS.kind, self._expected, old, new):
            self.queue.add_after(key, COALESCE_SECONDS)
        if new is not None and concerned.is_up_for_adoption(old, new):
            for key in self._adopters.of(new):
                self.queue.add(key)

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
        for pod in pods:
            for name in planning.claim_names(wanted, pod):
                claim = self._claims.get(f"{pod.meta.namespace}/{name}")
                if claim is not None and not claim.meta.deleting:
                    await self._own(wanted, claim.meta, pod)
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
        for claim in planning.claims_of(wanted, number):
            await self._claim(wanted, claim, wanted.name_of(number))
        reference = self._adopter.reference(wanted.meta)
        body = planning.pod_from(wanted, reference, template, number, revision)
        name = meta.name(body)
        try:
            made = await self.client.create(scheme.PODS, body)
        except status.ApiError as error:
            text = (
                f"create Pod {name} in StatefulSet {wanted.meta.name} failed error: {error.message}"
            )
            self._acts.tell(wanted.meta, "FailedCreate", text, bad=True)
            raise
        done.add(expecting.created(meta.uid(made)))
        text = f"create Pod {name} in StatefulSet {wanted.meta.name} successful"
        self._acts.tell(wanted.meta, "SuccessfulCreate", text)

    async def _claim(self, wanted: planning.StatefulSet, claim: JsonObject, pod: str) -> None:
        name, namespace = meta.name(claim), meta.namespace(claim)
        owner = self._claim_owner(wanted, None)
        made = claim | {"metadata": claim["metadata"] | {"ownerReferences": owner}}
        try:
            await self.client.create(scheme.PERSISTENTVOLUMECLAIMS, made)
        except status.AlreadyExists:
            # Of the pod before, or of one that was scaled away: it need not go with that.
            live = await self.client.get(scheme.PERSISTENTVOLUMECLAIMS, name, namespace)
            await self._own(wanted, views.meta_of(live), None)
        except status.ApiError as error:
            text = (
                f"create Claim {name} for Pod {pod} in StatefulSet {wanted.meta.name} failed error:"
                f" {error.message}"
            )
            self._acts.tell(wanted.meta, "FailedCreate", text, bad=True)
            raise
        else:
            text = f"create Claim {name} Pod {pod} in StatefulSet {wanted.meta.name} success"
            self._acts.tell(wanted.meta, "SuccessfulCreate", text)

    def _claim_owner(self, wanted: planning.StatefulSet, pod: views.Pod | None) -> list[JsonObject]:
        match planning.claims_go_with(wanted, pod):
            case "StatefulSet":
                return [self._adopter.reference(wanted.meta)]
            case "Pod" if pod is not None:
                return [meta.owner_reference("v1", "Pod", pod.meta.name, pod.meta.uid)]
            case _:
                return []

    async def _own(
        self, wanted: planning.StatefulSet, claim: views.Meta, pod: views.Pod | None
    ) -> None:
        """Let a claim go with its pod, with the set or with nobody, as the set says now."""
        owner = self._claim_owner(wanted, pod)
        former = [one for one in claim.owners if one.kind in ("Pod", "StatefulSet")]
        if [one.uid for one in former] == [one["uid"] for one in owner]:
            return
        kept = {one["uid"] for one in owner}
        gone = [{"$patch": "delete", "uid": one.uid} for one in former if one.uid not in kept]
        change = {"metadata": {"uid": claim.uid, "ownerReferences": [*gone, *owner]}}
        try:
            await self.client.patch(
                scheme.PERSISTENTVOLUMECLAIMS, claim.name, change, claim.namespace, kind="strategic"
            )
        except (status.NotFound, status.Conflict):
            return

    async def _delete(self, wanted: planning.StatefulSet, done: set[str], pod: views.Pod) -> None:
        if pod.finished:
            state = "failed" if pod.phase == "Failed" else "terminated"
            text = f"StatefulSet {wanted.meta.key} is recreating {state} Pod {pod.meta.name}"
            reason = f"Recreating{state.title()}Pod"
            self._acts.tell(wanted.meta, reason, text, bad=pod.phase == "Failed")
        text = f"delete Pod {pod.meta.name} in StatefulSet {wanted.meta.name}"
        try:
            deleted = await self._acts.delete_pod(pod)
        except status.ApiError as error:
            text = f"{text} failed error: {error.message}"
            self._acts.tell(wanted.meta, "FailedDelete", text, bad=True)
            raise
        if deleted:
            done.add(expecting.deleted(pod.meta.uid))
            self._acts.tell(wanted.meta, "SuccessfulDelete", f"{text} successful")
