"""The baseline level: what is known to let a pod out of its container is refused. Pure.

One function per check of Kubernetes' pod security standards, in the words in which Kubernetes
tells about it. Neighbours: `restricted` asks for more, `versions` puts them in order.
"""

from apimachinery import status
from apimachinery.wire import JsonObject
from apiserver.admission.podsecurity.finding import (
    Finding,
    Pod,
    named,
    plural,
    pod_and,
    quoted,
    security,
)

CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
"""What container runtimes give by default."""

SYSCTLS: tuple[tuple[int, frozenset[str]], ...] = (
    (0, frozenset({
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range",
        "net.ipv4.tcp_syncookies",
    })),
    (27, frozenset({"net.ipv4.ip_local_reserved_ports"})),
    (29, frozenset({
        "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
    })),
    (32, frozenset({"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"})),
)  # fmt: skip
"""Kernel settings that belong to the pod alone, by the minor version that allowed them."""

OLD_SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
SELINUX_TYPES = OLD_SELINUX_TYPES | {"container_engine_t"}

SECCOMP_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/"

APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def apparmor(pod: Pod) -> Finding | None:
    """No profile but the runtime's own or one of the node's."""
    told = []
    if _unconfined(pod.context, "appArmorProfile"):
        told.append('pod must not set AppArmor profile type to "Unconfined"')
    bad = [one["name"] for one in pod.containers() if _unconfined(security(one), "appArmorProfile")]
    if bad:
        told.append(f'{named("container", bad)} must not set AppArmor profile type to "Unconfined"')
    annotations = pod.metadata.get("annotations") or {}
    worse = sorted(
        f'{key}="{value}"'
        for key, value in annotations.items()
        if key.startswith(APPARMOR_ANNOTATION)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    if worse:
        told.append(f"{plural('annotation', worse)} {', '.join(worse)}")
    if not told:
        return None
    return Finding(plural("forbidden AppArmor profile", told), "; ".join(told))


def _unconfined(context: JsonObject, key: str) -> bool:
    return bool((context.get(key) or {}).get("type") == "Unconfined")


def capabilities(pod: Pod) -> Finding | None:
    """None beyond those that runtimes give by default."""
    bad, added = added_beyond(pod, CAPABILITIES)
    if not bad:
        return None
    return Finding("non-default capabilities", not_included(bad, added))


def added_beyond(pod: Pod, allowed: frozenset[str]) -> tuple[list[str], list[str]]:
    """Containers that add capabilities which are not allowed, and these capabilities."""
    containers, found = [], set()
    for container in pod.containers():
        wanted = (security(container).get("capabilities") or {}).get("add") or ()
        if beyond := set(wanted) - allowed:
            containers.append(container["name"])
            found |= beyond
    return containers, sorted(found)


def not_included(containers: list[str], added: list[str]) -> str:
    return (
        f"{named('container', containers)} must not include {quoted(added)} in "
        "securityContext.capabilities.add"
    )


def host_namespaces(pod: Pod) -> Finding | None:
    wanted = [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key)]
    if not wanted:
        return None
    return Finding("host namespaces", ", ".join(f"{key}=true" for key in wanted))


def host_paths(pod: Pod) -> Finding | None:
    bad = [one["name"] for one in pod.spec.get("volumes") or () if one.get("hostPath") is not None]
    return Finding("hostPath volumes", named("volume", bad)) if bad else None


def host_ports(pod: Pod) -> Finding | None:
    containers, ports = [], set()
    for container in pod.containers():
        wanted = {port["hostPort"] for port in container.get("ports") or () if port.get("hostPort")}
        if wanted:
            containers.append(container["name"])
            ports |= wanted
    if not containers:
        return None
    numbers = [str(port) for port in sorted(ports)]
    use = "uses" if len(containers) == 1 else "use"
    detail = f"{named('container', containers)} {use} {plural('hostPort', numbers)}"
    return Finding("hostPort", f"{detail} {', '.join(numbers)}")


def probe_hosts(pod: Pod) -> Finding | None:
    """Probes and hooks go to the pod itself, not from the node to anywhere."""
    containers, hosts = [], set()
    for container in pod.containers():
        if wanted := _hosts(container):
            containers.append(container["name"])
            hosts |= wanted
    if not containers:
        return None
    use = "uses" if len(containers) == 1 else "use"
    found = sorted(hosts)
    return Finding(
        "probe or lifecycle host",
        f"{named('container', containers)} {use} probe or lifecycle {named('host', found)}",
    )


def _hosts(container: JsonObject) -> set[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [
        container.get(key) for key in ("livenessProbe", "readinessProbe", "startupProbe")
    ] + [lifecycle.get(key) for key in ("postStart", "preStop")]
    hosts = {
        str((handler.get(key) or {}).get("host") or "")
        for handler in handlers
        if handler
        for key in ("httpGet", "tcpSocket")
    }
    return hosts - {""}


def privileged(pod: Pod) -> Finding | None:
    bad = [one["name"] for one in pod.containers() if security(one).get("privileged")]
    if not bad:
        return None
    return Finding(
        "privileged", f"{named('container', bad)} must not set securityContext.privileged=true"
    )


def proc_mount(pod: Pod) -> Finding | None:
    containers, kinds = [], set()
    for container in pod.containers():
        kind = security(container).get("procMount")
        if kind and kind != "Default":
            containers.append(container["name"])
            kinds.add(kind)
    if not containers:
        return None
    told = f"{named('container', containers)} must not set securityContext.procMount to"
    return Finding("procMount", f"{told} {quoted(sorted(kinds))}")


def selinux(pod: Pod, allowed: frozenset[str] = SELINUX_TYPES) -> Finding | None:
    """Only types made for containers; users and roles are the node's business."""
    types: set[str] = set()
    flags: set[str] = set()

    def wrong(context: JsonObject) -> bool:
        options = context.get("seLinuxOptions") or {}
        kind = options.get("type") or ""
        said = {key for key in ("user", "role") if options.get(key)}
        if kind not in allowed:
            types.add(kind)
        flags.update(said)
        return kind not in allowed or bool(said)

    own = wrong(pod.context)
    bad = [one["name"] for one in pod.containers() if wrong(security(one))]
    if not own and not bad:
        return None
    told = [f"{plural('type', sorted(types))} {quoted(sorted(types))}"] if types else []
    told += [f"{key} may not be set" for key in ("user", "role") if key in flags]
    head = f"{pod_and(own, bad)} set forbidden securityContext.seLinuxOptions"
    return Finding("seLinuxOptions", f"{head}: {'; '.join(told)}")


def seccomp(pod: Pod) -> Finding | None:
    own = _unconfined(pod.context, "seccompProfile")
    bad = [one["name"] for one in pod.containers() if _unconfined(security(one), "seccompProfile")]
    if not own and not bad:
        return None
    told = 'must not set securityContext.seccompProfile.type to "Unconfined"'
    return Finding("seccompProfile", f"{pod_and(own, bad)} {told}")


def seccomp_annotations(pod: Pod) -> Finding | None:
    """As it was said before there was a field."""
    told = pod.metadata.get("annotations") or {}
    keys = [f"{SECCOMP_CONTAINER_ANNOTATION}{one['name']}" for one in pod.containers()]
    bad = {
        f"{key}={status.quote(told[key])}"
        for key in (SECCOMP_ANNOTATION, *keys)
        if key in told
        and told[key] not in ("runtime/default", "docker/default")
        and not told[key].startswith("localhost/")
    }
    if not bad:
        return None
    found = sorted(bad)
    return Finding("seccompProfile", f"forbidden {plural('annotation', found)} {', '.join(found)}")


def sysctls(pod: Pod, allowed: frozenset[str]) -> Finding | None:
    wanted = [one.get("name", "") for one in pod.context.get("sysctls") or ()]
    bad = [name for name in wanted if name not in allowed]
    return Finding("forbidden sysctls", ", ".join(bad)) if bad else None


def host_process(pod: Pod) -> Finding | None:
    def asked(context: JsonObject) -> bool:
        return bool((context.get("windowsOptions") or {}).get("hostProcess"))

    own = asked(pod.context)
    bad = [one["name"] for one in pod.containers() if asked(security(one))]
    if not own and not bad:
        return None
    told = "must not set securityContext.windowsOptions.hostProcess=true"
    return Finding("hostProcess", f"{pod_and(own, bad)} {told}")
