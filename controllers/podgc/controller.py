"""The loop that removes lost pods: of nodes that are gone, out of service, or never had one.

Keys are pods, and `FINISHED` for the limit on finished pods. A node that is missing from the mirror
may just be new: the pod gets a quarantine, and then the server is asked. Neighbours: `podgc.plan`;
`controllers.nodelifecycle` evicts from nodes that exist.
"""

from apimachinery import scheme, status
from controllers import base, views
from controllers.nodelifecycle import controller as lifecycle
from controllers.podgc import plan as planning

QUARANTINE_SECONDS = 40.0
"""Before the pods of a missing node are removed (Kubernetes' number)."""

FINISHED_MAX = 12_500
"""Finished pods kept for their logs and exit codes (Kubernetes' number)."""

FINISHED_SLACK = 100
"""How far beyond the limit before the oldest go, many at a time."""

FINISHED = "*finished*"


class PodGarbage(base.Controller):
    """See the module's docstring."""

    name = "pod-garbage-collector"

    def __init__(self, context: base.Context, *, quarantine: float = QUARANTINE_SECONDS) -> None:
        super().__init__(context)
        self._quarantine = quarantine
        self._pods = context.informers.pods
        self._nodes = context.informers.nodes
        self._finished: set[str] = set()
        self._pods.add_handler(self._pod_changed)
        self._nodes.add_handler(self._node_changed)

    def _pod_changed(self, key: str, old: views.Pod | None, new: views.Pod | None) -> None:
        del old
        if new is None or not new.finished:
            self._finished.discard(key)
        else:
            self._finished.add(key)
            if len(self._finished) > FINISHED_MAX + FINISHED_SLACK:
                self.queue.add(FINISHED)
        if new is not None:
            self._consider(new)

    def _node_changed(self, key: str, old: views.Node | None, new: views.Node | None) -> None:
        if new is None or (old is not None and old.taints != new.taints):
            for pod in self._pods.by_index("node", key):
                self._consider(pod)

    def _consider(self, pod: views.Pod) -> None:
        lost = planning.judge(pod, self._nodes.get(pod.node) if pod.node else None)
        if lost is not None:
            wait = self._quarantine if lost is planning.Lost.NODE_GONE else 0.0
            self.queue.add_after(pod.meta.key, wait)

    async def reconcile(self, key: str) -> None:
        if key == FINISHED:
            await self._trim()
            return
        pod = self._pods.get(key)
        if pod is None:
            return
        lost = planning.judge(pod, self._nodes.get(pod.node) if pod.node else None)
        if lost is None or (lost is planning.Lost.NODE_GONE and await self._exists(pod.node)):
            return
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByPodGC",
            "message": lost.value,
        }
        await lifecycle.delete_disrupted(
            self.context,
            pod,
            condition,
            phase="" if pod.finished else "Failed",
            grace_period=0,
        )

    async def _exists(self, node: str) -> bool:
        try:
            await self.client.get(scheme.NODES, node)
        except status.NotFound:
            return False
        return True

    async def _trim(self) -> None:
        finished = [pod for key in self._finished if (pod := self._pods.get(key)) is not None]

        async def delete(pod: views.Pod) -> None:
            try:
                await self.client.delete(
                    scheme.PODS,
                    pod.meta.name,
                    pod.meta.namespace,
                    grace_period=0,
                    preconditions={"uid": pod.meta.uid},
                )
            except (status.NotFound, status.Conflict):
                return

        await base.slow_start(planning.excess(finished, FINISHED_MAX), delete)
