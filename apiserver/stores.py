"""How composition roots get a store: `open_store(address, …)`, re-exported from storage.

`apiserver.storage` is closed to the other packages; this is the door.
"""

from apiserver.storage.errors import BadStore
from apiserver.storage.etcd.private import Private, private_etcd
from apiserver.storage.factory import open_store
from apiserver.storage.options import StoreOptions

__all__ = ["BadStore", "Private", "StoreOptions", "open_store", "private_etcd"]
