"""Picks a backend by address: `memory`, `sqlite:PATH`, `http(s)://HOST:PORT[,…]`, `unix:PATH`.

Backends are imported when chosen: a server on SQLite never loads gRPC. Neighbours: the backends;
`apiserver.stores` re-exports this for composition roots.
"""

from pathlib import Path

from apiserver.storage.errors import BadStore
from apiserver.storage.interface import Store
from apiserver.storage.options import StoreOptions


def open_store(address: str, options: StoreOptions | None = None) -> Store:
    """A store for the address, not started yet. Raises BadStore for one that makes no sense."""
    kind, _, rest = address.partition(":")
    if address == "memory":
        from apiserver.storage.memory import MemoryStore

        return MemoryStore()
    if kind == "sqlite" and rest:
        from apiserver.storage.sqlite.store import SqliteStore

        return SqliteStore(Path(rest))
    if (kind in ("http", "https") and rest.startswith("//")) or (kind == "unix" and rest):
        from apiserver.storage.etcd.client import parse_endpoints
        from apiserver.storage.etcd.store import EtcdStore

        return EtcdStore(parse_endpoints(address), options)
    raise BadStore(
        f"store {address!r} is none that I know: use memory, sqlite:PATH, or "
        "http(s)://HOST:PORT[,HOST:PORT] for etcd"
    )
