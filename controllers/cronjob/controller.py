"""The loop of CronJobs: wakes at scheduled times and when one of their jobs ends.

Neighbours: `cronjob.plan` decides, `controllers.job` runs the jobs. A job's name tells its
scheduled time, so whatever dies between creating it and writing that down, none starts twice.
"""

from apimachinery import cron, meta, scheme, status
from controllers import acts, base, ownership, views
from controllers.cronjob import plan as planning

COALESCE_SECONDS = 0.01
"""A job that ends changes several times in a row."""

LONGEST_NAP_SECONDS = 3600.0
"""Clocks are set and zones change their rules: at least so often we look again."""


class CronJobs(base.Controller):
    """See the module's docstring."""

    name = "cronjob-controller"

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._cron_jobs = context.informers.objects(scheme.CRONJOBS)
        self._jobs = context.informers.objects(scheme.JOBS)
        self._owners = ownership.Adopter(context.client, scheme.CRONJOBS, scheme.JOBS)
        self._acts = acts.Acts(context, scheme.CRONJOBS)
        self._cron_jobs.add_handler(self._cron_job_changed)
        self._jobs.add_handler(self._job_changed)

    def _cron_job_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old
        if new is not None:
            self.queue.add(key)

    def _job_changed(self, _: str, old: views.Object | None, new: views.Object | None) -> None:
        job = new if new is not None else old
        owner = job.meta.controller if job is not None else None
        if job is not None and owner is not None and owner.kind == "CronJob":
            self.queue.add_after(f"{job.meta.namespace}/{owner.name}", COALESCE_SECONDS)

    async def reconcile(self, key: str) -> None:
        view = self._cron_jobs.get(key)
        if view is None:
            return
        try:
            job = planning.cron_job_of(view.load())
        except cron.CronError as error:
            text = f'unparseable schedule: "{view.load()["spec"]["schedule"]}" : {error}'
            self._acts.tell(view.meta, "UnparseableSchedule", text, bad=True)
            return
        children = [
            planning.child_of(one.load()) for one in self._jobs.by_index("controller", job.meta.uid)
        ]
        now = self.context.clock.now()
        step = planning.plan(job, children, now)
        for reason, text in step.news:
            self._acts.tell(job.meta, reason, text, bad=reason in planning.WARNINGS)
        for child in step.remove:
            await self._remove(job, child)
        if step.start is not None:
            await self._start(job, step.start)
        await self._acts.write_status(job.meta, job.status, step.status, guarded=True)
        if step.next_look is not None:
            self.queue.add_after(key, min(max(step.next_look - now, 0.0), LONGEST_NAP_SECONDS))

    async def _start(self, job: planning.CronJob, due: float) -> None:
        body = planning.job_from(job, self._owners.reference(job.meta), due)
        name = meta.name(body)
        try:
            await self.client.create(scheme.JOBS, body)
        except status.AlreadyExists:
            # Ours from a step that ended here, or somebody else's: then the time is lost.
            found = await self.client.get(scheme.JOBS, name, job.meta.namespace)
            if not meta.is_controlled_by(found, job.meta.uid):
                self._acts.tell(job.meta, "FailedCreate", f"Job {name} exists already", bad=True)
            return
        except status.ApiError as error:
            if not acts.namespace_ends(error):
                text = f"Error creating job: {error.message}"
                self._acts.tell(job.meta, "FailedCreate", text, bad=True)
            raise
        self._acts.tell(job.meta, "SuccessfulCreate", f"Created job {name}")

    async def _remove(self, job: planning.CronJob, child: planning.Child) -> None:
        try:
            await self.client.delete(
                scheme.JOBS,
                child.meta.name,
                child.meta.namespace,
                propagation="Background",
                preconditions={"uid": child.meta.uid},
            )
        except (status.NotFound, status.Conflict):
            return
        self._acts.tell(job.meta, "SuccessfulDelete", f"Deleted job {child.meta.name}")
