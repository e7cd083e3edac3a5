"""The watch cache: every object as bytes in memory, fed by one watch of the whole store.

`watch_cache.WatchCache` answers reads, lists and watches and writes through to the store.
Neighbours: `apiserver.storage` below, registry and handlers above. It knows no HTTP and no kinds
beyond the table of selectable fields.
"""

from apiserver.cache.entry import Entry
from apiserver.cache.watch_cache import CacheList, Position, WatchCache
from apiserver.cache.watcher import Watcher, WatchItem

__all__ = ["CacheList", "Entry", "Position", "WatchCache", "WatchItem", "Watcher"]
