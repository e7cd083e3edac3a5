"""NodeRestriction: what a node's agent writes must be about itself.

The node authorizer looks at names in URLs; here are the bodies: names of new objects, taints and
labels that steer pods, the pod that a token is bound to, pods that a node claims to mirror.
Kubernetes' rules in its words. Neighbours: `apiserver.access.node_authz`.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from apiserver.access import node_authz
from apiserver.admission.chain import CREATE, DELETE, UPDATE, Attempt, Plugin
from apiserver.attributes import Attributes, Authorizer
from apiserver.cache import WatchCache

GROUP = "system:nodes"
PREFIX = "system:node:"
LEASES = "kube-node-lease"
MIRROR = "kubernetes.io/config.mirror"

_KUBERNETES = ("kubernetes.io", "k8s.io")
"""`node-restriction.kubernetes.io` too, which users trust to isolate workloads: a stolen node key
must not set it."""
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


_GROWTH = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")


class NodeRestriction(Plugin):
    """Refuses; changes nothing."""

    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {
            "nodes",
            "pods",
            "leases.coordination.k8s.io",
            "persistentvolumeclaims",
            "serviceaccounts",
            "csinodes.storage.k8s.io",
        }
    )
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE, DELETE})
    subresources: ClassVar[frozenset[str]] = frozenset({"*"})

    def __init__(self, cache: WatchCache, authorizer: Callable[[], Authorizer]) -> None:
        """`authorizer` is asked for at each use: a server may get its own after it was made."""
        self._cache = cache
        self._authorizer = authorizer
        self._rules: dict[str, Callable[[Attempt, str, JsonObject], None]] = {
            "nodes": _node,
            "leases.coordination.k8s.io": _lease,
            "csinodes.storage.k8s.io": _csi_node,
            "persistentvolumeclaims": _claim,
            "serviceaccounts": self._account,
            "pods": self._pod,
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
        spec = obj.get("spec") or {}
        reference = spec.get("boundObjectRef") or {}
        name, uid = reference.get("name"), reference.get("uid")
        if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not name:
            raise _refused(attempt, "node requested token not bound to a pod")
        if not uid:
            raise _refused(attempt, "node requested token with a pod binding without a uid")
        pod = self._existing(attempt.namespace, name)
        if meta.uid(pod) != uid:
            text = (
                f"the UID in the bound object reference ({uid}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
            raise _refused(attempt, text)
        if (pod.get("spec") or {}).get("nodeName") != node:
            raise _refused(
                attempt, "node requested token bound to a pod scheduled on a different node"
            )
        self._audience(attempt, pod, spec.get("audiences") or [])

    def _audience(self, attempt: Attempt, pod: JsonObject, audiences: list[str]) -> None:
        """A token for whom the pod has one in a volume, or for whom a role allows it."""
        if len(audiences) > 1:
            raise _refused(attempt, "node may only request 0 or 1 audiences")
        wanted = audiences[0] if audiences else ""
        if wanted in _audiences(pod) or self._by_role(attempt, wanted):
            return
        text = f"audience {status.quote(wanted)} not found in pod spec volume"
        if wanted:
            text += f", {attempt.user.name} is not authorized to request tokens for this audience"
        raise _refused(attempt, text)

    def _by_role(self, attempt: Attempt, audience: str) -> bool:
        if not audience:
            return False
        asked = Attributes(
            user=attempt.user,
            verb="request-serviceaccounts-token-audience",
            is_resource=True,
            path="",
            version="v1",
            resource=audience,
            namespace=attempt.namespace,
            name=attempt.name,
        )
        return self._authorizer().authorize(asked).allowed

    def _existing(self, namespace: str, name: str) -> JsonObject:
        entry = self._cache.get(scheme.PODS, namespace, name)
        if entry is None:
            raise status.not_found("pods", name)
        return entry.parse()

    def _pod(self, attempt: Attempt, node: str, obj: JsonObject) -> None:
        if (attempt.operation, attempt.subresource) == (CREATE, ""):
            itself = self._cache.get(scheme.NODES, "", node)
            if itself is None:
                raise status.not_found("nodes", node)
            _mirror(attempt, node, obj, meta.uid(itself.parse()))
            return
        if attempt.subresource != "eviction":
            _pod(attempt, node, obj)
            return
        pod = self._existing(attempt.namespace, attempt.name)
        if (pod.get("spec") or {}).get("nodeName") != node:
            text = f"node {node} can only evict pods with spec.nodeName set to itself"
            raise _refused(attempt, text)


def _claim(attempt: Attempt, node: str, obj: JsonObject) -> None:
    """How large a claim is and what happens to it is all that a node may say."""
    if attempt.subresource != "status":
        raise _refused(attempt, "may only update PVC status")
    if _without_growth(obj) != _without_growth(attempt.old or {}):
        told = "status.capacity and status.conditions"
        text = f"node {status.quote(node)} is not allowed to update fields other than {told}"
        raise _refused(attempt, text)


def _without_growth(claim: JsonObject) -> JsonObject:
    metadata = {
        key: value
        for key, value in (claim.get("metadata") or {}).items()
        if key not in ("resourceVersion", "managedFields")
    }
    state = {key: value for key, value in (claim.get("status") or {}).items() if key not in _GROWTH}
    return {**claim, "metadata": metadata, "status": state}


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
    if not changed:
        return
    if attempt.operation == CREATE:
        what = f"node {status.quote(node)} is not allowed to set the following labels"
    else:
        what = "is not allowed to modify labels"
    raise _refused(attempt, f"{what}: {', '.join(changed)}")


def _audiences(pod: JsonObject) -> set[str]:
    """For whom the tokens in the volumes of a pod are; empty for the API server itself."""
    return {
        source["serviceAccountToken"].get("audience") or ""
        for volume in (pod.get("spec") or {}).get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
        if source.get("serviceAccountToken") is not None
    }


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
    """What may be done to the pods of a node."""
    quoted = status.quote(node)
    runs_at = ((attempt.old or {}).get("spec") or {}).get("nodeName") or ""
    match attempt.operation, attempt.subresource:
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
        case operation, "":
            text = f"node {quoted} can only create and delete mirror pods"
            raise _refused(attempt, f"unexpected operation {status.quote(operation)}, {text}")
        case operation, "status":
            raise _refused(attempt, f"unexpected operation {status.quote(operation)}")
        case _, subresource:
            text = f"unexpected pod subresource {status.quote(subresource)}"
            allowed = "only 'status' and 'eviction' are allowed"
            raise _refused(attempt, f"{text}, {allowed}")


def _owner_problem(owners: Sequence[JsonObject], node: str, uid: str) -> str:
    """Why a mirror pod is not its node's, as the end of a sentence."""
    own = "owner reference set to itself"
    if len(owners) > 1:
        return f"can only create pods with a single {own}"
    owner = owners[0] if owners else {}
    said = (owner.get("apiVersion"), owner.get("kind"), owner.get("name"))
    if said != ("v1", "Node", node):
        return f"can only create pods with an {own}"
    if not owner.get("controller"):
        return f"can only create pods with a controller {own}"
    if owner.get("blockOwnerDeletion"):
        return "must not set blockOwnerDeletion on an owner reference"
    if owner.get("uid") != uid:
        return f"UID mismatch: expected {owner.get('uid')} got {uid}"
    return ""


def _mirror(attempt: Attempt, node: str, obj: JsonObject, uid: str) -> None:
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
    if problem := _owner_problem(meta.owner_references(obj), node, uid):
        raise _refused(attempt, f"node {quoted} {problem}")
    if spec.get("serviceAccountName"):
        raise _refused(
            attempt, f"node {quoted} can not create pods that reference a service account"
        )
    for plural, _ in sorted(node_authz.references(obj)):
        text = f"node {quoted} can not create pods that reference {plural}"
        raise _refused(attempt, text)


def _refused(attempt: Attempt, detail: str) -> status.ApiError:
    return status.forbidden(attempt.resource.plural, attempt.name, detail, attempt.resource.group)
