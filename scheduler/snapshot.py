"""All nodes and the pods on them, as arrays: what feasibility and scores are computed from.

Kept up to date pod by pod and node by node: a change costs its own row, never a pass over the
cluster. Offers are the permission to bind, this is the view. Neighbours: `service` feeds it,
`placement` reads it and books its own assignments into it; `journal`, `census` and `topology` keep
what is derived from rows. Pure, but for numpy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from scheduler.census import Census, Question
from scheduler.claims import Claims
from scheduler.journal import Journal
from scheduler.nominations import Nominations
from scheduler.terms import Term
from scheduler.topology import Column, Columns
from scheduler.views import NodeInfo, PodInfo, Taint

K = TypeVar("K")

Row = int
Amounts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ROWS_MIN = 16
"""Arrays begin with this many rows and double when full."""
ZONE = "topology.kubernetes.io/zone"
FIRST_COLUMNS = ("cpu", "memory", "pods", "ephemeral-storage")
"""Columns that every node has; extended resources get theirs when first seen."""
SHAPES_MAX = 1024
"""Shapes of pods for which it is kept what keeps off from them."""
OWNERS_MAX = 64
"""Controllers whose pods are kept counted as an array."""
UNASKED = (("cpu", 100), ("memory", 200 * 1024 * 1024))
"""What a pod that asks for none counts as in scores, so that such pods spread too (Kubernetes'
numbers)."""
GROWING = ("present", "cordoned", "allocatable", "requested", "weighed", "taint_codes")
"""Arrays with an entry a row."""


@dataclass(slots=True)
class Place:
    """One node's entry beside the arrays."""

    node: NodeInfo
    pods: dict[str, PodInfo] = field(default_factory=dict)
    """Pods on it by uid, those that are only assumed too."""


class Snapshot:
    """Rows are nodes, columns are resources; a row that is free has `present` false."""

    def __init__(self) -> None:
        self.columns: dict[str, int] = {name: i for i, name in enumerate(FIRST_COLUMNS)}
        self.rows: dict[str, Row] = {}
        self.places: list[Place | None] = [None] * ROWS_MIN
        self.present: Mask = np.zeros(ROWS_MIN, np.bool_)
        self.cordoned: Mask = np.zeros(ROWS_MIN, np.bool_)
        self.allocatable: Amounts = np.zeros((ROWS_MIN, len(FIRST_COLUMNS)), np.int64)
        self.requested: Amounts = np.zeros((ROWS_MIN, len(FIRST_COLUMNS)), np.int64)
        self.weighed: Amounts = np.zeros((ROWS_MIN, len(UNASKED)), np.int64)
        """Cpu and memory as scores count them: no pod takes nothing."""
        self.evictable: dict[int, Amounts] = {}
        """By priority: what the pods take that may be evicted."""
        self.taints: list[tuple[Taint, ...]] = [()]
        """The distinct sets of taints that nodes have; 0 is none."""
        self.taint_codes: npt.NDArray[np.int64] = np.zeros(ROWS_MIN, np.int64)
        """Per row the index of its node's taints."""
        self.generation = 0
        """Grows whenever a node is added, removed or changes: what depends on nodes is void."""
        self.journal = Journal()
        """The rows whose room changed."""
        self.anti_affine: dict[Term, dict[Row, int]] = {}
        """Required anti-affinity terms of pods on nodes: how many pods of each row have them."""
        self._repelling: dict[str, list[Term]] = {}
        """The terms that mean pods of a shape, for shapes asked for since a term came or went."""
        self._drawing: dict[str, list[Term]] = {}
        """The same of `attractions`."""
        self.storage = Claims()
        self.attractions: dict[Term, dict[Row, int]] = {}
        """By what pods on nodes draw others near (or off): the sum of weights of each row."""
        self.images: dict[str, dict[Row, int]] = {}
        """Sizes of the images that rows have, by name."""
        self.namespaces: dict[str, Mapping[str, str]] = {}
        """Labels of namespaces."""
        self.nominations = Nominations()
        """Pending pods that wait for room on a node."""
        self._priorities: dict[int, int] = {}
        """How many evictable pods on nodes there are of each priority."""
        self._taint_numbers: dict[tuple[Taint, ...], int] = {(): 0}
        self._free_rows: list[Row] = list(range(ROWS_MIN - 1, -1, -1))
        self._homeless: dict[str, dict[str, PodInfo]] = {}
        """Pods bound to nodes that are not known (yet), by node name."""
        self._where: dict[str, str] = {}
        """Node name per uid."""
        self._siblings: dict[str, dict[Row, int]] = {}
        """Per controller uid: how many of its pods each row has."""
        self._sibling_counts: dict[str, npt.NDArray[np.float64]] = {}
        """The same as arrays, for those asked for lately."""
        self._labels = Columns()
        self._census = Census()

    def __len__(self) -> int:
        return len(self.rows)

    # --- nodes

    def set_node(self, node: NodeInfo) -> None:
        """Add or replace a node."""
        row = self.rows.get(node.name)
        if row is None:
            row = self._new_row()
            self.rows[node.name] = row
            self.places[row] = Place(node)
            self.present[row] = True
            self._describe(row, node)
            self._hold_images(row, {}, node.images)
            for pod in self._homeless.pop(node.name, {}).values():
                self._enter(row, pod)
            return
        place = self.place(row)
        self._hold_images(row, place.node.images, node.images)
        if place.node != node:
            self._describe(row, node)
        place.node = node

    def _describe(self, row: Row, node: NodeInfo) -> None:
        self.generation += 1
        # In two steps: a new resource makes a new array.
        amounts = self.vector(node.allocatable)
        self.allocatable[row] = amounts
        self.cordoned[row] = node.unschedulable
        self.taint_codes[row] = self._taint_number(node.taints)
        self._labels.set(row, node.labels)
        self.journal.note(row)

    def _hold_images(self, row: Row, old: Mapping[str, int], new: Mapping[str, int]) -> None:
        if old == new:
            return
        for name in old.keys() - new.keys():
            rows = self.images[name]
            del rows[row]
            if not rows:
                del self.images[name]
        for name, size in new.items():
            self.images.setdefault(name, {})[row] = size

    def _taint_number(self, taints: tuple[Taint, ...]) -> int:
        number = self._taint_numbers.get(taints)
        if number is None:
            number = self._taint_numbers[taints] = len(self.taints)
            self.taints.append(taints)
        return number

    def remove_node(self, name: str) -> None:
        """Forget a node; its pods are remembered in case it comes back."""
        row = self.rows.get(name)
        if row is None:
            return
        place = self.place(row)
        pods = place.pods
        for pod in list(pods.values()):
            self._leave(row, pod)
        self._hold_images(row, place.node.images, {})
        if pods:
            self._homeless[name] = pods
        del self.rows[name]
        self.places[row] = None
        self.present[row] = self.cordoned[row] = False
        self.allocatable[row] = 0
        self.taint_codes[row] = 0
        self._labels.set(row, {})
        self._free_rows.append(row)
        self.generation += 1
        self.journal.note(row)

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """A namespace's labels; None when it is gone."""
        if self.namespaces.get(name) == labels:
            return
        if labels is None:
            self.namespaces.pop(name, None)
        else:
            self.namespaces[name] = labels
        # Which pods a namespaceSelector means has changed.
        self._census.clear()
        self._repelling.clear()
        self._drawing.clear()

    # --- pods

    def put(self, pod: PodInfo, node_name: str) -> bool:
        """A pod is on a node, or assumed to be; whether that matters to others."""
        if self._where.get(pod.uid) == node_name and (row := self.rows.get(node_name)) is not None:
            pods = self.place(row).pods
            if pods[pod.uid].alike(pod):
                pods[pod.uid] = pod
                return False
        self.take(pod.uid)
        self._where[pod.uid] = node_name
        row = self.rows.get(node_name)
        if row is None:
            self._homeless.setdefault(node_name, {})[pod.uid] = pod
        else:
            self._enter(row, pod)
        return True

    def take(self, uid: str) -> bool:
        """A pod is no longer on its node; whether it was on one."""
        node_name = self._where.pop(uid, None)
        if node_name is None:
            return False
        row = self.rows.get(node_name)
        if row is None:
            homeless = self._homeless.get(node_name, {})
            homeless.pop(uid, None)
            if not homeless:
                self._homeless.pop(node_name, None)
            return True
        self._leave(row, self.place(row).pods.pop(uid))
        return True

    def _enter(self, row: Row, pod: PodInfo) -> None:
        self.place(row).pods[pod.uid] = pod
        self._count(row, pod, 1)

    def _leave(self, row: Row, pod: PodInfo) -> None:
        self._count(row, pod, -1)

    def _count(self, row: Row, pod: PodInfo, step: int) -> None:
        """Everything that is kept about pods on rows."""
        amounts = step * self.vector(pod.requests)
        self.requested[row] += amounts
        self.weighed[row] += step * np.array([pod.requests.get(n) or some for n, some in UNASKED])
        if not pod.is_task:
            self._count_evictable(row, pod.priority, amounts, step)
        self.journal.note(row)
        self._census.step(row, pod, step)
        if pod.anti_affinity or pod.attractions:
            self._count_terms(row, pod, step)
        # A pod that is ending makes room soon: its place is as good as empty.
        if pod.owner_uid and not pod.deleting:
            self._count_sibling(row, pod.owner_uid, step)

    def _count_evictable(self, row: Row, priority: int, amounts: Amounts, step: int) -> None:
        _step(self._priorities, priority, step)
        if priority not in self._priorities:
            del self.evictable[priority]
            return
        taken = self.evictable.get(priority)
        if taken is None:
            taken = self.evictable[priority] = np.zeros_like(self.requested)
        taken[row] += amounts

    def _count_terms(self, row: Row, pod: PodInfo, step: int) -> None:
        for term in pod.anti_affinity:
            rows = self.anti_affine.get(term)
            if rows is None:
                rows = self.anti_affine[term] = {}
                self._repelling.clear()
            _step(rows, row, step)
            if not rows:
                del self.anti_affine[term]
                self._repelling.clear()
        for term, weight in pod.attractions:
            rows = self.attractions.get(term)
            if rows is None:
                rows = self.attractions[term] = {}
                self._drawing.clear()
            _step(rows, row, step * weight)
            if not rows:
                del self.attractions[term]
                self._drawing.clear()

    def _count_sibling(self, row: Row, owner_uid: str, step: int) -> None:
        counts = self._siblings.setdefault(owner_uid, {})
        _step(counts, row, step)
        if not counts:
            del self._siblings[owner_uid]
        array = self._sibling_counts.get(owner_uid)
        if array is not None:
            array[row] += step

    # --- reading

    def place(self, row: Row) -> Place:
        """A row in use."""
        place = self.places[row]
        assert place is not None, "a row in use"
        return place

    def vector(self, amounts: Mapping[str, int]) -> Amounts:
        """A request or capacity as a row; a resource not seen before gets a column."""
        columns = self.columns
        for name in amounts:
            if name not in columns:
                self._new_column(name)
        row = np.zeros(len(columns), np.int64)
        for name, value in amounts.items():
            row[columns[name]] = value
        return row

    def siblings(self, owner_uid: str) -> npt.NDArray[np.float64]:
        """How many pods of one controller each row has. Not to be written to."""
        counts = self._sibling_counts.pop(owner_uid, None)
        if counts is None:
            counts = np.zeros(len(self.places))
            for row, count in self._siblings.get(owner_uid, {}).items():
                counts[row] = count
            while len(self._sibling_counts) >= OWNERS_MAX:
                del self._sibling_counts[next(iter(self._sibling_counts))]
        self._sibling_counts[owner_uid] = counts
        return counts

    def repelling(self, pod: PodInfo) -> list[Term]:
        """The anti-affinity terms of pods on nodes that mean this pending pod."""
        return self._meaning(pod, self.anti_affine, self._repelling)

    def _meaning(
        self, pod: PodInfo, them: Iterable[Term], known: dict[str, list[Term]]
    ) -> list[Term]:
        if not them:
            return []
        found = known.get(pod.shape)
        if found is None:
            if len(known) >= SHAPES_MAX:
                known.clear()
            found = known[pod.shape] = [
                term for term in them if term.selects(pod.namespace, pod.labels, self.namespaces)
            ]
        return found

    def drawing(self, pod: PodInfo) -> list[Term]:
        """The terms by which pods on nodes draw this pending pod, or keep it off."""
        return self._meaning(pod, self.attractions, self._drawing)

    def count(self, key: str, question: Question) -> Amounts:
        """How many pods of each row are such; see `Census.count`."""
        return self._census.count(key, question, self._everyone(), len(self.places))

    def _everyone(self) -> Iterator[tuple[Row, PodInfo]]:
        for row, place in self.everywhere():
            for pod in place.pods.values():
                yield row, pod

    def column(self, key: str) -> Column:
        """A node label as numbers per row. Not to be written to."""
        nodes = ((row, place.node.labels) for row, place in self.everywhere())
        return self._labels.column(key, nodes, len(self.places))

    def where(self, uid: str) -> str:
        """The name of the node on which a pod is, or empty."""
        return self._where.get(uid, "")

    def node_of(self, uid: str) -> NodeInfo | None:
        """The node on which a pod is."""
        row = self.rows.get(self._where.get(uid, ""))
        place = self.places[row] if row is not None else None
        return place.node if place else None

    def everywhere(self) -> Iterable[tuple[Row, Place]]:
        """All nodes; for what can't do without."""
        for row in self.rows.values():
            yield row, self.place(row)

    # --- room

    def _new_row(self) -> Row:
        if not self._free_rows:
            size = len(self.places)
            self.places += [None] * size
            for name in GROWING:
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, np.zeros_like(array)]))
            for priority, taken in self.evictable.items():
                self.evictable[priority] = np.concatenate([taken, np.zeros_like(taken)])
            self._labels.clear()
            self._census.clear()
            self._sibling_counts.clear()
            self._free_rows = list(range(2 * size - 1, size - 1, -1))
        return self._free_rows.pop()

    def _new_column(self, name: str) -> None:
        self.columns[name] = len(self.columns)
        self.generation += 1
        column = np.zeros((len(self.places), 1), np.int64)
        self.allocatable = np.concatenate([self.allocatable, column], axis=1)
        self.requested = np.concatenate([self.requested, column], axis=1)
        for priority, taken in self.evictable.items():
            self.evictable[priority] = np.concatenate([taken, column], axis=1)


def _step(counts: dict[K, int], key: K, by: int) -> None:
    """Count up or down; zeros are not kept."""
    count = counts.get(key, 0) + by
    if count:
        counts[key] = count
    else:
        counts.pop(key, None)
