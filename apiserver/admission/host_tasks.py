"""Pods on a node's own file system: only for whom `use` of `hosttasks` is granted.

The image `bireme.dev/host-rootfs` is the machine itself: whoever may run it as root is root there.
The annotation `offers.bireme.dev/fetch` has the node's agent read files of the machine. The offer
master may use both, and asks the same of the frameworks whose tasks it runs. Neighbours: the
authorizer decides; `kubelet.images.hostfs` is what the image means.
"""

from collections.abc import Callable
from typing import ClassVar

from apimachinery import status
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.attributes import Attributes, Authorizer

IMAGE = "bireme.dev/host-rootfs"
GROUP, RESOURCE, VERB = "offers.bireme.dev", "hosttasks", "use"


class HostTasks(Plugin):
    """Refuses; changes nothing."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"", "ephemeralcontainers"})

    def __init__(self, authorizer: Callable[[], Authorizer]) -> None:
        """`authorizer` is asked for at each use: a server may get its own after it was made."""
        self._authorizer = authorizer

    async def validate(self, attempt: Attempt) -> None:
        wants, had = _wants(attempt.obj or {}), _wants(attempt.old or {})
        if not wants - had:
            return
        asked = Attributes(
            user=attempt.user,
            verb=VERB,
            is_resource=True,
            path="",
            group=GROUP,
            resource=RESOURCE,
            namespace=attempt.namespace,
        )
        if not self._authorizer().authorize(asked).allowed:
            raise status.forbidden(
                "pods",
                attempt.name,
                f"the image {IMAGE} and the annotation {marks.FETCH} reach the node's own file "
                f'system: they need the verb "{VERB}" on {RESOURCE}.{GROUP}',
            )


def _wants(pod: JsonObject) -> set[str]:
    """What of the machine a pod reaches for."""
    spec = pod.get("spec") or {}
    found = {
        IMAGE
        for kind in ("initContainers", "containers", "ephemeralContainers")
        for container in spec.get(kind) or ()
        if str(container.get("image") or "").partition(":")[0].partition("@")[0] == IMAGE
    }
    fetched = ((pod.get("metadata") or {}).get("annotations") or {}).get(marks.FETCH)
    return found | ({fetched} if fetched else set())
