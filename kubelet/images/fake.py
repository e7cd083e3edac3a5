"""An image service without images, beside the fake runtime driver: any reference can be pulled.

References in `missing` fail as an unreachable registry would; the set may be changed at any time.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from kubelet.images.errors import InvalidImageError, PullError
from kubelet.images.interface import Credentials, Image, ImageConfig

FAKE_IMAGE_BYTES = 2_000_000


class FakeImages:
    """`interface.ImageService` in memory."""

    def __init__(self, missing: Iterable[str] = (), pull_seconds: float = 0.0) -> None:
        self.missing = set(missing)
        self.pull_seconds = pull_seconds
        self.pulls: list[str] = []
        self._images: dict[str, Image] = {}

    def add(self, reference: str, config: ImageConfig | None = None) -> Image:
        """As if it had been imported."""
        image_id = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
        image = Image(
            id=image_id,
            tags=(reference,),
            digests=(),
            size_bytes=FAKE_IMAGE_BYTES,
            config=config or ImageConfig(),
            diff_ids=(),
        )
        self._images[reference] = image
        return image

    async def status(self, reference: str) -> Image | None:
        by_id = (image for image in self._images.values() if image.id == reference)
        return self._images.get(reference) or next(by_id, None)

    async def pull(self, reference: str, credentials: Sequence[Credentials] = ()) -> Image:
        del credentials
        self.pulls.append(reference)
        await asyncio.sleep(self.pull_seconds)
        if reference in self.missing:
            raise PullError(
                f'failed to pull image "{reference}": not found; '
                "import it with `bireme image import FILE`"
            )
        return self.add(reference)

    async def list_images(self) -> list[Image]:
        return list(self._images.values())

    async def remove(self, reference: str) -> bool:
        return self._images.pop(reference, None) is not None

    async def show(self, image: Image, place: Path) -> None:
        del image
        await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)

    async def in_use(self) -> frozenset[str]:
        return frozenset()

    async def import_archive(self, path: Path, reference: str = "") -> list[Image]:
        if not reference:
            raise InvalidImageError(f"{path}: the fake image service needs a name for an archive")
        return [self.add(reference)]

    async def disk_usage(self) -> int:
        return FAKE_IMAGE_BYTES * len(self._images)
