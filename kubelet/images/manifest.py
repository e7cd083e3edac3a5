"""Manifests and configurations of images, read from JSON with suspicion. Pure.

Knows OCI and Docker (schema 2) forms, and how to choose from an index. Whatever is missing or
malformed is an InvalidImageError that says what; sizes are bounded before anything is fetched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from kubelet.images import reference
from kubelet.images.errors import InvalidImageError
from kubelet.images.interface import ImageConfig

JsonObject = dict[str, Any]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPTED = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX)

# Manifests and configurations are documents, not data; registries cap them at 4 MiB too.
MAX_DOCUMENT_BYTES = 4 << 20
# Overlayfs stacks at most 500; no builder makes more than 127.
MAX_LAYERS = 256
# One compressed layer. Larger ones exist, but not by intention.
MAX_LAYER_BYTES = 20 << 30

# What `platform.machine()` says, in the words of image indexes.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to a blob."""

    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image: its configuration and compressed layers, lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class ConfigDocument:
    """What we read of an image's configuration."""

    config: ImageConfig
    diff_ids: tuple[str, ...]
    created: str


def load(data: bytes, what: str) -> JsonObject:
    """A JSON object out of untrusted bytes."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidImageError(f"{what} is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidImageError(f"{what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidImageError(f"{what} is not a JSON object")
    return value


def is_index(document: JsonObject) -> bool:
    return isinstance(document.get("manifests"), list)


def parse_manifest(document: JsonObject) -> Manifest:
    if document.get("schemaVersion") != 2 or "layers" not in document:
        raise InvalidImageError(
            "unsupported image manifest: only schema version 2 (OCI or Docker) is understood"
        )
    layers = _list(document.get("layers"), "manifest.layers")
    if len(layers) > MAX_LAYERS:
        raise InvalidImageError(f"the image has {len(layers)} layers, more than {MAX_LAYERS}")
    return Manifest(
        _descriptor(document.get("config"), "manifest.config", MAX_DOCUMENT_BYTES),
        tuple(_descriptor(layer, "manifest.layers[]", MAX_LAYER_BYTES) for layer in layers),
    )


def choose(document: JsonObject, architecture: str) -> Descriptor:
    """The manifest of an index for this machine."""
    entries = _list(document.get("manifests"), "index.manifests")
    offered = []
    for entry in entries:
        platform = _object(entry).get("platform") or {}
        system, machine = platform.get("os", "linux"), platform.get("architecture", architecture)
        if system == "linux" and machine == architecture:
            return _descriptor(entry, "index.manifests[]", MAX_DOCUMENT_BYTES)
        offered.append(f"{system}/{machine}")
    raise InvalidImageError(
        f"no image for linux/{architecture} in the index; it has {', '.join(offered) or 'none'}"
    )


def parse_config(document: JsonObject) -> ConfigDocument:
    root = _object(document.get("rootfs"))
    diff_ids = tuple(str(item) for item in _list(root.get("diff_ids"), "rootfs.diff_ids"))
    for diff_id in diff_ids:
        if not reference.is_digest(diff_id):
            raise InvalidImageError(f'image configuration: "{diff_id}" is no sha256 digest')
    section = _object(document.get("config"))
    config = ImageConfig(
        entrypoint=_strings(section.get("Entrypoint"), "config.Entrypoint"),
        command=_strings(section.get("Cmd"), "config.Cmd"),
        env=_strings(section.get("Env"), "config.Env"),
        working_dir=str(section.get("WorkingDir") or ""),
        user=str(section.get("User") or ""),
        exposed_ports=tuple(_object(section.get("ExposedPorts"))),
        volumes=tuple(_object(section.get("Volumes"))),
        stop_signal=str(section.get("StopSignal") or ""),
        labels={str(k): str(v) for k, v in _object(section.get("Labels")).items()},
    )
    return ConfigDocument(config, diff_ids, str(document.get("created") or ""))


def config_document(
    config: ImageConfig, diff_ids: Sequence[str], architecture: str, created: str
) -> bytes:
    """The JSON of an image that we make ourselves."""
    section: JsonObject = {
        "Entrypoint": list(config.entrypoint) or None,
        "Cmd": list(config.command) or None,
        "Env": list(config.env),
        "WorkingDir": config.working_dir,
        "User": config.user,
    }
    return orjson.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": {key: value for key, value in section.items() if value},
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        }
    )


def manifest_document(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    return orjson.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _dump(config),
            "layers": [_dump(layer) for layer in layers],
        }
    )


def _dump(descriptor: Descriptor) -> JsonObject:
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }


def _descriptor(value: Any, what: str, limit: int) -> Descriptor:
    entry = _object(value)
    digest, size = entry.get("digest"), entry.get("size")
    if not isinstance(digest, str) or not reference.is_digest(digest):
        raise InvalidImageError(f"{what}: digest {digest!r} is no sha256 digest")
    if not isinstance(size, int) or not 0 <= size <= limit:
        raise InvalidImageError(f"{what}: size {size!r} is not between 0 and {limit}")
    return Descriptor(digest, size, str(entry.get("mediaType") or ""))


def _object(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidImageError(f"expected a JSON object in the image, found {value!r:.80}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidImageError(f"{what} is not a list")
    return value


def _strings(value: Any, what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in _list(value, what))
