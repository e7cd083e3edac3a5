"""The loop of DaemonSets: looks at all nodes when one of them or a daemon pod changes.

Neighbours: `daemonset.plan` decides, `controllers.revisions` keeps templates. Looking costs with the
number of nodes, so changes are gathered for a moment that grows with it.
"""

from functools import partial

from apimachinery import meta, scheme, status
from controllers import acts, base, concerned, history, ownership, revisions, views
from controllers import expectations as expecting
from controllers.daemonset import plan as planning

COALESCE_PER_NODE = 0.0002
COALESCE_MAX = 1.0
"""Seconds to gather changes: 100 nodes wait 20 ms, 5,000 one second."""


class DaemonSets(base.Controller):
    """See the module's docstring."""

    name = "daemonset-controller"

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._sets = context.informers.objects(scheme.DAEMONSETS)
        self._nodes = context.informers.nodes
        self._pods = context.informers.pods
        self._adopter = ownership.Adopter(context.client, scheme.DAEMONSETS, scheme.PODS)
        self._revisions = revisions.Revisions(context, scheme.DAEMONSETS)
        self._acts = acts.Acts(context, scheme.DAEMONSETS)
        self._adopters = concerned.Adopters(self._sets)
        self._expected = expecting.Expectations(context.clock)
        self._patience: dict[str, planning.Patience] = {}
        self._sets.add_handler(self._set_changed)
        self._nodes.add_handler(self._node_changed)
        self._pods.add_handler(self._pod_changed)

    # --- changes to keys

    def _set_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        if new is None:
            self._expected.forget(key)
            self._patience.pop(key, None)
        if old is None or new is None or old.meta.generation != new.meta.generation:
            self.queue.add(key)
        else:
            self._look_soon(key)

    def _node_changed(self, _: str, old: views.Node | None, new: views.Node | None) -> None:
        if old is not None and new is not None:
            same = old.taints == new.taints and old.meta.labels == new.meta.labels
            if same:
                return
        for key in self._sets.keys():  # noqa: SIM118  an informer is no mapping
            self._look_soon(key)

    def _pod_changed(self, _: str, old: views.Pod | None, new: views.Pod | None) -> None:
        for key in concerned.managers(scheme.DAEMONSETS.kind, self._expected, old, new):
            self._look_soon(key)
        if new is not None and concerned.is_up_for_adoption(old, new):
            for key in self._adopters.of(new):
                self._look_soon(key)

    def _look_soon(self, key: str) -> None:
        self.queue.add_after(key, min(len(self._nodes) * COALESCE_PER_NODE, COALESCE_MAX))

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        view = self._sets.get(key)
        if view is None or view.meta.deleting or not self._expected.satisfied(key):
            return
        daemons = planning.daemonset_of(view.load())
        pods = await self._claimed(daemons)
        digest = await self._revisions.current(
            daemons.meta,
            daemons.selector,
            daemons.template,
            limit=daemons.history_limit,
            in_use={pod.meta.labels.get(history.HASH_LABEL, "") for pod in pods},
        )
        now = self.context.clock.now()
        step = planning.plan(daemons, self._nodes.values(), pods, digest, now)
        ended = self._may_go(key, daemons, step.ended)
        with self._expected.acting(key) as done:
            await base.in_parallel(
                [*step.delete, *ended], partial(self._acts.remove, daemons.meta, done=done)
            )
            await base.slow_start(step.create, partial(self._create, daemons, digest, done))
        await self._acts.write_status(daemons.meta, daemons.status, step.status)
        if daemons.min_ready_seconds:
            waiting = [
                pod.available_at(daemons.min_ready_seconds) - now for pod in pods if pod.ready
            ]
            self._look_later(key, waiting)

    def _may_go(
        self, key: str, daemons: planning.DaemonSet, ended: list[views.Pod]
    ) -> list[views.Pod]:
        """Of the pods that have ended, those whose successor may come now."""
        patience = self._patience.setdefault(key, planning.Patience())
        go, waits = [], []
        for pod in ended:
            failed = pod.phase == "Failed"
            if failed and (wait := patience.wait(pod.node, self.context.clock.now())):
                waits.append(wait)
                continue
            go.append(pod)
            kind, act = ("failed", "kill") if failed else ("succeeded", "delete")
            text = (
                f"Found {kind} daemon pod {pod.meta.key} on node {pod.node}, will try to {act} it"
            )
            self._acts.tell(daemons.meta, f"{kind.title()}DaemonPod", text, bad=failed)
        self._look_later(key, waits)
        return go

    def _look_later(self, key: str, waiting: list[float]) -> None:
        due = [seconds for seconds in waiting if seconds > 0]
        if due:
            self.queue.add_after(key, min(due))

    async def _claimed(self, daemons: planning.DaemonSet) -> list[views.Pod]:
        owner = daemons.meta
        mine = self._pods.by_index("controller", owner.uid)
        free = self._pods.by_index("orphans", owner.namespace)
        claims = ownership.claim(owner, daemons.selector, (*mine, *free))
        return list(await self._adopter.settle(owner, claims))

    async def _create(
        self, daemons: planning.DaemonSet, digest: str, done: set[str], node: str
    ) -> None:
        reference = self._adopter.reference(daemons.meta)
        body = planning.pod_from(daemons, reference, node, digest)
        try:
            made = await self.client.create(scheme.PODS, body)
        except status.ApiError as error:
            self._acts.refused(daemons.meta, error)
            raise
        done.add(expecting.created(meta.uid(made)))
        self._acts.tell(daemons.meta, "SuccessfulCreate", f"Created pod: {meta.name(made)}")
