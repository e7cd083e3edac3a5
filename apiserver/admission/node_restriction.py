"""NodeRestriction: what a node's agent writes must be about itself.

The node authorizer looks at names in URLs; here are the bodies: names of new objects, taints and
labels that steer pods, the pod that a token is bound to, pods that a node claims to mirror.
Kubernetes' rules in its words. Neighbours: `apiserver.access.node_authz`.
"""

from collections.abc import Callable
from typing import ClassVar

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from apiserver.access import node_authz
from apiserver.admission.chain import CREATE, DELETE, UPDATE, Attempt, Plugin
from apiserver.cache import WatchCache

GROUP = "system:nodes"
PREFIX = "system:node:"
LEASES = "kube-node-lease"
MIRROR = "kubernetes.io/config.mirror"
RESERVED_LABELS = "node-restriction.kubernetes.io/"
"""Labels that users trust to isolate workloads: a stolen node key must not set them."""

_KUBERNETES = ("kubernetes.io", "k8s.io")
_OWN_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")
_OWN_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    }
)
"""Labels in Kubernetes' name space that agents set themselves."""


class NodeRestriction(Plugin):
    """Refuses; changes nothing."""

    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {
            "nodes",
            "pods",
            "leases.coordination.k8s.io",
            "serviceaccounts",
            "csinodes.storage.k8s.io",
        }
    )
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE, DELETE})
    subresources: ClassVar[frozenset[str]] = frozenset({"", "status", "token", "eviction"})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache
        self._rules: dict[str, Callable[[Attempt, str, JsonObject], None]] = {
            "nodes": _node,
            "leases.coordination.k8s.io": _lease,
            "csinodes.storage.k8s.io": _csi_node,
            "serviceaccounts": self._account,
            "pods": _pod,
        }

    async def validate(self, attempt: Attempt) -> None:
        user = attempt.user
        if GROUP not in user.groups or not user.name.startswith(PREFIX):
            return
        node = user.name.removeprefix(PREFIX)
        self._rules[attempt.resource.gr](attempt, node, attempt.obj or {})

    def _account(self, attempt: Attempt, node: str, obj: JsonObject) -> None:
        """A token only for a pod that runs here as this account."""
        if attempt.subresource != "token":
            return
        reference = (obj.get("spec") or {}).get("boundObjectRef") or {}
        if reference.get("kind") != "Pod" or not reference.get("uid"):
            raise _refused(attempt, f"node {status.quote(node)} requested token not bound to a pod")
        name = reference.get("name", "")
        entry = self._cache.get(scheme.PODS, attempt.namespace, name)
        if entry is None:
            raise status.not_found("pods", name)
        if (entry.parse().get("spec") or {}).get("nodeName") != node:
            raise _refused(
                attempt,
                f"node {status.quote(node)} requested token bound to a pod scheduled on a "
                "different node",
            )


def _lease(attempt: Attempt, node: str, obj: JsonObject) -> None:
    if attempt.namespace != LEASES:
        text = f'can only access leases in the "{LEASES}" system namespace'
        raise _refused(attempt, text)
    if (meta.name(obj) if obj else attempt.name) != node:
        text = "can only access node lease with the same name as the requesting node"
        raise _refused(attempt, text)


def _csi_node(attempt: Attempt, node: str, obj: JsonObject) -> None:
    if (meta.name(obj) if obj else attempt.name) != node:
        text = "can only access CSINode with the same name as the requesting node"
        raise _refused(attempt, text)


# --- nodes ---------------------------------------------------------------------------------------


def _node(attempt: Attempt, node: str, obj: JsonObject) -> None:
    """A node's own object: everything but what keeps pods off it or draws them to it."""
    name = (meta.name(obj) if obj else "") or attempt.name
    if name != node:
        text = f"node {status.quote(node)} is not allowed to modify node {status.quote(name)}"
        raise _refused(attempt, text)
    if attempt.operation == DELETE:
        return
    if attempt.old is not None and _taints(obj) != _taints(attempt.old):
        raise _refused(attempt, f"node {status.quote(node)} is not allowed to modify taints")
    now, then = meta.labels(obj), meta.labels(attempt.old or {"metadata": {}})
    changed = sorted(
        key
        for key in now.keys() | then.keys()
        if now.get(key) != then.get(key) and not _own_label(key)
    )
    if changed:
        raise _refused(attempt, f"is not allowed to modify labels: {', '.join(changed)}")


def _own_label(key: str) -> bool:
    """Whether an agent may set a label: those of others, and Kubernetes' own about a machine."""
    prefix = key.partition("/")[0] if "/" in key else ""
    kubernetes = any(prefix == one or prefix.endswith(f".{one}") for one in _KUBERNETES)
    if not kubernetes or key in _OWN_LABELS:
        return True
    return any(prefix == one or prefix.endswith(f".{one}") for one in _OWN_PREFIXES)


def _taints(obj: JsonObject) -> list[JsonObject]:
    return (obj.get("spec") or {}).get("taints") or []


# --- pods ----------------------------------------------------------------------------------------


def _pod(attempt: Attempt, node: str, obj: JsonObject) -> None:
    quoted = status.quote(node)
    runs_at = ((attempt.old or {}).get("spec") or {}).get("nodeName") or ""
    match attempt.operation, attempt.subresource:
        case "CREATE", "":
            _mirror(attempt, node, obj)
        case "DELETE", "":
            if runs_at != node:
                text = f"node {quoted} can only delete pods with spec.nodeName set to itself"
                raise _refused(attempt, text)
        case "UPDATE", "status":
            if runs_at != node:
                own = "pods with spec.nodeName set to itself"
                text = f"node {quoted} can only update pod status for {own}"
                raise _refused(attempt, text)
            if meta.labels(obj) != meta.labels(attempt.old or {"metadata": {}}):
                raise _refused(attempt, f"node {quoted} cannot update labels through pod status")
        case "UPDATE", "":
            raise _refused(attempt, f"unexpected operation {status.quote(attempt.operation)}")
        case _:
            pass  # evictions delete, bindings are not for nodes


def _mirror(attempt: Attempt, node: str, obj: JsonObject) -> None:
    """The one kind of pod that a node makes: the image of one that it runs by itself."""
    quoted, spec = status.quote(node), obj.get("spec") or {}
    if MIRROR not in meta.annotations(obj):
        text = (
            f"pod does not have {status.quote(MIRROR)} annotation, node {quoted} can only create "
            "mirror pods"
        )
        raise _refused(attempt, text)
    if spec.get("nodeName") != node:
        text = f"node {quoted} can only create pods with spec.nodeName set to itself"
        raise _refused(attempt, text)
    owners = meta.owner_references(obj)
    if len(owners) != 1 or (owners[0].get("kind"), owners[0].get("name")) != ("Node", node):
        text = f"node {quoted} can only create pods with an owner reference set to itself"
        raise _refused(attempt, text)
    if spec.get("serviceAccountName"):
        raise _refused(
            attempt, f"node {quoted} can not create pods that reference a service account"
        )
    for plural, _ in sorted(node_authz.references(obj)):
        text = f"node {quoted} can not create pods that reference {plural}"
        raise _refused(attempt, text)


def _refused(attempt: Attempt, detail: str) -> status.ApiError:
    return status.forbidden(attempt.resource.plural, attempt.name, detail, attempt.resource.group)
