"""Prepare what an OCI runtime needs to create a container: root file system and config.json.

The root is an overlay of the image's layers and a writable directory. Blocking; run in threads.
"""

import os
import resource
import shutil
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from kubelet import kernel
from kubelet.images.interface import Image
from kubelet.runtime.config import ContainerConfig, SeccompMode
from kubelet.runtime.errors import ContainerConfigError, CreateContainerError
from kubelet.runtime.interface import ProcessUser
from kubelet.runtime.oci import defaults, hostfs, spec, users
from kubelet.runtime.oci.cgroups import Cgroups

MAX_SECCOMP_BYTES = 1 << 20
# What is read of a container's termination message, as in Kubernetes.
TERMINATION_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Layers:
    """An image's unpacked layers, lowest first, relative to a directory."""

    directory: Path
    names: tuple[str, ...]


def mount_rootfs(directory: Path, layers: Layers) -> None:
    """Overlay `directory`/bundle/rootfs. In a thread of its own: it changes its directory.

    Relative lower directories keep the option string within the page that the kernel allows.
    """
    upper, work, target = directory / "upper", directory / "work", directory / "bundle" / "rootfs"
    for path in (upper, work, target):
        path.mkdir(parents=True, exist_ok=True)
    names = list(layers.names)
    if names:
        _copy_attributes(layers.directory / names[-1], upper)
    else:
        (directory / "empty").mkdir(exist_ok=True)
        names = [str(directory / "empty")]
    kernel.unshare(kernel.CLONE_FS)
    os.chdir(layers.directory)
    lower = ":".join(reversed(names))
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    kernel.mount("overlay", str(target), "overlay", 0, options)


def _copy_attributes(source: Path, target: Path) -> None:
    """The root directory's owner and mode are those of the writable layer."""
    info = source.stat()
    os.chown(target, info.st_uid, info.st_gid)
    target.chmod(stat.S_IMODE(info.st_mode))


def write_config(
    directory: Path,
    config: ContainerConfig,
    image: Image,
    around: spec.Surroundings,
    limits: spec.NodeLimits,
) -> ProcessUser:
    """config.json for a mounted root; also checks what the pod asked for. Whom it runs as."""
    _check_mounts(config)
    rootfs = hostfs.ROOT if hostfs.is_host(image) else directory / "bundle" / "rootfs"
    user = users.resolve(rootfs, image.config.user, config.security)
    files = [*around.files]
    if config.termination_message_path:
        termination_log = directory / "termination-log"
        termination_log.touch()
        # Whoever the process is, it may leave its last words.
        termination_log.chmod(0o666)
        files.append((config.termination_message_path, str(termination_log)))
    document = spec.build(
        config,
        image.config,
        user,
        replace(around, files=tuple(files)),
        limits,
        _seccomp_document(config),
    )
    (directory / "bundle" / "config.json").write_bytes(orjson.dumps(document))
    return user


def _check_mounts(config: ContainerConfig) -> None:
    for mount in config.mounts:
        if not mount.container_path.startswith("/"):
            raise ContainerConfigError(
                f'mount path "{mount.container_path}" of container "{config.name}" must be absolute'
            )
        if not Path(mount.host_path).exists():
            raise ContainerConfigError(
                f'"{mount.host_path}", mounted on "{mount.container_path}", does not exist'
            )


def _seccomp_document(config: ContainerConfig) -> spec.JsonObject | None:
    if config.security.seccomp is not SeccompMode.LOCALHOST:
        return None
    path = Path(config.security.seccomp_profile_path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECCOMP_BYTES)
        document = orjson.loads(data)
    except (OSError, orjson.JSONDecodeError) as error:
        raise CreateContainerError(f'cannot load seccomp profile "{path}": {error}') from error
    if not isinstance(document, dict):
        raise CreateContainerError(f'seccomp profile "{path}" is not a JSON object')
    return document


def reset(directory: Path) -> None:
    """Remove what a launch that did not finish has left: pid files, sockets, pipes."""
    kept = {"rootfs", "config.json"}
    made = [path for path in (directory / "bundle").iterdir() if path.name not in kept]
    for path in (*made, *(directory / name for name in ("pid", ".pid", "conmon.pid"))):
        path.unlink(missing_ok=True)


def remove(directory: Path) -> None:
    """Unmount the root and delete everything."""
    kernel.unmount(str(directory / "bundle" / "rootfs"))
    shutil.rmtree(directory, ignore_errors=True)


def read_termination_message(directory: Path) -> str:
    try:
        with (directory / "termination-log").open("rb") as file:
            return file.read(TERMINATION_MESSAGE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def node_limits(cgroups: Cgroups, machine: str) -> spec.NodeLimits:
    """What this process may give to containers."""
    mask = int(_status_field("CapEff"), 16)
    held = frozenset(
        name for number, name in enumerate(defaults.CAPABILITY_NAMES) if mask >> number & 1
    )
    own_score = int(Path("/proc/self/oom_score_adj").read_text())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    may_raise = "SYS_RESOURCE" in held
    unlimited = may_raise or hard == resource.RLIM_INFINITY
    return spec.NodeLimits(
        machine=machine,
        capabilities=held,
        oom_score_floor=None if may_raise else own_score,
        open_files_hard=defaults.OPEN_FILES_HARD if unlimited else hard,
        limits_swap=cgroups.limits_swap,
        unified=dict(cgroups.unified()),
        devices=_devices(),
    )


def _status_field(name: str) -> str:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split()[1]
    return "0"


def _devices() -> tuple[tuple[str, str, int, int], ...]:
    """The machine's devices for privileged containers, without terminals and shared memory."""
    found = []
    skipped = {"pts", "shm", "mqueue", "fd", "console"}
    for directory, names, files in os.walk("/dev"):
        names[:] = [name for name in names if name not in skipped]
        for name in files:
            path = Path(directory, name)
            if name in skipped or path.is_symlink():
                continue
            info = path.stat()
            if stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
                kind = "c" if stat.S_ISCHR(info.st_mode) else "b"
                device = info.st_rdev
                found.append((str(path), kind, os.major(device), os.minor(device)))
    return tuple(sorted(found))
