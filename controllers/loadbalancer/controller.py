"""The loop that gives services of type LoadBalancer the nodes' addresses, and takes them back.

Neighbours: `loadbalancer.plan` decides; `controllers.service_mirror` says on which nodes a service
has pods. Services with a class are somebody else's. Nothing outlives a service, so none needs a
finalizer.
"""

from collections.abc import Mapping

from apimachinery import scheme, status
from apimachinery.client.events import Reference
from controllers import base, views
from controllers.loadbalancer import plan as planning
from controllers.service_mirror import ServiceMirror

API_SERVERS = "default/kubernetes"
"""The Endpoints that say where the API servers are."""
SETTLE = 0.05
"""Seconds to gather: nodes and pods come in bursts, and each look at a service is small."""


class LoadBalancers(base.Controller):
    """See the module's docstring."""

    name = "service-controller"

    def __init__(
        self, context: base.Context, joined: ServiceMirror, server_ports: Mapping[int, str]
    ) -> None:
        """`server_ports`: on which servers listen beside the API, on the same addresses."""
        super().__init__(context)
        self._joined = joined
        self._server_ports = server_ports
        self._servers: planning.Servers = {}
        self._nodes = context.informers.nodes
        self._services: dict[str, planning.Balanced] = {}
        """Those that have to do with nodes' ports: few of all."""
        self._host_ports: dict[str, tuple[planning.NodePort, ...]] = {}
        """Of pods that have some."""
        self._refused: dict[str, str] = {}
        """What was said last of services that wait, so that it is said once."""
        context.informers.objects(scheme.SERVICES).add_handler(self._service_changed)
        context.informers.pods.add_handler(self._pod_changed)
        context.informers.objects(scheme.ENDPOINTS).add_handler(self._endpoints_changed)
        self._nodes.add_handler(self._node_changed)
        joined.listen(self._pods_changed)

    # --- changes to keys

    def _service_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old
        before = self._services.pop(key, None)
        after = planning.balanced_of(new) if new is not None else None
        if after is not None and (after.ours or after.node_ports or after.reported):
            self._services[key] = after
        if before or key in self._services:
            self.queue.add(key)
            if before is None or after is None or _claims(before) != _claims(after):
                self._all()

    def _pod_changed(self, key: str, old: views.Pod | None, new: views.Pod | None) -> None:
        before = old.host_ports if old is not None else ()
        after = new.host_ports if new is not None and not new.finished else ()
        if after:
            self._host_ports[key] = after
        else:
            self._host_ports.pop(key, None)
        if before != after:
            self._all()

    def _node_changed(self, _: str, old: views.Node | None, new: views.Node | None) -> None:
        pair = [planning.addresses([one], None) for one in (old, new) if one is not None]
        if len(pair) < 2 or pair[0] != pair[1]:
            self._all()

    def _endpoints_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old
        if key == API_SERVERS:
            self._servers = planning.servers(
                new.load() if new is not None else {}, self._server_ports
            )
            self._all()

    def _pods_changed(self, key: str, size: int) -> None:
        del size
        if key in self._services and self._services[key].local:
            self.queue.add_after(key, SETTLE)

    def _all(self) -> None:
        for key, service in self._services.items():
            if service.ours:
                self.queue.add_after(key, SETTLE)

    # --- keys to acts

    async def reconcile(self, key: str) -> None:
        service = self._services.get(key)
        if service is None or service.foreign:
            self._refused.pop(key, None)
            return
        wanted = self._addresses(service) if service.ours else []
        if tuple(wanted) == service.reported:
            return
        namespace, name = key.split("/")
        patch = {"status": planning.status_of(wanted)}
        try:
            await self.client.patch(scheme.SERVICES, name, patch, namespace, subresource="status")
        except status.NotFound:
            return
        if wanted and not service.reported:
            self._tell(service, "EnsuredLoadBalancer", "Ensured load balancer")
        elif not service.ours:
            self._tell(service, "DeletedLoadBalancer", "Deleted load balancer")

    def _addresses(self, service: planning.Balanced) -> list[str]:
        taken = {port: pod for pod, found in self._host_ports.items() for port in found}
        reason = planning.conflict(service, self._services.values(), taken)
        found: list[str] = []
        if not reason:
            only = self._running(service.key) if service.local else None
            every = planning.addresses(self._nodes.values(), only)
            found, reason = planning.left_free(service, every, self._servers)
        if not reason:
            self._refused.pop(service.key, None)
        elif self._refused.get(service.key) != reason:
            self._refused[service.key] = reason
            self.context.recorder.warning(_about(service), "SyncLoadBalancerFailed", reason)
        return found

    def _running(self, key: str) -> frozenset[str]:
        """The nodes on which the service has ready pods."""
        service = self._joined.get(key)
        if service is None or not service.selects:
            return frozenset()
        return frozenset(
            pod.node for pod in self._joined.pods_of(service) if pod.ready and pod.active
        )

    def _tell(self, service: planning.Balanced, reason: str, message: str) -> None:
        self.context.recorder.event(_about(service), reason, message)


def _claims(service: planning.Balanced) -> tuple[object, ...]:
    """What of a service others must respect."""
    return (service.ours, service.ports, service.node_ports)


def _about(service: planning.Balanced) -> Reference:
    namespace, name = service.key.split("/")
    return Reference("v1", "Service", name, namespace=namespace, uid=service.uid)
