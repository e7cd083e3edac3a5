"""Where each container of a pod stands: running, waiting, done, and whether it counts as ready. Pure.

What the stages of all of them mean for the pod is here too, as far as it is a fact; what to do about
it is `kubelet.lifecycle`'s. `kubelet.status` tells the same facts to the API.
"""

from dataclasses import dataclass
from enum import StrEnum

from kubelet.desired import Container, Desired, RestartPolicy, Role
from kubelet.observed import Attempt, Run, Seen, backoff


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


def current(desired: Desired, container: Container, seen: Seen) -> Attempt | None:
    """The attempt that counts: of this sandbox, unless the pod never gets a second one."""
    latest = seen.latest(container.name)
    if latest is None or seen.sandbox is None:
        return latest if desired.policy is RestartPolicy.NEVER else None
    if latest.sandbox_id == seen.sandbox.id or desired.policy is RestartPolicy.NEVER:
        return latest
    return None


def of(desired: Desired, container: Container, seen: Seen, now: float) -> Standing:
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
    return all(init_done(desired, c, seen) for c in desired.of(Role.INIT, Role.SIDECAR))


def init_done(desired: Desired, container: Container, seen: Seen) -> bool:
    if container.role is Role.SIDECAR:
        return started(container, seen)
    attempt = current(desired, container, seen)
    return attempt is not None and attempt.run is Run.EXITED and attempt.exit_code == 0


def outcome(desired: Desired, seen: Seen, now: float) -> Stage | None:
    """SUCCEEDED or FAILED when no container will be started again; sidecars do not count."""
    for container in desired.of(Role.INIT):
        if of(desired, container, seen, now).stage is Stage.FAILED:
            return Stage.FAILED
    stages = {of(desired, c, seen, now).stage for c in desired.of(Role.MAIN)}
    if not stages or not stages <= {Stage.SUCCEEDED, Stage.FAILED}:
        return None
    return Stage.FAILED if Stage.FAILED in stages else Stage.SUCCEEDED
