"""What is seen of one pod, as values: attempts, probes, failures, its sandbox, its end. Pure.

Nothing remembers anything here: back-off, failures and operations in flight come in with `Seen`, so
a restarted agent that lists its containers first goes on where the last one stopped. And how long
to wait after the n-th failure. Neighbours: `kubelet.worker` puts a `Seen` together,
`kubelet.standing` and `kubelet.lifecycle` read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BACKOFF_FIRST_S = 10.0
"""Kubernetes' first crash back-off: the second restart waits this long, each further one twice."""
BACKOFF_MAX_S = 300.0
BACKOFF_RESET_S = 600.0
"""A container that ran this long is healthy again: its crashes are forgotten."""
CONFIG_RETRY_S = (1.0, 10.0)
"""A missing ConfigMap or Secret of a container is looked for again: first and longest delay."""
SANDBOX_RETRY_S = (0.5, 120.0)
"""The same for volumes and sandboxes: what is missing in a new namespace comes in a moment."""
SANDBOX_KEY = "/sandbox"
"""`Seen.busy` key of sandbox work: no container can bear this name."""
CONFIG_ERROR = "CreateContainerConfigError"
PULL_ERROR = "ErrImagePull"
SANDBOX_REASONS = ("FailedMount", "FailedCreatePodSandBox")


class Run(StrEnum):
    """What the runtime says about one attempt."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"
    """It was started once, and nobody can tell how it ended."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a container. Number 0 is the first; a restart count is the latest number."""

    id: str
    name: str
    number: int
    sandbox_id: str
    run: Run
    spec_hash: str = ""
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_id: str = ""
    user: tuple[int, ...] = ()
    """Of its first process: user, first group, all other groups."""

    @property
    def over(self) -> bool:
        return self.run in (Run.EXITED, Run.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The pod's namespaces and address."""

    id: str
    number: int
    ready: bool
    ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probes:
    """What the probes of one running container say. Without a probe the answer is yes."""

    started: bool = True
    ready: bool = True
    alive: bool = True
    failed: str = ""
    """`startup` or `liveness`: the probe that turned `alive` off."""


@dataclass(frozen=True, slots=True)
class StartFailure:
    """Why a container (or sandbox) could not be started, and how often in a row."""

    reason: str
    message: str
    at: float
    tries: int = 1

    @property
    def retry_at(self) -> float:
        if self.reason == CONFIG_ERROR:
            return self.at + _doubled(CONFIG_RETRY_S, self.tries)
        if self.reason in SANDBOX_REASONS:
            return self.at + _doubled(SANDBOX_RETRY_S, self.tries)
        return self.at + backoff(self.tries + 1)


@dataclass(frozen=True, slots=True)
class Ending:
    """The pod is to stop: deleted, out of time or evicted."""

    deadline: float
    """When the last container is killed."""
    reason: str = ""
    message: str = ""
    failed: bool = False
    """The agent ended it: its phase is Failed whatever its containers say."""
    begins: float = 0.0
    """Nothing is stopped before: services need a moment to look elsewhere."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything observed about one pod."""

    sandbox: Sandbox | None = None
    attempts: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict)
    """By container name, oldest first."""
    probes: Mapping[str, Probes] = field(default_factory=dict)
    """By container id; a missing entry of a probed container means not yet known."""
    failures: Mapping[str, StartFailure] = field(default_factory=dict)
    """By container name, or SANDBOX_KEY."""
    crashes: Mapping[str, int] = field(default_factory=dict)
    """By container name: ends in a row that count for back-off."""
    busy: frozenset[str] = frozenset()
    stopping: Mapping[str, float] = field(default_factory=dict)
    """By container id: the deadline of a stop in flight."""
    ending: Ending | None = None

    def latest(self, name: str) -> Attempt | None:
        attempts = self.attempts.get(name, ())
        return attempts[-1] if attempts else None


def _doubled(bounds: tuple[float, float], tries: int) -> float:
    first, longest = bounds
    # The exponent is bounded: a count of thousands must not make a huge integer.
    return float(min(first * 2.0 ** min(tries - 1, 16), longest))


def backoff(crashes: int) -> float:
    """How long to wait after the n-th end in a row: 0, 10, 20, 40 … 300 seconds."""
    if crashes <= 1:
        return 0.0
    return _doubled((BACKOFF_FIRST_S, BACKOFF_MAX_S), crashes - 1)


def crashes_after(before: int, attempt: Attempt) -> int:
    """The crash count when `attempt` has ended."""
    # One that never came to run has no start: its age must not count as a long life.
    ran = attempt.finished_at - attempt.started_at if attempt.started_at else 0.0
    return 1 if ran >= BACKOFF_RESET_S else before + 1
