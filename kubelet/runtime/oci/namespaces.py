"""A pod's namespaces without a process in them: made by a thread, pinned to files.

A namespace lives while something refers to it; a bind mount of its file in /proc is enough. The
thread that made them dies at once. Only PID namespaces cannot be kept so (they need an init).
Blocking; `create` is to be called in a thread of its own (`kernel.in_thread`).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kubelet import kernel
from kubelet.runtime.errors import SandboxError

_FLAGS = {
    "net": kernel.CLONE_NEWNET,
    "uts": kernel.CLONE_NEWUTS,
    "ipc": kernel.CLONE_NEWIPC,
}
# Sysctls that belong to a namespace, with the namespace that a pod must have of its own.
_SYSCTL_NAMESPACES = (
    (re.compile(r"net\.[a-z0-9_.\-/]+\Z"), "net"),
    (re.compile(r"kernel\.(shm[a-z_]*|msg[a-z_]*|sem)\Z"), "ipc"),
    (re.compile(r"fs\.mqueue\.[a-z_]+\Z"), "ipc"),
)
# Every pod may bind low ports and ping without privileges: both end at its own namespace.
_DEFAULT_SYSCTLS = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
}
_SYSCTL_ROOT = Path("/proc/sys")


def create(
    directory: Path, kinds: Sequence[str], hostname: str, sysctls: Mapping[str, str]
) -> None:
    """Make and pin namespaces of these kinds; the calling thread ends up in them."""
    wanted = dict(_DEFAULT_SYSCTLS) if "net" in kinds else {}
    wanted.update(sysctls)
    for name in sysctls:
        _check_sysctl(name, kinds)
    flags = 0
    for kind in kinds:
        flags |= _FLAGS[kind]
    kernel.unshare(flags)
    if "uts" in kinds:
        kernel.sethostname(hostname)
    for name, value in wanted.items():
        _write_sysctl(name, value, asked=name in sysctls)
    for kind in kinds:
        target = directory / kind
        target.touch()
        kernel.mount(f"/proc/thread-self/ns/{kind}", str(target), "", kernel.MS_BIND)


def release(directory: Path) -> None:
    """Unpin; the kernel removes what nothing else uses."""
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        kernel.unmount(str(path))
        path.unlink(missing_ok=True)


def _check_sysctl(name: str, kinds: Sequence[str]) -> None:
    for pattern, kind in _SYSCTL_NAMESPACES:
        if pattern.match(name) and ".." not in name:
            if kind not in kinds:
                raise SandboxError(
                    f'sysctl "{name}" would change the node: the pod has no {kind} namespace'
                )
            return
    raise SandboxError(f'sysctl "{name}" does not belong to a pod\'s namespaces')


def _write_sysctl(name: str, value: str, *, asked: bool) -> None:
    path = _SYSCTL_ROOT / name.replace(".", "/")
    try:
        path.write_text(value)
    except OSError as error:
        if asked:
            raise SandboxError(f'cannot set sysctl "{name}" to "{value}": {error}') from error
        # Else it is one of our defaults: a convenience that an old kernel may lack.
