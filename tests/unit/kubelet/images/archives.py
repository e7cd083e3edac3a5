"""Small images and archives for tests."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from kubelet.images import manifest
from kubelet.images.interface import ImageConfig


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    """An archive of files (name, content) and of entries made by hand."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                archive.addfile(info, io.BytesIO(entry[1]))
    return buffer.getvalue()


def special(name: str, kind: bytes, link: str = "", mode: int = 0o755) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


@dataclass(frozen=True)
class SampleImage:
    """All documents of an image whose layers are gzipped."""

    layers: tuple[bytes, ...]
    config: bytes
    document: bytes

    @property
    def compressed(self) -> list[bytes]:
        return [gzip.compress(layer, mtime=0) for layer in self.layers]

    @property
    def digest(self) -> str:
        return digest_of(self.document)

    def blobs(self) -> dict[str, bytes]:
        return {digest_of(data): data for data in (self.config, self.document, *self.compressed)}


def sample(*layers: bytes) -> SampleImage:
    config = manifest.config_document(
        ImageConfig(command=("run",), env=("A=1",), user="app"),
        [digest_of(layer) for layer in layers],
        "amd64",
        "2024-01-01T00:00:00Z",
    )
    descriptors = [
        manifest.Descriptor(digest_of(data), len(data), manifest.OCI_LAYER + "+gzip")
        for data in (gzip.compress(layer, mtime=0) for layer in layers)
    ]
    document = manifest.manifest_document(
        manifest.Descriptor(digest_of(config), len(config), manifest.OCI_CONFIG), descriptors
    )
    return SampleImage(layers, config, document)


def oci_archive(path: Path, image: SampleImage, name: str = "", **blobs: bytes) -> Path:
    """An OCI layout; `blobs` replaces contents by digest (with _ for :)."""
    annotations = {"org.opencontainers.image.ref.name": name} if name else {}
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": manifest.OCI_MANIFEST,
                "digest": image.digest,
                "size": len(image.document),
                "annotations": annotations,
            }
        ],
    }
    changed = {key.replace("_", ":"): data for key, data in blobs.items()}
    contents = image.blobs() | changed
    files = [(f"blobs/sha256/{key[7:]}", data) for key, data in contents.items()]
    path.write_bytes(tar(("index.json", orjson.dumps(index)), *files))
    return path


def docker_archive(path: Path, image: SampleImage, names: Sequence[str]) -> Path:
    layers = [(f"{number}/layer.tar", layer) for number, layer in enumerate(image.layers)]
    listing = [
        {"Config": "config.json", "RepoTags": list(names), "Layers": [name for name, _ in layers]}
    ]
    path.write_bytes(
        tar(("config.json", image.config), ("manifest.json", orjson.dumps(listing)), *layers)
    )
    return path
