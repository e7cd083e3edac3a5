"""Images out of archives: an OCI layout or a `docker save` tar, compressed or not. Blocking.

The archive is read once into a directory of the store; its entries are only ever plain files
below it. Everything is checked against its digest or diff id before it becomes an image.
"""

import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kubelet.images import manifest, reference
from kubelet.images.errors import InvalidImageError
from kubelet.images.interface import Image
from kubelet.images.store import ImageStore, LayerSource

# Annotations in which builders leave an image's name.
_NAME_ANNOTATIONS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
MAX_ARCHIVE_BYTES = 100 << 30
MAX_ARCHIVE_ENTRIES = 100_000
_CHUNK_BYTES = 1 << 20


def import_archive(store: ImageStore, path: Path, name: str, architecture: str) -> list[Image]:
    """Import every image of the archive; `name` is for those that bear none."""
    with store.temporary() as work:
        _extract(path, work)
        if (work / "index.json").is_file():
            archive: _OciArchive | _DockerArchive = _OciArchive(work, architecture)
        elif (work / "manifest.json").is_file():
            archive = _DockerArchive(work)
        else:
            raise InvalidImageError(
                f"{path} is no image archive: it has neither index.json (OCI layout) nor "
                "manifest.json (docker save)"
            )
        images = [_import_one(store, entry, name) for entry in archive.entries()]
    if not images:
        raise InvalidImageError(f"{path} contains no image")
    return images


class _Entry:
    """One image of an archive, with all files on disk."""

    def __init__(
        self, config: bytes, document: bytes, layers: Sequence[Path], names: Sequence[str]
    ) -> None:
        self.config = config
        self.document = document
        self.layers = layers
        self.names = names


def _import_one(store: ImageStore, entry: _Entry, name: str) -> Image:
    names = [name] if name else list(entry.names)
    if not names:
        raise InvalidImageError("the image in the archive has no name: give one with --name")
    tags = [reference.parse(text).tagged for text in names]
    diff_ids = manifest.parse_config(
        manifest.load(entry.config, "the image configuration")
    ).diff_ids
    if len(diff_ids) != len(entry.layers):
        raise InvalidImageError(
            f"the image has {len(entry.layers)} layers, its configuration lists {len(diff_ids)}"
        )
    digest = "sha256:" + hashlib.sha256(entry.document).hexdigest()
    digests = [reference.parse(text).with_digest(digest) for text in names]
    with store.lock():
        for diff_id, path in zip(diff_ids, entry.layers, strict=True):
            store.add_layer(LayerSource(diff_id, path))
        return store.commit(entry.config, [tag for tag in tags if tag], digests)


def _extract(path: Path, target: Path) -> None:
    """Plain files only; names may not leave the directory."""
    total = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for count, member in enumerate(archive):
                if count >= MAX_ARCHIVE_ENTRIES:
                    raise InvalidImageError(f"{path} has more than {MAX_ARCHIVE_ENTRIES} entries")
                total += member.size
                if total > MAX_ARCHIVE_BYTES:
                    raise InvalidImageError(f"{path} is larger than {MAX_ARCHIVE_BYTES} bytes")
                _extract_member(archive, member, target)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        first = str(error).partition("\n")[0].rstrip(":")  # tarfile lists all that it tried
        raise InvalidImageError(f"{path} is no tar archive: {first}") from error
    except FileNotFoundError:
        raise InvalidImageError(f"{path} does not exist") from None
    except OSError as error:
        raise InvalidImageError(f"cannot read {path}: {error}") from error


def _extract_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    if member.isdir():
        return
    place = _inside(target, member.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    if member.issym() or member.islnk():
        # `docker save` links equal layers to each other.
        base = Path(member.name).parent if member.issym() else Path()
        source = _inside(target, str(base / member.linkname))
        if source.is_file():
            shutil.copyfile(source, place)
        return
    source_file = archive.extractfile(member)
    if source_file is None:
        raise InvalidImageError(f'unexpected entry "{member.name}" in the image archive')
    with place.open("xb") as file:
        shutil.copyfileobj(source_file, file, _CHUNK_BYTES)


def _inside(root: Path, name: str) -> Path:
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                raise InvalidImageError(f'unsafe path in the image archive: "{name}"')
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    if not parts or name.startswith("/"):
        raise InvalidImageError(f'unsafe path in the image archive: "{name}"')
    return root.joinpath(*parts)


def _document(path: Path) -> bytes:
    if not path.is_file():
        raise InvalidImageError(f'the image archive lacks "{path.name}"')
    if path.stat().st_size > manifest.MAX_DOCUMENT_BYTES:
        raise InvalidImageError(f'"{path.name}" in the image archive is too large')
    return path.read_bytes()


class _OciArchive:
    """index.json and blobs by digest."""

    def __init__(self, root: Path, architecture: str) -> None:
        self._root = root
        self._architecture = architecture

    def entries(self) -> Iterator[_Entry]:
        index = manifest.load(_document(self._root / "index.json"), "index.json")
        for item in _objects(index.get("manifests"), "index.json"):
            annotations = item.get("annotations") or {}
            names = [str(annotations[key]) for key in _NAME_ANNOTATIONS if annotations.get(key)]
            document = self._blob(str(item.get("digest")))
            parsed = manifest.load(document, "the image manifest")
            if manifest.is_index(parsed):
                chosen = manifest.choose(parsed, self._architecture)
                document = self._blob(chosen.digest)
                parsed = manifest.load(document, "the image manifest")
            read = manifest.parse_manifest(parsed)
            layers = [self._path(layer.digest) for layer in read.layers]
            yield _Entry(self._blob(read.config.digest), document, layers, _full_names(names))

    def _path(self, digest: str) -> Path:
        if not reference.is_digest(digest):
            raise InvalidImageError(f'"{digest}" in the image archive is no sha256 digest')
        path = self._root / "blobs" / "sha256" / digest.removeprefix("sha256:")
        if not path.is_file():
            raise InvalidImageError(f"the image archive lacks the blob {digest}")
        return path

    def _blob(self, digest: str) -> bytes:
        data = _document(self._path(digest))
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise InvalidImageError(f"a blob of the image archive does not match {digest}")
        return data


class _DockerArchive:
    """manifest.json with paths; there are no digests but the diff ids."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def entries(self) -> Iterator[_Entry]:
        data = _document(self._root / "manifest.json")
        # A list at the top, which `load` refuses by itself.
        wrapped = manifest.load(b'{"images":' + data + b"}", "manifest.json")
        for item in _objects(wrapped["images"], "manifest.json"):
            config = _document(_inside(self._root, str(item.get("Config"))))
            paths = item.get("Layers")
            if not isinstance(paths, list):
                raise InvalidImageError("manifest.json: Layers is not a list")
            layers = [_inside(self._root, str(path)) for path in paths]
            for layer in layers:
                if not layer.is_file():
                    raise InvalidImageError(f'the image archive lacks "{layer.name}"')
            names = [str(name) for name in item.get("RepoTags") or []]
            yield _Entry(config, self._manifest(config, layers), layers, names)

    @staticmethod
    def _manifest(config: bytes, layers: Sequence[Path]) -> bytes:
        """Of our own making: `docker save` has none."""
        return manifest.manifest_document(
            manifest.Descriptor(
                "sha256:" + hashlib.sha256(config).hexdigest(), len(config), manifest.OCI_CONFIG
            ),
            [
                manifest.Descriptor(_file_digest(path), path.stat().st_size, manifest.OCI_LAYER)
                for path in layers
            ],
        )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _full_names(names: Sequence[str]) -> list[str]:
    """The second annotation is often a bare tag (`latest`): useless where there is a full name."""
    with_name = [name for name in names if "/" in name or ":" in name]
    return (with_name or list(names))[:1]


def _objects(value: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidImageError(f"{what} is not a list of images")
    return value
