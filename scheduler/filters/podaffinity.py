"""Required affinity and anti-affinity between pods. Pure.

Both ways: the pod's own terms, and the anti-affinity terms of pods that run already.
"""

from collections.abc import Iterable

import numpy as np

from apimachinery import labels
from apimachinery.wire import JsonObject
from scheduler.snapshot import Mask, Row, Snapshot
from scheduler.views import PodInfo

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def terms(pod: PodInfo, kind: str) -> list[JsonObject]:
    """The pod's required terms of `podAffinity` or `podAntiAffinity`."""
    return list(((pod.spec.get("affinity") or {}).get(kind) or {}).get(REQUIRED) or ())


def selects(term: JsonObject, owner_namespace: str, pod: PodInfo) -> bool:
    """Whether a term, written in a namespace, means this pod.

    A namespaceSelector counts only when it is empty, which means every namespace.
    """
    named = term.get("namespaces") or ()
    everywhere = term.get("namespaceSelector") == {}
    inside = pod.namespace in (named or (() if everywhere else (owner_namespace,)))
    if not (everywhere or inside):
        return False
    selector = term.get("labelSelector")
    return selector is not None and labels.from_label_selector(selector).matches(pod.labels)


def domains(snapshot: Snapshot, term: JsonObject, namespace: str) -> set[str]:
    """The topology domains in which a pod that the term means runs."""
    key = term["topologyKey"]
    return {
        value
        for _, place in snapshot.everywhere()
        if (value := place.node.labels.get(key)) is not None
        and any(selects(term, namespace, pod) for pod in place.pods.values())
    }


def in_domains(snapshot: Snapshot, key: str, values: Iterable[str]) -> Mask:
    """The rows whose node lies in one of the domains."""
    wanted = set(values)
    mask = np.zeros(len(snapshot.places), np.bool_)
    for row, place in snapshot.everywhere():
        mask[row] = place.node.labels.get(key) in wanted
    return mask


class PodAffinity:
    """podAffinity and podAntiAffinity, required terms."""

    def applies(self, pod: PodInfo, snapshot: Snapshot) -> bool:
        return bool(
            snapshot.anti_affine or terms(pod, "podAffinity") or terms(pod, "podAntiAffinity")
        )

    def mask(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        return self._near(pod, snapshot) & self._apart(pod, snapshot) & self._kept(pod, snapshot)

    def explain(self, pod: PodInfo, snapshot: Snapshot, row: Row) -> tuple[str, ...]:
        if not self._near(pod, snapshot)[row]:
            return ("node(s) didn't match pod affinity rules",)
        if not self._apart(pod, snapshot)[row]:
            return ("node(s) didn't match pod anti-affinity rules",)
        return ("node(s) didn't satisfy existing pods anti-affinity rules",)

    def _near(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for term in terms(pod, "podAffinity"):
            found = domains(snapshot, term, pod.namespace)
            if not found and selects(term, pod.namespace, pod):
                # The first of a group that wants to be together may begin anywhere.
                for row, place in snapshot.everywhere():
                    mask[row] &= term["topologyKey"] in place.node.labels
            else:
                mask &= in_domains(snapshot, term["topologyKey"], found)
        return mask

    def _apart(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for term in terms(pod, "podAntiAffinity"):
            found = domains(snapshot, term, pod.namespace)
            mask &= ~in_domains(snapshot, term["topologyKey"], found)
        return mask

    def _kept(self, pod: PodInfo, snapshot: Snapshot) -> Mask:
        mask = snapshot.present.copy()
        for other in snapshot.anti_affine.values():
            node = snapshot.node_of(other.uid)
            for term in other.anti_affinity:
                value = node.labels.get(term["topologyKey"]) if node else None
                if value is not None and selects(term, other.namespace, pod):
                    mask &= ~in_domains(snapshot, term["topologyKey"], [value])
        return mask
