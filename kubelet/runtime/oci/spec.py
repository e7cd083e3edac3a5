"""config.json: what an OCI runtime is told about one container. Pure.

Everything that must be looked up (users, addresses, files, the node's own limits) comes in as
values; `containers.py` gathers them. The node's limits matter because an agent without
CAP_SYS_RESOURCE cannot give what it does not have: values are clamped, not refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubelet.images.interface import ImageConfig
from kubelet.runtime.config import (
    ContainerConfig,
    Mount,
    Propagation,
    Resources,
    SeccompMode,
    Security,
)
from kubelet.runtime.errors import CreateContainerError
from kubelet.runtime.interface import ProcessUser
from kubelet.runtime.oci import defaults, seccomp

JsonObject = dict[str, Any]

OCI_VERSION = "1.0.2"
SHM = "/dev/shm"  # noqa: S108 - the path inside a container
_PROPAGATIONS = {
    Propagation.PRIVATE: "rprivate",
    Propagation.HOST_TO_CONTAINER: "rslave",
    Propagation.BIDIRECTIONAL: "rshared",
}


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """What this node's agent can give."""

    machine: str
    capabilities: frozenset[str]
    # The lowest value that may be set, None when there is no limit.
    oom_score_floor: int | None
    open_files_hard: int
    limits_swap: bool
    unified: Mapping[str, str]
    # (path, type c/b, major, minor) of /dev, for privileged containers.
    devices: tuple[tuple[str, str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pod gives to a container."""

    # Namespace kind of the OCI specification → file; a kind without file is made anew.
    namespaces: Mapping[str, str | None]
    cgroup: str
    hostname: str
    # (path inside, path on the machine) of files that the driver made.
    files: tuple[tuple[str, str], ...]
    shm_path: str


def build(
    config: ContainerConfig,
    image: ImageConfig,
    user: ProcessUser,
    around: Surroundings,
    limits: NodeLimits,
    seccomp_document: JsonObject | None = None,
) -> JsonObject:
    """The whole document."""
    security = config.security
    capabilities = capability_set(security, limits.capabilities)
    linux: JsonObject = {
        "cgroupsPath": around.cgroup,
        "namespaces": [
            {"type": kind, "path": path} if path else {"type": kind}
            for kind, path in around.namespaces.items()
        ],
        "resources": _resources(config.resources, security, limits),
        "rootfsPropagation": _rootfs_propagation(config.mounts),
    }
    if not security.privileged:
        if not security.unmasked_proc:
            linux["maskedPaths"] = list(defaults.MASKED_PATHS)
            linux["readonlyPaths"] = list(defaults.READONLY_PATHS)
        profile = _seccomp(security, limits.machine, capabilities, seccomp_document)
        if profile is not None:
            linux["seccomp"] = profile
    else:
        linux["devices"] = [
            {"path": path, "type": kind, "major": major, "minor": minor, "fileMode": 0o660}
            for path, kind, major, minor in limits.devices
        ]
    return {
        "ociVersion": OCI_VERSION,
        "process": _process(config, image, user, around, capabilities, limits),
        "root": {"path": "rootfs", "readonly": security.read_only_rootfs},
        "mounts": _mounts(config, around),
        "linux": linux,
    }


def arguments(config: ContainerConfig, image: ImageConfig) -> list[str]:
    """Kubernetes' rule: command replaces the entrypoint and silences the image's own command."""
    if config.command:
        return [*config.command, *config.args]
    result = [*image.entrypoint, *(config.args or image.command)]
    if not result:
        raise CreateContainerError(
            f'no command specified: image "{config.image}" has none and the container gives none'
        )
    return result


def environment(config: ContainerConfig, image: ImageConfig, hostname: str) -> list[str]:
    values = {"PATH": defaults.PATH, "HOSTNAME": hostname}
    if config.tty:
        values["TERM"] = "xterm"
    for entry in image.env:
        name, _, value = entry.partition("=")
        values[name] = value
    values.update(config.env)
    return [f"{name}={value}" for name, value in values.items()]


def capability_set(security: Security, available: frozenset[str]) -> frozenset[str]:
    """Names without CAP_. What the agent does not hold itself cannot be given."""
    if security.privileged:
        return available
    drop = {_plain(name) for name in security.capabilities_drop}
    add = {_plain(name) for name in security.capabilities_add}
    held = set() if "ALL" in drop else set(defaults.CAPABILITIES) - drop
    held |= available if "ALL" in add else add
    if "ALL" in add:
        held -= drop
    return frozenset(held) & available


def _plain(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _process(
    config: ContainerConfig,
    image: ImageConfig,
    user: ProcessUser,
    around: Surroundings,
    capabilities: frozenset[str],
    limits: NodeLimits,
) -> JsonObject:
    names = sorted(f"CAP_{name}" for name in capabilities)
    hard = min(defaults.OPEN_FILES_HARD, limits.open_files_hard)
    process: JsonObject = {
        "terminal": config.tty,
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.groups)},
        "args": arguments(config, image),
        "env": environment(config, image, around.hostname),
        "cwd": config.working_dir or image.working_dir or "/",
        "noNewPrivileges": config.security.no_new_privileges,
        "capabilities": {"bounding": names, "effective": names, "permitted": names},
        "rlimits": [
            {
                "type": "RLIMIT_NOFILE",
                "soft": min(defaults.OPEN_FILES_SOFT, hard),
                "hard": hard,
            }
        ],
    }
    score = config.resources.oom_score_adj
    if score is not None:
        floor = limits.oom_score_floor
        process["oomScoreAdj"] = score if floor is None else max(score, floor)
    return process


def _resources(wanted: Resources, security: Security, limits: NodeLimits) -> JsonObject:
    document: JsonObject = {
        "devices": [{"allow": security.privileged, "access": "rwm"}],
    }
    cpu: JsonObject = {
        "shares": wanted.cpu_shares,
        "quota": wanted.cpu_quota,
        "period": wanted.cpu_period,
        "cpus": wanted.cpuset_cpus,
        "mems": wanted.cpuset_mems,
    }
    cpu = {name: value for name, value in cpu.items() if value}
    if cpu:
        document["cpu"] = cpu
    if wanted.memory_limit_bytes:
        document["memory"] = {"limit": wanted.memory_limit_bytes}
        if limits.limits_swap:
            # Memory and swap together: no swap on top of the limit.
            document["memory"]["swap"] = wanted.memory_limit_bytes
    if wanted.pids_limit:
        document["pids"] = {"limit": wanted.pids_limit}
    if wanted.hugepage_limits:
        document["hugepageLimits"] = [
            {"pageSize": size, "limit": limit} for size, limit in wanted.hugepage_limits.items()
        ]
    if limits.unified:
        document["unified"] = dict(limits.unified)
    return document


def _seccomp(
    security: Security,
    machine: str,
    capabilities: frozenset[str],
    document: JsonObject | None,
) -> JsonObject | None:
    match security.seccomp:
        case SeccompMode.UNCONFINED:
            return None
        case SeccompMode.LOCALHOST:
            return document
        case SeccompMode.RUNTIME_DEFAULT:
            return seccomp.default_profile(machine, capabilities)


def _mounts(config: ContainerConfig, around: Surroundings) -> list[JsonObject]:
    privileged = config.security.privileged
    access = "rw" if privileged else "ro"
    taken = {_clean(mount.container_path) for mount in config.mounts}
    mounts = [
        _mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount(
            "/dev/pts",
            "devpts",
            "devpts",
            ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        _mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
        _mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", access]),
        _mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            ["nosuid", "noexec", "nodev", "relatime", access],
        ),
    ]
    if around.shm_path:
        mounts.append(_bind(SHM, around.shm_path, ["rbind", "rprivate", "rw"]))
    for inside, outside in around.files:
        mode = "ro" if config.security.read_only_rootfs and inside.startswith("/etc/") else "rw"
        mounts.append(_bind(inside, outside, ["rbind", "rprivate", mode]))
    mounts = [mount for mount in mounts if _clean(mount["destination"]) not in taken]
    # Parents before children, whatever the order in the pod.
    for mount in sorted(config.mounts, key=lambda m: _clean(m.container_path).count("/")):
        read_only = "rro" if mount.recursive_read_only else "ro"
        mode = read_only if mount.read_only else "rw"
        options = ["rbind", _PROPAGATIONS[mount.propagation], mode]
        mounts.append(_bind(mount.container_path, mount.host_path, options))
    return mounts


def _mount(destination: str, kind: str, source: str, options: Sequence[str]) -> JsonObject:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def _bind(destination: str, source: str, options: Sequence[str]) -> JsonObject:
    return _mount(destination, "bind", source, options)


def _clean(path: str) -> str:
    return "/" + "/".join(part for part in path.split("/") if part not in {"", "."})


def _rootfs_propagation(mounts: Sequence[Mount]) -> str:
    kinds = {mount.propagation for mount in mounts}
    if Propagation.BIDIRECTIONAL in kinds:
        return "shared"
    return "rslave" if Propagation.HOST_TO_CONTAINER in kinds else "private"
