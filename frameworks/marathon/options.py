"""What `bireme marathon` was told: addresses, names, credentials.

Neighbours: `bireme.cli.marathon` reads the command line, `service` starts with it.
"""

from dataclasses import dataclass
from pathlib import Path

FAILOVER_S = 604_800.0
"""A week, as in Marathon: so long do tasks run on without their framework."""


@dataclass(frozen=True, slots=True)
class Options:
    """All of it."""

    master: str
    """URL of the offer API."""
    state: Path
    host: str = "127.0.0.1"
    port: int = 8080
    name: str = "marathon"
    role: str = "marathon"
    user: str = "root"
    principal: str = ""
    secret: str = ""
    ca_file: str = ""
    """Who vouches for a master at https."""
    credentials: str = ""
    """`user:password` that clients of the REST API have to show; empty: none."""
    failover_timeout: float = FAILOVER_S
    leader: str = ""
    """Host and port under which it is known."""
