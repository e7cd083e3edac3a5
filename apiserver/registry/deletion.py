"""How an object goes: preconditions, grace, finalizers, and at last the removal.

Neighbours: `apiserver.registry.generic` (the registry whose object it is), strategies say what
grace a kind knows. The garbage collector and the kubelet finish what is only marked here.
"""

from dataclasses import dataclass

from apimachinery import meta
from apimachinery.wire import JsonObject
from apiserver.cache import Entry
from apiserver.registry import fences
from apiserver.registry.generic import (
    UPDATE_ATTEMPTS,
    Admit,
    Preconditions,
    Registry,
    no_admission,
)
from apiserver.registry.strategy import Context
from apiserver.storage.errors import KeyMissing, RevisionConflict

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class Options:
    """DeleteOptions, read and checked."""

    grace_period: int | None = None
    propagation: str = ""
    """Orphan, Background, Foreground, or empty: the kind's default."""
    preconditions: Preconditions | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of it."""

    entry: Entry
    """The object as it is now, or as it last was."""
    uid: str
    gone: bool
    """False where it only waits for finalizers, grace or its dependents."""


async def delete(
    registry: Registry,
    namespace: str,
    name: str,
    options: Options,
    context: Context,
    *,
    admit: Admit = no_admission,
) -> Deleted:
    """Remove an object, or mark it as being deleted where something holds it."""
    await registry.refresh()
    admitted = False
    for _ in range(UPDATE_ATTEMPTS):
        entry = registry.cache.get(registry.resource, namespace, name)
        if entry is None:
            raise registry.not_found(name)
        old = entry.parse()
        if options.preconditions is not None:
            options.preconditions.check_deletion(registry, old)
        if not admitted:
            await admit(old, old)
            admitted = True
        try:
            return await _attempt(registry, entry, old, options, context)
        except (RevisionConflict, KeyMissing) as problem:
            await registry.catch_up(name, problem)
    raise registry.conflict(name)


async def _attempt(
    registry: Registry, entry: Entry, old: JsonObject, options: Options, context: Context
) -> Deleted:
    new = entry.parse()
    now_gone = mark(registry, new, options, context)
    uid = str(old["metadata"].get("uid", ""))
    if context.dry_run:
        return Deleted(entry.shown_as(new), uid, now_gone)
    if now_gone:
        last = await registry.remove(entry, context)
        registry.strategy.deleted(old)
        registry.quotas.note(entry.namespace)
        return Deleted(last, uid, gone=True)
    if new == old:
        return Deleted(entry, uid, gone=False)
    stored = await fences.within(
        context.fence,
        registry.cache,
        lambda guard: registry.cache.update(
            registry.resource, entry.namespace, entry.name, new, entry.revision, guard=guard
        ),
    )
    return Deleted(stored, uid, gone=False)


def mark(registry: Registry, obj: JsonObject, options: Options, context: Context) -> bool:
    """Put deletion's marks on `obj`; True where nothing holds it and it may go at once."""
    strategy = registry.strategy
    found = obj["metadata"]
    grace = strategy.grace_period(obj, options.grace_period)
    _set_finalizers(found, options.propagation, orphan_default=strategy.orphans_by_default)
    held = bool(found.get("finalizers")) or not strategy.deletable(obj)
    if not held and not grace:
        return True
    if found.get("deletionTimestamp"):
        _shorten(found, grace, context.now)
    else:
        found["deletionTimestamp"] = meta.format_time(context.now + (grace or 0))
        found["deletionGracePeriodSeconds"] = grace or 0
        if found.get("generation"):
            found["generation"] += 1
    strategy.prepare_delete(obj, context)
    return False


def _shorten(found: JsonObject, grace: int | None, now: float) -> None:
    """A second request may only bring the end nearer."""
    current = found.get("deletionGracePeriodSeconds")
    if grace is None or current is None or grace >= current:
        return
    try:
        began = meta.parse_time(found["deletionTimestamp"]) - current
    except ValueError:
        began = now
    found["deletionTimestamp"] = meta.format_time(max(began + grace, began))
    found["deletionGracePeriodSeconds"] = grace


def _set_finalizers(found: JsonObject, propagation: str, *, orphan_default: bool) -> None:
    """The finalizer of the wanted propagation, in place of the other one."""
    present = found.get("finalizers") or []
    wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(propagation, "")
    if not propagation:
        # Unsaid: what was asked for before stays; else the kind's own habit decides.
        if ORPHAN in present or FOREGROUND in present:
            return
        wanted = ORPHAN if orphan_default else ""
    kept = [one for one in present if one not in (ORPHAN, FOREGROUND)]
    if wanted:
        kept.append(wanted)
    if kept:
        found["finalizers"] = kept
    else:
        found.pop("finalizers", None)
