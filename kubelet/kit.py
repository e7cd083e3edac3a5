"""What every part of one node agent shares: its options, its client, its driver, its clock.

`kubelet.agent` builds a `Kit` once; workers, volumes, probes and the HTTP server are handed it
instead of six arguments each. It also words the agent's events about pods. No state of pods here.
"""

from dataclasses import dataclass

from apimachinery.aio.clock import Clock
from apimachinery.client.events import Recorder, Reference
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.images.interface import ImageService
from kubelet.inotify import Hub
from kubelet.options import Capacity, Options
from kubelet.runtime.interface import RuntimeDriver


@dataclass(frozen=True, slots=True)
class Kit:
    """Collaborators of one agent; all live as long as it."""

    options: Options
    client: Client
    driver: RuntimeDriver
    images: ImageService
    events: Recorder
    clock: Clock
    capacity: Capacity
    hub: Hub
    """Watches of directories."""

    def tell(self, pod: JsonObject, reason: str, message: str, *, container: str = "") -> None:
        """A Normal event about the pod or one of its containers."""
        self.events.event(pod_reference(pod, container), reason, message)

    def warn(self, pod: JsonObject, reason: str, message: str, *, container: str = "") -> None:
        self.events.warning(pod_reference(pod, container), reason, message)


def pod_reference(pod: JsonObject, container: str = "") -> Reference:
    """The pod, or one container of it, for `involvedObject`."""
    metadata = pod["metadata"]
    return Reference(
        api_version="v1",
        kind="Pod",
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        resource_version=metadata.get("resourceVersion", ""),
        field_path=reading.field_path(pod, container) if container else "",
    )
