"""Containers that see the machine's own files: its top directories, bound in one by one.

The binds are made by the OCI runtime inside the container's own mount namespace: no mount of `/`
ever stands on the machine, so nothing that cleans up after a container can reach the real files.
`/proc`, `/sys` and `/dev` are the container's own; `/mnt` is bound child by child, since sandboxes
are mounted there. Blocking, quick. Neighbours: `kubelet.images.hostfs`, `containers`.
"""

from dataclasses import replace
from pathlib import Path

from kubelet.images import hostfs
from kubelet.images.interface import Image
from kubelet.runtime.config import ContainerConfig, Mount

OWN = frozenset(("proc", "sys", "dev", "lost+found"))
DIVIDED = "mnt"
ROOT = Path("/")


def is_host(image: Image) -> bool:
    return image.id == hostfs.ID


def with_host(directory: Path, config: ContainerConfig) -> ContainerConfig:
    """Bind the machine's directories into a container; its links are made in `directory`/upper."""
    upper = directory / "upper"
    upper.mkdir(parents=True, exist_ok=True)
    found: list[Path] = []
    for path in sorted(ROOT.iterdir()):
        if path.name in OWN:
            continue
        if path.is_symlink():
            (upper / path.name).symlink_to(path.readlink())
        elif path.name == DIVIDED:
            found += sorted(child for child in path.iterdir() if child.is_dir())
        elif path.is_dir():
            found.append(path)
    binds = tuple(Mount(str(path), str(path)) for path in found)
    return replace(config, mounts=(*binds, *config.mounts))
