"""DefaultIngressClass: an ingress that names no class gets the one marked as default.

Neighbours: `marked` finds it; IngressClass objects.
"""

from typing import ClassVar

from apimachinery import scheme
from apiserver.admission import marked
from apiserver.admission.chain import CREATE, Attempt, Plugin
from apiserver.cache import WatchCache

DEFAULT = "ingressclass.kubernetes.io/is-default-class"
OLD_CLASS = "kubernetes.io/ingress.class"
"""The annotation that named a class before there was a field."""


class DefaultIngressClass(Plugin):
    """See the module."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"ingresses.networking.k8s.io"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache

    async def mutate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a create has an object"
        spec = attempt.obj.setdefault("spec", {})
        annotations = attempt.obj["metadata"].get("annotations") or {}
        if spec.get("ingressClassName") is not None or OLD_CLASS in annotations:
            return
        default = marked.newest(self._cache, scheme.INGRESSCLASSES, (DEFAULT,))
        if default:
            spec["ingressClassName"] = default
