"""What a store's address does not say. Neighbours: `factory` takes it, the etcd client reads it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """File names are PEM files. Empty means: the system's CAs, no client certificate, no user."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
