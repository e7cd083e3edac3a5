"""The loop that keeps the status of PodDisruptionBudgets.

Neighbours: `disruption.plan` counts; the API server's eviction reads and counts down. The status is
written for exactly the version that was counted from, since evictions change it meanwhile.
Controllers of foreign kinds are asked for their size by their `scale`.
"""

from apimachinery import scheme, status
from apimachinery.client.events import Reference
from apimachinery.wire import JsonObject
from controllers import acts, base, kinds, views
from controllers.disruption import plan as planning

COALESCE_SECONDS = 0.05
"""Pods of one budget often change together, and a look goes over all pods of the namespace."""

UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a"
    " result, the status of the PDB cannot be calculated correctly, which may result in undefined"
    ' behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an'
    " integer value."
)
"""Kubernetes' words."""


class NoSizeError(Exception):
    """How many pods there should be cannot be found out."""


class Disruptions(base.Controller):
    """See the module's docstring."""

    name = "disruption-controller"

    def __init__(self, context: base.Context, known: kinds.Kinds) -> None:
        super().__init__(context)
        self._known = known
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
        if not pods:
            self._acts.tell(budget.meta, "NoPods", "No matching pods found")
        try:
            expected = await self._expected(budget, pods) if budget.needs_scale else len(pods)
        except NoSizeError as error:
            text = f"Failed to calculate the number of expected pods: {error}"
            self._acts.tell(budget.meta, "CalculateExpectedPodCountFailed", text, bad=True)
            await self._write(budget, planning.failed(budget, str(error), now))
            return
        found = planning.plan(budget, pods, expected, now)
        for pod in found.kept:
            text = f"Pod was expected by PDB {budget.meta.key} to be deleted but it wasn't"
            about = Reference("v1", "Pod", pod.meta.name, pod.meta.namespace, pod.meta.uid)
            self.context.recorder.warning(about, "NotDeleted", text)
        await self._write(budget, found.status)
        if found.look_again:
            self.queue.add_after(key, found.look_again)

    async def _expected(self, budget: planning.Budget, pods: list[views.Pod]) -> int:
        """The sum of the sizes of the pods' controllers; pods without one do not count."""
        owners = {pod.meta.controller: pod.meta for pod in pods}
        if owners.pop(None, None) is not None:
            text = UNMANAGED.format(budget.selector)
            self._acts.tell(budget.meta, "UnmanagedPods", text, bad=True)
        sizes: dict[str, int] = {}
        for owner, child in owners.items():
            assert owner is not None, "those have been taken out"
            uid, size = self._size_above(child) or await self._scale_of(owner, child)
            sizes[uid] = size
        return sum(sizes.values())

    def _size_above(self, child: views.Meta) -> tuple[str, int] | None:
        """(uid, replicas) of the topmost controller of ours that has a size."""
        owner = child.controller
        mirror = self._sized.get(owner.kind) if owner is not None else None
        above = mirror.get(f"{child.namespace}/{owner.name}") if mirror and owner else None
        if above is None or owner is None or above.meta.uid != owner.uid:
            return None
        replicas = (above.load().get("spec") or {}).get("replicas")
        return self._size_above(above.meta) or (above.meta.uid, 1 if replicas is None else replicas)

    async def _scale_of(self, owner: views.Owner, child: views.Meta) -> tuple[str, int]:
        """(uid, replicas) of a controller of whatever kind, as its `scale` says."""
        resource = self._known.find(owner.api_version, owner.kind)
        try:
            if resource is None:
                raise status.bad_request(f"no kind {owner.kind} in {owner.api_version}")
            scale = await self.client.get(
                resource, owner.name, child.namespace, subresource="scale"
            )
        except status.ApiError as error:
            raise NoSizeError(f'found no controllers for pod "{child.name}"') from error
        return owner.uid, int((scale.get("spec") or {}).get("replicas") or 0)

    async def _write(self, budget: planning.Budget, wanted: JsonObject) -> None:
        if wanted == budget.status:
            return
        patch = acts.difference(budget.status, wanted)
        gone = (budget.status.get("disruptedPods") or {}).keys() - wanted.get("disruptedPods", {})
        if gone and wanted.get("disruptedPods"):
            patch["disruptedPods"] = wanted["disruptedPods"] | dict.fromkeys(gone)
        await self._acts.patch_status(budget.meta, patch, guarded=True)
