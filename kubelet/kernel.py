"""The few system calls that Python 3.11 lacks: namespaces and mounts, through ctypes.

`setns` and `unshare` change the calling thread for good, so they are only ever called inside
`in_thread`, which runs a function in a fresh thread that dies afterwards (never in a pool).
Knows nothing about pods. Its neighbours are the pod network and the oci driver.
"""

import asyncio
import contextlib
import ctypes
import os
import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def setns(path: str, kind: int) -> None:
    """Move the calling thread into the namespace that a file stands for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, kind), f"setns {path}")
    finally:
        os.close(descriptor)


def unshare(flags: int) -> None:
    """Give the calling thread namespaces (or a working directory) of its own."""
    _check(_libc.unshare(flags), f"unshare {flags:#x}")


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    _check(
        _libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        ),
        f"mount {kind or 'bind'} on {target}",
    )


def unmount(target: str) -> None:
    """Detach a mount; nothing happens if there is none."""
    with contextlib.suppress(FileNotFoundError):
        result = _libc.umount2(target.encode(), MNT_DETACH)
        if result != 0 and ctypes.get_errno() != 22:  # EINVAL: not a mount point.
            _check(result, f"unmount {target}")


def sethostname(name: str) -> None:
    """Of the calling thread's UTS namespace."""
    raw = name.encode()
    _check(_libc.sethostname(raw, len(raw)), "sethostname")


async def in_thread(function: Callable[[], _T]) -> _T:
    """Run in a fresh thread; what it does to the thread's namespaces ends with it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only beside an error

    def body() -> None:
        result: _T | None = None
        error: BaseException | None = None
        try:
            result = function()
        except BaseException as caught:  # noqa: BLE001 - handed to the caller, whatever it is
            error = caught
        with contextlib.suppress(RuntimeError):  # The loop was closed meanwhile.
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=body, name="namespace", daemon=True).start()
    return await future
