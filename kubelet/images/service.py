"""`interface.ImageService` on this machine: the store, the registry client, the importer.

What blocks (unpacking, locks) runs in threads. Two pulls of the same image at once are one.
"""

import asyncio
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from kubelet import kernel
from kubelet.images import importer, manifest, reference
from kubelet.images.errors import ImageError, InvalidImageError, PullError, UnreachableError
from kubelet.images.interface import Credentials, Image
from kubelet.images.registry import Fetched, RegistryClient
from kubelet.images.store import ImageStore, LayerSource

# Layers that are fetched at once, over all pulls: more only makes each slower.
PARALLEL_DOWNLOADS = 3
# Less than the agent's first back-off (10 s): a pod's next attempt is a real one.
UNREACHABLE_SECONDS = 8.0
_HINT = (
    "if this machine has no way to the registry, load an archive of the image with "
    "`bireme image import FILE`"
)

_PullKey = tuple[str, tuple[Credentials, ...]]


class LocalImages:
    """See the module's docstring."""

    def __init__(self, store: ImageStore, insecure_registries: Sequence[str] = ()) -> None:
        self.store = store
        self._insecure = tuple(insecure_registries)
        self._architecture = manifest.ARCHITECTURES.get(platform.machine(), platform.machine())
        self._downloads = asyncio.Semaphore(PARALLEL_DOWNLOADS)
        # Registry → when to try again, and why not yet.
        self._unreachable: dict[str, tuple[float, str]] = {}
        self._pulling: dict[_PullKey, asyncio.Task[Image]] = {}

    async def status(self, text: str) -> Image | None:
        return self.store.find(text)

    async def list_images(self) -> list[Image]:
        return list(self.store.images().values())

    async def remove(self, text: str) -> bool:
        return await asyncio.to_thread(self.store.remove, text)

    async def show(self, image: Image, place: Path) -> None:
        try:
            await kernel.in_thread(lambda: _mount(self.store, image, place))
        except OSError as error:
            raise InvalidImageError(f"cannot show image {image.id} at {place}: {error}") from error

    async def in_use(self) -> frozenset[str]:
        return await asyncio.to_thread(self.store.in_use)

    async def disk_usage(self) -> int:
        return await asyncio.to_thread(self.store.disk_usage)

    async def import_archive(self, path: Path, name: str = "") -> list[Image]:
        return await asyncio.to_thread(
            importer.import_archive, self.store, path, name, self._architecture
        )

    async def pull(self, text: str, credentials: Sequence[Credentials] = ()) -> Image:
        parsed = reference.parse(text)
        key = (str(parsed), tuple(credentials))
        task = self._pulling.get(key)
        if task is None:
            task = asyncio.create_task(self._pull(parsed, credentials))
            self._pulling[key] = task
            task.add_done_callback(lambda done: self._pulled(key, done))
        return await asyncio.shield(task)

    def _pulled(self, key: _PullKey, task: asyncio.Task[Image]) -> None:
        del self._pulling[key]
        if not task.cancelled():
            # Looked at, so that a pull whose callers have all gone is not reported as lost.
            task.exception()

    async def _pull(self, parsed: reference.Reference, credentials: Sequence[Credentials]) -> Image:
        now = asyncio.get_running_loop().time()
        until, reason = self._unreachable.get(parsed.registry, (0.0, ""))
        if now < until:
            raise UnreachableError(f'failed to pull image "{parsed}": {reason}; {_HINT}')
        failure: ImageError | None = None
        for given in [*credentials, None]:
            try:
                async with RegistryClient(parsed, given, self._insecure) as client:
                    return await self._fetch(parsed, client)
            except UnreachableError as error:
                self._remember(parsed.registry)
                raise UnreachableError(f"{error}; {_HINT}") from error
            except PullError as error:
                failure = failure or error
        raise PullError(f"{failure}; {_HINT}") from failure

    def _remember(self, registry: str) -> None:
        """A machine without a way out shall wait for a registry once, not once a pod."""
        now = asyncio.get_running_loop().time()
        self._unreachable = {
            name: entry for name, entry in self._unreachable.items() if now < entry[0]
        }
        reason = f"{registry} could not be reached a moment ago"
        self._unreachable[registry] = (now + UNREACHABLE_SECONDS, reason)

    async def _fetch(self, parsed: reference.Reference, client: RegistryClient) -> Image:
        fetched = await client.fetch(self._architecture)
        config = manifest.parse_config(manifest.load(fetched.config, "the image configuration"))
        layers = fetched.manifest.layers
        if len(config.diff_ids) != len(layers):
            raise PullError(
                f'image "{parsed}" has {len(layers)} layers, but its configuration lists '
                f"{len(config.diff_ids)}"
            )
        with self.store.temporary() as work:
            missing = [
                (LayerSource(diff_id, work / str(number)), layer)
                for number, (diff_id, layer) in enumerate(zip(config.diff_ids, layers, strict=True))
                if not self.store.has_layer(diff_id)
            ]
            await self._download_all(client, missing)
            return await asyncio.to_thread(
                self._keep, parsed, fetched, [source for source, _ in missing]
            )

    async def _download_all(
        self,
        client: RegistryClient,
        missing: Sequence[tuple[LayerSource, manifest.Descriptor]],
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for source, layer in missing:
                    group.create_task(self._download(client, layer, source.path))
        except ExceptionGroup as errors:
            first = errors.exceptions[0]
            raise first if isinstance(first, ImageError) else errors from None

    async def _download(
        self, client: RegistryClient, layer: manifest.Descriptor, path: Path
    ) -> None:
        async with self._downloads:
            await client.download(layer, path)

    def _keep(
        self, parsed: reference.Reference, fetched: Fetched, sources: Sequence[LayerSource]
    ) -> Image:
        with self.store.lock():
            for source in sources:
                self.store.add_layer(source)
            return self.store.commit(
                fetched.config,
                [parsed.tagged] if parsed.tagged else [],
                [parsed.with_digest(parsed.digest or fetched.digest)],
                pulled=True,
            )


def _mount(store: ImageStore, image: Image, place: Path) -> None:
    """In a thread of its own: it changes its directory, so that names of layers are short."""
    place.mkdir(parents=True, exist_ok=True)
    # A read-only overlay wants two layers at least; an empty one hides nothing.
    empty = store.root / "tmp" / "empty"
    empty.mkdir(exist_ok=True)
    layers = [*reversed(store.layer_paths(image)), str(empty)]
    kernel.unshare(kernel.CLONE_FS)
    os.chdir(store.layers_directory)
    flags = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("overlay", str(place), "overlay", flags, f"lowerdir={':'.join(layers)}")
