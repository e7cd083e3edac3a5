"""The Node object and its Lease: registration, heartbeats, conditions.

`node_object` and `node_status` are pure; `NodeKeeper` sends them. The Lease is renewed every few
seconds and says "alive"; the status is patched only when it changed, or after five minutes. While
the API server is away both loops go on trying with jittered delays. A Node that somebody deleted is
registered again. Not here: what the node lifecycle controller makes of a missing heartbeat.
"""

import asyncio
import logging
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apimachinery import meta, scheme
from apimachinery import status as errors
from apimachinery.aio.backoff import Backoff
from apimachinery.client.events import Reference
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet.images.interface import Image
from kubelet.kit import Kit
from kubelet.options import VERSION, Capacity, Options

LOG = logging.getLogger(__name__)

LEASE_NAMESPACE = "kube-node-lease"
IMAGES_MAX = 50
"""Names of images in the status, the largest first (Kubernetes' number)."""
CHECK_SECONDS = 10.0
"""How often the node's own condition is looked at (disk, memory); sent only when it changed."""
RETRY = Backoff(initial=0.2, maximum=7.0)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le"}
MEMORY_LOW = 100 << 20
"""Kubernetes' eviction threshold: less available memory than this is pressure."""
PIDS_LOW = 0.05
"""Pressure when fewer than this part of process ids is free."""
CONDITIONS = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
PRESSED = {
    "MemoryPressure": ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    "DiskPressure": ("KubeletHasDiskPressure", "kubelet has disk pressure"),
    "PIDPressure": ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine says about itself."""

    kernel: str = ""
    os_image: str = ""
    architecture: str = "amd64"
    machine_id: str = ""
    boot_id: str = ""
    runtime: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong with the node; all False is well."""

    pressed: frozenset[str] = frozenset()
    """Names of pressure conditions that hold."""
    not_ready: str = ""
    """Why it cannot take pods."""


def read_machine(runtime: str) -> Machine:
    """From the machine itself."""
    return Machine(
        kernel=platform.release(),
        os_image=_os_image(),
        architecture=ARCHITECTURES.get(platform.machine(), platform.machine()),
        machine_id=_first_line("/etc/machine-id"),
        boot_id=_first_line("/proc/sys/kernel/random/boot_id"),
        runtime=runtime,
    )


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _os_image() -> str:
    for line in _first_line("/etc/os-release").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip('"')
    return "Linux"


def node_labels(options: Options, machine: Machine) -> dict[str, str]:
    """Kubernetes' own labels, then what the options give."""
    return {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": options.node_name,
        "kubernetes.io/os": "linux",
        **options.labels,
    }


def node_object(options: Options, machine: Machine, status: JsonObject) -> JsonObject:
    """The Node as it registers itself."""
    spec: JsonObject = {}
    if options.pod_cidr:
        spec["podCIDR"] = options.pod_cidr
        spec["podCIDRs"] = [options.pod_cidr]
    if options.taints:
        spec["taints"] = [
            {"key": t.key, "effect": t.effect, **({"value": t.value} if t.value else {})}
            for t in options.taints
        ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": options.node_name,
            "labels": node_labels(options, machine),
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
        "status": status,
    }


def resource_list(capacity: Capacity) -> dict[str, str]:
    """Capacity and allocatable: nothing is held back for the system, whose use is not ours."""
    cpu = capacity.cpu_milli
    return {
        "cpu": str(cpu // 1000) if cpu % 1000 == 0 else f"{cpu}m",
        "ephemeral-storage": f"{capacity.ephemeral_bytes // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{capacity.memory_bytes // 1024}Ki",
        "pods": str(capacity.pods),
    }


def node_status(
    options: Options,
    machine: Machine,
    capacity: Capacity,
    health: Health,
    images: Sequence[Image],
    previous: JsonObject,
    now: float,
) -> JsonObject:
    """The whole status; transition times move only with their condition."""
    port = options.serving.port if options.serving is not None else 10250
    return {
        "capacity": resource_list(capacity),
        "allocatable": resource_list(capacity),
        "addresses": [
            {"type": "InternalIP", "address": options.address},
            {"type": "Hostname", "address": options.node_name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": {
            "machineID": machine.machine_id,
            "systemUUID": machine.machine_id,
            "bootID": machine.boot_id,
            "kernelVersion": machine.kernel,
            "osImage": machine.os_image,
            "containerRuntimeVersion": machine.runtime,
            "kubeletVersion": VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": machine.architecture,
        },
        "images": [_image_entry(image) for image in _largest(images)],
        "conditions": _conditions(health, previous, now),
    }


def _largest(images: Sequence[Image]) -> list[Image]:
    return sorted(images, key=lambda image: (-image.size_bytes, image.id))[:IMAGES_MAX]


def _image_entry(image: Image) -> JsonObject:
    return {"names": [*image.digests, *image.tags] or [image.id], "sizeBytes": image.size_bytes}


def _conditions(health: Health, previous: JsonObject, now: float) -> list[JsonObject]:
    wanted = []
    for kind, reason, message in CONDITIONS:
        if kind in health.pressed:
            wanted.append((kind, "True", *PRESSED[kind]))
        else:
            wanted.append((kind, "False", reason, message))
    if health.not_ready:
        wanted.append(("Ready", "False", "KubeletNotReady", health.not_ready))
    else:
        wanted.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    old = {c.get("type"): c for c in previous.get("conditions") or ()}
    stamp = meta.format_time(now)
    result = []
    for kind, status, reason, message in wanted:
        before = old.get(kind) or {}
        moved = before.get("lastTransitionTime") if before.get("status") == status else None
        result.append(
            {
                "type": kind,
                "status": status,
                "lastHeartbeatTime": stamp,
                "lastTransitionTime": moved or stamp,
                "reason": reason,
                "message": message,
            }
        )
    return result


def status_differs(one: JsonObject, other: JsonObject) -> bool:
    """Heartbeat times do not count."""
    return _bare(one) != _bare(other)


def overwritten(ours: JsonObject, seen: JsonObject) -> bool:
    """Whether somebody else (the node lifecycle controller) changed a condition of ours."""
    there = {c["type"]: c["status"] for c in seen.get("conditions") or ()}
    return any(there.get(c["type"]) != c["status"] for c in ours.get("conditions") or ())


def _bare(status: JsonObject) -> JsonObject:
    conditions = [
        {k: v for k, v in c.items() if k not in ("lastHeartbeatTime", "lastTransitionTime")}
        for c in status.get("conditions") or ()
    ]
    kept = ("capacity", "allocatable", "addresses", "daemonEndpoints", "nodeInfo", "images")
    return {**{key: status.get(key) for key in kept}, "conditions": conditions}


def read_health(options: Options, capacity: Capacity, *, own_memory: bool) -> frozenset[str]:
    """Which pressures hold on the machine. A node that only claims a part leaves memory alone."""
    pressed = set()
    disk = shutil.disk_usage(options.data_dir)
    if disk.used / max(disk.used + disk.free, 1) > options.image_disk_limit:
        pressed.add("DiskPressure")
    if own_memory and _available_memory() < min(MEMORY_LOW, capacity.memory_bytes // 20):
        pressed.add("MemoryPressure")
    if _free_pids() < PIDS_LOW:
        pressed.add("PIDPressure")
    return frozenset(pressed)


def _available_memory() -> int:
    for line in _first_line("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return MEMORY_LOW


def _free_pids() -> float:
    """The part of process ids that is free: loadavg's fourth field counts what there is."""
    try:
        there = int(_first_line("/proc/loadavg").split()[3].partition("/")[2])
        most = int(_first_line("/proc/sys/kernel/pid_max"))
    except (IndexError, ValueError):
        return 1.0
    return 1 - there / max(most, 1)


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
        self._health = health
        self._sent: JsonObject = {}
        self._sent_at = 0.0
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
        mirror.add_handler(self._seen)
        await mirror.run()

    def _seen(self, key: str, old: JsonObject | None, new: JsonObject | None) -> None:
        del key, old
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
            self._health(),
            images,
            self._sent,
            now,
        )
        if not self.registered.is_set():
            await self._register(status)
        elif (
            status_differs(status, self._sent)
            or now - self._sent_at >= self._options.status_seconds
        ):
            await self._patch(status)

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
            self._tell("NodeReady", f"Node {self._options.node_name} status is now: NodeReady")

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
        await self._patch({**wanted["status"], "conditions": _conditions(
            self._health(), self._sent, self._kit.clock.now()
        )})  # fmt: skip

    def _took(self, node: JsonObject, status: JsonObject) -> None:
        self._uid = meta.uid(node)
        self._sent = status
        self._sent_at = self._kit.clock.now()

    async def _patch(self, status: JsonObject) -> None:
        """Strategic: conditions and addresses of others stay."""
        changed = {key: value for key, value in status.items() if value != self._sent.get(key)}
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

    def _tell(self, reason: str, message: str) -> None:
        about = Reference("v1", "Node", self._options.node_name, uid=self._uid)
        self._kit.events.event(about, reason, message)

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
