"""A control plane without controllers: nodes and pods are what a test makes them."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from apimachinery import scheme, wire
from apimachinery.aio.clock import SystemClock
from apimachinery.client.events import Recorder
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from offers.master import OfferMaster
from offers.messages import FrameworkInfo
from scheduler.service import PodScheduler
from scheduler.views import node_info, pod_info

ADMIN = wire.UserInfo("test", groups=("system:masters",))
PATIENCE_S = 30
"""For a busy machine."""


class Cluster:
    """Offer master and pod scheduler on one API server."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.nodes = Informer(client, scheme.NODES, node_info)
        self.pods = Informer(client, scheme.PODS, pod_info)
        self.master = OfferMaster(self.nodes, self.pods)
        self.recorder = Recorder(client, component="default-scheduler", clock=SystemClock())
        session = self.master.subscribe(FrameworkInfo("kubernetes", ("kubernetes",)))
        self.scheduler = PodScheduler(
            client, session, self.nodes, self.pods, recorder=self.recorder
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in (self.nodes, self.pods, self.master, self.scheduler, self.recorder):
                group.create_task(each.run())

    async def node(
        self,
        name: str,
        cpu: str = "4",
        memory: str = "8Gi",
        labels: dict[str, str] | None = None,
        taints: list[dict[str, str]] | None = None,
        **more: Any,
    ) -> None:
        node = {
            "metadata": {
                "name": name,
                "labels": {"kubernetes.io/hostname": name, **(labels or {})},
            },
            "spec": {"taints": taints or []},
        }
        await self.client.create(scheme.NODES, node)
        amounts = {"cpu": cpu, "memory": memory, "pods": "110", **more}
        status = {
            "allocatable": amounts,
            "capacity": amounts,
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        await self.client.patch(scheme.NODES, name, {"status": status}, subresource="status")

    async def pod(
        self,
        name: str,
        cpu: str = "100m",
        namespace: str = "default",
        labels: dict[str, str] | None = None,
        **spec: Any,
    ) -> dict:
        container = {
            "name": "c",
            "image": "busybox",
            "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}} if cpu else {},
        }
        pod = {
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {"containers": [container], **spec},
        }
        return await self.client.create(scheme.PODS, pod, namespace)

    async def priority(self, name: str, value: int, **more: Any) -> None:
        obj = {"metadata": {"name": name}, "value": value, **more}
        await self.client.create(scheme.PRIORITYCLASSES, obj)

    async def get(self, name: str, namespace: str = "default") -> dict:
        return await self.client.get(scheme.PODS, name, namespace)

    async def until(
        self, name: str, what: Callable[[dict], Any], namespace: str = "default"
    ) -> dict:
        """Follow the pod until `what(pod)` is true."""
        async with asyncio.timeout(PATIENCE_S):
            stream = self.client.watch(
                scheme.PODS, namespace, initial_events=True, field_selector=f"metadata.name={name}"
            )
            async with contextlib.aclosing(stream) as events:
                async for event in events:
                    if event.type in ("ADDED", "MODIFIED") and what(event.object()):
                        return event.object()
        raise AssertionError("the watch ended")

    async def gone(self, name: str, namespace: str = "default") -> None:
        """Follow the pod until there is none of this name."""
        async with asyncio.timeout(PATIENCE_S):
            stream = self.client.watch(
                scheme.PODS, namespace, initial_events=True, field_selector=f"metadata.name={name}"
            )
            there = False
            async with contextlib.aclosing(stream) as events:
                async for event in events:
                    if event.type != "BOOKMARK":
                        there = event.type != "DELETED"
                    if not there:
                        return

    async def bound(self, name: str, namespace: str = "default") -> str:
        pod = await self.until(name, lambda p: p["spec"].get("nodeName"), namespace)
        return pod["spec"]["nodeName"]

    async def no_back_offs(self) -> None:
        """Wait until every parked pod could be tried again."""
        async with asyncio.timeout(PATIENCE_S):
            parked = self.scheduler._queue._parked.values()
            while any(each.until > time.monotonic() for each in parked):
                await asyncio.sleep(0.02)

    async def refused(self, name: str, message: str) -> dict:
        """Wait until the pod's condition says exactly this."""
        return await self.until(
            name, lambda p: unschedulable(p) and condition(p)["message"] == message
        )

    async def event(self, about: str, reason: str) -> dict:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for item in (await self.client.list(scheme.EVENTS, "default"))["items"]:
                    if item["reason"] == reason and item["involvedObject"]["name"] == about:
                        return item
                await asyncio.sleep(0.02)


def condition(pod: dict, kind: str = "PodScheduled") -> dict:
    found = (pod.get("status") or {}).get("conditions") or []
    return next((c for c in found if c["type"] == kind), {})


def unschedulable(pod: dict) -> bool:
    return condition(pod).get("reason") == "Unschedulable"
