"""What health checks found of one instance, and when it is beyond hope. Pure.

Neighbours: `checks` makes the checks that are ours, executors the others; `instance` holds a
result for each check.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from frameworks.marathon.spec import BY_EXECUTOR, App, HealthCheck


@dataclass(frozen=True, slots=True)
class Result:
    """All that one check has found so far."""

    alive: bool | None = None
    """None until the first finding that counts."""
    failures: int = 0
    """In a row."""
    first_success: float | None = None
    last_success: float | None = None
    last_failure: float | None = None
    cause: str | None = None


def passed(old: Result, now: float) -> Result:
    first = now if old.first_success is None else old.first_success
    return replace(old, alive=True, failures=0, first_success=first, last_success=now)


def failed(old: Result, check: HealthCheck, since: float, now: float, cause: str) -> Result:
    """After a failure; what fails while it may still be starting (`since` then) is forgiven."""
    if old.first_success is None and now < since + check.grace_period_seconds:
        return replace(old, last_failure=now, cause=cause)
    return replace(old, alive=False, failures=old.failures + 1, last_failure=now, cause=cause)


def hopeless(result: Result, check: HealthCheck) -> bool:
    """Whether the instance is to be replaced; 0 failures in a row mean never."""
    return 0 < check.max_consecutive_failures <= result.failures


def padded(results: Sequence[Result], app: App) -> list[Result]:
    """As many results as the app has checks."""
    count = len(app.health_checks)
    return [*results[:count], *(Result() for _ in range(count - len(results)))]


def from_executor(
    results: Sequence[Result], app: App, now: float, *, alive: bool
) -> tuple[Result, ...]:
    """After an executor's word on the check that it makes."""
    found = padded(results, app)
    for i, check in enumerate(app.health_checks):
        if check.protocol in BY_EXECUTOR:
            found[i] = passed(found[i], now) if alive else _down(found[i], now)
    return tuple(found)


def _down(old: Result, now: float) -> Result:
    """The executor has forgiven already what there is to forgive, and kills by itself."""
    return replace(old, alive=False, failures=old.failures + 1, last_failure=now)
