"""What a node's agent may do: its own node, its own pods, and what these pods refer to.

A stolen node key must not open the cluster: secrets, config maps, claims and volumes can be read
only while a pod that uses them is bound to this node, pods and nodes only this node's, tokens can be
asked for only on behalf of such a pod's account. The rules and words are Kubernetes'. What the
network of a node needs besides, the role `system:bireme:node-network` grants. Neighbours: `authz`
(asks it before RBAC). All answers come from the watch cache; nothing is kept here.
"""

from collections.abc import Callable, Iterator

from apimachinery import fields, scheme, wire
from apiserver.attributes import ALLOW, Attributes, Decision
from apiserver.cache import Entry, WatchCache

GROUP = "system:nodes"
PREFIX = "system:node:"
LEASES = "kube-node-lease"

_READ = ("get", "list", "watch")
_WRITE = ("update", "patch")

_OPEN: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "services"): _READ,
    ("", "events"): ("create", "update", "patch"),
    ("events.k8s.io", "events"): ("create", "update", "patch"),
    ("node.k8s.io", "runtimeclasses"): _READ,
    ("storage.k8s.io", "csidrivers"): _READ,
    ("certificates.k8s.io", "certificatesigningrequests"): (*_READ, "create"),
    ("offers.bireme.dev", "executors"): _READ,
    ("authentication.k8s.io", "tokenreviews"): ("create",),
    ("authorization.k8s.io", "subjectaccessreviews"): ("create",),
    ("authorization.k8s.io", "localsubjectaccessreviews"): ("create",),
}
"""What any node may do with these, whatever the object: it needs them to run pods."""

_OWN_OBJECTS = ("get", "create", "update", "patch", "delete")
"""Verbs on the lease and the CSINode of a node. The name of a new one is looked at by admission."""

_DENIED = Decision(allowed=False)
_Rule = Callable[[str, Attributes], Decision]


def _no(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)


def _unrelated(node: str) -> Decision:
    return _no(f"no relationship found between node '{node}' and this object")


class NodeAuthorizer:
    """Allows what agents need; what it does not allow may still be granted by a role."""

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache
        self._rules: dict[tuple[str, str], _Rule] = {
            ("", "secrets"): self._referenced,
            ("", "configmaps"): self._referenced,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._volume,
            ("", "serviceaccounts"): self._account,
            ("", "nodes"): _node,
            ("", "pods"): self._pod,
            ("coordination.k8s.io", "leases"): _lease,
            ("storage.k8s.io", "csinodes"): _csi_node,
        }

    def concerns(self, user: wire.UserInfo) -> bool:
        """Whether the user is a node."""
        return user.name.startswith(PREFIX) and GROUP in user.groups

    def authorize(self, asked: Attributes) -> Decision:
        node = asked.user.name.removeprefix(PREFIX)
        what = (asked.group, asked.resource)
        if not asked.is_resource:
            return _DENIED
        if not asked.subresource and asked.verb in _OPEN.get(what, ()):
            return ALLOW
        if rule := self._rules.get(what):
            return rule(node, asked)
        if what == ("offers.bireme.dev", "executors") and asked.subresource == "status":
            hosted = asked.verb in _WRITE and self._hosts(node, asked.namespace, asked.name)
            return ALLOW if hosted else _DENIED
        return _DENIED

    # --- its pods --------------------------------------------------------------------------------

    def _pod(self, node: str, asked: Attributes) -> Decision:
        match asked.subresource, asked.verb:
            case "", "create":
                return ALLOW  # of mirror pods: admission looks at the body
            case "", "list" | "watch" if not asked.name:
                selector = asked.field_selector
                if selector is not None and selector.exact_value("spec.nodeName") == node:
                    return ALLOW
                return _no("can only list/watch pods with spec.nodeName field selector")
            case (("", "get" | "list" | "watch" | "delete")
                  | ("status", "update" | "patch") | ("eviction", "create")):  # fmt: skip
                if self._runs(node, asked.namespace, asked.name):
                    return ALLOW
                return _unrelated(node)
            case _:
                return _DENIED

    def _runs(self, node: str, namespace: str, name: str) -> bool:
        entry = self._cache.get(scheme.PODS, namespace, name)
        return entry is not None and (entry.parse().get("spec") or {}).get("nodeName") == node

    def _hosts(self, node: str, namespace: str, name: str) -> bool:
        entry = self._cache.get(scheme.EXECUTORS, namespace, name)
        return entry is not None and (entry.parse().get("spec") or {}).get("agentID") == node

    # --- what they use ---------------------------------------------------------------------------

    def _referenced(self, node: str, asked: Attributes) -> Decision:
        if asked.verb not in _READ:
            return _no("can only read resources of this type")
        if asked.subresource:
            return _no("cannot read subresource")
        if not asked.namespace:
            return _no("can only read namespaced object of this type")
        if not asked.name:
            return _no("No Object name found")
        used = self._uses(node, asked.namespace, (asked.resource, asked.name))
        return ALLOW if used else _unrelated(node)

    def _claim(self, node: str, asked: Attributes) -> Decision:
        """Like the above; and agents tell how far a claim has grown."""
        if (asked.subresource, asked.verb) in (("status", "update"), ("status", "patch")):
            used = self._uses(node, asked.namespace, (asked.resource, asked.name))
            return ALLOW if used else _unrelated(node)
        return self._referenced(node, asked)

    def _volume(self, node: str, asked: Attributes) -> Decision:
        if asked.verb != "get":
            return _no("can only get individual resources of this type")
        entry = self._cache.get(scheme.PERSISTENTVOLUMES, "", asked.name)
        claim = ((entry.parse().get("spec") or {}).get("claimRef") or {}) if entry else {}
        what = ("persistentvolumeclaims", claim.get("name", ""))
        if claim and self._uses(node, claim.get("namespace", ""), what):
            return ALLOW
        return _unrelated(node)

    def _account(self, node: str, asked: Attributes) -> Decision:
        wanted = (asked.verb, asked.subresource)
        if wanted not in (("create", "token"), ("get", "")) or not asked.name:
            return _no("can only create tokens for individual service accounts")
        for entry in self._pods(node, asked.namespace):
            spec = entry.parse().get("spec") or {}
            if (spec.get("serviceAccountName") or "default") == asked.name:
                return ALLOW
        return _unrelated(node)

    def _uses(self, node: str, namespace: str, what: tuple[str, str]) -> bool:
        """Whether a pod of the node uses an object of its namespace."""
        pods = self._pods(node, namespace) if namespace else ()
        return any(what in references(entry.parse()) for entry in pods)

    def _pods(self, node: str, namespace: str) -> list[Entry]:
        bound = fields.parse_field_selector(f"spec.nodeName={node}")
        return self._cache.list(scheme.PODS, namespace, fields=bound).entries


def _node(node: str, asked: Attributes) -> Decision:
    """Its own object. One that it makes is looked at by admission."""
    match asked.subresource, asked.verb:
        case ("", "update" | "patch" | "delete") | ("status", "update" | "patch"):
            return ALLOW if asked.name == node else _unrelated(node)
        case "", "create":
            return ALLOW
        case "", "get" | "list" | "watch":
            if asked.name == node:
                return ALLOW
            if not asked.name:
                return _no(f"node '{node}' cannot read all nodes, only its own Node object")
            return _no(f"node '{node}' cannot read '{asked.name}', only its own Node object")
        case _:
            return _DENIED


def _lease(node: str, asked: Attributes) -> Decision:
    if asked.verb not in _OWN_OBJECTS:
        return _no("can only get, create, update, patch, or delete a node lease")
    if asked.namespace != LEASES:
        return _no(f'can only access leases in the "{LEASES}" system namespace')
    if asked.verb != "create" and asked.name != node:
        return _no("can only access node lease with the same name as the requesting node")
    return ALLOW


def _csi_node(node: str, asked: Attributes) -> Decision:
    if asked.verb not in _OWN_OBJECTS:
        return _no("can only get, create, update, patch, or delete a CSINode")
    if asked.subresource:
        return _no("cannot authorize CSINode subresources")
    if asked.verb != "create" and asked.name != node:
        return _no("can only access CSINode with the same name as the requesting node")
    return ALLOW


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
