"""One object in the cache: its JSON bytes and the few values that lists and watches ask for.

An entry is never changed after it was made: readers, snapshots and watchers share it. It costs
about 600 bytes beside the object's own. Neighbours: `splice` makes the bytes, `selectable` names
the fields, `watch_cache` keeps the entries. Objects are parsed at most once per write, and not at
all where the writer hands over its dict (`Facts`).
"""

import sys
from collections.abc import Mapping
from typing import NamedTuple

import orjson

from apimachinery import meta
from apimachinery.wire import JsonObject
from apiserver.cache import selectable, splice

Labels = Mapping[str, str]


class Facts(NamedTuple):
    """What the cache needs to know about an object, read once from its dict."""

    labels: Labels
    fields: tuple[str, ...]


class Entry:
    """One object at one revision. `raw` is its JSON with that resourceVersion in it."""

    __slots__ = ("created", "fields", "key", "labels", "namespace", "raw", "revision")

    def __init__(
        self, key: str, namespace: str, raw: bytes, revision: int, created: int, facts: Facts
    ) -> None:
        self.key = key
        """Within its resource: "namespace/name", or "name"."""
        self.namespace = sys.intern(namespace)
        self.raw = raw
        self.revision = revision
        self.created = revision if created == revision else created
        """The revision of its creation: tells two objects of one name apart."""
        self.labels = facts.labels
        self.fields = facts.fields
        """Values of the selectable fields, in the order of the resource's table."""

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
            Facts(self.labels, self.fields),
        )

    def shown_as(self, obj: JsonObject) -> "Entry":
        """What a write would have made of it: for dry runs."""
        facts_ = Facts(self.labels, self.fields)
        raw = orjson.dumps(obj)
        return Entry(self.key, self.namespace, raw, self.revision, self.created, facts_)

    def parse(self) -> JsonObject:
        """A fresh dict, the caller's own."""
        parsed: JsonObject = orjson.loads(self.raw)
        return parsed

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, revision={self.revision})"


def facts(obj: JsonObject, getters: Mapping[str, selectable.Getter]) -> Facts:
    """Read an object's labels and selectable fields, sharing what repeats."""
    fields = tuple([sys.intern(get(obj)) for get in getters.values()])
    return Facts(meta.shared_labels(obj), fields)
