"""Image references: from what people write to registry, repository, tag and digest. Pure.

`busybox` means `docker.io/library/busybox:latest`, as everywhere. The grammar is the one of the
OCI distribution specification; anything else is an InvalidReferenceError.
"""

import re
from dataclasses import dataclass

from kubelet.images.errors import InvalidReferenceError

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
# The distribution specification's limit for a repository name.
MAX_NAME_LENGTH = 255

_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z")
_REGISTRY = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?\Z"
)
_TAG = re.compile(r"\w[\w.-]{0,127}\Z", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """One image in one registry. At least one of tag and digest is set."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Registry and repository: `docker.io/library/busybox`."""
        return f"{self.registry}/{self.repository}"

    @property
    def tagged(self) -> str:
        """`docker.io/library/busybox:latest`, or nothing when only a digest was given."""
        return f"{self.name}:{self.tag}" if self.tag else ""

    def with_digest(self, digest: str) -> str:
        return f"{self.name}@{digest}"

    def __str__(self) -> str:
        return (
            self.name
            + (f":{self.tag}" if self.tag else "")
            + (f"@{self.digest}" if self.digest else "")
        )


def is_digest(text: str) -> bool:
    return _DIGEST.match(text) is not None


def parse(text: str) -> Reference:
    """Read a reference, with the usual defaults filled in."""
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise InvalidReferenceError(
            f'invalid image reference "{text}": the digest must be sha256: and 64 hex digits'
        )
    head, colon, last = rest.rpartition(":")
    tag = ""
    if colon and "/" not in last:
        rest, tag = head, last
        if not _TAG.match(tag):
            raise InvalidReferenceError(f'invalid image reference "{text}": bad tag "{tag}"')
    registry, repository = _split_registry(rest)
    components = repository.split("/")
    if not all(_COMPONENT.match(component) for component in components):
        hint = " (it must be lower case)" if repository != repository.lower() else ""
        raise InvalidReferenceError(
            f'invalid image reference "{text}": bad repository name "{repository}"{hint}'
        )
    if len(repository) > MAX_NAME_LENGTH:
        raise InvalidReferenceError(
            f"invalid image reference: the repository name is longer than {MAX_NAME_LENGTH}"
        )
    if not _REGISTRY.match(registry):
        raise InvalidReferenceError(
            f'invalid image reference "{text}": bad registry name "{registry}"'
        )
    return Reference(registry, repository, tag or ("" if digest else DEFAULT_TAG), digest)


def _split_registry(text: str) -> tuple[str, str]:
    """The first component is a registry if it looks like a host; Docker's rule."""
    first, slash, rest = text.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    registry, repository = (first, rest) if is_host else (DEFAULT_REGISTRY, text)
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository
