"""The one image that comes with the system, made from the machine's own static busybox.

So that everything can be tried without any registry: a 2 MB root file system with busybox and a
link for each of its applets, a few directories and /etc/passwd. Blocking, about 50 ms.
"""

import io
import platform
import shutil
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path

from kubelet.images import manifest
from kubelet.images.errors import InvalidImageError
from kubelet.images.interface import Image, ImageConfig
from kubelet.images.store import ImageStore

REPOSITORY = "docker.io/library/busybox"
TAGS = ("latest", "1.35")
# The image is the same whenever and wherever it is made from the same busybox.
CREATED = "2024-01-01T00:00:00Z"
LIST_TIMEOUT_SECONDS = 10

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DIRECTORIES = (
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
    ("var/www", 0o755),
)
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
    "www-data:x:33:33:www-data:/var/www:/bin/false\n"
    "nobody:x:65534:65534:nobody:/home:/bin/false\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def build_busybox(store: ImageStore, binary: Path | None = None) -> Image:
    """Build and import it; the same image again if it is there."""
    path = binary or _find_busybox()
    layer = _layer(path.read_bytes(), _applets(path))
    digest = f"sha256:{sha256(layer).hexdigest()}"
    config = manifest.config_document(
        ImageConfig(command=("sh",), env=(_PATH,)),
        [digest],
        manifest.ARCHITECTURES.get(platform.machine(), platform.machine()),
        CREATED,
    )
    with store.lock():
        if not store.has_layer(digest):
            store.add_layer_stream(digest, io.BytesIO(layer))
        return store.commit(config, [f"{REPOSITORY}:{tag}" for tag in TAGS])


def _find_busybox() -> Path:
    found = shutil.which("busybox")
    if found is None:
        raise InvalidImageError(
            "busybox is not installed, so its image cannot be made: apt install busybox-static"
        )
    data = Path(found).read_bytes()
    # A dynamically linked one names its loader in the first page.
    if b"/ld-linux" in data[:4096] or b"/ld-musl" in data[:4096]:
        raise InvalidImageError(
            f"{found} is dynamically linked and cannot run in an image of its own: "
            "apt install busybox-static"
        )
    return Path(found)


def _applets(path: Path) -> list[str]:
    listing = subprocess.run(
        [str(path), "--list"], capture_output=True, check=True, timeout=LIST_TIMEOUT_SECONDS
    )
    names = listing.stdout.decode().split()
    return sorted(name for name in names if "/" not in name and name != "busybox")


def _layer(busybox: bytes, applets: list[str]) -> bytes:
    """A tar with fixed times and owners: equal input gives an equal digest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, mode in _DIRECTORIES:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        _add_file(archive, "bin/busybox", busybox, 0o755)
        for name in applets:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, "busybox", 0o777
            archive.addfile(entry)
        for name, text in _FILES.items():
            _add_file(archive, name, text.encode(), 0o644)
    return buffer.getvalue()


def _add_file(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))
