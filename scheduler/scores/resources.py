"""Emptier nodes first, and those whose resources are used evenly. Pure."""

import numpy as np
import numpy.typing as npt

from scheduler.snapshot import Snapshot
from scheduler.views import PodInfo

SCORED = ("cpu", "memory")
UNASKED = {"cpu": 100, "memory": 200 * 1024 * 1024}
"""What a pod that asks for nothing counts as, so that such pods spread too (Kubernetes' numbers)."""


def _fractions(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64]:
    """The part of each scored resource in use once the pod is there; 1 where there is none."""
    columns = [snapshot.columns[name] for name in SCORED]
    wanted = np.array([pod.requests.get(name) or UNASKED[name] for name in SCORED], np.float64)
    allocatable = snapshot.allocatable[:, columns].astype(np.float64)
    requested = snapshot.requested[:, columns] + wanted
    return np.clip(
        np.divide(requested, allocatable, out=np.ones_like(allocatable), where=allocatable > 0),
        0.0,
        1.0,
    )


def least_allocated(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64]:
    """The mean free part of cpu and memory."""
    free: npt.NDArray[np.float64] = 100.0 * (1.0 - _fractions(pod, snapshot)).mean(axis=1)
    return free


def balanced(pod: PodInfo, snapshot: Snapshot) -> npt.NDArray[np.float64]:
    """How alike the used parts of cpu and memory are."""
    even: npt.NDArray[np.float64] = 100.0 * (1.0 - _fractions(pod, snapshot).std(axis=1))
    return even
