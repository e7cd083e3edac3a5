"""What this node cannot give a pod, said before anything is made for it. Pure.

A field that asks for protection must never be passed over: the pod waits, and an Event says why.
Neighbours: `kubelet.starting` asks first, `kubelet.configs` spells what the node can do.
"""

from apimachinery.wire import JsonObject
from kubelet import configs

HOSTNAME_MAX = 64
"""Characters of the kernel's own host name."""


def lacking(pod: JsonObject, cluster_domain: str) -> str:
    """Why no sandbox is made; empty where nothing is missing."""
    spec = pod["spec"]
    if spec.get("hostUsers") is False and not spec.get("hostNetwork"):
        return "hostUsers is false, and this node has no user namespaces for pods"
    hostname, _ = configs.host_names(pod, cluster_domain)
    if len(hostname) > HOSTNAME_MAX:
        return (
            "Failed to construct FQDN from Pod hostname and cluster domain, FQDN "
            f"{hostname} is too long ({HOSTNAME_MAX} characters is the max, "
            f"{len(hostname)} characters requested)"
        )
    return ""
