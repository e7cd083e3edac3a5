"""All nodes and the pods on them, as arrays: what feasibility and scores are computed from.

Kept up to date pod by pod and node by node: a change costs its own row, never a pass over the
cluster. Offers are the permission to bind, this is the view. Neighbours: `service` feeds it,
`placement` reads it and books its own assignments into it. Pure, but for numpy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scheduler.views import HostPort, NodeInfo, PodInfo

Row = int
Amounts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ROWS_MIN = 16
"""Arrays begin with this many rows and double when full."""
ZONE = "topology.kubernetes.io/zone"
FIRST_COLUMNS = ("cpu", "memory", "pods", "ephemeral-storage")
"""Columns that every node has; extended resources get theirs when first seen."""


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
        self.allocatable: Amounts = np.zeros((ROWS_MIN, len(FIRST_COLUMNS)), np.int64)
        self.requested: Amounts = np.zeros((ROWS_MIN, len(FIRST_COLUMNS)), np.int64)
        self.zones: npt.NDArray[np.int64] = np.full(ROWS_MIN, -1)
        """Number of each row's zone; -1 without one."""
        self.generation = 0
        """Grows whenever a node is added, removed or changes: cached masks are void then."""
        self.anti_affine: dict[str, PodInfo] = {}
        """Pods on nodes that have required anti-affinity terms, by uid."""
        self._free_rows: list[Row] = list(range(ROWS_MIN - 1, -1, -1))
        self._homeless: dict[str, dict[str, PodInfo]] = {}
        """Pods bound to nodes that are not known (yet), by node name."""
        self._where: dict[str, str] = {}
        """Node name per uid."""
        self._siblings: dict[str, dict[Row, int]] = {}
        """Per controller uid: how many of its pods each row has."""
        self._zone_numbers: dict[str, int] = {}

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
            self.generation += 1
            for pod in self._homeless.pop(node.name, {}).values():
                self._enter(row, pod)
        else:
            place = self.places[row]
            assert place is not None
            if place.node == node:
                return
            place.node = node
            self.generation += 1
        self.allocatable[row] = self.vector(node.allocatable)
        zone = node.labels.get(ZONE)
        numbers = self._zone_numbers
        self.zones[row] = numbers.setdefault(zone, len(numbers)) if zone is not None else -1

    def remove_node(self, name: str) -> None:
        """Forget a node; its pods are remembered in case it comes back."""
        row = self.rows.pop(name, None)
        if row is None:
            return
        place = self.places[row]
        assert place is not None
        if place.pods:
            self._homeless[name] = place.pods
        for pod in place.pods.values():
            self.anti_affine.pop(pod.uid, None)
            self._count_sibling(row, pod, -1)
        self.places[row] = None
        self.present[row] = False
        self.allocatable[row] = 0
        self.requested[row] = 0
        self._free_rows.append(row)
        self.generation += 1

    # --- pods

    def put(self, pod: PodInfo, node_name: str) -> None:
        """A pod is on a node, or assumed to be."""
        self.take(pod.uid)
        self._where[pod.uid] = node_name
        row = self.rows.get(node_name)
        if row is None:
            self._homeless.setdefault(node_name, {})[pod.uid] = pod
        else:
            self._enter(row, pod)

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
        place = self.places[row]
        assert place is not None
        pod = place.pods.pop(uid)
        self.requested[row] -= self.vector(pod.requests)
        self.anti_affine.pop(uid, None)
        self._count_sibling(row, pod, -1)
        return True

    def _enter(self, row: Row, pod: PodInfo) -> None:
        place = self.places[row]
        assert place is not None
        place.pods[pod.uid] = pod
        self.requested[row] += self.vector(pod.requests)
        self._count_sibling(row, pod, 1)
        if pod.anti_affinity:
            self.anti_affine[pod.uid] = pod

    def _count_sibling(self, row: Row, pod: PodInfo, step: int) -> None:
        # A pod that is ending makes room soon: its place is as good as empty.
        if not pod.owner_uid or pod.deleting:
            return
        counts = self._siblings.setdefault(pod.owner_uid, {})
        counts[row] = counts.get(row, 0) + step
        if not counts[row]:
            del counts[row]
        if not counts:
            del self._siblings[pod.owner_uid]

    # --- reading

    def vector(self, amounts: Mapping[str, int]) -> Amounts:
        """A request or capacity as a row; a resource not seen before gets a column."""
        for name in amounts:
            if name not in self.columns:
                self._new_column(name)
        row = np.zeros(len(self.columns), np.int64)
        for name, value in amounts.items():
            row[self.columns[name]] = value
        return row

    def siblings(self, owner_uid: str) -> npt.NDArray[np.float64]:
        """How many pods of one controller each row has."""
        counts = np.zeros(len(self.places))
        for row, count in self._siblings.get(owner_uid, {}).items():
            counts[row] = count
        return counts

    def node_of(self, uid: str) -> NodeInfo | None:
        """The node on which a pod is."""
        row = self.rows.get(self._where.get(uid, ""))
        place = self.places[row] if row is not None else None
        return place.node if place else None

    def everywhere(self) -> Iterable[tuple[Row, Place]]:
        """All nodes; for the filters that can't do without."""
        for row in self.rows.values():
            place = self.places[row]
            assert place is not None
            yield row, place

    def taken_ports(self, row: Row) -> Iterable[HostPort]:
        """The host ports in use on a node."""
        place = self.places[row]
        return (port for pod in place.pods.values() for port in pod.host_ports) if place else ()

    # --- room

    def _new_row(self) -> Row:
        if not self._free_rows:
            size = len(self.places)
            self.places += [None] * size
            self.present = np.concatenate([self.present, np.zeros(size, np.bool_)])
            self.allocatable = np.concatenate([self.allocatable, np.zeros_like(self.allocatable)])
            self.requested = np.concatenate([self.requested, np.zeros_like(self.requested)])
            self.zones = np.concatenate([self.zones, np.full(size, -1)])
            self._free_rows = list(range(2 * size - 1, size - 1, -1))
        return self._free_rows.pop()

    def _new_column(self, name: str) -> None:
        self.columns[name] = len(self.columns)
        column = np.zeros((len(self.places), 1), np.int64)
        self.allocatable = np.concatenate([self.allocatable, column], axis=1)
        self.requested = np.concatenate([self.requested, column], axis=1)
