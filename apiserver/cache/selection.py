"""What a list or watch selects, compiled once: namespace, name, labels, fields.

`compile_selection` turns selectors into comparisons with values that entries already hold, and
finds out how narrow they are, so that lists can use an index and watchers can be reached without
a loop over all of them. Pure; syntax is `apimachinery.labels`' and `fields`' business.
"""

from collections.abc import Collection
from typing import Literal, NamedTuple

from apimachinery import status
from apimachinery.fields import FieldSelector
from apimachinery.labels import Selector
from apiserver.cache import selectable
from apiserver.cache.blocks import LAST
from apiserver.cache.entry import Entry


class Bucket(NamedTuple):
    """The narrowest fixed value of a selection: where its watchers wait for changes."""

    by: Literal["all", "namespace", "key", "name", "field"]
    value: str = ""


EVERYWHERE = Bucket("all")


class Selection:
    """A compiled selection; `matches` is the hot path."""

    __slots__ = ("bucket", "end", "everything", "first", "labels", "name", "namespace", "terms")

    def __init__(
        self,
        namespace: str,
        name: str,
        labels: Selector | None,
        terms: tuple[tuple[int, bool, str], ...],
        indexed: str | None,
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.labels = labels
        self.terms = terms
        """(index into Entry.fields or one of the two below, equal or not, value)."""
        self.first = f"{namespace}/" if namespace else ""
        self.end = f"{namespace}0" if namespace else LAST  # "0" comes right after "/"
        self.everything = labels is None and not terms and not name
        """Everything between `first` and `end`."""
        self.bucket = self._bucket(indexed)

    def _bucket(self, indexed: str | None) -> Bucket:
        if self.name and self.namespace:
            return Bucket("key", f"{self.namespace}/{self.name}")
        if self.name:
            return Bucket("name", self.name)
        if indexed is not None:
            return Bucket("field", indexed)
        return Bucket("namespace", self.namespace) if self.namespace else EVERYWHERE

    def matches(self, entry: Entry) -> bool:
        if self.namespace and entry.namespace != self.namespace:
            return False
        if self.name and entry.name != self.name:
            return False
        if self.labels is not None and not self.labels.matches(entry.labels):
            return False
        return not self.terms or all(
            (_field(entry, index) == value) is equal for index, equal, value in self.terms
        )


_NAME, _NAMESPACE = -1, -2


def _field(entry: Entry, index: int) -> str:
    if index >= 0:
        return entry.fields[index]
    return entry.name if index == _NAME else entry.namespace


def compile_selection(
    group: str,
    plural: str,
    namespace: str,
    labels: Selector | None = None,
    fields: FieldSelector | None = None,
    *,
    known: Collection[str],
) -> Selection:
    """`known` fields in the order of entries; `status.BadRequest` for another one."""
    known = list(known)
    hot = selectable.INDEXED.get((group, plural))
    terms: list[tuple[int, bool, str]] = []
    indexed: str | None = None
    name = ""
    for one in fields.requirements if fields is not None else ():
        equal = one.operator == "="
        match one.field:
            case selectable.NAME:
                name = one.value if equal else name
                terms.append((_NAME, equal, one.value))
            case selectable.NAMESPACE:
                namespace = one.value if equal and not namespace else namespace
                terms.append((_NAMESPACE, equal, one.value))
            case field if field in known:
                terms.append((known.index(field), equal, one.value))
                indexed = one.value if equal and field == hot else indexed
            case field:
                raise status.bad_request(f"field label not supported: {field}")
    if labels is not None and labels.everything:
        labels = None
    return Selection(namespace, name, labels, tuple(terms), indexed)
