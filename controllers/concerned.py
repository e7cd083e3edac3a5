"""Whom a change of a pod concerns: its managers before and after, or else who may adopt it.

Neighbours: the loops of Jobs, DaemonSets and StatefulSets ask; `controllers.ownership` then adopts
and lets go. `controllers.replication` knows its selectors parsed and asks for managers only.
"""

from apimachinery import labels
from apimachinery.client import informer as informers
from controllers import expectations, views


def managers(
    kind: str, expected: expectations.Expectations, old: views.Pod | None, new: views.Pod | None
) -> list[str]:
    """Keys of the owners of a kind that manage the pod or did so before.

    What they expected of the pod has been noted.
    """
    keys: list[str] = []
    for pod in (old, new):
        owner = pod.meta.controller if pod is not None else None
        if pod is None or owner is None or owner.kind != kind:
            continue
        key = f"{pod.meta.namespace}/{owner.name}"
        if key not in keys:
            keys.append(key)
        expected.pod_changed(key, pod.meta.uid, exists=new is not None, ending=pod.meta.deleting)
    return keys


def is_up_for_adoption(old: views.Pod | None, new: views.Pod | None) -> bool:
    """Whether the change made the pod one that nobody manages, or one with other labels."""
    if new is None or new.meta.controller is not None:
        return False
    return old is None or old.meta.controller is not None or old.meta.labels != new.meta.labels


class Adopters:
    """Those objects of a resource that may adopt a pod. Selectors are parsed when first asked."""

    def __init__(self, owners: informers.Informer[views.Object]) -> None:
        self._owners = owners
        self._selectors: dict[str, labels.Selector] = {}
        owners.add_handler(self._changed)

    def _changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        if old is None or new is None or old.meta.generation != new.meta.generation:
            self._selectors.pop(key, None)

    def of(self, pod: views.Pod) -> list[str]:
        """Keys of those that live and select the pod."""
        keys = self._owners.keys_by_index("namespace", pod.meta.namespace)
        return [key for key in keys if self._selects(key, pod)]

    def _selects(self, key: str, pod: views.Pod) -> bool:
        view = self._owners.get(key)
        if view is None or view.meta.deleting:
            return False
        selector = self._selectors.get(key)
        if selector is None:
            spec = view.load().get("spec") or {}
            selector = labels.from_label_selector(spec.get("selector"))
            self._selectors[key] = selector
        return selector.matches(pod.meta.labels)
