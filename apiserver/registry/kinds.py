"""Which kind has which strategy, and the registries of one server.

Neighbours: `apiserver.registry.strategy` and the kinds' own modules; handlers ask `Registries`.
"""

from typing import ClassVar

from apimachinery.names import Rng
from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject
from apiserver.cache import WatchCache
from apiserver.options import Options
from apiserver.registry import (
    certificates,
    claims,
    config,
    custom,
    definitions,
    events,
    namespaces,
    nodes,
    pods,
    services,
    workloads,
)
from apiserver.registry.allocations import Allocations
from apiserver.registry.generic import Registry
from apiserver.registry.quotas import Quotas
from apiserver.registry.strategy import Context, Strategy


class Plain(Strategy):
    """No generation is kept."""

    counts_generation: ClassVar[bool] = False


class PlainReturned(Plain):
    """DELETE answers with the object."""

    returns_deleted: ClassVar[bool] = True


class PlainCreatable(Plain):
    """PUT may create."""

    create_on_update: ClassVar[bool] = True


class Pending(PlainReturned):
    """A controller has yet to bind it."""

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        super().prepare_create(obj, context)
        obj["status"] = {"phase": "Pending"}


class Versioned(Plain):
    """PUT must name the version that it replaces."""

    unconditional_update: ClassVar[bool] = False


class Lease(Versioned):
    """A lock: only who saw the last state may write, but whoever comes first may create by PUT."""

    create_on_update: ClassVar[bool] = True


class Counted(Strategy):
    """Generation is kept; PUT must name the version that it replaces."""

    unconditional_update: ClassVar[bool] = False


_STRATEGIES: dict[str, type[Strategy]] = {
    "configmaps": Plain,
    "secrets": config.Secrets,
    "serviceaccounts": PlainReturned,
    "endpoints": PlainCreatable,
    "events": events.Events,
    "limitranges": PlainCreatable,
    "namespaces": namespaces.Namespaces,
    "nodes": nodes.Nodes,
    "persistentvolumeclaims": claims.Claims,
    "persistentvolumes": Pending,
    "pods": pods.Pods,
    "podtemplates": workloads.PodTemplates,
    "replicationcontrollers": workloads.OrphaningWorkload,
    "resourcequotas": PlainReturned,
    "deployments.apps": workloads.Deployments,
    "jobs.batch": workloads.Jobs,
    "controllerrevisions.apps": Plain,
    "horizontalpodautoscalers.autoscaling": Plain,
    "certificatesigningrequests.certificates.k8s.io": certificates.SigningRequests,
    "apiservices.apiregistration.k8s.io": Versioned,
    "ipaddresses.networking.k8s.io": Plain,
    "poddisruptionbudgets.policy": Counted,
    "roles.rbac.authorization.k8s.io": PlainCreatable,
    "rolebindings.rbac.authorization.k8s.io": PlainCreatable,
    "clusterroles.rbac.authorization.k8s.io": PlainCreatable,
    "clusterrolebindings.rbac.authorization.k8s.io": PlainCreatable,
    "csidrivers.storage.k8s.io": Versioned,
    "csinodes.storage.k8s.io": PlainReturned,
    "csistoragecapacities.storage.k8s.io": PlainReturned,
    "storageclasses.storage.k8s.io": PlainReturned,
    "volumeattachments.storage.k8s.io": PlainReturned,
    "volumeattributesclasses.storage.k8s.io": PlainReturned,
    "priorityclasses.scheduling.k8s.io": Strategy,
    "leases.coordination.k8s.io": Lease,
    "runtimeclasses.node.k8s.io": Versioned,
    "endpointslices.discovery.k8s.io": Strategy,
}
"""`gr` → strategy; the others keep a generation and have nothing of their own."""


class Registries:
    """One registry per stored resource, made when first asked for."""

    def __init__(self, cache: WatchCache, entropy: Rng, options: Options, scheme: Scheme) -> None:
        self._cache = cache
        self._entropy = entropy
        self._options = options
        self._services = Allocations(options, cache)
        self.definitions = definitions.Rows(scheme, lambda: cache.revision)
        self.quotas = Quotas(cache)
        self._known: dict[tuple[str, str], Registry] = {}

    def load(self) -> None:
        """Learn from the filled cache what is taken already."""
        self._services.load()

    async def follow(self) -> None:
        """Keep up with what other servers of the store take. Runs until cancelled."""
        await self._services.follow()

    def of(self, resource: Resource) -> Registry:
        """The registry of a stored resource."""
        key = (resource.group, resource.plural)
        found = self._known.get(key)
        if found is None or found.resource is not resource:
            found = self._known[key] = self._make(resource)
        return found

    def _make(self, resource: Resource) -> Registry:
        ttl = self._options.event_ttl if resource.gr == "events" else 0
        return Registry(
            resource, self._strategy(resource), self._cache, self._entropy, self.quotas, ttl=ttl
        )

    def _strategy(self, resource: Resource) -> Strategy:
        if resource.gr == "services":
            return services.Services(resource, self._services)
        if resource.gr == "customresourcedefinitions.apiextensions.k8s.io":
            return definitions.Definitions(resource, self.definitions)
        if not resource.model:
            return custom.CustomObjects(resource)
        return _STRATEGIES.get(resource.gr, Strategy)(resource)
