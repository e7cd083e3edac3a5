"""What a node's agent may do: its own node, its own pods, and what these pods refer to.

A stolen node key must not open the cluster: secrets, config maps and volume claims can be read
only while a pod that uses them is bound to this node, tokens can be asked for only on behalf of
such a pod's account. Neighbours: `authz` (asks it before RBAC). All answers come from
the watch cache; nothing is kept here.
"""

from collections.abc import Iterator

from apimachinery import fields, scheme, wire
from apiserver import attributes
from apiserver.cache import Entry, WatchCache

GROUP = "system:nodes"
PREFIX = "system:node:"
LEASES = "kube-node-lease"

_READ = ("get", "list", "watch")
_REFERENCED = {("", "secrets"), ("", "configmaps"), ("", "persistentvolumeclaims")}

_OPEN: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "services"): _READ,
    ("", "endpoints"): _READ,
    ("", "namespaces"): _READ,
    ("", "nodes"): (*_READ, "create"),
    ("", "pods"): _READ,
    ("", "persistentvolumes"): _READ,
    ("", "events"): ("create", "update", "patch"),
    ("events.k8s.io", "events"): ("create", "update", "patch"),
    ("discovery.k8s.io", "endpointslices"): _READ,
    ("networking.k8s.io", "networkpolicies"): _READ,
    ("node.k8s.io", "runtimeclasses"): _READ,
    ("storage.k8s.io", "storageclasses"): _READ,
    ("storage.k8s.io", "csidrivers"): _READ,
    ("certificates.k8s.io", "certificatesigningrequests"): (*_READ, "create"),
    ("offers.bireme.dev", "executors"): _READ,
    ("authentication.k8s.io", "tokenreviews"): ("create",),
    ("authorization.k8s.io", "subjectaccessreviews"): ("create",),
}
"""What any node may do with these, whatever the object: it needs them to route and to run."""

_OWN_PODS = {"": ("delete",), "status": ("update", "patch"), "eviction": ("create",)}
"""Subresource → verbs on pods that are bound to the node."""


class NodeAuthorizer:
    """Allows what agents need; what it does not allow may still be granted by a role."""

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    def concerns(self, user: wire.UserInfo) -> bool:
        """Whether the user is a node."""
        return user.name.startswith(PREFIX) and GROUP in user.groups

    def authorize(self, asked: attributes.Attributes) -> attributes.Decision:
        node = asked.user.name.removeprefix(PREFIX)
        what = (asked.group, asked.resource)
        if not asked.is_resource:
            return attributes.Decision(allowed=False)
        if not asked.subresource and asked.verb in _OPEN.get(what, ()):
            return attributes.ALLOW
        if what in _REFERENCED:
            return self._referenced(node, asked)
        if what == ("", "serviceaccounts"):
            return self._account(node, asked)
        if self._own(node, asked):
            return attributes.ALLOW
        return attributes.Decision(
            allowed=False, reason=f'node "{node}" may only change itself, its lease and its pods'
        )

    def _own(self, node: str, asked: attributes.Attributes) -> bool:
        """The node's own object, status, lease, pods."""
        match asked.group, asked.resource:
            case "", "nodes":
                return asked.name == node and asked.subresource in ("", "status")
            case "coordination.k8s.io", "leases":
                named = asked.name == node or (asked.verb == "create" and not asked.name)
                return asked.namespace == LEASES and named
            case "", "pods":
                if asked.verb not in _OWN_PODS.get(asked.subresource, ()):
                    return False
                return self._runs(node, asked.namespace, asked.name)
            case "offers.bireme.dev", "executors":
                if asked.subresource != "status" or asked.verb not in ("update", "patch"):
                    return False
                return self._hosts(node, asked.namespace, asked.name)
            case _:
                return False

    def _runs(self, node: str, namespace: str, name: str) -> bool:
        entry = self._cache.get(scheme.PODS, namespace, name)
        return entry is not None and (entry.parse().get("spec") or {}).get("nodeName") == node

    def _hosts(self, node: str, namespace: str, name: str) -> bool:
        entry = self._cache.get(scheme.EXECUTORS, namespace, name)
        return entry is not None and (entry.parse().get("spec") or {}).get("agentID") == node

    def _referenced(self, node: str, asked: attributes.Attributes) -> attributes.Decision:
        if asked.verb not in _READ or not asked.name or asked.subresource:
            return attributes.Decision(
                allowed=False, reason=f"nodes can read {asked.resource} one by one only"
            )
        for entry in self._pods(node, asked.namespace):
            if (asked.resource, asked.name) in references(entry.parse()):
                return attributes.ALLOW
        return attributes.Decision(
            allowed=False,
            reason=f'no relationship found between node "{node}" and this object',
        )

    def _account(self, node: str, asked: attributes.Attributes) -> attributes.Decision:
        wanted = (asked.verb, asked.subresource)
        if wanted in (("create", "token"), ("get", "")) and asked.name:
            for entry in self._pods(node, asked.namespace):
                spec = entry.parse().get("spec") or {}
                if (spec.get("serviceAccountName") or "default") == asked.name:
                    return attributes.ALLOW
        return attributes.Decision(
            allowed=False, reason=f'no pod of this service account runs on node "{node}"'
        )

    def _pods(self, node: str, namespace: str) -> list[Entry]:
        bound = fields.parse_field_selector(f"spec.nodeName={node}")
        return self._cache.list(scheme.PODS, namespace, fields=bound).entries


def references(pod: wire.JsonObject) -> set[tuple[str, str]]:
    """(plural, name) of every secret, config map and claim that a pod uses."""
    spec = pod.get("spec") or {}
    found = {("secrets", s["name"]) for s in spec.get("imagePullSecrets") or () if "name" in s}
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            found.update(_environment(container))
    for volume in spec.get("volumes") or ():
        found.update(_volume(volume))
        if volume.get("ephemeral") is not None:
            found.add(("persistentvolumeclaims", f"{pod['metadata']['name']}-{volume['name']}"))
    return found


def _environment(container: wire.JsonObject) -> Iterator[tuple[str, str]]:
    sources = [("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")]
    for variable in container.get("env") or ():
        for key, plural in sources:
            if reference := (variable.get("valueFrom") or {}).get(key):
                yield plural, reference.get("name", "")
    for source in container.get("envFrom") or ():
        for key, plural in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if reference := source.get(key):
                yield plural, reference.get("name", "")


def _volume(volume: wire.JsonObject) -> Iterator[tuple[str, str]]:
    if source := volume.get("secret"):
        yield "secrets", source.get("secretName", "")
    if source := volume.get("configMap"):
        yield "configmaps", source.get("name", "")
    if source := volume.get("persistentVolumeClaim"):
        yield "persistentvolumeclaims", source.get("claimName", "")
    for source in (volume.get("projected") or {}).get("sources") or ():
        if reference := source.get("secret"):
            yield "secrets", reference.get("name", "")
        if reference := source.get("configMap"):
            yield "configmaps", reference.get("name", "")
