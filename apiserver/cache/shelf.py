"""All objects of one resource: entries, indexes, history, watchers.

A shelf is changed by one caller, the cache, through `put` and `remove`, and answers reads between
changes. Costs follow the change: one block, the watchers in the buckets that the object falls
into. Neighbours: `blocks`, `history`, `selection`, `watcher`. It does not wait and does no I/O.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from apiserver.cache import selectable
from apiserver.cache.blocks import Blocks, View
from apiserver.cache.entry import Entry, facts
from apiserver.cache.freed import Freed
from apiserver.cache.history import Change, History
from apiserver.cache.selection import EVERYWHERE, Bucket, Selection
from apiserver.cache.watcher import Fanout, Past, Watcher, WatchItem

PIECE_BYTES = 512 * 1024
"""Initial events in one batch: a few milliseconds of writing, then others run."""
PIECE_CHANGES = 256
"""The same for changes of the past."""


class Shelf:
    """The state of one resource."""

    def __init__(self, group: str, plural: str, floor: int, freed: Freed) -> None:
        self.group = group
        self.plural = plural
        self.getters = selectable.getters(group, plural)
        self.by_key: dict[str, Entry] = {}
        self.sorted = Blocks()
        self.history = History(floor, freed)
        hot = selectable.INDEXED.get((group, plural))
        self._hot = list(self.getters).index(hot) if hot is not None else -1
        """Where in Entry.fields the indexed field is; -1 for none."""
        self._index: dict[str, set[str]] = {}
        """Value of the indexed field → keys."""
        self._watchers: dict[Bucket, dict[Watcher, None]] = {}

    # --- changes ------------------------------------------------------------------------------

    def load(self, entry: Entry) -> None:
        """Put an entry without history and watchers: the first filling."""
        self.by_key[entry.key] = entry
        self.sorted.put(entry.key, entry)
        if self._hot >= 0:
            self._index.setdefault(entry.fields[self._hot], set()).add(entry.key)

    def put(self, entry: Entry) -> Change:
        old = self.by_key.get(entry.key)
        if old is not None:
            self._unindex(old)
        self.load(entry)
        return self._changed(Change(entry.revision, old, entry))

    def remove(self, key: str, revision: int) -> Change | None:
        old = self.by_key.pop(key, None)
        if old is None:
            return None
        self._unindex(old)
        self.sorted.remove(key)
        return self._changed(Change(revision, old, None))

    def _unindex(self, old: Entry) -> None:
        if self._hot >= 0:
            value = old.fields[self._hot]
            bucket = self._index[value]
            bucket.discard(old.key)
            if not bucket:
                del self._index[value]

    def _changed(self, change: Change) -> Change:
        self.history.append(change)
        if self._watchers:
            fanout = Fanout(change)
            for bucket in self._buckets(change):
                for watcher in tuple(self._watchers.get(bucket, ())):
                    watcher.offer(fanout)
        return change

    def _buckets(self, change: Change) -> Iterator[Bucket]:
        """Where watchers wait that may care: a watcher is in one bucket only."""
        entry = change.new or change.old
        assert entry is not None, "a change has a state before or after"
        yield EVERYWHERE
        yield Bucket("name", entry.name)
        if entry.namespace:
            yield Bucket("namespace", entry.namespace)
            yield Bucket("key", entry.key)
        if self._hot >= 0:
            states = (change.old, change.new)
            for value in {state.fields[self._hot] for state in states if state is not None}:
                yield Bucket("field", value)

    def reindex(self, getters: Mapping[str, selectable.Getter]) -> None:
        """The selectable fields have become others: read them anew from every object."""
        if tuple(getters) == tuple(self.getters):
            return
        self.getters = getters
        past = self.history.since(self.history.floor)
        states = [state for change in past for state in (change.old, change.new) if state]
        for entry in {id(one): one for one in (*self.by_key.values(), *states)}.values():
            entry.fields = facts(entry.parse(), getters).fields

    # --- reads --------------------------------------------------------------------------------

    def view_at(self, revision: int) -> View:
        """The state at a revision that the history still reaches, else `status.Expired`.

        The caller has made sure that the cache has reached it.
        """
        undo = self.history.since(revision)
        view = self.sorted.freeze()
        if not undo:
            return view
        past = Blocks.thaw(view)
        for change in reversed(undo):
            if change.old is not None:
                past.put(change.old.key, change.old)
            elif change.new is not None:
                past.remove(change.new.key)
        return past.freeze()

    def narrow(self, selection: Selection) -> list[Entry] | None:
        """Everything selected, in key order, where an index has it; None where none does."""
        match selection.bucket:
            case Bucket("key", key):
                candidates: Iterable[Entry] = filter(None, [self.by_key.get(key)])
            case Bucket("field", value):
                # An index is in order of arrival; its keys are few.
                candidates = (self.by_key[key] for key in sorted(self._index.get(value, ())))
            case _:
                return None
        return [entry for entry in candidates if selection.matches(entry)]

    # --- watchers -----------------------------------------------------------------------------

    def watch_present(
        self, selection: Selection, reached: Callable[[], int], *, end_bookmark: bool
    ) -> Watcher:
        """Everything selected as ADDED, then what changes."""
        found = self.narrow(selection)
        if found is not None:
            parts: Iterator[list[Entry]] = iter([found] if found else [])
        else:
            parts = self.sorted.freeze().parts(selection.first, selection.end)
        past = _initial(parts, selection)
        return self._register(Watcher(selection, past, reached, end_bookmark=end_bookmark))

    def watch_after(self, selection: Selection, reached: Callable[[], int], after: int) -> Watcher:
        """What changed after a revision, then what changes."""
        past = _replay(self.history.since(after), selection)
        return self._register(Watcher(selection, past, reached))

    def _register(self, watcher: Watcher) -> Watcher:
        bucket = watcher.selection.bucket
        self._watchers.setdefault(bucket, {})[watcher] = None
        watcher.on_close.append(self._unregister)
        return watcher

    def _unregister(self, watcher: Watcher) -> None:
        bucket = watcher.selection.bucket
        members = self._watchers.get(bucket, {})
        members.pop(watcher, None)
        if not members:
            self._watchers.pop(bucket, None)

    def watchers(self) -> Iterator[Watcher]:
        for members in self._watchers.values():
            yield from members

    def finish_all(self) -> None:
        """End all watches once their readers have what waits."""
        for watcher in tuple(self.watchers()):
            watcher.finish()

    def cut_all(self) -> None:
        for watcher in tuple(self.watchers()):
            watcher.end(cut=True)


def _initial(parts: Iterator[list[Entry]], selection: Selection) -> Past:
    for part in parts:
        piece: list[WatchItem] = []
        size = 0
        for entry in part:
            if not selection.everything and not selection.matches(entry):
                continue
            piece.append(WatchItem("ADDED", entry, entry.revision))
            size += len(entry.raw)
            if size > PIECE_BYTES:
                yield piece
                piece, size = [], 0
        yield piece


def _replay(changes: list[Change], selection: Selection) -> Past:
    remaining = iter(changes)
    while piece := list(islice(remaining, PIECE_CHANGES)):
        seen = [Fanout(change).seen_by(selection) for change in piece]
        yield [item for item in seen if item is not None]
