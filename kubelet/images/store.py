"""The image store of a machine: an index, configurations, unpacked layers. Blocking.

Several processes use one store at once (agents of several nodes, the command line): readers need
no lock because every file appears by rename; who changes something holds `lock()`. The layout:

    images.json          what is here: image id → names, digests, configuration, layers
    blobs/sha256/HEX     the images' configurations as they came
    layers/SHORT/fs      an unpacked layer; SHORT is the start of its diff id, because overlayfs
                         takes all lower directories in one page of text
    tmp/                 work in progress; what a crash left there is removed after a day

Manifests and compressed layers are not kept: nobody needs them again. Layers that a mounted root file system uses are never removed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from kubelet import mounts
from kubelet.images import hostfs, layers, manifest, reference
from kubelet.images.errors import InvalidImageError
from kubelet.images.interface import Image, ImageConfig

FORMAT_VERSION = 1
# Short names of layers: 64 bits of a sha256; the whole diff id is checked beside it.
SHORT_NAME_LENGTH = 16
# No download takes that long; older work was cut off by a crash.
ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class LayerSource:
    """A layer on its way in: what it must unpack to, and where its bytes are."""

    diff_id: str
    path: Path


class ImageStore:
    """See the module's docstring. Methods that change something say "under the lock"."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layers_directory = root / "layers"
        self._blobs = root / "blobs" / "sha256"
        self._index = root / "images.json"
        self._cached: tuple[tuple[int, int, int], dict[str, Image]] | None = None

    def prepare(self) -> None:
        """Make the directories; harmless when they exist."""
        for directory in (self.layers_directory, self._blobs, self.root / "tmp"):
            directory.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude other writers, in this process and others."""
        self.prepare()
        with (self.root / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """A directory on the store's file system, gone afterwards."""
        self.prepare()
        with tempfile.TemporaryDirectory(dir=self.root / "tmp") as path:
            yield Path(path)

    # Reading

    def images(self) -> dict[str, Image]:
        """All images by id, from memory while the index is unchanged."""
        try:
            info = self._index.stat()
        except FileNotFoundError:
            return {}
        stamp = (info.st_ino, info.st_mtime_ns, info.st_size)
        if self._cached is None or self._cached[0] != stamp:
            self._cached = (stamp, _load_index(self._index))
        return self._cached[1]

    def find(self, text: str) -> Image | None:
        """By id (`sha256:…`), tag, or digest reference."""
        if (host := hostfs.find(text)) is not None:
            return host
        images = self.images()
        if text in images:
            return images[text]
        parsed = reference.parse(text)
        for image in images.values():
            if parsed.digest:
                if parsed.with_digest(parsed.digest) in image.digests:
                    return image
            elif parsed.tagged in image.tags:
                return image
        return None

    def has_layer(self, diff_id: str) -> bool:
        return _read_layer(self._layer(diff_id)).get("diff_id") == diff_id

    def layer_paths(self, image: Image) -> list[str]:
        """Relative to `layers_directory`, lowest first."""
        return [f"{short_name(diff_id)}/fs" for diff_id in image.diff_ids]

    # Changing

    def add_layer(self, source: LayerSource) -> None:
        """Unpack a layer, unless it is here. Under the lock."""
        if self.has_layer(source.diff_id):
            return
        with source.path.open("rb") as file:
            self.add_layer_stream(source.diff_id, file)

    def add_layer_stream(self, diff_id: str, file: BinaryIO) -> None:
        """Unpack from an open file. Under the lock."""
        with self.temporary() as work:
            tree = work / "layer" / "fs"
            tree.mkdir(parents=True)
            reader = layers.open_layer(file)
            size = layers.unpack(reader, tree)
            if reader.digest != diff_id:
                raise InvalidImageError(
                    f"a layer unpacks to {reader.digest}, but the image says {diff_id}"
                )
            (work / "layer" / "layer.json").write_bytes(
                orjson.dumps({"diff_id": diff_id, "size": size})
            )
            self._place_layer(work / "layer", diff_id)

    def _place_layer(self, prepared: Path, diff_id: str) -> None:
        target = self._layer(diff_id)
        if target.exists():
            raise InvalidImageError(f"two layers share the name {target.name}: {diff_id}")
        prepared.rename(target)

    def write_blob(self, data: bytes) -> str:
        """Keep a document; returns its digest."""
        self.prepare()
        digest = hashlib.sha256(data).hexdigest()
        _replace(self._blobs / digest, data)
        return f"sha256:{digest}"

    def commit(
        self,
        config: bytes,
        tags: Sequence[str],
        digests: Sequence[str] = (),
        *,
        pulled: bool = False,
    ) -> Image:
        """Make an image known whose layers are here, and give it names. Under the lock."""
        document = manifest.parse_config(manifest.load(config, "the image configuration"))
        missing = [diff_id for diff_id in document.diff_ids if not self.has_layer(diff_id)]
        if missing:
            raise InvalidImageError(f"the image lacks the layers {', '.join(missing)}")
        image_id = self.write_blob(config)
        images = {key: _without_tags(image, tags) for key, image in self.images().items()}
        known = images.get(image_id)
        image = Image(
            id=image_id,
            tags=tuple(sorted({*tags, *(known.tags if known else ())})),
            digests=tuple(sorted({*digests, *(known.digests if known else ())})),
            size_bytes=sum(self._layer_size(diff_id) for diff_id in document.diff_ids),
            config=document.config,
            diff_ids=document.diff_ids,
            created=document.created,
            pulled=pulled,
        )
        images[image_id] = image
        self._write_index(images)
        self._sweep(images)
        return image

    def remove(self, text: str) -> bool:
        """Drop a name, or by id the whole image; then what nothing needs. Takes the lock."""
        with self.lock():
            image = self.find(text)
            if image is None:
                return False
            images = dict(self.images())
            tags = [tag for tag in image.tags if tag != _tag(text)]
            if text == image.id or not tags or len(tags) == len(image.tags):
                del images[image.id]
            else:
                images[image.id] = _without_tags(image, [_tag(text)])
            self._write_index(images)
            self._sweep(images)
            return True

    def in_use(self) -> frozenset[str]:
        """Ids of images with a layer that is mounted somewhere on the machine."""
        mounted = mounts.table()
        return frozenset(
            image.id
            for image in self.images().values()
            if any(short_name(diff_id) in mounted for diff_id in image.diff_ids)
        )

    def disk_usage(self) -> int:
        """Bytes of content of all layers, each counted once."""
        used = {diff_id for image in self.images().values() for diff_id in image.diff_ids}
        return sum(self._layer_size(diff_id) for diff_id in used)

    def _sweep(self, images: dict[str, Image]) -> None:
        """Remove what no image needs. Under the lock, so no layer is between unpack and commit."""
        needed = {short_name(d) for image in images.values() for d in image.diff_ids}
        mounted = mounts.table()
        for layer in self.layers_directory.iterdir():
            if layer.name not in needed and layer.name not in mounted:
                # Renamed first: a half-removed layer must not look like a layer.
                doomed = self.root / "tmp" / f"gone-{layer.name}"
                layer.rename(doomed)
                shutil.rmtree(doomed)
        keep = {image_id.removeprefix("sha256:") for image_id in images}
        for blob in self._blobs.iterdir():
            if blob.name not in keep:
                blob.unlink()
        for left in (self.root / "tmp").iterdir():
            # Not under the lock: someone may be downloading into it.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)

    def _layer(self, diff_id: str) -> Path:
        return self.layers_directory / short_name(diff_id)

    def _layer_size(self, diff_id: str) -> int:
        return int(_read_layer(self._layer(diff_id)).get("size", 0))

    def _write_index(self, images: dict[str, Image]) -> None:
        entries = [asdict(image) for image in images.values()]
        _replace(self._index, orjson.dumps({"version": FORMAT_VERSION, "images": entries}))


def short_name(diff_id: str) -> str:
    return diff_id.removeprefix("sha256:")[:SHORT_NAME_LENGTH]


def _tag(text: str) -> str:
    return "" if text.startswith("sha256:") else reference.parse(text).tagged


def _without_tags(image: Image, tags: Sequence[str]) -> Image:
    left = tuple(tag for tag in image.tags if tag not in tags)
    return Image(
        image.id, left, image.digests, image.size_bytes, image.config, image.diff_ids, image.created
    )


def _read_layer(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = orjson.loads((path / "layer.json").read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return value


def _load_index(path: Path) -> dict[str, Image]:
    document = orjson.loads(path.read_bytes())
    if document["version"] != FORMAT_VERSION:
        raise InvalidImageError(
            f"{path} has format {document['version']}, this version reads {FORMAT_VERSION}"
        )
    images = [_image_from(entry) for entry in document["images"]]
    return {image.id: image for image in images}


def _image_from(entry: dict[str, Any]) -> Image:
    config = entry["config"]
    for key in ("entrypoint", "command", "env", "exposed_ports", "volumes"):
        config[key] = tuple(config[key])
    return Image(
        id=entry["id"],
        tags=tuple(entry["tags"]),
        digests=tuple(entry["digests"]),
        size_bytes=entry["size_bytes"],
        config=ImageConfig(**config),
        diff_ids=tuple(entry["diff_ids"]),
        created=entry["created"],
        pulled=bool(entry.get("pulled")),
    )


def _replace(path: Path, data: bytes) -> None:
    """Write whole or not at all, and survive a power cut."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
