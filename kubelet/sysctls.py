"""Kernel settings that a pod may ask for without asking the node's owner. Pure.

Safe are those that end at the pod's own namespaces and cannot hurt its neighbours: Kubernetes'
list. Neighbours: `kubelet.admission` refuses the others, `kubelet.configs` spells the names for the
runtime.
"""

from apimachinery.wire import JsonObject

SAFE = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)
_SWAPPED = str.maketrans("./", "/.")


def dotted(name: str) -> str:
    """The name with dots: `net/ipv4/x` is another spelling, in which a dot is a slash."""
    first = next((char for char in name if char in "./"), ".")
    return name if first == "." else name.translate(_SWAPPED)


def asked(pod: JsonObject) -> dict[str, str]:
    """Value by dotted name."""
    context = pod["spec"].get("securityContext") or {}
    return {dotted(one["name"]): one["value"] for one in context.get("sysctls") or ()}


def forbidden(pod: JsonObject) -> str:
    """Why a pod may not run here; empty if it may."""
    for name in asked(pod):
        if name not in SAFE:
            return f'forbidden sysctl: "{name}" not allowlisted'
    return ""
