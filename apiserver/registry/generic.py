"""The course of every write: prepare, validate, admit, store, wait for the cache.

One `Registry` per stored resource. `create` writes an absent key; `update` is a loop of read,
change, compare-and-swap. What differs between kinds is asked of its `Strategy`; deletion lives in
`apiserver.registry.deletion`. Neighbours: handlers above, cache and store below. Bodies are
decoded and authorized before they come here.

A writer is answered only when this process's cache has reached its revision, so that whoever
wrote reads its own write here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from apimachinery import meta, names, status
from apimachinery.names import Rng
from apimachinery.resource import Resource
from apimachinery.status import FieldError
from apimachinery.validation import oddities
from apimachinery.wire import JsonObject
from apiserver import entropy
from apiserver.cache import Entry, WatchCache
from apiserver.registry import fences, metadata
from apiserver.registry.quotas import Quotas
from apiserver.registry.strategy import Context, Reservation, Strategy
from apiserver.storage import keys
from apiserver.storage.errors import KeyExists, KeyMissing, RevisionConflict, UnknownOutcome

GENERATE_NAME_ATTEMPTS = 8
"""As many names as Kubernetes tries before a generateName create fails."""

UPDATE_ATTEMPTS = 10
"""Writers that read again after losing a race; beyond it the object is too hot and 409 is true."""

Admit = Callable[[JsonObject, JsonObject | None], Awaitable[None]]
"""Validating admission: (new, old)."""
Change = Callable[[JsonObject, Entry], Awaitable[JsonObject]]
"""Makes the wanted object from the stored one (not to be changed: `Entry.parse` gives a copy)."""


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of a write: bytes with their resourceVersion, as they are answered."""

    raw: bytes
    entry: Entry | None = None
    """None for a dry run and for what is gone."""
    created: bool = False
    deleted: bool = False
    """The update finished a deletion that had only waited for finalizers."""

    def parse(self) -> JsonObject:
        """A fresh dict, the caller's own."""
        parsed: JsonObject = orjson.loads(self.raw)
        return parsed


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must hold of the stored object; empty = anything."""

    uid: str = ""
    resource_version: str = ""

    def check(self, subject: "Registry", obj: JsonObject) -> None:
        """Raise 409 unless they hold, in the store's words."""
        for title, wanted, have in self._broken(obj):
            name = obj["metadata"].get("name", "")
            key = subject.key(obj["metadata"].get("namespace", ""), name)
            raise subject.conflict(
                name,
                f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: {title} in precondition: {wanted}, "
                f"{title} in object meta: {have}",
            )

    def check_deletion(self, subject: "Registry", obj: JsonObject) -> None:
        """The same of an object that is to be deleted."""
        for title, wanted, have in self._broken(obj):
            happened = "deleted and then recreated" if title == "UID" else "modified"
            raise subject.conflict(
                obj["metadata"].get("name", ""),
                f"the {title} in the precondition ({wanted}) does not match the {title} in record "
                f"({have}). The object might have been {happened}",
            )

    def _broken(self, obj: JsonObject) -> Iterator[tuple[str, str, str]]:
        for title, key, wanted in (
            ("UID", "uid", self.uid),
            ("ResourceVersion", "resourceVersion", self.resource_version),
        ):
            have = obj["metadata"].get(key, "")
            if wanted and wanted != have:
                yield title, wanted, have


async def no_admission(new: JsonObject, old: JsonObject | None) -> None:
    """For writes of the server itself."""


_settling: set[asyncio.Task[Entry]] = set()
"""Writes under way whose callers may be gone; each ends with its store call."""


async def settled(write: Coroutine[Any, Any, Entry], reserved: Reservation) -> Entry:
    """A write, and its reservation brought to the same end, also if the caller goes away.

    A write goes on when its caller is cancelled; so what was taken for it must not be given back
    before the outcome is known.
    """

    async def finish() -> Entry:
        try:
            entry = await write
        except UnknownOutcome:
            reserved.unknown()
            raise
        except BaseException:
            reserved.undo()
            raise
        reserved.commit()
        return entry

    task = asyncio.get_running_loop().create_task(finish())
    _settling.add(task)  # the loop itself keeps no hold of its tasks
    task.add_done_callback(_settling.discard)
    return await asyncio.shield(task)


def both(one: Reservation, other: Reservation) -> Reservation:
    """Two reservations with the same fate."""

    def joined(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            first()
            second()

        return run

    return Reservation(
        joined(one.undo, other.undo),
        joined(one.commit, other.commit),
        joined(one.unknown, other.unknown),
    )


class Registry:
    """The stored objects of one resource."""

    def __init__(
        self,
        resource: Resource,
        strategy: Strategy,
        cache: WatchCache,
        entropy: Rng,
        quotas: Quotas,
        *,
        ttl: int = 0,
    ) -> None:
        self.resource = resource
        self.quotas = quotas
        self.strategy = strategy
        self.cache = cache
        self._entropy = entropy
        self._ttl = ttl

    # --- reads -----------------------------------------------------------------------------------

    def key(self, namespace: str, name: str) -> str:
        return keys.object_key(self.resource.group, self.resource.plural, namespace, name)

    async def refresh(self) -> None:
        """Wait until the cache has all that was written before this call."""
        await self.cache.fresh()

    async def find(self, namespace: str, name: str) -> Entry | None:
        """The object as of now, whoever wrote it."""
        await self.refresh()
        return self.cache.get(self.resource, namespace, name)

    async def read(self, namespace: str, name: str) -> Entry:
        entry = await self.find(namespace, name)
        if entry is None:
            raise self.not_found(name)
        return entry

    # --- errors ----------------------------------------------------------------------------------

    def not_found(self, name: str) -> status.NotFound:
        return status.not_found(self.resource.plural, name, self.resource.group)

    def conflict(self, name: str, detail: str = status.CONFLICT_DETAIL) -> status.Conflict:
        return status.conflict(self.resource.plural, name, detail, self.resource.group)

    def refuse(self, name: str, errors: list[FieldError]) -> None:
        """Raise 422 if there are errors; two rules may find the same one."""
        if errors:
            once = list({error.message(): error for error in errors}.values())
            raise status.invalid(self.resource.kind, name, once, self.resource.group)

    # --- create ----------------------------------------------------------------------------------

    async def create(
        self,
        obj: JsonObject,
        context: Context,
        *,
        admit: Admit = no_admission,
    ) -> Written:
        """Store a new object; `obj` is changed in place."""
        found = obj["metadata"]
        if found.get("resourceVersion"):
            raise status.bad_request("resourceVersion should not be set on objects to be created")
        found.pop("resourceVersion", None)
        strategy = self.strategy
        metadata.fill_created(
            found,
            uid=entropy.uid(),
            timestamp=meta.format_time(context.now),
            generation=strategy.counts_generation,
        )
        generated = not found.get("name") and bool(found.get("generateName"))
        for attempt in range(GENERATE_NAME_ATTEMPTS):
            if generated:
                found["name"] = names.generate(found["generateName"], self._entropy)
            # Again for each name: some kinds write it into their labels.
            strategy.prepare_create(obj, context)
            self.refuse(found.get("name", ""), strategy.validate_create(obj, context))
            context.warnings.extend(oddities.on_create(self.resource, obj))
            await admit(obj, None)
            try:
                return await self._insert(obj, context)
            except KeyExists as problem:
                named = (self.resource.plural, found["name"], self.resource.group)
                if not generated:
                    raise status.already_exists(*named) from problem
                if attempt == GENERATE_NAME_ATTEMPTS - 1:
                    raise status.no_unique_name(*named) from problem
        raise AssertionError("the last attempt returns or raises")

    async def _insert(self, obj: JsonObject, context: Context) -> Written:
        found = obj["metadata"]
        namespace, name = found.get("namespace", ""), found["name"]
        reserved = self._reserve(obj, context)
        if context.dry_run:
            if reserved is not None:
                reserved.undo()
            if await self.find(namespace, name) is not None:
                raise KeyExists(self.key(namespace, name))
            return Written(orjson.dumps(obj), created=True)
        write = fences.within(
            context.fence,
            self.cache,
            lambda guard: self.cache.create(
                self.resource, namespace, name, obj, ttl=self._ttl, guard=guard
            ),
        )
        entry = await (write if reserved is None else settled(write, reserved))
        if self.resource.gr == "resourcequotas":
            self.quotas.note(namespace)
        return Written(entry.raw, entry, created=True)

    def _reserve(self, obj: JsonObject, context: Context) -> Reservation | None:
        """A place in the namespace's quotas, and what the kind itself takes."""
        place = self.quotas.reserve(self.resource, obj)
        if place is None:
            return self.strategy.reserve_create(obj, context)
        try:
            own = self.strategy.reserve_create(obj, context)
        except BaseException:
            place.undo()
            raise
        return place if own is None else both(place, own)

    def _reserve_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> Reservation | None:
        """Room in the namespace's quotas for what the object has grown."""
        grown = self._counts() and context.subresource != "status"
        place = self.quotas.reserve(self.resource, new, old) if grown else None
        if place is None:
            return self.strategy.reserve_update(new, old, context)
        try:
            own = self.strategy.reserve_update(new, old, context)
        except BaseException:
            place.undo()
            raise
        return place if own is None else both(place, own)

    # --- update ----------------------------------------------------------------------------------

    async def update(
        self,
        namespace: str,
        name: str,
        change: Change,
        context: Context,
        *,
        admit: Admit = no_admission,
        preconditions: Preconditions | None = None,
        retry: bool = False,
    ) -> Written:
        """Read, change, compare and swap, until it fits; the stored object must exist.

        An object that names its resourceVersion is not tried again after a lost race, unless
        `retry` says that `change` builds on whatever it is given (patches).
        """
        await self.refresh()
        for _ in range(UPDATE_ATTEMPTS):
            entry = self.cache.get(self.resource, namespace, name)
            if entry is None:
                raise self.not_found(name)
            old = orjson.loads(entry.raw)
            if preconditions is not None:
                preconditions.check(self, old)
            new = await change(old, entry)
            pinned = self._check_version(new, old, entry, name) and not retry
            new = await self._prepared(new, old, context, admit)
            if new == old:
                return Written(entry.raw, entry)
            try:
                return await self._replace(new, old, entry, context)
            except (RevisionConflict, KeyMissing) as problem:
                await self.catch_up(name, problem)
                if pinned:
                    self._lost_race(namespace, name, problem)
        raise self.conflict(name)

    async def catch_up(self, name: str, problem: RevisionConflict | KeyMissing) -> None:
        """After a lost race: wait until the cache shows the winner's write; 404 if it deleted.

        The winner may not be on disk yet, so what is current now says nothing.
        """
        if isinstance(problem, KeyMissing):
            raise self.not_found(name) from problem
        await self.cache.wait_for(problem.actual)

    def _lost_race(self, namespace: str, name: str, problem: Exception) -> NoReturn:
        """The caller had named a version, and it is no longer the stored one."""
        if self.cache.get(self.resource, namespace, name) is None:
            raise self.not_found(name) from problem
        raise self.conflict(name) from problem

    def _check_version(self, new: JsonObject, old: JsonObject, entry: Entry, name: str) -> bool:
        """Compare the version that the writer saw; False where it named none."""
        wanted = new["metadata"].get("resourceVersion") or ""
        if wanted in ("", "0"):
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            if not self.strategy.unconditional_update:
                self.refuse(
                    name,
                    [
                        status.invalid_value(
                            "metadata.resourceVersion",
                            0,
                            "must be specified for an update",
                        )
                    ],
                )
            return False
        if wanted != str(entry.revision):
            raise self.conflict(name)
        return True

    async def _prepared(
        self,
        new: JsonObject,
        old: JsonObject,
        context: Context,
        admit: Admit,
    ) -> JsonObject:
        """Apply the kind's rules to the wanted object, in Kubernetes' order."""
        strategy = self.strategy
        fresh, stored = new["metadata"], old["metadata"]
        if fresh.get("uid") and fresh["uid"] != stored.get("uid"):
            Preconditions(uid=fresh["uid"]).check(self, old)
        metadata.carry_over(fresh, stored)
        if context.subresource == "status":
            strategy.prepare_status(new, old, context)
        else:
            strategy.prepare_update(new, old, context)
            fresh = new["metadata"]  # some subresources put the old metadata back
            if strategy.counts_generation and strategy.desired_changed(new, old, context):
                fresh["generation"] = stored.get("generation", 0) + 1
        if new == old:
            return new
        errors = metadata.validate_update(fresh, stored)
        if context.subresource == "status":
            errors += strategy.validate_status(new, old)
        else:
            errors += strategy.validate_update(new, old, context)
        self.refuse(fresh.get("name", ""), errors)
        if not context.subresource:
            context.warnings.extend(oddities.on_update(self.resource, new, old))
        await admit(new, old)
        return new

    async def _replace(
        self, new: JsonObject, old: JsonObject, entry: Entry, context: Context
    ) -> Written:
        fresh = new["metadata"]
        if _finished(new) and self.strategy.deletable(new):
            return await self._finish_deletion(new, entry, context)
        reserved = self._reserve_update(new, old, context)
        if context.dry_run:
            if reserved is not None:
                reserved.undo()
            return Written(orjson.dumps(new))
        write = fences.within(
            context.fence,
            self.cache,
            lambda guard: self.cache.update(
                self.resource,
                fresh.get("namespace", ""),
                fresh["name"],
                new,
                entry.revision,
                ttl=self._ttl,
                guard=guard,
            ),
        )
        stored = await (write if reserved is None else settled(write, reserved))
        if self._counts():
            self.quotas.note(entry.namespace)
        return Written(stored.raw, stored)

    async def remove(self, entry: Entry, context: Context) -> Entry:
        """Take an object out of the store; its last state."""
        return await fences.within(
            context.fence,
            self.cache,
            lambda guard: self.cache.delete(
                self.resource, entry.namespace, entry.name, entry.revision, guard=guard
            ),
        )

    def _counts(self) -> bool:
        """Whether an update may change what its namespace uses, may use, or tells of it.

        Whoever writes a quota's status has it put right: the figures are ours alone.
        """
        return self.resource.gr in ("pods", "services", "persistentvolumeclaims", "resourcequotas")

    async def _finish_deletion(self, new: JsonObject, entry: Entry, context: Context) -> Written:
        """The last finalizer has gone: the update becomes the removal."""
        if not context.dry_run:
            await self.remove(entry, context)
            self.strategy.deleted(new)
            self.quotas.note(entry.namespace)
        return Written(orjson.dumps(new), deleted=True)


def _finished(obj: JsonObject) -> bool:
    """Whether deletion was asked for and neither finalizers nor grace hold the object."""
    found = obj["metadata"]
    return bool(
        found.get("deletionTimestamp")
        and not found.get("finalizers")
        and not found.get("deletionGracePeriodSeconds")
    )
