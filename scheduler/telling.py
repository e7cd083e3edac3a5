"""What users are told of scheduling: Events, and the condition PodScheduled. Writes only.

Neighbours: `service`, `binding` and `eviction` decide what is to be told; the API server itself
writes the condition of a pod that is bound or gated.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from apimachinery import meta, scheme, status
from apimachinery.aio.clock import Clock
from apimachinery.client.events import Recorder, Reference
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from scheduler.views import PodInfo

LOG = logging.getLogger(__name__)

WRITES_MAX = 64
"""Conditions being written at once: news must not crowd out bindings."""


class Teller:
    """See the module's docstring. Used within `async with`, which ends with its last write."""

    def __init__(self, client: Client, recorder: Recorder | None, clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._writes = asyncio.Semaphore(WRITES_MAX)
        self._told: dict[str, tuple[str, str]] = {}
        """Of pods whose condition is being written: message and nominated node, the latest ones."""

    def event(self, pod: PodInfo, reason: str, message: str, *, warning: bool = False) -> None:
        """An Event about a pod."""
        if self._recorder is not None:
            about = Reference("v1", "Pod", pod.name, pod.namespace, pod.uid)
            self._recorder.event(about, reason, message, type="Warning" if warning else "Normal")

    def unschedulable(
        self, pod: PodInfo, current: PodInfo | None, message: str, nominated: str
    ) -> Coroutine[Any, Any, None] | None:
        """Say why a pod has no node; a write to be started if its status says otherwise."""
        self.event(pod, "FailedScheduling", message, warning=True)
        known = ("Unschedulable", message)
        if current and current.condition == known and current.nominated_node == nominated:
            return None
        busy = pod.uid in self._told
        self._told[pod.uid] = (message, nominated)
        return None if busy else self._write(pod)

    async def _write(self, pod: PodInfo) -> None:
        """Write what is the latest, until nothing newer came meanwhile."""
        try:
            async with self._writes:
                while (said := self._told[pod.uid]) is not None:
                    await self._patch(pod, self._condition(said[0]), said[1])
                    if self._told[pod.uid] == said:
                        return
        finally:
            del self._told[pod.uid]

    def _condition(self, message: str) -> JsonObject:
        return {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": meta.format_time(self._clock.now()),
        }

    async def not_nominated(self, pod: PodInfo) -> None:
        """A pod that has no claim to a node any more."""
        await self._patch(pod, None, "")

    async def _patch(self, pod: PodInfo, condition: JsonObject | None, nominated: str) -> None:
        state: JsonObject = {"nominatedNodeName": nominated or None}
        if condition is not None:
            state["conditions"] = [condition]
        patch = {"metadata": {"uid": pod.uid}, "status": state}
        try:
            await self._client.patch(
                scheme.PODS, pod.name, patch, pod.namespace, kind="strategic", subresource="status"
            )
        except status.ApiError as error:
            LOG.debug("status not written pod=%s error=%s", pod.key, error.message)
