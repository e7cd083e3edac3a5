"""Tells whoever started this process that it is ready.

The supervisor hands its children a pipe (`BIREME_NOTIFY_FD`); systemd hands a datagram socket
(`NOTIFY_SOCKET`, sd_notify(3)). Started by hand there is neither, and nothing happens.
"""

import contextlib
import os
import socket


def ready() -> None:
    """Say READY=1 once; later calls and missing listeners do nothing."""
    fd = os.environ.pop("BIREME_NOTIFY_FD", "")
    if fd.isdigit():
        with contextlib.suppress(OSError):
            os.write(int(fd), b"READY=1\n")
            os.close(int(fd))
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(b"READY=1", address.replace("@", "\0", 1))
