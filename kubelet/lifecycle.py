"""What to do next for one pod: (desired, seen, now) → steps. Pure, level triggered.

`kubelet.worker` asks again after every event and has the steps carried out; `kubelet.status` turns
the same two values into the pod's status. `kubelet.desired` has the first, `kubelet.observed` the
second, `kubelet.standing` what both mean for each container.

A step is asked for once: while it is carried out its key is in `Seen.busy` (starts, sandboxes)
or its container in `Seen.stopping`. Not here: how a container is started, probed or described.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kubelet import standing
from kubelet.desired import Container, Desired, RestartPolicy, Role
from kubelet.observed import SANDBOX_KEY, Attempt, Run, Seen
from kubelet.standing import Stage, init_done, initialized


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


Work = CreateSandbox | StartContainer | StopContainer | StopSandbox | RemoveContainer
Step = Work | FailPod


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps to carry out now, and when to ask again if nothing happens before."""

    steps: tuple[Step, ...] = ()
    wake_at: float | None = None
    stopped: bool = False
    """Nothing runs and nothing will: the final status may be written."""


def plan(desired: Desired, seen: Seen, now: float) -> Plan:
    """The next steps of one pod."""
    if seen.ending is not None:
        if now < seen.ending.begins:
            return Plan(wake_at=seen.ending.begins)
        return _wind_down(desired, seen, seen.ending.deadline)
    if standing.outcome(desired, seen, now) is not None:
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
        where = standing.of(desired, container, seen, now)
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
        if not done and not init_done(desired, container, seen):
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
