"""The keys of a server are made in a child, while the server's own modules load.

Only the making needs `cryptography`, and nothing gives its 14 MB back: a server that has all its
keys does without until it first signs a token. Neighbours: `server` begins and waits;
`apiserver.identity.pki` makes. Call `begin` before there are threads or an event loop.
"""

import os
from collections.abc import Iterable
from pathlib import Path


def begin(directory: Path, hosts: Iterable[str]) -> int:
    """Start to make what is missing in the folder of keys; the child's pid, for `wait`."""
    from apiserver.identity import pki

    pid = os.fork()
    if pid:
        return pid
    try:
        pki.Pki(directory).complete(hosts)
    finally:
        # Whatever went wrong here happens to the server once more, and is told there.
        os._exit(0)


def wait(pid: int) -> None:
    """Until the child has done what it could."""
    os.waitpid(pid, 0)
