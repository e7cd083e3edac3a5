"""The loop of Deployments: reads ReplicaSets, asks the planner for a step, acts, writes status.

Neighbours: `deployment.plan` decides; the replication loop makes the pods. A ReplicaSet is patched
only in the version that the plan saw, so a step on stale news fails with a conflict and is
planned again. Pods are looked at for Recreate only.
"""

from apimachinery import labels, meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import acts, base, ownership, views
from controllers.deployment import model
from controllers.deployment import plan as planning
from controllers.deployment import status as statuses
from controllers.deployment import template as templates


class Deployments(base.Controller):
    """See the module's docstring."""

    name = "deployment-controller"

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._deployments = context.informers.objects(scheme.DEPLOYMENTS)
        self._sets = context.informers.objects(scheme.REPLICASETS)
        self._pods = context.informers.pods
        self._adopter = ownership.Adopter(context.client, scheme.DEPLOYMENTS, scheme.REPLICASETS)
        self._acts = acts.Acts(context, scheme.DEPLOYMENTS)
        self._deployments.add_handler(self._deployment_changed)
        self._sets.add_handler(self._set_changed)
        self._pods.add_handler(self._pod_changed)

    # --- changes to keys

    def _deployment_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old, new
        self.queue.add(key)

    def _set_changed(self, _: str, old: views.Object | None, new: views.Object | None) -> None:
        for view in (old, new):
            if view is None:
                continue
            owner = view.meta.controller
            if owner is not None and owner.kind == "Deployment":
                self.queue.add(f"{view.meta.namespace}/{owner.name}")
        if new is not None and new.meta.controller is None:
            self._orphan_appeared(new)

    def _orphan_appeared(self, orphan: views.Object) -> None:
        for one in self._deployments.by_index("namespace", orphan.meta.namespace):
            if _selector(one.load()).matches(orphan.meta.labels):
                self.queue.add(one.meta.key)

    def _pod_changed(self, _: str, old: views.Pod | None, new: views.Pod | None) -> None:
        """The last pod of a ReplicaSet is gone: a Recreate may go on."""
        if old is None or (new is not None and not new.finished):
            return
        owner = old.meta.controller
        if owner is None or owner.kind != "ReplicaSet":
            return
        above = self._sets.get(f"{old.meta.namespace}/{owner.name}")
        manager = above.meta.controller if above is not None else None
        if manager is not None and not self._pods.keys_by_index("controller", owner.uid):
            self.queue.add(f"{old.meta.namespace}/{manager.name}")

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        view = self._deployments.get(key)
        if view is None:
            return
        obj = view.load()
        deployment = model.deployment_of(obj)
        if not deployment.selector.get("matchLabels") and not deployment.selector.get(
            "matchExpressions"
        ):
            await self._refuse_everything(deployment)
            return
        owned = await self._claimed(deployment, _selector(obj))
        sets = [model.replicaset_of(one.load()) for one in owned]
        step = planning.plan(deployment, sets, self._with_pods(deployment, sets), self._now())
        for action in step.actions:
            await self._act(deployment, action)
        if step.status is not None:
            await self._acts.write_status(deployment.meta, deployment.status, step.status)
        if step.look_again:
            self.queue.add_after(key, step.look_again)

    def _now(self) -> float:
        return self.context.clock.now()

    async def _claimed(
        self, deployment: model.Deployment, selector: labels.Selector
    ) -> tuple[views.Object, ...]:
        owner = deployment.meta
        mine = self._sets.by_index("controller", owner.uid)
        free = self._sets.by_index("orphans", owner.namespace)
        return await self._adopter.settle(owner, ownership.claim(owner, selector, (*mine, *free)))

    def _with_pods(
        self, deployment: model.Deployment, sets: list[model.ReplicaSet]
    ) -> frozenset[str]:
        if deployment.rolling:
            return frozenset()
        return frozenset(
            one.meta.uid
            for one in sets
            if any(not pod.finished for pod in self._pods.by_index("controller", one.meta.uid))
        )

    async def _act(self, deployment: model.Deployment, action: model.Action) -> None:
        match action:
            case model.CreateSet():
                await self._create(deployment, action)
            case model.PatchSet(target=target, patch=patch):
                body = {**patch, "metadata": {**patch.get("metadata", {})}}
                body["metadata"]["resourceVersion"] = target.version
                await self.client.patch(scheme.REPLICASETS, target.name, body, target.namespace)
                self._tell(deployment, action.news)
            case model.DeleteSet(target=target):
                await self._delete(target)
            case model.SetRevision(revision=revision):
                annotations = {model.REVISION: str(revision)}
                await self.client.patch(
                    scheme.DEPLOYMENTS,
                    deployment.meta.name,
                    {"metadata": {"annotations": annotations}},
                    deployment.meta.namespace,
                    subresource="status",  # elsewhere an annotation counts as a new generation
                )

    async def _create(self, deployment: model.Deployment, action: model.CreateSet) -> None:
        try:
            await self.client.create(scheme.REPLICASETS, action.body)
        except status.AlreadyExists:
            await self._settle_collision(deployment, action.body)
        except status.ApiError as error:
            if not acts.namespace_ends(error):
                await self._report_failure(deployment, action.body, error)
            raise
        else:
            self._tell(deployment, action.news)

    async def _settle_collision(self, deployment: model.Deployment, body: JsonObject) -> None:
        """The name is taken: by our own earlier act, or by a stranger with the same hash."""
        live = await self.client.get(scheme.REPLICASETS, meta.name(body), deployment.meta.namespace)
        ours = meta.is_controlled_by(live, deployment.meta.uid)
        wanted = templates.without_hash(deployment.template)
        if ours and model.replicaset_of(live).template == wanted:
            return
        collisions = deployment.collisions + 1
        await self._acts.patch_status(deployment.meta, {"collisionCount": collisions})
        raise status.conflict(
            "replicasets", meta.name(body), f"hash taken, trying number {collisions}", "apps"
        )

    async def _report_failure(
        self, deployment: model.Deployment, body: JsonObject, error: status.ApiError
    ) -> None:
        name = meta.name(body)
        text = f'Failed to create new replica set "{name}": {error.message}'
        self._acts.tell(deployment.meta, statuses.NOT_CREATED, text, bad=True)
        if deployment.has_deadline:
            conditions = statuses.put(
                deployment.status.get("conditions") or [],
                "Progressing",
                "False",
                statuses.NOT_CREATED,
                text,
                self._now(),
            )
            await self._acts.patch_status(deployment.meta, {"conditions": conditions})

    async def _delete(self, target: views.Meta) -> None:
        try:
            await self.client.delete(
                scheme.REPLICASETS,
                target.name,
                target.namespace,
                propagation="Background",
                preconditions={"uid": target.uid, "resourceVersion": target.version},
            )
        except (status.NotFound, status.Conflict):
            # Gone already, or in use again: the next look decides.
            return

    async def _refuse_everything(self, deployment: model.Deployment) -> None:
        text = "This deployment is selecting all pods. A non-empty selector is required."
        self._acts.tell(deployment.meta, "SelectingAll", text, bad=True)
        if deployment.status.get("observedGeneration", 0) < deployment.meta.generation:
            await self._acts.patch_status(
                deployment.meta, {"observedGeneration": deployment.meta.generation}
            )

    def _tell(self, deployment: model.Deployment, news: model.News | None) -> None:
        if news is not None:
            self._acts.tell(deployment.meta, news.reason, news.message)


def _selector(obj: JsonObject) -> labels.Selector:
    return labels.from_label_selector(obj["spec"].get("selector"))
