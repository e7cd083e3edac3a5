"""How composition roots get a store: `open_store(address, …)`, re-exported from storage.

`apiserver.storage` is closed to the other packages; this is the door.
"""

from apiserver.storage.factory import StoreOptions, open_store

__all__ = ["StoreOptions", "open_store"]
