"""The loop of Jobs. One worker per job at a time; each look takes one step of `job.plan`.

Neighbours: `job.plan` decides, `controllers.expectations` keeps it from starting pods twice. Pods
carry our finalizer until they are counted; a job on its way out frees them all.
"""

from functools import partial

from apimachinery import labels, meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import acts, base, concerned, ownership, views
from controllers import expectations as expecting
from controllers.job import plan as planning

COALESCE_SECONDS = 0.005
"""Pods of one job often change together: gather that before counting."""

ORPHAN = "orphan/"
"""Prefix of keys of pods that bear our finalizer and have no job any more."""

TOO_MANY = "Too many succeeded pods running after completion count reached"


class Jobs(base.Controller):
    """See the module's docstring."""

    name = "job-controller"

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._jobs = context.informers.objects(scheme.JOBS)
        self._pods = context.informers.pods
        self._adopter = ownership.Adopter(
            context.client, scheme.JOBS, scheme.PODS, finalizer=planning.TRACKING
        )
        self._adopters = concerned.Adopters(self._jobs)
        self._acts = acts.Acts(context, scheme.JOBS)
        self._expected = expecting.Expectations(context.clock)
        self._failures: dict[str, dict[int | None, tuple[int, float]]] = {}
        """Failures that were seen, and when the last one was: by job, then by index or in all."""
        self._jobs.add_handler(self._job_changed)
        self._pods.add_handler(self._pod_changed)

    # --- changes to keys

    def _job_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        if new is None:
            self._expected.forget(key)
            self._failures.pop(key, None)
        self.queue.add(key)

    def _pod_changed(self, key: str, old: views.Pod | None, new: views.Pod | None) -> None:
        for job in concerned.managers(scheme.JOBS.kind, self._expected, old, new):
            self.queue.add_after(job, COALESCE_SECONDS)
            if new is not None and new.meta.deleting and self._jobs.get(job) is None:
                self.queue.add(job)
        if new is not None and concerned.is_up_for_adoption(old, new):
            adopters = self._adopters.of(new)
            for job in adopters:
                self.queue.add(job)
            if not adopters and planning.TRACKING in new.meta.finalizers:
                self.queue.add(f"{ORPHAN}{key}")

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        if key.startswith(ORPHAN):
            pod = self._pods.get(key.removeprefix(ORPHAN))
            if pod is not None and pod.meta.controller is None:
                await self._free(pod)
            return
        view = self._jobs.get(key)
        if view is None or view.meta.deleting:
            await self._free_all(key, view)
            return
        job = planning.job_of(view.load())
        if not job.ours or not self._expected.satisfied(key):
            return
        pods = await self._claimed(job)
        now = self.context.clock.now()
        step = planning.plan(job, pods, self._not_before(key, job, pods, now), now)
        await self._write_status(job, step.status)
        await base.in_parallel(step.free, self._free)
        if step.expired:
            await self._expire(job)
            return
        with self._expected.acting(key) as done:
            await self._delete_pods(job, step.delete, done)
            await self._create_pods(job, step, done)
        if step.look_again:
            self.queue.add_after(key, step.look_again)

    def _not_before(
        self, key: str, job: planning.Job, pods: list[views.Pod], now: float
    ) -> planning.NotBefore:
        """Failures put the next pod off: of their index where that is limited, else any.

        Not those of pods that a suspension has ended.
        """
        known = self._failures.get(key, {})
        for index, failed in planning.failures(job, pods).items():
            if failed > known.get(index, (0, 0.0))[0]:
                known[index] = (failed, 0.0 if job.suspended else now)
        if known:
            self._failures[key] = known
        return {index: at + planning.backoff(seen) for index, (seen, at) in known.items()}

    async def _claimed(self, job: planning.Job) -> list[views.Pod]:
        owner = job.meta
        selector = labels.from_label_selector(job.selector)
        mine = self._pods.by_index("controller", owner.uid)
        free = self._pods.by_index("orphans", owner.namespace)
        return list(
            await self._adopter.settle(owner, ownership.claim(owner, selector, (*mine, *free)))
        )

    async def _create_pods(self, job: planning.Job, step: planning.Plan, done: set[str]) -> None:
        reference = self._adopter.reference(job.meta)
        slots: list[int | None] = list(step.create_indexes) or [None] * step.create

        async def create(index: int | None) -> None:
            failures = step.index_failures.get(index, 0) if index is not None else 0
            body = planning.pod_from(job, reference, index, failures)
            made = await self.client.create(scheme.PODS, body)
            done.add(expecting.created(meta.uid(made)))
            self._acts.tell(job.meta, "SuccessfulCreate", f"Created pod: {meta.name(made)}")

        try:
            await base.slow_start(slots, create)
        except status.ApiError as error:
            self._acts.refused(job.meta, error)
            raise

    async def _delete_pods(self, job: planning.Job, pods: list[views.Pod], done: set[str]) -> None:
        await base.in_parallel(pods, partial(self._acts.remove, job.meta, done=done))

    async def _free(self, pod: views.Pod) -> None:
        """Take our finalizer off."""
        try:
            live = await self.client.get(scheme.PODS, pod.meta.name, pod.meta.namespace)
            kept = [one for one in meta.finalizers(live) if one != planning.TRACKING]
            if meta.uid(live) != pod.meta.uid or kept == meta.finalizers(live):
                return
            change = {"finalizers": kept or None, "resourceVersion": meta.resource_version(live)}
            await self.client.patch(
                scheme.PODS, pod.meta.name, {"metadata": change}, pod.meta.namespace
            )
        except status.NotFound:
            return

    async def _free_all(self, key: str, view: views.Object | None) -> None:
        """The job goes: its pods need not be counted any more."""
        if view is not None:
            pods = self._pods.by_index("controller", view.meta.uid)
        else:
            namespace, _, name = key.partition("/")
            pods = [
                pod
                for pod in self._pods.by_index("namespace", namespace)
                if (owner := pod.meta.controller) is not None
                and (owner.kind, owner.name) == ("Job", name)
            ]
        tracked = [pod for pod in pods if planning.TRACKING in pod.meta.finalizers]
        await base.in_parallel(tracked, self._free)

    async def _write_status(self, job: planning.Job, wanted: JsonObject) -> None:
        if wanted == job.status:
            return
        patch = acts.difference(job.status, wanted)
        # A merge patch would keep what it does not name inside this object.
        patch["uncountedTerminatedPods"] = {
            name: wanted["uncountedTerminatedPods"].get(name) for name in ("succeeded", "failed")
        }
        if await self._acts.patch_status(job.meta, patch, guarded=True):
            self._announce(job, wanted)

    def _announce(self, job: planning.Job, wanted: JsonObject) -> None:
        before = job.status.get("conditions")
        for condition in wanted.get("conditions") or ():
            kind = condition["type"]
            was = meta.condition_is_true(before, kind)
            if kind == "Suspended" and was and condition["status"] == "False":
                self._acts.tell(job.meta, "Resumed", "Job resumed")
            if was or condition["status"] != "True":
                continue
            if kind == "Complete":
                if job.completions is not None and wanted.get("succeeded", 0) > job.completions:
                    self._acts.tell(job.meta, "TooManySucceededPods", TOO_MANY, bad=True)
                self._acts.tell(job.meta, "Completed", "Job completed")
            elif kind == "Failed":
                self._acts.tell(job.meta, condition["reason"], condition["message"], bad=True)
            elif kind == "Suspended":
                self._acts.tell(job.meta, "Suspended", "Job suspended")

    async def _expire(self, job: planning.Job) -> None:
        try:
            await self.client.delete(
                scheme.JOBS,
                job.meta.name,
                job.meta.namespace,
                propagation="Foreground",
                preconditions={"uid": job.meta.uid},
            )
        except (status.NotFound, status.Conflict):
            return
