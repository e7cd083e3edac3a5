"""How many calls a second of each principal are carried out; more wait, and too many are an error.

As Mesos' `--rate_limits`: `{"limits": [{"principal": "batch", "qps": 50, "capacity": 1000}],
"aggregate_default_qps": 300}`. An entry without `qps` is not limited; principals without an entry
share the default. Calls of one principal take their turns in the order in which they came.
Neighbours: `scheduler` asks before each call but SUBSCRIBE.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apimachinery.aio.clock import Clock, SystemClock


class BadLimits(ValueError):  # noqa: N818  (read as "raise BadLimits")
    """A file of limits that makes no sense; the text says what of it."""


@dataclass(slots=True)
class _Bucket:
    """The calls of one principal, or of all that have no limit of their own."""

    qps: float
    capacity: float
    """So many may wait."""
    waiting: int = 0
    next: float = 0.0
    """When the next one has its turn (monotonic)."""


class Limits:
    """See the module's docstring."""

    def __init__(self, config: dict[str, Any], *, clock: Clock | None = None) -> None:
        """BadLimits, if it is none."""
        self._clock = clock or SystemClock()
        self.received: Counter[str] = Counter()
        """By principal."""
        self.processed: Counter[str] = Counter()
        listed = config.get("limits") or []
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise BadLimits("'limits' must be a list of objects")
        self._own = {
            _principal(one): _bucket(one.get("qps"), one.get("capacity")) for one in listed
        }
        self._default = _bucket(
            config.get("aggregate_default_qps"), config.get("aggregate_default_capacity")
        )

    async def turn(self, principal: str) -> str:
        """Wait for a call's turn; or what is wrong, if too many wait already."""
        self.received[principal] += 1
        bucket = self._own.get(principal, self._default)
        if bucket is not None:
            if bucket.waiting >= bucket.capacity:
                return f"capacity({bucket.capacity:g}) exceeded"
            await self._wait(bucket)
        self.processed[principal] += 1
        return ""

    async def _wait(self, bucket: _Bucket) -> None:
        now = self._clock.monotonic()
        moment = max(now, bucket.next)
        bucket.next = moment + 1 / bucket.qps
        if moment > now:
            bucket.waiting += 1
            try:
                await asyncio.sleep(moment - now)
            finally:
                bucket.waiting -= 1


def read(path: Path) -> Limits:
    """From a file; without one nobody is limited. BadLimits."""
    try:
        config = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise BadLimits(f"{path}: {error}") from error
    if not isinstance(config, dict):
        raise BadLimits(f"{path}: expecting a JSON object")
    try:
        return Limits(config)
    except BadLimits as error:
        raise BadLimits(f"{path}: {error}") from error


def _principal(one: dict[str, Any]) -> str:
    name = one.get("principal")
    if not isinstance(name, str) or not name:
        raise BadLimits("each of 'limits' needs a 'principal'")
    return name


def _bucket(qps: object, capacity: object) -> _Bucket | None:
    """None: not limited, as without a rate."""
    if qps is None:
        return None
    if isinstance(qps, bool) or not isinstance(qps, int | float) or not qps > 0:
        raise BadLimits(f"'qps' must be a positive number, not {qps!r}")
    if capacity is None:
        return _Bucket(qps, float("inf"))
    if isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 0:
        raise BadLimits(f"'capacity' must be a number of calls, not {capacity!r}")
    return _Bucket(qps, capacity)
