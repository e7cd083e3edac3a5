"""Keeps one Node and its Lease on the API server: registration, heartbeats, conditions.

The Lease is renewed every few seconds and says "alive"; the status is patched only when it changed,
or after five minutes. While the API server is away both loops go on trying with jittered delays. A
Node that somebody deleted is registered again. What is sent comes from `kubelet.node_status`. Not
here: what the node lifecycle controller makes of a missing heartbeat.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from apimachinery import meta, scheme
from apimachinery import status as errors
from apimachinery.aio.backoff import Backoff
from apimachinery.client.events import Reference
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet.kit import Kit
from kubelet.node_status import (
    CONDITIONS,
    Health,
    Machine,
    advertised,
    conditions,
    node_object,
    node_status,
    overwritten,
    status_differs,
)

LOG = logging.getLogger(__name__)

LEASE_NAMESPACE = "kube-node-lease"
CHECK_SECONDS = 10.0
"""How often the node's own condition is looked at (disk, memory); sent only when it changed."""
RETRY = Backoff(initial=0.2, maximum=7.0)


class NodeKeeper:
    """Keeps one Node and its Lease on the API server."""

    def __init__(
        self,
        kit: Kit,
        machine: Machine,
        health: Callable[[], Health],
    ) -> None:
        self._kit = kit
        self._client: Client = kit.client
        self._options = kit.options
        self._machine = machine
        self.health = health
        """Asked at each look."""
        self._sent: JsonObject = {}
        self._sent_at = 0.0
        self._told = {kind: "False" for kind, *_ in CONDITIONS}
        """By condition what events have told of it last. Nobody is told that a new node is well."""
        self._advertised: dict[str, str | None] = {}
        """What allocatable lacks of resources that others advertise by the Node's capacity."""
        self._uid = ""
        self.registered = asyncio.Event()
        self._look = asyncio.Event()

    async def run_watch(self) -> None:
        """Hear of what others make of our Node: it is put right at once, or registered again."""
        await self.registered.wait()
        mirror: Informer[JsonObject] = Informer(
            self._client,
            scheme.NODES,
            lambda node: node,
            field_selector=f"metadata.name={self._options.node_name}",
        )
        mirror.add_handler(lambda _key, _old, new: self.seen(new))
        await mirror.run()

    def seen(self, new: JsonObject | None) -> None:
        """What the API server has of our Node now."""
        if not self.registered.is_set():
            return
        self._advertised = advertised((new or {}).get("status") or {})
        if self._advertised:
            self.look()
        if new is None:
            self.registered.clear()
            self._sent = {}
            self.look()
        elif overwritten(self._sent, new.get("status") or {}):
            self._sent = new["status"]
            self.look()

    def look(self) -> None:
        """The node's condition may have changed: check now."""
        self._look.set()

    async def run_status(self) -> None:
        """Register, then keep the status fresh until cancelled."""
        attempt = 0
        while True:
            self._look.clear()
            try:
                await self._sync()
            except errors.ApiError as error:
                level = logging.WARNING if attempt >= 3 else logging.INFO
                LOG.log(level, "node %s: %s", self._options.node_name, error.message)
                delay = RETRY.delay(attempt)
                attempt += 1
            else:
                attempt = 0
                delay = CHECK_SECONDS
            try:
                async with asyncio.timeout(delay):
                    await self._look.wait()
            except TimeoutError:
                pass

    async def run_lease(self) -> None:
        """Renew the Lease until cancelled; a missed renewal is tried again soon."""
        await self.registered.wait()
        attempt = 0
        known: JsonObject | None = None
        while True:
            try:
                known = await self._renew(known)
            except errors.ApiError as error:
                LOG.info("lease of %s: %s", self._options.node_name, error.message)
                known = None
                delay = RETRY.delay(attempt)
                attempt += 1
            else:
                attempt = 0
                delay = self._options.lease_renew_seconds
            await asyncio.sleep(delay)

    # --- status

    async def _sync(self) -> None:
        now = self._kit.clock.now()
        images = await self._kit.images.list_images()
        status = node_status(
            self._options,
            self._machine,
            self._kit.capacity,
            self.health(),
            images,
            self._sent,
            now,
        )
        if not self.registered.is_set():
            await self._register(status)
        elif (
            status_differs(status, self._sent)
            or self._advertised
            or now - self._sent_at >= self._options.status_seconds
        ):
            await self._patch(status)
        self._tell_conditions(status)

    async def _register(self, status: JsonObject) -> None:
        wanted = node_object(self._options, self._machine, status)
        try:
            created = await self._client.create(scheme.NODES, wanted)
        except errors.AlreadyExists:
            await self._take_over(wanted)
        else:
            self._took(created, status)
            # A server may drop the status of a create.
            if status_differs(created.get("status") or {}, status):
                self._sent = created.get("status") or {}
                await self._patch(status)
        first = not self.registered.is_set()
        self.registered.set()
        if first:
            self._tell("Starting", "Starting kubelet.")

    async def _take_over(self, wanted: JsonObject) -> None:
        """The Node of an earlier run: keep what others set, renew what is ours."""
        existing = await self._client.get(scheme.NODES, self._options.node_name)
        patch: JsonObject = {}
        missing = _differing(wanted["metadata"]["labels"], meta.labels(existing))
        if missing:
            patch["metadata"] = {"labels": missing}
        cidr = wanted["spec"].get("podCIDR")
        if cidr and not (existing.get("spec") or {}).get("podCIDR"):
            patch["spec"] = {"podCIDR": cidr, "podCIDRs": [cidr]}
        if patch:
            await self._client.patch(scheme.NODES, self._options.node_name, patch)
        self._took(existing, existing.get("status") or {})
        boot = wanted["status"]["nodeInfo"].get("bootID")
        if boot != (self._sent.get("nodeInfo") or {}).get("bootID", boot):
            text = f"Node {self._options.node_name} has been rebooted, boot id: {boot}"
            self._kit.events.warning(self._reference(), "Rebooted", text)
        await self._patch({**wanted["status"], "conditions": conditions(
            self.health(), self._sent, self._kit.clock.now()
        )})  # fmt: skip

    def _took(self, node: JsonObject, status: JsonObject) -> None:
        self._uid = meta.uid(node)
        self._sent = status
        self._sent_at = self._kit.clock.now()

    async def _patch(self, status: JsonObject) -> None:
        """Strategic: conditions and addresses of others stay."""
        changed = {key: value for key, value in status.items() if value != self._sent.get(key)}
        if self._advertised:
            changed["allocatable"] = status["allocatable"] | self._advertised
        try:
            await self._client.patch(
                scheme.NODES,
                self._options.node_name,
                {"status": changed},
                kind="strategic",
                subresource="status",
            )
        except errors.NotFound:
            # Somebody deleted the Node: it comes back with the next look.
            self.registered.clear()
            self._sent = {}
            self.look()
            return
        self._sent = status
        self._sent_at = self._kit.clock.now()

    def _reference(self) -> Reference:
        return Reference("v1", "Node", self._options.node_name, uid=self._uid)

    def _tell(self, reason: str, message: str) -> None:
        self._kit.events.event(self._reference(), reason, message)

    def _tell_conditions(self, status: JsonObject) -> None:
        """An event for each condition that is another than the last that was told."""
        for one in status["conditions"]:
            if self._told.get(one["type"]) != one["status"]:
                self._told[one["type"]] = one["status"]
                reason = one["reason"].replace("Kubelet", "Node", 1)
                self._tell(reason, f"Node {self._options.node_name} status is now: {reason}")

    # --- lease

    async def _renew(self, known: JsonObject | None) -> JsonObject:
        name = self._options.node_name
        if known is None:
            try:
                known = await self._client.get(scheme.LEASES, name, LEASE_NAMESPACE)
            except errors.NotFound:
                return await self._client.create(scheme.LEASES, self._lease({}))
        try:
            return await self._client.update(scheme.LEASES, self._lease(known))
        except errors.NotFound:
            return await self._client.create(scheme.LEASES, self._lease({}))

    def _lease(self, known: JsonObject) -> JsonObject:
        now = meta.format_micro_time(self._kit.clock.now())
        metadata = dict(known.get("metadata") or {})
        metadata |= {"name": self._options.node_name, "namespace": LEASE_NAMESPACE}
        if self._uid:
            owner = {
                "apiVersion": "v1", "kind": "Node",
                "name": self._options.node_name, "uid": self._uid,
            }  # fmt: skip
            metadata["ownerReferences"] = [owner]
        spec = dict(known.get("spec") or {})
        spec |= {
            "holderIdentity": self._options.node_name,
            "leaseDurationSeconds": self._options.lease_seconds,
            "renewTime": now,
        }
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }


def _differing(wanted: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if there.get(key) != value}
