"""How to run an etcd of our own: one member, on this machine, for one data directory.

It listens on UNIX sockets in a directory that only its owner may enter: nobody else on the
machine can reach it, no port is taken, and no certificate can expire. `etcdctl` reaches it with
`--endpoints unix://DIR/client:2379`. Neighbours: the supervisor of `bireme up` starts and stops
the process; `store` talks to it through `Private.address`. Nothing is started here.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from apiserver.storage.errors import BadStore

SOCKET_PATH_MAX = 107
"""The kernel's limit for a socket's path."""
# etcd wants HOST:PORT even for sockets; that is the file's name, relative to where it runs.
_CLIENT, _PEER = "client:2379", "peer:2380"


@dataclass(frozen=True, slots=True)
class Private:
    """What to start, where, and how to reach it."""

    argv: tuple[str, ...]
    directory: Path
    """The working directory of the process: the sockets are made there."""
    address: str
    """For `open_store`."""

    @property
    def sockets(self) -> tuple[Path, ...]:
        """Where it listens; a killed etcd leaves them, and the next one can't bind them."""
        return (self.directory / _CLIENT, self.directory / _PEER)


def private_etcd(directory: Path) -> Private:
    """The command for an etcd in `directory`, which is made. Raises BadStore."""
    binary = shutil.which("etcd") or shutil.which("etcd", path="/usr/sbin:/usr/local/bin")
    if binary is None:
        raise BadStore(
            "etcd is not installed: `apt-get install etcd-server`, or use --store sqlite"
        )
    directory = directory.absolute()
    socket = directory / _CLIENT
    if len(os.fsencode(socket)) > SOCKET_PATH_MAX:
        raise BadStore(
            f"the path {socket} is too long for a socket: choose a shorter data directory"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        raise BadStore(f"cannot make {directory} for etcd: {error.strerror}") from error
    client, peer = f"unix://{_CLIENT}", f"unix://{_PEER}"
    argv = (
        binary,
        "--name", "bireme",
        "--data-dir", str(directory / "data"),
        "--listen-client-urls", client,
        "--advertise-client-urls", client,
        "--listen-peer-urls", peer,
        "--initial-advertise-peer-urls", peer,
        "--initial-cluster", f"bireme={peer}",
        # One member elects itself: no reason to wait the second that three would need.
        "--heartbeat-interval", "10",
        "--election-timeout", "100",
        # etcd keeps this many entries in memory; its default of 100,000 costs hundreds of MB.
        "--snapshot-count", "10000",
        # The API takes bodies of 3 MB; etcd's default is half of that.
        "--max-request-bytes", str(10 * 1024 * 1024),
        "--quota-backend-bytes", str(8 * 1024 * 1024 * 1024),
        "--logger", "zap",
        "--log-level", "warn",
    )  # fmt: skip
    return Private(argv, directory, f"unix:{socket}")
