"""Classes that an annotation marks as the default: which one counts.

Neighbours: storage and ingress classes are marked so; the plugins beside it ask.
"""

from apimachinery.resource import Resource
from apiserver.cache import WatchCache


def newest(cache: WatchCache, resource: Resource, annotations: tuple[str, ...]) -> str:
    """The name of the newest class that is marked (the first by name of two equals), or ""."""
    if not cache.count(resource):
        return ""
    found = []
    for entry in cache.list(resource).entries:
        metadata = entry.parse()["metadata"]
        said = metadata.get("annotations") or {}
        if any(said.get(key) == "true" for key in annotations):
            found.append((metadata.get("creationTimestamp", ""), entry.name))
    latest = max((moment for moment, _ in found), default="")
    return min((name for moment, name in found if moment == latest), default="")
