"""One of many acts: election through a Lease object.

The holder renews the Lease; the others watch the clock. A Lease counts as abandoned when *we*
have seen no change of it for its duration, measured on our own monotonic clock, so that clocks of
different machines need not agree. Each term has a number of its own (`leaseTransitions`), the
epoch: writes of an old term can be told from those of the new one. A holder that cannot renew
stops acting before anyone else can start, since its deadline is shorter than the duration.

Neighbours: `client.rest`, and whoever passes the coroutine that leads. Not a lock: without the
epoch check at the server a paused process may still write after its term.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from apimachinery import meta, scheme, status, wire
from apimachinery.aio import clock as clocks
from apimachinery.aio import tasks
from apimachinery.client import rest

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, with Kubernetes' defaults. retry < renew_deadline < duration."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry < self.renew_deadline < self.duration:
            raise ValueError(f"a lease needs 0 < retry < renew_deadline < duration, not {self}")


class LeaderElector:
    """Campaigns for one Lease under one identity."""

    def __init__(
        self,
        client: rest.Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: clocks.Clock,
        timing: Timing = Timing(),
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._timing = timing
        self._seen: wire.JsonObject = {}
        """The Lease as last read, and when it last differed from the time before."""
        self._seen_at = 0.0

    async def run(self, lead: Callable[[int], Awaitable[None]]) -> None:
        """Wait to be elected, run `lead(epoch)`, and so on for ever.

        `lead` is cancelled when the term is lost. If it returns or raises, the Lease is given up
        and so is the campaign: the error is the caller's.
        """
        while True:
            epoch = await self._acquire()
            LOG.info("%s leads %s, epoch %d", self._identity, self._name, epoch)
            if await self._term(lead, epoch):
                return
            LOG.warning("%s lost %s, epoch %d", self._identity, self._name, epoch)

    def fenced(self, client: rest.Client, epoch: int) -> rest.Client:
        """A client whose writes fail once this term is over, whoever still believes in it."""
        return client.fenced(self._namespace, self._name, epoch)

    async def _term(self, lead: Callable[[int], Awaitable[None]], epoch: int) -> bool:
        """True when `lead` ended by itself, False when the term was lost."""

        async def leading() -> None:
            await lead(epoch)

        work = asyncio.create_task(leading(), name=f"lead {self._name}")
        renewal = asyncio.create_task(self._renew(), name=f"renew {self._name}")
        try:
            await asyncio.wait({work, renewal}, return_when=asyncio.FIRST_COMPLETED)
            return work.done()
        finally:
            held = not renewal.done()
            try:
                await tasks.stop(renewal, work)
            finally:
                if held:
                    await self._release()

    async def _acquire(self) -> int:
        while True:
            try:
                epoch = await self._try_acquire()
            except status.ApiError as error:
                LOG.info("cannot reach for lease %s: %s", self._name, error.message)
                epoch = None
            if epoch is not None:
                return epoch
            await asyncio.sleep(self._timing.retry)

    async def _try_acquire(self) -> int | None:
        """The epoch of a new term of ours, or None while another one's lasts."""
        try:
            await self._read()
        except status.NotFound:
            self._note(await self._client.create(scheme.LEASES, self._lease({}, 0)))
            return 0
        spec = self._seen.get("spec") or {}
        holder = spec.get("holderIdentity")
        lasts = float(spec.get("leaseDurationSeconds") or self._timing.duration)
        fresh = self._clock.monotonic() - self._seen_at < lasts
        if holder and holder != self._identity and fresh:
            return None
        epoch = int(spec.get("leaseTransitions") or 0) + 1
        try:
            self._note(await self._client.update(scheme.LEASES, self._lease(self._seen, epoch)))
        except status.Conflict:
            return None
        return epoch

    async def _renew(self) -> None:
        """Returns when the term is lost: another holder, or no renewal before the deadline."""
        renewed = self._clock.monotonic()
        while True:
            await asyncio.sleep(self._timing.retry)
            left = renewed + self._timing.renew_deadline - self._clock.monotonic()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    if not await self._renew_once():
                        return
                renewed = self._clock.monotonic()
            except (status.ApiError, TimeoutError) as error:
                LOG.info("cannot renew lease %s: %r", self._name, error)

    async def _renew_once(self) -> bool:
        """False when the Lease is someone else's."""
        epoch = int((self._seen.get("spec") or {}).get("leaseTransitions") or 0)
        try:
            self._note(await self._client.update(scheme.LEASES, self._lease(self._seen, epoch)))
        except status.Conflict:
            await self._read()
            spec = self._seen.get("spec") or {}
            return (
                spec.get("holderIdentity") == self._identity
                and spec.get("leaseTransitions", 0) == epoch
            )
        return True

    async def _release(self) -> None:
        """Let the next one start at once; no matter if it fails."""
        spec = (self._seen.get("spec") or {}) | {"leaseDurationSeconds": 1}
        spec.pop("holderIdentity", None)
        try:
            await self._client.update(scheme.LEASES, self._seen | {"spec": spec})
        except status.ApiError as error:
            LOG.info("lease %s not released: %s", self._name, error.message)

    async def _read(self) -> None:
        self._note(await self._client.get(scheme.LEASES, self._name, self._namespace))

    def _note(self, lease: wire.JsonObject) -> None:
        if meta.resource_version(lease) != meta.resource_version(self._seen) or not self._seen:
            self._seen_at = self._clock.monotonic()
        self._seen = lease

    def _lease(self, old: wire.JsonObject, epoch: int) -> wire.JsonObject:
        """`old` with us as the holder of term `epoch`, renewed now."""
        stamp = meta.format_micro_time(self._clock.now())
        spec = dict(old.get("spec") or {})
        same_term = (
            spec.get("holderIdentity") == self._identity and spec.get("leaseTransitions") == epoch
        )
        acquired = spec.get("acquireTime") if same_term else stamp
        spec |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._timing.duration)),
            "acquireTime": acquired,
            "renewTime": stamp,
            "leaseTransitions": epoch,
        }
        metadata = old.get("metadata") or {"name": self._name, "namespace": self._namespace}
        return {
            "apiVersion": scheme.LEASES.api_version,
            "kind": scheme.LEASES.kind,
            "metadata": metadata,
            "spec": spec,
        }
