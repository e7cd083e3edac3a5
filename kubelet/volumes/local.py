"""Volumes on this node's own disk: a directory each, made when first used, removed when told.

The API knows such a volume by its driver and a handle; only the node knows where it lies. Whoever
deletes the volume asks the agent's server. Neighbours: `volumes.manager` mounts what `directory`
answers; `controllers.volumes` makes and gives back the objects. Sizes are not enforced.
"""

import shutil
from pathlib import Path

from apimachinery import names
from kubelet.volumes.errors import VolumeError

DRIVER = "local.bireme.dev"

MODE = 0o777
"""As local storage has it everywhere: the pods' users are not known here."""


def directory(root: Path, handle: str) -> Path:
    """Where the volume lies; made if it is new. Raises VolumeError."""
    place = _place(root, handle)
    if not place.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        # Not by mkdir: it would be cut by the process's umask.
        place.chmod(MODE)
    return place


def remove(root: Path, handle: str) -> None:
    """Everything of the volume goes; what is not there is gone already.

    Raises:
        VolumeError: the handle is no name.
        OSError
    """
    place, gone = _place(root, handle), root / f".{handle}"
    if place.is_dir():
        # A name that no handle has: a removal that is cut short must not look like a volume.
        place.rename(gone)
    if gone.is_dir():
        shutil.rmtree(gone)


def _place(root: Path, handle: str) -> Path:
    if names.dns1123_subdomain(handle):
        raise VolumeError(f"volume handle {handle!r} is not a name")
    return root / handle
