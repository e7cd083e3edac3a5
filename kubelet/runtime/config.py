"""What the agent asks of a runtime driver: pod sandboxes and containers, as plain values.

The shapes follow CRI v1 (PodSandboxConfig, ContainerConfig and below), trimmed to what a pod spec
can say. All paths named `host_path` are on the machine, all others inside the container. Nothing
here does anything; `interface.py` says what a driver makes of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Propagation(StrEnum):
    """How mounts made later cross a bind mount."""

    PRIVATE = "None"
    HOST_TO_CONTAINER = "HostToContainer"
    BIDIRECTIONAL = "Bidirectional"


class SeccompMode(StrEnum):
    """Which system calls a container may make."""

    RUNTIME_DEFAULT = "RuntimeDefault"
    UNCONFINED = "Unconfined"
    LOCALHOST = "Localhost"


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """The lines of /etc/resolv.conf."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostAlias:
    """One more line of /etc/hosts."""

    ip: str
    hostnames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A port of the pod that is also answered on the node (`hostPort`)."""

    container_port: int
    host_port: int
    protocol: str = "TCP"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """One attempt at a pod's surroundings: namespaces, address, /etc files, parent cgroup.

    (uid, attempt) identifies it: a second `run_pod_sandbox` with the same pair returns the
    sandbox that exists. `cgroup_parent` is a path below the controllers' roots, such as
    `/bireme/burstable/pod<uid>`; empty lets the driver choose `/bireme/pod<uid>`. `resources`
    are limits of the pod as a whole, set on that cgroup. `dns` None copies the node's file.
    """

    uid: str
    name: str
    namespace: str
    attempt: int = 0
    hostname: str = ""
    # The domain behind the hostname in /etc/hosts: `subdomain.ns.svc.cluster.local`, or nothing.
    domain: str = ""
    dns: DnsConfig | None = None
    host_aliases: tuple[HostAlias, ...] = ()
    # Where the logs of the pod's containers go; made by the driver.
    log_directory: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    cgroup_parent: str = ""
    resources: "Resources | None" = None
    port_mappings: tuple[PortMapping, ...] = ()
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    # One PID namespace for all containers of the pod.
    share_process_namespace: bool = False
    sysctls: Mapping[str, str] = field(default_factory=dict)
    shm_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount. The host path must exist: volumes are made by the agent before."""

    container_path: str
    host_path: str
    read_only: bool = False
    propagation: Propagation = Propagation.PRIVATE
    # Read-only is what is mounted below, too.
    recursive_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Security:
    """Who the process is and what it may do. None for a user means: as the image says."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    # Whether the image's /etc/group adds none of its own.
    strict_groups: bool = False
    run_as_non_root: bool = False
    privileged: bool = False
    # Names without CAP_, in upper case; ALL is understood in both.
    capabilities_add: tuple[str, ...] = ()
    capabilities_drop: tuple[str, ...] = ()
    read_only_rootfs: bool = False
    no_new_privileges: bool = False
    seccomp: SeccompMode = SeccompMode.RUNTIME_DEFAULT
    # For SeccompMode.LOCALHOST: an OCI seccomp document (JSON) on the machine.
    seccomp_profile_path: str = ""
    # procMount: Unmasked.
    unmasked_proc: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits as the kernel takes them; None or 0 leaves the kernel's default."""

    cpu_shares: int = 0
    cpu_quota: int = 0
    cpu_period: int = 0
    memory_limit_bytes: int = 0
    pids_limit: int = 0
    # Clamped by the driver to what the node's agent itself may set.
    oom_score_adj: int | None = None
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    hugepage_limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """One attempt at one container of a pod.

    `image` is a reference or an image id that the image service holds already. `command` replaces
    the image's entrypoint, `args` its command; both empty runs the image's own. The environment
    is the image's with `env` over it. `log_path` is relative to the sandbox's log directory.
    (name, attempt) is unique within a sandbox: creating it twice returns what exists.
    """

    name: str
    image: str
    attempt: int = 0
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    security: Security = Security()
    resources: Resources = Resources()
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    log_path: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    # A file there, made by the driver; what the process leaves in it is in the status.
    termination_message_path: str = "/dev/termination-log"
    # What stops it: empty means the image's STOPSIGNAL, else TERM.
    stop_signal: str = ""
    # A running container of the sandbox, by name, whose processes this one sees (a debugger).
    target: str = ""
