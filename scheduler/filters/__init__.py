"""Filters: on which nodes a pod can run, and in plain words why not on the others. Pure.

A filter answers with a mask over the snapshot's rows and explains itself for the rows that it
excludes. Static filters depend on nodes alone and are cached per pod shape until a node changes;
dynamic ones depend on what runs where, and say where eviction might help. None goes through
nodes or pods one by one. A new filter is a file here and a row in STATIC or DYNAMIC, and has a
test of its explanation.
"""

from scheduler.changes import ANY, Change
from scheduler.filters import affinity, node, podaffinity, ports, resources, spread, taints, volumes
from scheduler.filters.base import Dynamic, Filter

VOLUMES = volumes.Volumes()

STATIC: tuple[Filter, ...] = (
    node.Unschedulable(),
    taints.Taints(),
    affinity.NodeAffinity(),
    VOLUMES,
)
"""In Kubernetes' order: the first that excludes a node gives the reason."""

FIT = resources.Fit()
"""Kept per pod shape, row by row: every pod asks it."""

DYNAMIC: tuple[Dynamic, ...] = (
    ports.HostPorts(),
    FIT,
    spread.TopologySpread(),
    podaffinity.PodAffinity(),
)


def helped(rejectors: frozenset[str], change: Change) -> frozenset[str]:
    """Those of some filters whose verdict a change may better."""
    return frozenset(name for name in rejectors if change in _HELPED_BY.get(name, ANY))


_HELPED_BY = {each.name: each.helped_by for each in (*STATIC, *DYNAMIC)}

__all__ = ["DYNAMIC", "FIT", "STATIC", "VOLUMES", "Dynamic", "Filter", "helped"]
