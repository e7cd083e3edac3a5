"""Content negotiation: what form the client wants, what form its body has.

Pure. `accepted` reads an Accept header into an `Accepted` (encoding and transformation),
`body_kind` a Content-Type. Neighbours: every handler. The transformations themselves are made
in `apiserver.handlers.render`. Protobuf is answered only where JSON is not acceptable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from apimachinery import status

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
MEDIA_TYPES = (JSON, YAML, PROTOBUF)

_HEADERS_REMEMBERED = 256
"""Clients send a handful of distinct Accept headers; the bound is for the others."""
_MAX_HEADER = 4096
"""Longer Accept headers are cut off: no client needs more clauses."""

_TABLE_VERSIONS = frozenset({"v1", "v1beta1"})


class Transform(Enum):
    """What the client wants to see of the object."""

    NONE = ""
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"
    PARTIAL_LIST = "PartialObjectMetadataList"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The form of the answer."""

    media_type: str
    transform: Transform
    version: str = "v1"
    """Of the group meta.k8s.io, for transformed answers."""


PLAIN = Accepted(JSON, Transform.NONE)


@lru_cache(maxsize=_HEADERS_REMEMBERED)
def accepted(header: str, *, single: bool = True) -> Accepted:
    """The best form for an Accept header; `single` for one object, else for a list or watch.

    Raises ApiError 406 where nothing that is asked for can be given.
    """
    binary: Accepted | None = None
    for media_type, params in _clauses(header):
        found = _match(media_type, params, single=single)
        if found is None:
            continue
        if found.media_type == PROTOBUF:
            binary = binary or found
        elif binary is None or found.transform is binary.transform:
            return found
    if binary is None:
        raise status.not_acceptable(MEDIA_TYPES)
    return binary


def of_error(header: str) -> Accepted:
    """The form of a Status that tells of a failure: JSON where nothing else can be given."""
    if PROTOBUF not in header and YAML not in header:
        return PLAIN
    try:
        found = accepted(header)
    except status.ApiError:
        return PLAIN
    return Accepted(found.media_type, Transform.NONE)


def _clauses(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The clauses, best quality first, in the client's order among equals."""
    if not header.strip():
        yield "*/*", {}
        return
    found: list[tuple[float, str, dict[str, str]]] = []
    for text in header[:_MAX_HEADER].split(","):
        media_type, *rest = (part.strip() for part in text.split(";"))
        params = {}
        for item in rest:
            key, _, value = item.partition("=")
            params[key.strip().lower()] = value.strip().strip('"')
        found.append((_quality(params.get("q", "1")), media_type.lower(), params))
    found.sort(key=lambda clause: -clause[0])
    for quality, media_type, params in found:
        if quality > 0:
            yield media_type, params


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 1.0
    return value if 0.0 <= value <= 1.0 else 1.0


def _match(media_type: str, params: dict[str, str], *, single: bool) -> Accepted | None:
    if media_type in ("*/*", "application/*"):
        chosen = JSON
    elif media_type in MEDIA_TYPES:
        chosen = media_type
    else:
        return None
    wanted = params.get("as", "")
    if not wanted:
        return Accepted(chosen, Transform.NONE)
    version = params.get("v", "")
    if params.get("g") != "meta.k8s.io" or version not in _TABLE_VERSIONS:
        return None
    partial = "PartialObjectMetadata" if single else "PartialObjectMetadataList"
    if wanted not in ("Table", partial, "PartialObjectMetadata"):
        return None
    if chosen == PROTOBUF and wanted == "Table":
        return None  # cells hold any JSON: tables have no protobuf form
    transform = Transform(wanted if wanted == "Table" else partial)
    return Accepted(chosen, transform, version)


def body_type(header: str) -> str:
    """The media type of a Content-Type header, lower case, parameters dropped; JSON if unsaid."""
    return header.partition(";")[0].strip().lower() or JSON
