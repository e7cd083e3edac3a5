"""The Node object: what the machine is, what it offers, how it is.

`node_object` and `node_status` are pure; `read_machine` looks at the machine. What is wrong with it
`kubelet.pressure` finds out.
`kubelet.node` sends the results. Reasons and messages of conditions are Kubernetes'.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apimachinery import meta, ports
from apimachinery.wire import JsonObject
from kubelet.images.interface import Image
from kubelet.options import VERSION, Capacity, Options

IMAGES_MAX = 50
"""Names of images in the status, the largest first (Kubernetes' number)."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le"}
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
    port = options.serving.port if options.serving is not None else ports.KUBELET
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
        "conditions": conditions(health, previous, now),
    }


def _largest(images: Sequence[Image]) -> list[Image]:
    return sorted(images, key=lambda image: (-image.size_bytes, image.id))[:IMAGES_MAX]


def _image_entry(image: Image) -> JsonObject:
    return {"names": [*image.digests, *image.tags] or [image.id], "sizeBytes": image.size_bytes}


def conditions(health: Health, previous: JsonObject, now: float) -> list[JsonObject]:
    """The four conditions; transition times move only with their condition."""
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


def advertised(seen: JsonObject) -> dict[str, str | None]:
    """What has to change in allocatable so that it has all that others put into the capacity."""
    capacity, allocatable = seen.get("capacity") or {}, seen.get("allocatable") or {}
    known = {"cpu", "ephemeral-storage", "memory", "pods"}
    return {
        name: capacity.get(name)
        for name in (capacity.keys() | allocatable.keys()) - known
        if capacity.get(name) != allocatable.get(name)
    }


def _bare(status: JsonObject) -> JsonObject:
    bare = [
        {k: v for k, v in c.items() if k not in ("lastHeartbeatTime", "lastTransitionTime")}
        for c in status.get("conditions") or ()
    ]
    kept = ("capacity", "allocatable", "addresses", "daemonEndpoints", "nodeInfo", "images")
    return {**{key: status.get(key) for key in kept}, "conditions": bare}
