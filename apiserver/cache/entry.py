"""One object in the cache: its JSON bytes and the few values that lists and watches ask for.

An entry is never changed after it was made: readers, snapshots and watchers share it. It costs
about 600 bytes beside the object's own. Neighbours: `splice` makes the bytes, `selectable` names
the fields, `watch_cache` keeps the entries. Objects are parsed at most once per write, and not at
all where the writer hands over its dict (`Facts`).
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apimachinery.wire import JsonObject
from apiserver.cache import selectable, splice

Labels = Mapping[str, str]
NO_LABELS: Labels = {}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the cache needs to know about an object, read once from its dict."""

    labels: Labels
    fields: tuple[str, ...]
    owners: tuple[str, ...]
    """The uids of its ownerReferences."""


class Entry:
    """One object at one revision. `raw` is its JSON with that resourceVersion in it."""

    __slots__ = ("created", "fields", "key", "labels", "namespace", "owners", "raw", "revision")

    def __init__(
        self, key: str, namespace: str, raw: bytes, revision: int, created: int, facts: Facts
    ) -> None:
        self.key = key
        """Within its resource: "namespace/name", or "name"."""
        self.namespace = namespace
        self.raw = raw
        self.revision = revision
        self.created = created
        """The revision of its creation: tells two objects of one name apart."""
        self.labels = facts.labels
        self.fields = facts.fields
        """Values of the selectable fields, in the order of the resource's table."""
        self.owners = facts.owners

    @property
    def name(self) -> str:
        return self.key[len(self.namespace) + 1 :] if self.namespace else self.key

    def at(self, revision: int) -> "Entry":
        """The same state with another resourceVersion: what a DELETED event shows."""
        return Entry(
            self.key,
            self.namespace,
            splice.respliced(self.raw, revision),
            revision,
            self.created,
            Facts(self.labels, self.fields, self.owners),
        )

    def parse(self) -> JsonObject:
        """A fresh dict, the caller's own."""
        parsed: JsonObject = orjson.loads(self.raw)
        return parsed

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, revision={self.revision})"


def facts(obj: JsonObject, getters: Mapping[str, selectable.Getter]) -> Facts:
    """Read an object's labels, selectable fields and owners, interning what repeats."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    return Facts(
        _labels(metadata.get("labels")),
        tuple([sys.intern(get(obj)) for get in getters.values()]),
        _owners(metadata.get("ownerReferences")),
    )


def _labels(found: Any) -> Labels:
    if not isinstance(found, dict) or not found:
        return NO_LABELS
    return {sys.intern(k): sys.intern(v) for k, v in found.items() if isinstance(v, str)}


def _owners(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list):
        return ()
    uids = [ref.get("uid") for ref in found if isinstance(ref, dict)]
    return tuple([sys.intern(uid) for uid in uids if isinstance(uid, str)])
