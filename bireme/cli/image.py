"""`bireme image …`: the local store that all nodes of this machine share."""

import asyncio
import contextlib
from pathlib import Path

from bireme.cli import paths
from bireme.cli.errors import CommandError
from kubelet.images import busybox
from kubelet.images.errors import ImageError
from kubelet.images.store import ImageStore


def _store(data_dir: Path | None) -> ImageStore:
    dirs = paths.data_dir(data_dir)
    dirs.create()
    store = ImageStore(dirs.images)
    store.prepare()
    return store


def import_(file: Path, data_dir: Path | None) -> None:
    """Add the images of an archive and print their names."""
    from kubelet.images.service import LocalImages

    if not file.is_file():
        raise CommandError(f"{file} is no file: give an OCI layout or `docker save` archive")
    service = LocalImages(_store(data_dir))
    try:
        images = asyncio.run(service.import_archive(file))
    except ImageError as error:
        raise CommandError(f"{file}: {error}") from error
    for image in images:
        print("\n".join(image.tags) or image.id)


def build(name: str, data_dir: Path | None) -> None:
    """Make the one image that can be made here."""
    if name != "busybox":
        raise CommandError(f"{name!r} can't be built: only busybox can, from this machine's own")
    try:
        image = busybox.build_busybox(_store(data_dir))
    except ImageError as error:
        raise CommandError(str(error)) from error
    print("\n".join(image.tags))


def ensure_busybox(directory: Path) -> None:
    """The image of the samples, unless it is there or this machine has no busybox."""
    store = ImageStore(directory)
    store.prepare()
    if store.find(busybox.REPOSITORY) is None:
        with contextlib.suppress(ImageError):
            busybox.build_busybox(store)


def show(data_dir: Path | None) -> None:
    """One line per name."""
    from kubelet.images.service import LocalImages

    for image in asyncio.run(LocalImages(_store(data_dir)).list_images()):
        for name in image.tags or ("<none>",):
            print(
                f"{name:60} {image.id.removeprefix('sha256:')[:12]} {image.size_bytes / 1e6:.1f} MB"
            )


def remove(reference: str, data_dir: Path | None) -> None:
    """Remove a name, and the image with its last one."""
    from kubelet.images.service import LocalImages

    if not asyncio.run(LocalImages(_store(data_dir)).remove(reference)):
        raise CommandError(f"there is no image {reference}: `bireme image list` shows what is")
