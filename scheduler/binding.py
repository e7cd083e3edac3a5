"""Binding: the write that gives a pod its node.

It is a compare-and-swap in the API server, so that no pod is bound twice whoever else tries; this
side only bounds how many are under way. Neighbours: `service` accepted the offer before.
"""

import asyncio

from apimachinery import scheme
from apimachinery.client.rest import Client
from scheduler.placement import Assignment

BINDINGS_MAX = 64
"""Bindings in flight: enough to fill the server's group commits, few enough to stay fair."""


class Binder:
    """See the module's docstring."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._gate = asyncio.Semaphore(BINDINGS_MAX)

    async def bind(self, assignment: Assignment) -> None:
        """Raises ApiError: then the pod was not bound by this call."""
        pod = assignment.pod
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": assignment.node},
        }
        async with self._gate:
            await self._client.create(
                scheme.PODS, body, pod.namespace, subresource="binding", name=pod.name
            )
