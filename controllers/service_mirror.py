"""Which pods stand behind which service: the lookups that both endpoint controllers share.

Costs grow with the change: a pod finds its services through its labels, a service its pods
through its selector; neither walks over all. Neighbours: `controllers.endpoints`,
`controllers.endpointslice`, `controllers.services` (the values). Nothing is written here.
"""

from collections.abc import Callable, Iterable

from apimachinery import labels, scheme
from controllers import base, services, views
from controllers.informers import label_index


class ServiceMirror:
    """Mirrors of services and pods, joined by selector."""

    def __init__(self, context: base.Context) -> None:
        self._mirror = context.informers.objects(scheme.SERVICES)
        self._pods = context.informers.pods
        self._by_key: dict[str, services.Service] = {}
        self._by_pair: dict[str, set[str]] = {}
        """Keys of services by the first pair of their selector."""
        self._listeners: list[Callable[[str, int], None]] = []
        self._mirror.add_handler(self._service_changed)
        self._pods.add_handler(self._pod_changed)

    def get(self, key: str) -> services.Service | None:
        return self._by_key.get(key)

    def listen(self, listener: Callable[[str, int], None]) -> None:
        """Called with the key of a service that changed or whose pods did, and with a number
        that says how large it is (0: the service itself changed, act at once).
        """
        self._listeners.append(listener)

    def weight(self, key: str) -> int:
        """About how many pods stand behind a service: what looking at it costs."""
        service = self._by_key.get(key)
        pair = _first_pair(service) if service is not None else ""
        return self._pods.count_by_index("label", pair) if pair else 0

    def pods_of(self, service: services.Service) -> list[views.Pod]:
        """The pods that the service selects, found through the rarest pair of its selector."""
        space = service.meta.namespace
        indexes = [label_index(space, *pair) for pair in service.selector.items()]
        rarest = min(indexes, key=lambda one: self._pods.count_by_index("label", one))
        selector = labels.from_set(service.selector)
        found = self._pods.by_index("label", rarest)
        return [pod for pod in found if selector.matches(pod.meta.labels)]

    def _service_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        before = self._by_key.pop(key, None)
        if before is not None and (pair := _first_pair(before)):
            keys = self._by_pair[pair]
            keys.discard(key)
            if not keys:
                del self._by_pair[pair]
        if new is not None:
            after = self._by_key[key] = services.service_of(new.load())
            if pair := _first_pair(after):
                self._by_pair.setdefault(pair, set()).add(key)
        del old
        self._tell([key], 0)

    def _pod_changed(self, _: str, old: views.Pod | None, new: views.Pod | None) -> None:
        if old is not None and new is not None and _face(old) == _face(new):
            return
        concerned: set[str] = set()
        for pod in (old, new):
            if pod is not None:
                concerned.update(self._services_of(pod))
        for key in concerned:
            self._tell([key], self.weight(key))

    def _services_of(self, pod: views.Pod) -> Iterable[str]:
        space = pod.meta.namespace
        for pair in pod.meta.labels.items():
            for key in self._by_pair.get(label_index(space, *pair), ()):
                if labels.from_set(self._by_key[key].selector).matches(pod.meta.labels):
                    yield key

    def _tell(self, keys: Iterable[str], size: int) -> None:
        for key in keys:
            for listener in self._listeners:
                listener(key, size)


def _first_pair(service: services.Service) -> str:
    if not service.selects:
        return ""
    return label_index(service.meta.namespace, *min(service.selector.items()))


def _face(pod: views.Pod) -> tuple[object, ...]:
    """What of a pod shows in endpoints."""
    return (
        pod.addresses,
        pod.ready,
        pod.finished,
        pod.meta.deleting,
        pod.meta.labels,
        pod.node,
        pod.hostname,
        pod.subdomain,
        pod.ports,
    )
