"""Pods on a node's own file system: only for whom `use` of `hosttasks` is granted.

The image `bireme.dev/host-rootfs` is the machine itself: whoever may run it as root is root there.
The offer master may, and asks the same of the frameworks whose tasks it runs. Neighbours: the
authorizer decides; `kubelet.images.hostfs` is what the image means.
"""

from collections.abc import Callable
from typing import ClassVar

from apimachinery import status
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
        if not _wants_host(attempt.obj or {}) or _wants_host(attempt.old or {}):
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
                f"the image {IMAGE} is the node's own file system: it needs the verb "
                f'"{VERB}" on {RESOURCE}.{GROUP}',
            )


def _wants_host(pod: JsonObject) -> bool:
    spec = pod.get("spec") or {}
    return any(
        str(container.get("image") or "").partition(":")[0].partition("@")[0] == IMAGE
        for kind in ("initContainers", "containers", "ephemeralContainers")
        for container in spec.get(kind) or ()
    )
