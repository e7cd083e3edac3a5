"""Carrying out a preemption plan: each victim is told why, then deleted with its grace.

Neighbours: `preemption` plans, `service` keeps the room for the pod meanwhile.
"""

import logging

from apimachinery import meta, scheme, status
from apimachinery.aio.clock import Clock
from apimachinery.client.rest import Client
from scheduler.preemption import Plan
from scheduler.telling import Teller
from scheduler.views import PodInfo

LOG = logging.getLogger(__name__)

REASON = "PreemptionByScheduler"
WHY = "default-scheduler: preempting to accommodate a higher priority pod"


class Evictor:
    """See the module's docstring."""

    def __init__(self, client: Client, teller: Teller, clock: Clock) -> None:
        self._client = client
        self._teller = teller
        self._clock = clock

    async def evict(self, plan: Plan) -> bool:
        """Whether every victim is gone or on its way."""
        done = True
        for victim in plan.victims:
            if victim.deleting:
                continue
            try:
                await self._evict(victim)
            except status.NotFound:
                continue
            except status.ApiError as error:
                LOG.info("not evicted pod=%s error=%s", victim.key, error.message)
                done = False
                continue
            self._teller.event(
                victim, "Preempted", f"Preempted by pod {plan.pod.uid} on node {plan.node}"
            )
        return done

    async def _evict(self, victim: PodInfo) -> None:
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": REASON,
            "message": WHY,
            "lastTransitionTime": meta.format_time(self._clock.now()),
        }
        patch = {"metadata": {"uid": victim.uid}, "status": {"conditions": [condition]}}
        await self._client.patch(
            scheme.PODS,
            victim.name,
            patch,
            victim.namespace,
            kind="strategic",
            subresource="status",
        )
        await self._client.delete(
            scheme.PODS, victim.name, victim.namespace, preconditions={"uid": victim.uid}
        )
