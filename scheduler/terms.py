"""Pod affinity terms as placement uses them: which pods are meant, within which domains. Pure.

What a term means depends on the namespace of the pod that has it and on labels of namespaces;
what its matchLabelKeys mean stands in its selector since the pod was made. Replicas share the terms
that are read. Neighbours: `views` reads those that bind other pods, `filters.podaffinity` and
`scores` the rest.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from apimachinery import labels
from apimachinery.labels import Selector
from apimachinery.wire import JsonObject

READ_MAX = 2048
"""Terms kept: more templates with affinities than that are rarely pending at once."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term of one template; equal if the text is."""

    text: str
    topology_key: str = field(compare=False)
    namespaces: frozenset[str] = field(compare=False)
    everywhere: Selector | None = field(compare=False)
    """Namespaces with these labels are meant as well."""
    selector: Selector | None = field(compare=False)
    """None selects nothing."""

    def selects(
        self, namespace: str, its_labels: Mapping[str, str], known: Mapping[str, Mapping[str, str]]
    ) -> bool:
        """Whether a pod is meant; `known` are the labels of namespaces."""
        if self.selector is None or not self.selector.matches(its_labels):
            return False
        if namespace in self.namespaces:
            return True
        return self.everywhere is not None and self.everywhere.matches(known.get(namespace) or {})


def read(term: JsonObject, namespace: str) -> Term:
    """A term written in a pod of a namespace."""
    text = orjson.dumps([term, namespace], option=orjson.OPT_SORT_KEYS)
    return _read(text.decode())


@functools.lru_cache(READ_MAX)
def _read(text: str) -> Term:
    term, namespace = orjson.loads(text)
    named = term.get("namespaces") or ()
    wide = term.get("namespaceSelector")
    return Term(
        text,
        term["topologyKey"],
        frozenset(named if named or wide is not None else [namespace]),
        selector(wide),
        selector(term.get("labelSelector")),
    )


def selector(written: JsonObject | None) -> Selector | None:
    """A label selector; None for none, and for one that can't be read."""
    if written is None:
        return None
    try:
        return labels.from_label_selector(written)
    except labels.SelectorError:
        return None
