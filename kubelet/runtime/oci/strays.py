"""Processes that a killed agent left in the middle of something, found by their command lines.

Containers and their supervisors are meant to outlive an agent; a half-done `runc create` or an
exec whose client is gone are not. Blocking; run before anything is adopted.
"""

import contextlib
import os
import selectors
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# KILL needs no longer; what hangs in the kernel is left alone.
END_SECONDS = 10.0
# conmon forks twice and starts runc, which starts itself again: five generations.
MAX_ROUNDS = 10


def end_helpers(state: Path) -> None:
    """OCI runtime processes that work on this state directory, and what they have started."""
    marker = os.fsencode(state)

    def is_helper(argv: list[bytes]) -> bool:
        return len(argv) > 2 and argv[1] == b"--root" and argv[2] == marker

    for pid in list(find(is_helper)):
        # Children first: alone, the command of an exec would go on.
        end(_children(pid), lambda _: True)
        end([pid], is_helper)


def end_launch(container_id: str, group: Callable[[], set[int]]) -> None:
    """All that works on creating a container, and what it has put into its cgroup so far."""
    name = container_id.encode()

    def is_launch(argv: list[bytes]) -> bool:
        return name in argv

    # Each may start another between our look at the list and its end; the last finds nobody.
    for _ in range(MAX_ROUNDS):
        found = list(find(is_launch))
        if not found:
            break
        end(found, is_launch)
    end(group(), lambda _: True)


def find(matches: Callable[[list[bytes]], bool]) -> Iterator[int]:
    """Processes by command line; this one never."""
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            pid = int(directory.name)
            if pid != os.getpid() and matches(_argv(pid)):
                yield pid


def end(pids: Iterable[int], still: Callable[[list[bytes]], bool]) -> None:
    """Kill and wait. Pids are reused: what each is now is checked once it cannot change."""
    for pid in list(pids):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        if still(_argv(pid)):
            kill(descriptor)
        else:
            os.close(descriptor)


def kill(descriptor: int) -> None:
    """Kill the process of a pidfd, wait for its end, close the pidfd."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    wait(descriptor)


def wait(descriptor: int) -> None:
    """Wait for the end of a process, killing it if that takes long; closes the pidfd."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        if not selector.select(END_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    os.close(descriptor)


def _argv(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in path.read_text().split()]
    return found
