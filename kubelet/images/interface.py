"""The image service as the node agent sees it, and what it knows about an image.

References are as in a pod spec (`busybox`, `ghcr.io/a/b:v1`, `…@sha256:…`) or an image id
(`sha256:…`). An image's id is the digest of its configuration. The store is shared by all nodes of
a machine, so another process may add or remove images at any time. Errors: `errors.ImageError`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What the image says about running it."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the local store."""

    id: str
    # Full references that point here: `docker.io/library/busybox:latest`.
    tags: tuple[str, ...]
    # `docker.io/library/busybox@sha256:…`, for imageID in a pod's status.
    digests: tuple[str, ...]
    size_bytes: int
    config: ImageConfig
    # Layers from the lowest to the highest, by the digest of the uncompressed tar.
    diff_ids: tuple[str, ...]
    created: str = ""
    # From a registry: it can be fetched again.
    pulled: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to log in at one registry."""

    username: str = ""
    password: str = ""
    # Sent as it is instead of asking the registry's token service.
    registry_token: str = ""


class ImageService(Protocol):
    """What the agent and the runtime drivers use."""

    async def status(self, reference: str) -> Image | None:
        """The image if it is in the store; InvalidReferenceError if the text is no reference."""

    async def pull(self, reference: str, credentials: Sequence[Credentials] = ()) -> Image:
        """Fetch from its registry, trying the credentials in order, then none. PullError."""

    async def list_images(self) -> list[Image]: ...

    async def remove(self, reference: str) -> bool:
        """Drop the reference, and what nothing else needs. False if it was not there."""

    async def show(self, image: Image, place: Path) -> None:
        """Mount the image's files at `place`, read-only and not to be run; ImageError."""

    async def in_use(self) -> frozenset[str]:
        """Ids of images that some container of the machine runs on, whichever node's it is."""

    async def import_archive(self, path: Path, reference: str = "") -> list[Image]:
        """Read a tar (OCI layout or `docker save`); `reference` names an image without a name."""

    async def disk_usage(self) -> int: ...
