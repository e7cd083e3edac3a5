"""The etcd store: transactions for compare-and-swap, pinned ranges for lists, one watch stream.

A write whose answer was lost is never repeated: the key is read, and where that proves that the
write happened it counts as done; else the caller learns that nobody knows (`UnknownOutcome`).
Watches end when their stream breaks; the reader watches again after the last event that it saw,
which is the only safe place. Neighbours: `client` (calls), `leases`, `interface` (the contract).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any

import orjson

from apiserver.storage import errors
from apiserver.storage.etcd import messages
from apiserver.storage.etcd.calls import CallFailed, Code
from apiserver.storage.etcd.client import Client, Endpoint, Watch
from apiserver.storage.etcd.leases import Leases
from apiserver.storage.etcd.turns import Turns
from apiserver.storage.interface import Event, EventType, Guard, KeyValue, Listing, WatchBatch
from apiserver.storage.options import StoreOptions

LOG = logging.getLogger(__name__)

PAGE = 500
"""Keys in one Range: bounds what etcd reads, and holds, at once."""
NUDGE_KEY = b"/registry/bireme.dev/nudge"
"""Written to make watches move (see `nudge`); no resource has such a key."""
OLDEST = (3, 4)
"""The oldest version that the conformance suite runs on."""
UNSAFE = ("3.5.0", "3.5.1", "3.5.2")
"""Their authors advise against them: data may differ between members after a crash."""
_ABSENT, _NEVER = 0, -1
"""Expected revisions: of a key that is not there, and one that no key has."""


class EtcdStore:
    """See `interface` for what it promises."""

    def __init__(self, endpoints: Sequence[Endpoint], options: StoreOptions | None = None) -> None:
        self._endpoints = endpoints
        self._options = options or StoreOptions()
        self._client: Client | None = None
        self._leases = Leases(self._grant)
        self._revision_reads = Turns(self._read_revision)
        self._writes: set[asyncio.Task[int]] = set()
        """Under way; they go on when their callers are cancelled."""
        self._watching: set[Watch] = set()

    async def start(self) -> None:
        client = Client(self._endpoints, self._options)
        try:
            version = await client.connect()
        except BaseException:
            await client.close()
            raise
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if numbers < OLDEST:
            await client.close()
            raise errors.BadStore(f"etcd at {client.where} is {version}; 3.4 or newer is needed")
        if version in UNSAFE:
            LOG.warning("etcd %s may corrupt data after a crash; use 3.5.6 or newer", version)
        self._client = client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            for stream in tuple(self._watching):
                stream.cancel()
            if self._writes:
                await asyncio.wait(self._writes)
            await client.close()

    async def check(self) -> None:
        await self.current_revision()

    def _open(self) -> Client:
        if self._client is None:
            raise errors.Unavailable("the etcd store is not open")
        return self._client

    # --- reads --------------------------------------------------------------------------------

    async def current_revision(self) -> int:
        self._open()
        return await self._revision_reads.next()

    async def _read_revision(self) -> int:
        request = messages.RangeRequest(key=NUDGE_KEY, count_only=True)
        return int((await self._read("range", request)).header.revision)

    async def _read(self, name: str, request: Any) -> Any:
        try:
            return await self._open().call(name, request)
        except CallFailed as error:
            raise _translated(error) from error

    async def get(self, key: str) -> KeyValue | None:
        response = await self._read("range", messages.RangeRequest(key=key.encode()))
        return _key_value(response.kvs[0]) if response.kvs else None

    async def list(
        self, prefix: str, *, revision: int = 0, limit: int = 0, start_after: str = ""
    ) -> Listing:
        start = prefix.encode()
        if start_after >= prefix:
            start = start_after.encode() + b"\0"
        items: list[KeyValue] = []
        while True:
            page = min(PAGE, limit - len(items)) if limit else PAGE
            request = messages.RangeRequest(
                key=start, range_end=_end(prefix.encode()), limit=page, revision=revision
            )
            try:
                response = await self._open().call("range", request)
            except CallFailed as error:
                raise await self._explained(error, revision) from error
            revision = revision or int(response.header.revision)
            items += [_key_value(kv) for kv in response.kvs]
            if not response.more or (limit and len(items) >= limit):
                return Listing(items, revision, bool(response.more))
            start = response.kvs[-1].key + b"\0"

    async def _explained(self, error: CallFailed, revision: int) -> errors.StoreError:
        """Revisions that are gone and those to come have one code: the text tells them apart."""
        if "compacted" in error.details:
            return errors.Compacted(revision, 0)
        if "future revision" in error.details:
            return errors.FutureRevision(revision, await self.current_revision())
        return _translated(error)

    # --- writes -------------------------------------------------------------------------------

    async def create(
        self, key: str, value: bytes, *, ttl: int = 0, guard: Guard | None = None
    ) -> int:
        return await self._finish(self._put(key, value, _ABSENT, ttl, guard))

    async def update(
        self,
        key: str,
        value: bytes,
        expected_revision: int,
        *,
        ttl: int = 0,
        guard: Guard | None = None,
    ) -> int:
        return await self._finish(self._put(key, value, expected_revision or _NEVER, ttl, guard))

    async def delete(self, key: str, expected_revision: int, *, guard: Guard | None = None) -> int:
        return await self._finish(self._delete(key, expected_revision or _NEVER, guard))

    async def _finish(self, write: Coroutine[Any, Any, int]) -> int:
        """Await a write in a task of its own: a cancelled caller leaves it alone."""
        task = asyncio.create_task(write)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def _put(
        self, key: str, value: bytes, expected: int, ttl: int, guard: Guard | None
    ) -> int:
        try:
            response = await self._put_once(key, value, expected, ttl, guard)
        except CallFailed as error:
            if not error.in_doubt:
                raise _translated(error) from error
            return await self._find_out_put(key, value, expected, error)
        if response.succeeded:
            return int(response.header.revision)
        raise _refused(key, expected, guard, response)

    async def _put_once(
        self, key: str, value: bytes, expected: int, ttl: int, guard: Guard | None
    ) -> Any:
        """The transaction; once more where the lease had just run out (nothing was written)."""
        for last in (False, True):
            lease = await self._leases.lease_for(ttl) if ttl else 0
            put = messages.PutRequest(key=key.encode(), value=value, lease=lease)
            operation = messages.RequestOp(request_put=put)
            try:
                return await self._transact(key, expected, operation, guard)
            except CallFailed as error:
                if last or not lease or error.code is not Code.NOT_FOUND:
                    raise
                self._leases.forget(lease)
        raise AssertionError("the loop returns or raises")

    async def _delete(self, key: str, expected: int, guard: Guard | None) -> int:
        remove = messages.DeleteRangeRequest(key=key.encode())
        operation = messages.RequestOp(request_delete_range=remove)
        try:
            response = await self._transact(key, expected, operation, guard)
        except CallFailed as error:
            if not error.in_doubt:
                raise _translated(error) from error
            return await self._find_out_delete(key, error)
        if response.succeeded:
            return int(response.header.revision)
        raise _refused(key, expected, guard, response)

    async def _transact(self, key: str, expected: int, operation: Any, guard: Guard | None) -> Any:
        """If the key is at `expected` (0: absent) and the guard as it says, do it, else read both."""
        conditions = [(key, expected), *([(guard.key, guard.revision)] if guard else ())]
        request = messages.TxnRequest(
            compare=[
                messages.Compare(
                    result=messages.EQUAL,
                    target=messages.BY_MOD_REVISION,
                    key=name.encode(),
                    mod_revision=revision,
                )
                for name, revision in conditions
            ],
            success=[operation],
            failure=[
                messages.RequestOp(request_range=messages.RangeRequest(key=name.encode()))
                for name, _ in conditions
            ],
        )
        return await self._open().call("txn", request, safe=False)

    async def _find_out_put(self, key: str, value: bytes, expected: int, error: CallFailed) -> int:
        """The answer was lost: is what we wrote there?"""
        with contextlib.suppress(errors.StoreError):
            found = await self.get(key)
            if found is not None and found.mod_revision > expected:
                if found.value == value:
                    return found.mod_revision
                if expected == _ABSENT and _uid(found.value) == _uid(value) is not None:
                    # Ours, and somebody has changed it since.
                    return found.create_revision
        raise errors.UnknownOutcome(f"perhaps {key} was written: {error}") from error

    async def _find_out_delete(self, key: str, error: CallFailed) -> int:
        with contextlib.suppress(errors.StoreError):
            response = await self._read("range", messages.RangeRequest(key=key.encode()))
            if not response.kvs:
                return int(response.header.revision)
        raise errors.UnknownOutcome(f"perhaps {key} was deleted: {error}") from error

    async def _grant(self, ttl: int) -> int:
        """Granting twice does no harm: a lease without keys just ends."""
        return int((await self._open().call("grant", messages.LeaseGrantRequest(TTL=ttl))).ID)

    async def nudge(self) -> None:
        """Write a key of our own under the watched prefix: its event carries the revision."""
        with contextlib.suppress(CallFailed):
            await self._open().call("put", messages.PutRequest(key=NUDGE_KEY, value=b""))

    async def compact(self, revision: int) -> None:
        try:
            await self._open().call("compact", messages.CompactionRequest(revision=revision))
        except CallFailed as error:
            raise await self._explained(error, revision) from error

    # --- watches ------------------------------------------------------------------------------

    async def watch(self, prefix: str, after_revision: int) -> AsyncGenerator[WatchBatch]:
        client = self._open()
        stream = None
        try:
            stream = await client.open_watch(_watch_request(prefix, after_revision))
            self._watching.add(stream)
            while True:
                batch = _batch(await stream.read(), after_revision)
                if batch is not None:
                    yield batch
        except CallFailed as error:
            raise errors.Unavailable(f"etcd's watch broke: {error.details}") from error
        finally:
            if stream is not None:
                self._watching.discard(stream)
                stream.cancel()


def _watch_request(prefix: str, after: int) -> Any:
    create = messages.WatchCreateRequest(
        key=prefix.encode(),
        range_end=_end(prefix.encode()),
        start_revision=after + 1,
        progress_notify=True,
        prev_kv=True,
    )
    return messages.WatchRequest(create_request=create)


def _batch(response: Any, after: int) -> WatchBatch | None:
    """What a response tells; raises where it tells the watch's end."""
    if response.canceled:
        if response.compact_revision:
            raise errors.Compacted(after, int(response.compact_revision))
        raise errors.Unavailable(f"etcd ended the watch: {response.cancel_reason}")
    if response.created:
        if response.header.revision < after:
            raise errors.FutureRevision(after, int(response.header.revision))
        # Its revision is the store's; what lies between is still to come.
        return WatchBatch((), after)
    if not response.events:
        # Progress: all events up to the header's revision have been sent.
        return WatchBatch((), int(response.header.revision))
    events = tuple([_event(event) for event in response.events])
    return WatchBatch(events, events[-1].kv.mod_revision)


def _event(event: Any) -> Event:
    if event.type == messages.PUT:
        return Event(EventType.PUT, _key_value(event.kv))
    last = event.prev_kv
    return Event(
        EventType.DELETE,
        KeyValue(
            event.kv.key.decode(errors="replace"),
            last.value,
            event.kv.mod_revision,
            last.create_revision,
        ),
    )


def _key_value(kv: Any) -> KeyValue:
    # Keys of others under our prefix need not be UTF-8; they only must not hurt.
    return KeyValue(kv.key.decode(errors="replace"), kv.value, kv.mod_revision, kv.create_revision)


def _end(prefix: bytes) -> bytes:
    """The first key after all that start with `prefix` (which does not end in 0xff)."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _refused(key: str, expected: int, guard: Guard | None, response: Any) -> errors.StoreError:
    """Why a compare-and-swap did not apply."""
    if guard is not None:
        found = response.responses[1].response_range.kvs
        actual = int(found[0].mod_revision) if found else 0
        if actual != guard.revision:
            return errors.GuardFailed(guard.key, guard.revision, actual)
    kvs = response.responses[0].response_range.kvs
    if not kvs:
        return errors.KeyMissing(key)
    if expected == _ABSENT:
        return errors.KeyExists(key)
    return errors.RevisionConflict(key, expected, int(kvs[0].mod_revision))


def _translated(error: CallFailed) -> errors.StoreError:
    if "too large" in error.details and error.code is Code.INVALID_ARGUMENT:
        return errors.ValueTooLarge(f"etcd refuses the object: {error.details}")
    return errors.Unavailable(f"etcd: {error}")


def _uid(value: bytes) -> str | None:
    """An object's metadata.uid: made by its creator, so it tells whose create happened."""
    try:
        uid = orjson.loads(value)["metadata"]["uid"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return uid if isinstance(uid, str) else None
