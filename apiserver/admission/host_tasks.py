"""Pods on a node's own file system: only for whom `use` of `hosttasks` is granted.

The image `bireme.dev/host-rootfs` is the machine itself: whoever may run it as root is root there.
The annotation `offers.bireme.dev/fetch` has the node's agent read files of the machine, or of the web
from the machine's own network: the latter is open to frameworks, whose tasks live in that network.
The offer master may use all, and asks the same of the frameworks whose tasks it runs. Neighbours: the
authorizer decides; `kubelet.images.hostfs` is what the image means.
"""

from collections.abc import Callable
from enum import Enum
from typing import ClassVar
from urllib.parse import urlsplit

import orjson

from apimachinery import status
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.attributes import Attributes, Authorizer

IMAGE = "bireme.dev/host-rootfs"
PRINCIPALS = "offers:principals"
"""The group of frameworks, as the offer master names them."""
GROUP, RESOURCE, VERB = "offers.bireme.dev", "hosttasks", "use"


class Reach(Enum):
    """Ways to the machine."""

    IMAGE = "image"
    FILES = "files"
    WEB = "web"


class HostTasks(Plugin):
    """Refuses; changes nothing."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"", "ephemeralcontainers"})

    def __init__(self, authorizer: Callable[[], Authorizer]) -> None:
        """`authorizer` is asked for at each use: a server may get its own after it was made."""
        self._authorizer = authorizer

    async def validate(self, attempt: Attempt) -> None:
        wants = _wants(attempt.obj or {}) - _wants(attempt.old or {})
        if not wants or (wants <= {Reach.WEB} and PRINCIPALS in attempt.user.groups):
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


def _wants(pod: JsonObject) -> set[Reach]:
    """What of the machine a pod reaches for."""
    spec = pod.get("spec") or {}
    found = set()
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            if str(container.get("image") or "").partition(":")[0].partition("@")[0] == IMAGE:
                found.add(Reach.IMAGE)
    fetched = ((pod.get("metadata") or {}).get("annotations") or {}).get(marks.FETCH)
    if fetched:
        found.add(Reach.WEB if _all_web(fetched) else Reach.FILES)
    return found


def _all_web(annotation: str) -> bool:
    try:
        uris = [uri["value"] for each in orjson.loads(annotation).values() for uri in each]
        return all(urlsplit(uri).scheme not in ("", "file") for uri in uris)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
