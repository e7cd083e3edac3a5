"""NamespaceLifecycle: nothing is created where there is no namespace or where one is going.

Neighbours: the namespace controller empties namespaces. The four that every cluster needs cannot
be deleted.
"""

from typing import ClassVar

import orjson

from apimachinery import scheme, status
from apiserver.admission.chain import CREATE, DELETE, UPDATE, Attempt, Plugin
from apiserver.cache import Entry, WatchCache

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_ALLOWED_WHILE_ENDING = frozenset({"localsubjectaccessreviews.authorization.k8s.io"})


class NamespaceLifecycle(Plugin):
    """Reads the namespace from the cache: the phase is an indexed field, nothing is parsed."""

    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE, DELETE})
    subresources: ClassVar[frozenset[str]] = frozenset({"*"})
    """Evictions, bindings and tokens are creates, too: `kubectl drain` knows this refusal."""

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def mutate(self, attempt: Attempt) -> None:
        """Early, so that nothing else is done in vain."""
        if attempt.operation == DELETE:
            if attempt.resource.gr == "namespaces" and attempt.name in IMMORTAL:
                raise status.forbidden(
                    "namespaces", attempt.name, "this namespace may not be deleted"
                )
            return
        if attempt.operation != CREATE or not attempt.resource.namespaced:
            return
        if attempt.resource.gr in _ALLOWED_WHILE_ENDING:
            return
        entry = self._cache.get(scheme.NAMESPACES, "", attempt.namespace)
        if entry is None:
            # Perhaps another server has just made it.
            await self._cache.fresh()
            entry = self._cache.get(scheme.NAMESPACES, "", attempt.namespace)
        if entry is None:
            raise status.not_found("namespaces", attempt.namespace)
        if _phase(entry) == "Terminating":
            raise _ending(attempt)


def _ending(attempt: Attempt) -> status.ApiError:
    resource = attempt.resource
    problem = status.forbidden(
        resource.plural,
        attempt.name,
        f"unable to create new content in namespace {attempt.namespace} because it is being "
        "terminated",
        resource.group,
    )
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {attempt.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    problem.details = {**(problem.details or {}), "causes": [cause]}
    return problem


def _phase(entry: Entry) -> str:
    """status.phase, the only indexed field of a namespace."""
    if len(entry.fields) == 1:
        return entry.fields[0]
    return str((orjson.loads(entry.raw).get("status") or {}).get("phase", ""))
