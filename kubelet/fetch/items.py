"""What is to be fetched for a pod: its annotation, read and checked. Pure.

The offer master writes the annotation, container by container, in the fields of Mesos'
`CommandInfo.URI`; admission lets nobody else. Neighbours: `fetcher` gets the items, `work` is the
program that carries them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from apimachinery.mesos import marks
from apimachinery.wire import JsonObject

UNPACKED = {
    ".tar": "tar", ".tar.gz": "tar", ".tgz": "tar", ".tar.bz2": "tar", ".tbz2": "tar",
    ".tar.xz": "tar", ".txz": "tar", ".zip": "zip", ".gz": "gzip",
}  # fmt: skip
"""What is taken apart, by how its name ends."""
SCHEMES = ("http", "https")


class FetchError(Exception):
    """Something can't be had; the text says what and why."""

    @classmethod
    def of(cls, uri: str, why: str) -> "FetchError":
        return cls(f"Failed to fetch '{uri}': {why}")


@dataclass(frozen=True, slots=True)
class Item:
    """One file."""

    uri: str
    name: str
    """Where it goes, below the sandbox."""
    path: str = ""
    """Where it lies on the node; empty if it comes by HTTP."""
    unpack: str = ""
    executable: bool = False
    cache: bool = False


def wanted(pod: JsonObject) -> Mapping[str, tuple[Item, ...]]:
    """Items by the container that wants them; FetchError."""
    text = (pod["metadata"].get("annotations") or {}).get(marks.FETCH)
    if not text:
        return {}
    try:
        return {
            str(name): tuple(item(one) for one in uris) for name, uris in orjson.loads(text).items()
        }
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise FetchError(f"Failed to fetch: the annotation {marks.FETCH} makes no sense") from error


def item(uri: JsonObject) -> Item:
    """One `CommandInfo.URI`; FetchError."""
    value = str(uri["value"])
    parts = urlsplit(value)
    path = parts.path if parts.scheme in ("", "file") else ""
    if parts.scheme == "" and not value.startswith("/"):
        raise FetchError.of(value, "a relative path leads nowhere on the agent")
    if parts.scheme not in ("", "file", *SCHEMES):
        raise FetchError.of(value, f"the scheme '{parts.scheme}' is not supported: use http(s)")
    name = str(uri.get("output_file") or "") or parts.path.rpartition("/")[2]
    if problem := _misplaced(name):
        raise FetchError.of(value, problem)
    executable = bool(uri.get("executable"))
    unpacks = uri.get("extract", True) and not executable
    return Item(
        uri=value,
        name=name,
        path=path,
        unpack=_kind(name) if unpacks else "",
        executable=executable,
        cache=bool(uri.get("cache")) and not path,
    )


def _misplaced(name: str) -> str:
    if not name:
        return "it names no file"
    if name.startswith("/") or "\0" in name or {"", ".", ".."} & set(name.split("/")):
        return f"'{name}' is no path within the sandbox directory"
    return ""


def _kind(name: str) -> str:
    """By the longest ending that is known."""
    endings = sorted((end for end in UNPACKED if name.endswith(end)), key=len)
    return UNPACKED[endings[-1]] if endings else ""
