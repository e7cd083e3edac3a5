"""An image as a pod's pull policy wants it: what is here, or fetched with the pod's logins.

For containers and for volumes that show an image. Neighbours: `kubelet.images` keeps and fetches,
`kubelet.starting` and `kubelet.volumes` ask. Raises `ImageError`.
"""

import time

from apimachinery import duration
from apimachinery.wire import JsonObject
from kubelet import configs
from kubelet.env import Environment
from kubelet.images.errors import NotPresentError, PullError
from kubelet.images.interface import Image
from kubelet.kit import Kit


class Puller:
    """Shared by all pods of a node."""

    def __init__(self, kit: Kit, environment: Environment) -> None:
        self._kit = kit
        self._environment = environment

    async def get(self, pod: JsonObject, reference: str, policy: str, *, container: str) -> Image:
        """The image; events about it name the container, if it is one's."""
        policy = policy or configs.default_pull_policy(reference)
        present = await self._kit.images.status(reference)
        if present is not None and policy != "Always":
            text = f'Container image "{reference}" already present on machine'
            text += " and can be accessed by the pod"
            self._kit.tell(pod, "Pulled", text, container=container)
            return present
        if policy == "Never":
            raise NotPresentError(
                f'Container image "{reference}" is not present with pull policy of Never'
            )
        return await self._pull(pod, reference, present, container)

    async def _pull(
        self, pod: JsonObject, reference: str, present: Image | None, container: str
    ) -> Image:
        """Fetch it; without a way to its registry an image that is here serves `Always` too."""
        self._kit.tell(pod, "Pulling", f'Pulling image "{reference}"', container=container)
        began = time.monotonic()
        try:
            logins = await self._environment.pull_secrets(pod, reference)
            image = await self._kit.images.pull(reference, logins)
        except PullError:
            if present is None:
                raise
            text = f'Registry of "{reference}" not reachable, using the image on the machine'
            self._kit.tell(pod, "Pulled", text, container=container)
            return present
        took = duration.spelt(time.monotonic() - began)
        text = (
            f'Successfully pulled image "{reference}" in {took} ({took} including waiting). '
            f"Image size: {image.size_bytes} bytes."
        )
        self._kit.tell(pod, "Pulled", text, container=container)
        return image
