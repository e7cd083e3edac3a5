"""The init of a shared PID namespace: the one process that a pod can need besides its containers.

A PID namespace lives as long as its first process, so `shareProcessNamespace` needs one that does
nothing: it ignores SIGCHLD, by which the kernel reaps every orphan, and sleeps for ever. It runs
as a container of its own (read-only root that holds nothing else, no capabilities), because
containers of the pod may look into its /proc entry. The program is 192 bytes of ELF, put
together here, so that no image and no compiler is needed. Blocking.
"""

import struct
from pathlib import Path

import orjson

from kubelet.images.interface import ImageConfig
from kubelet.runtime.config import ContainerConfig, Security
from kubelet.runtime.errors import SandboxError
from kubelet.runtime.interface import ProcessUser
from kubelet.runtime.oci import spec

NAME = "pause"
# What it may not do: anything. An unprivileged user of its own.
_USER = ProcessUser(65534, 65534)

_BASE = 0x400000
_SIGCHLD, _RT_SIGACTION, _PAUSE = 17, 13, 34


def program(machine: str) -> bytes:
    """A static ELF executable for this machine."""
    if machine != "x86_64":
        raise SandboxError(f"shareProcessNamespace is not supported on {machine} yet")
    code = b"".join(
        (
            b"\xb8" + struct.pack("<I", _RT_SIGACTION),  # mov eax, rt_sigaction
            b"\xbf" + struct.pack("<I", _SIGCHLD),  # mov edi, SIGCHLD
            b"\x48\x8d\x35" + struct.pack("<i", 40 - 17),  # lea rsi, [rip + action]
            b"\x31\xd2",  # xor edx, edx: the old action is not wanted
            b"\x41\xba" + struct.pack("<I", 8),  # mov r10d, 8: size of a signal set
            b"\x0f\x05",  # syscall
            b"\xb8" + struct.pack("<I", _PAUSE),  # again: mov eax, pause
            b"\x0f\x05",  # syscall
            b"\xeb\xf7",  # jmp again
            bytes(4),  # up to a multiple of 8
            struct.pack("<QQQQ", 1, 0, 0, 0),  # action: SIG_IGN, no flags, no mask
        )
    )
    size = 64 + 56 + len(code)
    identity = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, _BASE + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + code


def write_bundle(directory: Path, around: spec.Surroundings, limits: spec.NodeLimits) -> None:
    """Root file system and config.json."""
    rootfs = directory / "bundle" / "rootfs"
    rootfs.mkdir(parents=True)
    binary = rootfs / NAME
    binary.write_bytes(program(limits.machine))
    binary.chmod(0o555)
    config = ContainerConfig(
        name=NAME,
        image="",
        command=(f"/{NAME}",),
        security=Security(
            capabilities_drop=("ALL",), no_new_privileges=True, read_only_rootfs=True
        ),
    )
    document = spec.build(config, ImageConfig(), _USER, around, limits)
    (directory / "bundle" / "config.json").write_bytes(orjson.dumps(document))
