"""NodeRestriction: what a node's agent writes must be about itself.

The node authorizer looks at names in URLs; here are the bodies: names of new objects, taints and
labels that steer pods, the pod that a token is bound to. Neighbours: `apiserver.access.node_authz`.
"""

from typing import ClassVar

from apimachinery import scheme, status
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.cache import WatchCache

GROUP = "system:nodes"
PREFIX = "system:node:"
RESERVED_LABELS = "node-restriction.kubernetes.io/"
"""Labels that users trust to isolate workloads: a stolen node key must not set them."""


class NodeRestriction(Plugin):
    """Refuses; changes nothing."""

    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {"nodes", "leases.coordination.k8s.io", "serviceaccounts", "csinodes.storage.k8s.io"}
    )
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"", "status", "token"})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def validate(self, attempt: Attempt) -> None:
        user = attempt.user
        if GROUP not in user.groups or not user.name.startswith(PREFIX):
            return
        node = user.name.removeprefix(PREFIX)
        obj = attempt.obj or {}
        if attempt.subresource == "token":
            self._token(attempt, node, obj)
            return
        name = (obj.get("metadata") or {}).get("name", "") or attempt.name
        if name != node:
            raise _refused(attempt, f"node {status.quote(node)} is not allowed to write {name}")
        if attempt.resource.gr == "nodes":
            _node(attempt, node, obj, attempt.old)

    def _token(self, attempt: Attempt, node: str, obj: JsonObject) -> None:
        """Only for a pod that runs here as this account."""
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


def _node(attempt: Attempt, node: str, obj: JsonObject, old: JsonObject | None) -> None:
    """A node's own object: everything but what keeps pods off it or draws them to it."""
    before = old or {}
    if old is not None and _taints(obj) != _taints(before):
        raise _refused(attempt, f"node {status.quote(node)} is not allowed to modify taints")
    now, then = _reserved(obj), _reserved(before)
    changed = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key))
    if changed:
        raise _refused(
            attempt,
            f"is not allowed to modify labels: {', '.join(changed)}",
        )


def _taints(obj: JsonObject) -> list[JsonObject]:
    return (obj.get("spec") or {}).get("taints") or []


def _reserved(obj: JsonObject) -> dict[str, str]:
    labels = (obj.get("metadata") or {}).get("labels") or {}
    return {key: value for key, value in labels.items() if key.startswith(RESERVED_LABELS)}


def _refused(attempt: Attempt, detail: str) -> status.ApiError:
    return status.forbidden(attempt.resource.plural, attempt.name, detail, attempt.resource.group)
