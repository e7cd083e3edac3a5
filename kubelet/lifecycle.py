"""What to do next for one pod: (desired, seen, now) → steps. Pure, level triggered.

`kubelet.worker` asks again after every event and carries the steps out; `kubelet.status` turns the
same two values into the pod's status; `kubelet.desired` and `kubelet.worker` build them. Nothing
here remembers anything: back-off, failures and operations in flight come in with `Seen`, so a
restarted agent that lists its containers first goes on where the last one stopped.

A step is asked for once: while it is carried out its key is in `Seen.busy` (starts, sandboxes)
or its container in `Seen.stopping`. Not here: how a container is started, probed or described.
"""

from collections.abc import Iterable, Mapping
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


class Role(StrEnum):
    """Which list of the pod a container stands in, and how it counts."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"
    EPHEMERAL = "ephemeral"
    """Added to a running pod for debugging: run once, counts for nothing."""


class RestartPolicy(StrEnum):
    """When an ended container is started again."""

    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


@dataclass(frozen=True, slots=True)
class RestartRule:
    """Restart on these exit codes (or on all others) whatever the policy says."""

    codes: frozenset[int]
    inside: bool = True

    def matches(self, code: int) -> bool:
        return (code in self.codes) is self.inside


@dataclass(frozen=True, slots=True)
class Container:
    """One container as the pod asks for it."""

    name: str
    role: Role = Role.MAIN
    policy: RestartPolicy = RestartPolicy.ALWAYS
    spec_hash: str = ""
    """Of what makes it another container when changed (the image)."""
    startup: bool = False
    liveness: bool = False
    readiness: bool = False
    probe_grace: float | None = None
    """Seconds to end in after a failed probe; None: the pod's own."""
    rules: tuple[RestartRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """One pod as its spec asks for it; init containers first, in order."""

    uid: str
    name: str
    namespace: str
    containers: tuple[Container, ...]
    policy: RestartPolicy = RestartPolicy.ALWAYS
    grace: float = 30.0
    expires_at: float | None = None
    """When `activeDeadlineSeconds` is over."""

    def of(self, *roles: Role) -> tuple[Container, ...]:
        return tuple(c for c in self.containers if c.role in roles)


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


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    """Make the pod's surroundings, volumes included."""

    number: int


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Fetch the image, create and start; `number` is the attempt's."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class StopContainer:
    """preStop, TERM, and KILL at the deadline."""

    name: str
    id: str
    deadline: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class StopSandbox:
    """Give back address and namespaces; nothing runs in it any more."""

    id: str


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Forget an attempt that nobody will ask for."""

    id: str


@dataclass(frozen=True, slots=True)
class FailPod:
    """End the pod as Failed: the worker records an Ending and asks again."""

    reason: str
    message: str


Step = CreateSandbox | StartContainer | StopContainer | StopSandbox | RemoveContainer | FailPod


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps to carry out now, and when to ask again if nothing happens before."""

    steps: tuple[Step, ...] = ()
    wake_at: float | None = None
    stopped: bool = False
    """Nothing runs and nothing will: the final status may be written."""


class Stage(StrEnum):
    """Where one container stands."""

    ABSENT = "absent"
    """To be started now, if it is its turn."""
    BUSY = "busy"
    RUNNING = "running"
    BACKOFF = "backoff"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage, and when a back-off ends."""

    stage: Stage
    until: float = 0.0


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


def current(desired: Desired, container: Container, seen: Seen) -> Attempt | None:
    """The attempt that counts: of this sandbox, unless the pod never gets a second one."""
    latest = seen.latest(container.name)
    if latest is None or seen.sandbox is None:
        return latest if desired.policy is RestartPolicy.NEVER else None
    if latest.sandbox_id == seen.sandbox.id or desired.policy is RestartPolicy.NEVER:
        return latest
    return None


def standing(desired: Desired, container: Container, seen: Seen, now: float) -> Standing:
    """Where one container stands, whatever the others do."""
    if container.name in seen.busy:
        return Standing(Stage.BUSY)
    attempt = current(desired, container, seen)
    if attempt is not None and attempt.run is Run.RUNNING:
        return Standing(Stage.RUNNING)
    if attempt is not None and attempt.over:
        final = _final_stage(container, attempt)
        if final is not None:
            return Standing(final)
    until = _wait_until(container, attempt, seen)
    return Standing(Stage.BACKOFF, until) if until > now else Standing(Stage.ABSENT)


def _final_stage(container: Container, attempt: Attempt) -> Stage | None:
    """The stage of an ended attempt that is not to be repeated; None when it is."""
    good = attempt.run is Run.EXITED and attempt.exit_code == 0
    if container.role is Role.INIT and good:
        return Stage.SUCCEEDED
    changed = bool(attempt.spec_hash) and attempt.spec_hash != container.spec_hash
    if changed or container.policy is RestartPolicy.ALWAYS:
        return None
    if attempt.run is Run.EXITED and any(r.matches(attempt.exit_code) for r in container.rules):
        return None
    if good:
        return Stage.SUCCEEDED
    return Stage.FAILED if container.policy is RestartPolicy.NEVER else None


def _wait_until(container: Container, attempt: Attempt | None, seen: Seen) -> float:
    failure = seen.failures.get(container.name)
    until = failure.retry_at if failure is not None else 0.0
    if attempt is None or not attempt.over:
        return until
    if attempt.spec_hash and attempt.spec_hash != container.spec_hash:
        return until
    crashes = seen.crashes.get(container.name, 0)
    return max(until, attempt.finished_at + backoff(crashes))


def started(container: Container, seen: Seen) -> bool:
    """Running, postStart done, startup probe passed."""
    latest = seen.latest(container.name)
    if latest is None or latest.run is not Run.RUNNING or container.name in seen.busy:
        return False
    probes = seen.probes.get(latest.id)
    return probes.started if probes is not None else not container.startup


def ready(container: Container, seen: Seen) -> bool:
    """Started and its readiness probe says so; what is stopped for good serves until it ends."""
    latest = seen.latest(container.name)
    if latest is None or not started(container, seen):
        return False
    if latest.id in seen.stopping and seen.ending is None:
        return False
    probes = seen.probes.get(latest.id)
    return probes.ready if probes is not None else not container.readiness


def initialized(desired: Desired, seen: Seen) -> bool:
    """All init containers have done their part. Once a main container ran it stays so."""
    if any(current(desired, c, seen) is not None for c in desired.of(Role.MAIN)):
        return True
    return all(_init_done(desired, c, seen) for c in desired.of(Role.INIT, Role.SIDECAR))


def _init_done(desired: Desired, container: Container, seen: Seen) -> bool:
    if container.role is Role.SIDECAR:
        return started(container, seen)
    attempt = current(desired, container, seen)
    return attempt is not None and attempt.run is Run.EXITED and attempt.exit_code == 0


def outcome(desired: Desired, seen: Seen, now: float) -> Stage | None:
    """SUCCEEDED or FAILED when no container will be started again; sidecars do not count."""
    for container in desired.of(Role.INIT):
        if standing(desired, container, seen, now).stage is Stage.FAILED:
            return Stage.FAILED
    stages = {standing(desired, c, seen, now).stage for c in desired.of(Role.MAIN)}
    if not stages or not stages <= {Stage.SUCCEEDED, Stage.FAILED}:
        return None
    return Stage.FAILED if Stage.FAILED in stages else Stage.SUCCEEDED


def plan(desired: Desired, seen: Seen, now: float) -> Plan:
    """The next steps of one pod."""
    if seen.ending is not None:
        if now < seen.ending.begins:
            return Plan(wake_at=seen.ending.begins)
        return _wind_down(desired, seen, seen.ending.deadline)
    if outcome(desired, seen, now) is not None:
        return _wind_down(desired, seen, now + desired.grace)
    if desired.expires_at is not None and now >= desired.expires_at:
        return Plan(
            (
                FailPod(
                    "DeadlineExceeded",
                    "Pod was active on the node longer than the specified deadline",
                ),
            )
        )
    if seen.sandbox is None or not seen.sandbox.ready:
        result = _renew_sandbox(seen, now)
    else:
        result = _run(desired, seen, now)
    return Plan(result.steps, earliest(result.wake_at, desired.expires_at))


def _running(seen: Seen) -> list[Attempt]:
    return [a for attempts in seen.attempts.values() for a in attempts if a.run is Run.RUNNING]


def _stop(
    seen: Seen, attempts: Iterable[Attempt], deadline: float, message: str = ""
) -> list[Step]:
    """Stops for attempts that are not being stopped yet, or not soon enough."""
    return [
        StopContainer(a.name, a.id, deadline, message)
        for a in attempts
        if a.id not in seen.stopping or deadline < seen.stopping[a.id] - 0.5
    ]


def _wind_down(desired: Desired, seen: Seen, deadline: float) -> Plan:
    """Main containers together, then sidecars from the last to the first, then the sandbox."""
    running = _running(seen)
    sidecars = [c.name for c in desired.of(Role.SIDECAR)]
    first = [a for a in running if a.name not in sidecars]
    if first:
        return Plan(tuple(_stop(seen, first, deadline)))
    for name in reversed(sidecars):
        of_name = [a for a in running if a.name == name]
        if of_name:
            return Plan(tuple(_stop(seen, of_name, deadline)))
    if seen.busy:
        return Plan()
    if seen.sandbox is not None and seen.sandbox.ready:
        return Plan((StopSandbox(seen.sandbox.id),))
    return Plan(stopped=True)


def _renew_sandbox(seen: Seen, now: float) -> Plan:
    """A first sandbox, or another one after what ran in the old one is gone."""
    running = _running(seen)
    if running:
        return Plan(tuple(_stop(seen, running, now)))
    if SANDBOX_KEY in seen.busy:
        return Plan()
    failure = seen.failures.get(SANDBOX_KEY)
    if failure is not None and failure.retry_at > now:
        return Plan(wake_at=failure.retry_at)
    number = 0 if seen.sandbox is None else seen.sandbox.number + 1
    return Plan((CreateSandbox(number),))


def _run(desired: Desired, seen: Seen, now: float) -> Plan:
    """Init containers one after the other, then the main ones; whatever is ill is stopped."""
    steps: list[Step] = [*_old_attempts(seen), *_ill(desired, seen, now)]
    wake: float | None = None
    for container in [*_eligible(desired, seen), *_once(desired, seen)]:
        where = standing(desired, container, seen, now)
        if where.stage is Stage.ABSENT:
            steps.append(StartContainer(container.name, _next_number(seen, container.name)))
        elif where.stage is Stage.BACKOFF:
            wake = earliest(wake, where.until)
    return Plan(tuple(steps), wake)


def _eligible(desired: Desired, seen: Seen) -> list[Container]:
    """The containers whose turn it is: every sidecar so far, and the next init or all mains."""
    turn: list[Container] = []
    done = initialized(desired, seen)
    for container in desired.of(Role.INIT, Role.SIDECAR):
        if container.role is Role.SIDECAR:
            turn.append(container)
        if not done and not _init_done(desired, container, seen):
            return [*turn, container] if container.role is Role.INIT else turn
    return [*turn, *desired.of(Role.MAIN)]


def _once(desired: Desired, seen: Seen) -> list[Container]:
    """Ephemeral containers that have not run: they wait for nobody."""
    return [c for c in desired.of(Role.EPHEMERAL) if seen.latest(c.name) is None]


def _next_number(seen: Seen, name: str) -> int:
    """A container that was created and never started keeps its number."""
    latest = seen.latest(name)
    if latest is None:
        return 0
    return latest.number if latest.run is Run.CREATED else latest.number + 1


def _ill(desired: Desired, seen: Seen, now: float) -> list[Step]:
    """Running containers that a probe gave up, or whose definition has changed."""
    steps: list[Step] = []
    for container in desired.containers:
        latest = seen.latest(container.name)
        if latest is None or latest.run is not Run.RUNNING or container.name in seen.busy:
            continue
        probes = seen.probes.get(latest.id)
        message, grace = "", desired.grace
        if probes is not None and not probes.alive:
            if container.probe_grace is not None:
                grace = container.probe_grace
            message = f"Container {container.name} failed {probes.failed} probe"
            if container.policy is not RestartPolicy.NEVER:
                message += ", will be restarted"
        elif latest.spec_hash and latest.spec_hash != container.spec_hash:
            message = f"Container {container.name} definition changed, will be restarted"
        if message:
            steps += _stop(seen, [latest], now + grace, message)
    return steps


def _old_attempts(seen: Seen) -> list[Step]:
    """All ended attempts but the last two: the second last serves `kubectl logs --previous`."""
    return [
        RemoveContainer(attempt.id)
        for name, attempts in seen.attempts.items()
        if name not in seen.busy
        for attempt in attempts[:-2]
        if attempt.over
    ]


def earliest(one: float | None, other: float | None) -> float | None:
    """Of two moments, either of which may be never."""
    known = [t for t in (one, other) if t is not None]
    return min(known) if known else None
