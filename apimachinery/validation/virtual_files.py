"""Files of one volume that are in each other's way: warnings about volumes made of API objects.

Neighbour: `oddities` asks. Two files in one place are an error where they come from two sources;
the rest is allowed, and fails or is lost on the node.
"""

from collections.abc import Iterable, Iterator, Sequence

from apimachinery import status
from apimachinery.validation.seen import Seen
from apimachinery.wire import JsonObject

SOURCES = frozenset(("configMap", "secret", "downwardAPI", "projected"))
_PLAIN = (
    # field of the volume, how it is called, where its name is
    ("configMap", "ConfigMap", "name"),
    ("secret", "Secret", "secretName"),
    ("downwardAPI", "DownwardAPI", ""),
)


_CLEAN = Seen(without=("name",))
"""Volumes without warnings, but for their names: each pod has one with its token."""


def overlaps(volume: JsonObject) -> list[str]:
    """All warnings about a volume."""
    key = _CLEAN.key(volume)
    if key in _CLEAN:
        return []
    found = _overlaps(volume)
    if not found:
        _CLEAN.add(key)
    return found


def _overlaps(volume: JsonObject) -> list[str]:
    called = status.quote(volume.get("name", ""))
    found: list[str] = []
    for key, kind, name in _PLAIN:
        source = volume.get(key) or {}
        if source.get("items"):
            shown = f"{kind} {status.quote(source.get(name, ''))}" if name else kind
            found += _within(_paths(source), f"volume {called} ({shown}): overlapping paths")
    if volume.get("projected"):
        found += _projected(volume["projected"].get("sources") or (), called)
    return found


def _paths(source: JsonObject) -> list[str]:
    return [one.get("path", "") for one in source.get("items") or ()]


def _projected(sources: Iterable[JsonObject], called: str) -> Iterator[str]:
    known: set[str] = set()
    for source in sources:
        if not source:
            yield f"volume {called} (Projected) has no sources provided"
            continue
        paths, shown = _projection(source)
        if paths:
            text = f"volume {called} (Projected {shown}): overlapping paths"
            yield from _within(paths, text)
            yield from _within(sorted([*set(paths), *known]), text)
            known.update(paths)


def _projection(source: JsonObject) -> tuple[list[str], str]:
    """The files of a source, and how it is called."""
    for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if source.get(key):
            name = status.quote(source[key].get("name", ""))
            return _paths(source[key]), f"{kind} {name}"
    if source.get("downwardAPI"):
        return _paths(source["downwardAPI"]), "DownwardAPI"
    if source.get("serviceAccountToken"):
        return [source["serviceAccountToken"].get("path", "")], "ServiceAccountToken"
    bundle = source.get("clusterTrustBundle") or {}
    name = bundle.get("name") or bundle.get("signerName") or ""
    return [bundle["path"]] if bundle.get(
        "path"
    ) else [], f"ClusterTrustBundle {status.quote(name)}"


def _within(paths: Sequence[str], text: str) -> Iterator[str]:
    """Each path against those before it."""
    known: list[str] = []
    for path in (one.rstrip("/") for one in paths):
        other = next((one for one in known if _collide(one, path)), None)
        if other is not None:
            yield f"{text}: {status.quote(path)} with {status.quote(other)}"
        if path not in known:
            known.append(path)


def _collide(one: str, other: str) -> bool:
    """As Kubernetes compares them: by characters, not by names between slashes."""
    return bool(one and other) and (f"{one}/".startswith(other) or f"{other}/".startswith(one))
