"""The loop that keeps the status of PodDisruptionBudgets.

Neighbours: `disruption.plan` counts; the API server's eviction reads and counts down. The status is
written for exactly the version that was counted from, since evictions change it meanwhile.
"""

from apimachinery import scheme
from apimachinery.wire import JsonObject
from controllers import acts, base, views
from controllers.disruption import plan as planning

COALESCE_SECONDS = 0.05
"""Pods of one budget often change together, and a look goes over all pods of the namespace."""


class Disruptions(base.Controller):
    """See the module's docstring."""

    name = "disruption-controller"

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        mirrors = context.informers
        self._budgets = mirrors.objects(scheme.PODDISRUPTIONBUDGETS)
        self._pods = mirrors.pods
        self._sized = {
            resource.kind: mirrors.objects(resource)
            for resource in (
                scheme.REPLICASETS,
                scheme.REPLICATIONCONTROLLERS,
                scheme.STATEFULSETS,
                scheme.DEPLOYMENTS,
            )
        }
        self._parsed: dict[str, planning.Budget] = {}
        self._acts = acts.Acts(context, scheme.PODDISRUPTIONBUDGETS)
        self._budgets.add_handler(self._budget_changed)
        self._pods.add_handler(self._pod_changed)

    def _budget_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        if new is None:
            self._parsed.pop(key, None)
            return
        self._parsed[key] = planning.budget_of(new.load())
        self.queue.add(key)

    def _pod_changed(self, _: str, old: views.Pod | None, new: views.Pod | None) -> None:
        for pod in (old, new):
            if pod is None:
                continue
            for key in self._budgets.keys_by_index("namespace", pod.meta.namespace):
                if self._parsed[key].selector.matches(pod.meta.labels):
                    self.queue.add_after(key, COALESCE_SECONDS)

    async def reconcile(self, key: str) -> None:
        budget = self._parsed.get(key)
        if budget is None or budget.meta.deleting:
            return
        now = self.context.clock.now()
        pods = [
            pod
            for pod in self._pods.by_index("namespace", budget.meta.namespace)
            if not pod.finished and budget.selector.matches(pod.meta.labels)
        ]
        expected = self._expected(pods) if budget.needs_scale else len(pods)
        if expected is None:
            text = "found no controller with a size for the selected pods"
            await self._write(budget, planning.failed(budget, text, now))
            return
        found = planning.plan(budget, pods, expected, now)
        await self._write(budget, found.status)
        if found.look_again:
            self.queue.add_after(key, found.look_again)

    def _expected(self, pods: list[views.Pod]) -> int | None:
        """The sum of the sizes of the pods' controllers; None where one has no size."""
        sizes: dict[str, int] = {}
        for pod in pods:
            found = self._size_above(pod.meta)
            if found is None:
                return None
            uid, size = found
            sizes[uid] = size
        return sum(sizes.values())

    def _size_above(self, child: views.Meta) -> tuple[str, int] | None:
        """(uid, replicas) of the topmost controller that has a size."""
        owner = child.controller
        mirror = self._sized.get(owner.kind) if owner is not None else None
        above = mirror.get(f"{child.namespace}/{owner.name}") if mirror and owner else None
        if above is None or owner is None or above.meta.uid != owner.uid:
            return None
        replicas = (above.load().get("spec") or {}).get("replicas")
        return self._size_above(above.meta) or (above.meta.uid, 1 if replicas is None else replicas)

    async def _write(self, budget: planning.Budget, wanted: JsonObject) -> None:
        if wanted == budget.status:
            return
        patch = acts.difference(budget.status, wanted)
        gone = (budget.status.get("disruptedPods") or {}).keys() - wanted.get("disruptedPods", {})
        if gone and wanted.get("disruptedPods"):
            patch["disruptedPods"] = wanted["disruptedPods"] | dict.fromkeys(gone)
        await self._acts.patch_status(budget.meta, patch, guarded=True)
