"""From a pod's spec to what the runtime is asked for. Pure.

`kubelet.starting` calls it with what had to be fetched (environment, mounts). Nothing of a pod spec
becomes a path here except names that the API server has checked to be labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from apimachinery import names
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import resources, sysctls
from kubelet.attempts import HASH_ANNOTATION
from kubelet.env import expand
from kubelet.options import Options
from kubelet.runtime.config import (
    ContainerConfig,
    DnsConfig,
    HostAlias,
    Mount,
    PortMapping,
    SandboxConfig,
    SeccompMode,
    Security,
)
from kubelet.runtime.interface import ContainerStatus

NDOTS = "ndots:5"
"""So that `name.ns` and `name.ns.svc` are tried with the search domains first."""
SEARCHES_MAX = 32
NAMESERVERS_MAX = 3
"""Kubernetes' bounds; resolvers ignore what is beyond."""


def log_directory_name(pod: JsonObject) -> str:
    return f"{reading.namespace(pod)}_{reading.name(pod)}_{reading.uid(pod)}"


def labels(pod: JsonObject) -> dict[str, str]:
    """What `crictl` and people expect on sandboxes and containers."""
    return {
        "io.kubernetes.pod.name": reading.name(pod),
        "io.kubernetes.pod.namespace": reading.namespace(pod),
        "io.kubernetes.pod.uid": reading.uid(pod),
    }


def sandbox_config(
    pod: JsonObject, number: int, options: Options, resolv_conf: str
) -> SandboxConfig:
    spec = pod["spec"]
    host_network = bool(spec.get("hostNetwork"))
    hostname, domain = host_names(pod, options.cluster_domain)
    return SandboxConfig(
        uid=reading.uid(pod),
        name=reading.name(pod),
        namespace=reading.namespace(pod),
        attempt=number,
        hostname=options.node_name if host_network else hostname,
        domain=domain,
        dns=dns_config(pod, options, resolv_conf),
        host_aliases=tuple(
            HostAlias(alias["ip"], tuple(alias.get("hostnames") or ()))
            for alias in spec.get("hostAliases") or ()
        ),
        log_directory=str(options.logs_dir / log_directory_name(pod)),
        labels=labels(pod),
        annotations={},
        cgroup_parent=resources.cgroup_parent(pod, options.cgroup_root),
        resources=resources.sandbox_resources(pod),
        port_mappings=() if host_network else port_mappings(pod),
        host_network=host_network,
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        share_process_namespace=bool(spec.get("shareProcessNamespace")),
        sysctls=sysctls.asked(pod),
    )


def host_names(pod: JsonObject, cluster_domain: str) -> tuple[str, str]:
    """(hostname, domain behind it in /etc/hosts)."""
    spec = pod["spec"]
    hostname = str(spec.get("hostname") or reading.name(pod))[: names.LABEL_MAX].rstrip("-.")
    domain = ""
    if spec.get("subdomain"):
        domain = f"{spec['subdomain']}.{reading.namespace(pod)}.svc.{cluster_domain}"
    if spec.get("setHostnameAsFQDN") and domain:
        hostname = f"{hostname}.{domain}"
    return hostname, domain


def port_mappings(pod: JsonObject) -> tuple[PortMapping, ...]:
    return tuple(
        PortMapping(
            port["containerPort"],
            port["hostPort"],
            port.get("protocol") or "TCP",
            port.get("hostIP") or "",
        )
        for container, _ in reading.containers(pod)
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def dns_config(pod: JsonObject, options: Options, resolv_conf: str) -> DnsConfig:
    """The pod's resolv.conf by its dnsPolicy, with its dnsConfig on top."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if spec.get("hostNetwork") and policy == "ClusterFirst":
        policy = "Default"
    node = parse_resolv_conf(resolv_conf)
    if policy == "None":
        base = DnsConfig()
    elif policy == "Default" or not options.cluster_dns:
        base = node
    else:
        domain = options.cluster_domain
        own = (f"{reading.namespace(pod)}.svc.{domain}", f"svc.{domain}", domain)
        base = DnsConfig(options.cluster_dns, (*own, *node.searches), (NDOTS,))
    extra = spec.get("dnsConfig") or {}
    settings = dict(_option(text) for text in base.options)
    for option in extra.get("options") or ():
        settings[option["name"]] = option.get("value")
    return DnsConfig(
        _unique((*base.servers, *(extra.get("nameservers") or ())))[:NAMESERVERS_MAX],
        _unique((*base.searches, *(extra.get("searches") or ())))[:SEARCHES_MAX],
        tuple(name if value is None else f"{name}:{value}" for name, value in settings.items()),
    )


def parse_resolv_conf(text: str) -> DnsConfig:
    servers: list[str] = []
    searches: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split(";", 1)[0].split()
        match words:
            case ["nameserver", server, *_]:
                servers.append(server)
            case ["search" | "domain", *domains]:
                searches = tuple(domains)
            case ["options", *given]:
                options += given
            case _:
                pass
    return DnsConfig(tuple(servers), searches, tuple(options))


def _option(text: str) -> tuple[str, str | None]:
    name, colon, value = text.partition(":")
    return name, value if colon else None


def _unique(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def default_pull_policy(reference: str) -> str:
    """Always for `:latest` or no tag, as the API server's defaults say it."""
    last = reference.rpartition("/")[2]
    if "@" in last:
        return "IfNotPresent"
    tag = last.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def container_config(
    pod: JsonObject,
    spec: JsonObject,
    number: int,
    *,
    env: Sequence[tuple[str, str]],
    mounts: Sequence[Mount],
    node_memory: int,
    data_dir: Path,
    annotations: Mapping[str, str],
) -> ContainerConfig:
    values = dict(env)
    name = str(spec["name"])
    return ContainerConfig(
        name=name,
        image=str(spec.get("image") or ""),
        attempt=number,
        command=tuple(expand(word, values) for word in spec.get("command") or ()),
        args=tuple(expand(word, values) for word in spec.get("args") or ()),
        env=tuple(env),
        working_dir=str(spec.get("workingDir") or ""),
        mounts=tuple(mounts),
        security=security(pod, spec, data_dir),
        resources=resources.container_resources(pod, spec, node_memory),
        tty=bool(spec.get("tty")),
        stdin=bool(spec.get("stdin")),
        stdin_once=bool(spec.get("stdinOnce")),
        log_path=f"{name}/{number}.log",
        labels={**labels(pod), "io.kubernetes.container.name": name},
        annotations={HASH_ANNOTATION: reading.spec_hash(spec), **annotations},
        termination_message_path=str(spec.get("terminationMessagePath") or "/dev/termination-log"),
        stop_signal=str((spec.get("lifecycle") or {}).get("stopSignal") or ""),
        target=str(spec.get("targetContainerName") or ""),
    )


def security(pod: JsonObject, spec: JsonObject, data_dir: Path) -> Security:
    """The container's security context over the pod's."""
    outer = pod["spec"].get("securityContext") or {}
    inner = spec.get("securityContext") or {}

    def either(key: str) -> object:
        return inner[key] if inner.get(key) is not None else outer.get(key)

    groups = [int(group) for group in outer.get("supplementalGroups") or ()]
    if outer.get("fsGroup") is not None:
        groups.append(int(outer["fsGroup"]))
    capabilities = inner.get("capabilities") or {}
    privileged = bool(inner.get("privileged"))
    mode, profile = _seccomp(either("seccompProfile"), data_dir, privileged=privileged)
    return Security(
        run_as_user=_number(either("runAsUser")),
        run_as_group=_number(either("runAsGroup")),
        supplemental_groups=tuple(dict.fromkeys(groups)),
        strict_groups=outer.get("supplementalGroupsPolicy") == "Strict",
        run_as_non_root=bool(either("runAsNonRoot")),
        privileged=privileged,
        capabilities_add=_capabilities(capabilities.get("add")),
        capabilities_drop=_capabilities(capabilities.get("drop")),
        read_only_rootfs=bool(inner.get("readOnlyRootFilesystem")),
        no_new_privileges=inner.get("allowPrivilegeEscalation") is False,
        seccomp=mode,
        seccomp_profile_path=profile,
        unmasked_proc=inner.get("procMount") == "Unmasked",
    )


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))


def _capabilities(values: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(value.upper().removeprefix("CAP_") for value in values or ())


def _seccomp(profile: object, data_dir: Path, *, privileged: bool) -> tuple[SeccompMode, str]:
    """Unlike Kubernetes, a pod that says nothing gets the runtime's profile (design §9)."""
    if privileged:
        return SeccompMode.UNCONFINED, ""
    if not isinstance(profile, dict):
        return SeccompMode.RUNTIME_DEFAULT, ""
    mode = SeccompMode(profile.get("type") or "RuntimeDefault")
    if mode is not SeccompMode.LOCALHOST:
        return mode, ""
    root = data_dir / "seccomp"
    path = (root / str(profile.get("localhostProfile") or "")).resolve()
    # The API server refuses `..`; a link inside the directory may not lead out either.
    return mode, str(path) if path.is_relative_to(root.resolve()) else str(root / "refused")


def with_message(status: ContainerStatus, message: str) -> ContainerStatus:
    return replace(status, termination_message=message)
