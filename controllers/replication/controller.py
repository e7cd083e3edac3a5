"""The loop that keeps the number of pods for ReplicaSets and ReplicationControllers.

One instance per flavour. A reconcile reads the owner's pods by index, claims, creates or deletes,
and writes the status if it differs. Neighbours: `replication.plan` decides, `controllers.ownership`
claims, `controllers.expectations` keeps it from counting before the mirror shows its last acts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from apimachinery import meta, scheme, status
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import acts, base, ownership, views
from controllers import expectations as expecting
from controllers.replication import plan as planning

COALESCE_PER_REPLICA = 0.0001
COALESCE_MAX = 0.5
"""Seconds to gather pod changes before counting again: the count costs with the replicas, so
large sets look less often. A set of 20 waits 2 ms, one of 5,000 half a second."""


@dataclass(frozen=True, slots=True)
class Flavour:
    """What differs between the two kinds."""

    resource: Resource
    read: Callable[[JsonObject], planning.Target]
    component: str


REPLICASET = Flavour(scheme.REPLICASETS, planning.target_of_replicaset, "replicaset-controller")
REPLICATIONCONTROLLER = Flavour(
    scheme.REPLICATIONCONTROLLERS, planning.target_of_controller, "replication-controller"
)


class Replication(base.Controller):
    """See the module's docstring."""

    def __init__(self, context: base.Context, flavour: Flavour) -> None:
        super().__init__(context)
        self.name = flavour.component
        self._flavour = flavour
        self._owners = context.informers.objects(flavour.resource)
        self._pods = context.informers.pods
        self._adopter = ownership.Adopter(context.client, flavour.resource, scheme.PODS)
        self._acts = acts.Acts(context, flavour.resource)
        self._expected = expecting.Expectations(context.clock)
        self._targets: dict[str, planning.Target] = {}
        """Parsed owners by key, as the mirror has them."""
        self._owners.add_handler(self._owner_changed)
        self._pods.add_handler(self._pod_changed)

    # --- changes to keys

    def _owner_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        if new is None:
            self._targets.pop(key, None)
            self._expected.forget(key)
        else:
            self._targets[key] = self._flavour.read(new.load())
        if old is None or new is None or old.meta.generation != new.meta.generation:
            self.queue.add(key)
        else:
            # Mostly the echo of our own status. Were it left out, a status that was compared with
            # an outdated one would never be put right.
            self._look_soon(key, self._targets[key])

    def _pod_changed(self, _: str, old: views.Pod | None, new: views.Pod | None) -> None:
        manager = None
        for pod in (old, new):
            if pod is not None and (owner := pod.meta.controller) != manager:
                manager = owner
                self._owner_concerned(owner, old, new)
        if new is None or manager is not None:
            return
        if old is None or old.meta.labels != new.meta.labels or old.meta.controller:
            self._orphan_appeared(new)

    def _owner_concerned(
        self, owner: views.Owner | None, old: views.Pod | None, new: views.Pod | None
    ) -> None:
        pod = new if new is not None else old
        if owner is None or pod is None or owner.kind != self._flavour.resource.kind:
            return
        key = f"{pod.meta.namespace}/{owner.name}"
        target = self._targets.get(key)
        if target is not None and target.meta.uid != owner.uid:
            return
        self._expected.pod_changed(
            key, pod.meta.uid, exists=new is not None, ending=pod.meta.deleting
        )
        if target is not None:
            self._look_soon(key, target)

    def _look_soon(self, key: str, target: planning.Target) -> None:
        self.queue.add_after(key, min(target.replicas * COALESCE_PER_REPLICA, COALESCE_MAX))

    def _orphan_appeared(self, pod: views.Pod) -> None:
        for key in self._owners.keys_by_index("namespace", pod.meta.namespace):
            target = self._targets.get(key)
            if target is not None and target.selector.matches(pod.meta.labels):
                self.queue.add(key)

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        target = self._targets.get(key)
        if target is None:
            return
        settled = self._expected.satisfied(key)
        pods = await self._claimed(target)
        failure: tuple[planning.Failure, Exception] | None = None
        if settled and not target.meta.deleting:
            failure = await self._manage(key, target, pods)
        now = self.context.clock.now()
        found = planning.status_of(target, pods, failure[0] if failure else None, now)
        await self._acts.write_status(target.meta, target.status, found)
        if failure:
            raise failure[1]
        again = planning.next_available(target, pods, now)
        if again:
            self.queue.add_after(key, again)

    async def _claimed(self, target: planning.Target) -> list[views.Pod]:
        """The active pods that the target manages, after adopting and letting go."""
        owner = target.meta
        mine = self._pods.by_index("controller", owner.uid)
        free = self._pods.by_index("orphans", owner.namespace)
        claims = ownership.claim(owner, target.selector, (*mine, *free))
        claims = ownership.Claims(
            claims.kept, tuple(pod for pod in claims.adoptable if pod.active), claims.stray
        )
        return [pod for pod in await self._adopter.settle(owner, claims) if pod.active]

    async def _manage(
        self, key: str, target: planning.Target, pods: list[views.Pod]
    ) -> tuple[planning.Failure, Exception] | None:
        surplus = len(pods) > target.replicas > 0
        related = self._related(target) if surplus else ()
        plan = planning.plan(target, pods, related, self.context.clock.now())
        try:
            if plan.create:
                await self._create(key, target, plan.create)
            elif plan.delete:
                await self._delete(key, target, plan.delete)
        except status.ApiError as error:
            reason = "FailedCreate" if plan.create else "FailedDelete"
            return planning.Failure(reason, error.message), error
        return None

    def _related(self, target: planning.Target) -> list[views.Pod]:
        """Active pods of all that share the target's own owner; without one, its own."""
        above = target.meta.controller
        siblings = [target.meta.uid]
        if above is not None:
            siblings = [one.meta.uid for one in self._owners.by_index("controller", above.uid)]
        return [
            pod for uid in siblings for pod in self._pods.by_index("controller", uid) if pod.active
        ]

    async def _create(self, key: str, target: planning.Target, count: int) -> None:
        pod = planning.pod_from(target, self._adopter.reference(target.meta))
        with self._expected.acting(key) as done:

            async def create_one(_: int) -> None:
                made = await self.client.create(scheme.PODS, pod)
                done.add(expecting.created(meta.uid(made)))
                self._acts.tell(target.meta, "SuccessfulCreate", f"Created pod: {meta.name(made)}")

            try:
                await base.slow_start(range(count), create_one)
            except status.ApiError as error:
                self._acts.refused(target.meta, error)
                raise

    async def _delete(self, key: str, target: planning.Target, pods: tuple[views.Pod, ...]) -> None:
        with self._expected.acting(key) as done:
            await base.in_parallel(pods, partial(self._acts.remove, target.meta, done=done))
