"""Unpack one layer into a directory that overlayfs can use. Blocking; run it in a thread.

Trusts nothing: no entry may leave the directory (by `..`, by links), the uncompressed stream must
hash to its diff id, sizes and counts are bounded. Whiteouts become what overlayfs calls them:
`.wh.x` a 0:0 character device, `.wh..wh..opq` the attribute `trusted.overlay.opaque`.
"""

# Paths are strings here: a layer has ten thousands of entries and pathlib triples the time.
# ruff: noqa: PTH101, PTH102, PTH108, PTH115, PTH118, PTH123, PTH211 - for speed

import contextlib
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from kubelet.images.errors import InvalidImageError

# Uncompressed bytes of one layer: enough for any honest image, too little to fill a big disk.
MAX_UNPACKED_BYTES = 64 << 30
MAX_ENTRIES = 2_000_000
# As the kernel: more links than this in one path are a loop.
MAX_LINKS = 40
CHUNK_BYTES = 256 << 10

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_XATTR = "SCHILY.xattr."
# Attributes of overlayfs itself must not come out of an image.
_REFUSED_XATTRS = ("trusted.", "user.overlay.")


class Reader(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes: ...


class HashingReader:
    """Counts, bounds and hashes what passes through."""

    def __init__(self, source: Reader, limit: int = MAX_UNPACKED_BYTES) -> None:
        self._source = source
        self._limit = limit
        self._hash = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self.size += len(data)
        if self.size > self._limit:
            raise InvalidImageError(f"the layer unpacks to more than {self._limit} bytes")
        return data

    def drain(self) -> None:
        """What follows the end of the archive belongs to the digest too."""
        while self.read(CHUNK_BYTES):
            pass

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def open_layer(source: BinaryIO) -> HashingReader:
    """The uncompressed tar of a layer, whatever it was compressed with."""
    magic = source.read(4)
    source.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return HashingReader(gzip.GzipFile(fileobj=source, mode="rb"))
    if magic == b"\x28\xb5\x2f\xfd":
        raise InvalidImageError("the layer is compressed with zstd, which is not supported yet")
    return HashingReader(source)


def unpack(reader: HashingReader, target: Path) -> int:
    """Unpack everything below `target` (an empty directory); returns bytes of content."""
    root = _Root(target)
    total = 0
    try:
        with tarfile.open(fileobj=_as_binary(reader), mode="r|", bufsize=CHUNK_BYTES) as archive:
            for count, member in enumerate(archive):
                if count >= MAX_ENTRIES:
                    raise InvalidImageError(f"the layer has more than {MAX_ENTRIES} entries")
                root.add(archive, member)
                total += member.size if member.isreg() else 0
        reader.drain()
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InvalidImageError(f"the layer is damaged: {error}") from error
    root.finish()
    return total


def _as_binary(reader: HashingReader) -> BinaryIO:
    return reader  # type: ignore[return-value]  # tarfile's stream mode calls read() only


class _Root:
    """The directory being filled."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Times of directories are set at the end: making a file in one changes them.
        self._directory_times: dict[str, float] = {}

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        parts = _parts(member.name)
        if not parts:
            if member.isdir():
                os.chmod(self._path, stat.S_IMODE(member.mode))
                os.chown(self._path, member.uid, member.gid)
            return
        parent = self._directory(parts[:-1])
        name = parts[-1]
        if name == OPAQUE:
            os.setxattr(parent, "trusted.overlay.opaque", b"y")
            return
        if name.startswith(WHITEOUT):
            self._whiteout(parent, name.removeprefix(WHITEOUT))
            return
        path = os.path.join(parent, name)
        self._make(archive, member, path)
        if not member.islnk():
            self._set_attributes(member, path)

    def finish(self) -> None:
        for path, mtime in self._directory_times.items():
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, (mtime, mtime))

    def _whiteout(self, parent: str, name: str) -> None:
        if name in {"", ".", ".."}:
            raise InvalidImageError(f'the layer has a bad whiteout "{WHITEOUT}{name}"')
        path = os.path.join(parent, name)
        _clear(path)
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))

    def _make(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        if member.isdir():
            if not _is_directory(path):
                _clear(path)
                os.mkdir(path)
            return
        _clear(path)
        if member.isreg():
            self._write(archive, member, path)
        elif member.issym():
            os.symlink(member.linkname, path)
        elif member.islnk():
            self._hard_link(member, path)
        elif member.isfifo():
            os.mkfifo(path)
        elif member.ischr() or member.isblk():
            kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
            os.mknod(path, kind | 0o600, os.makedev(member.devmajor, member.devminor))
        else:
            raise InvalidImageError(f'the layer has an entry of unknown type: "{member.name}"')

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        source = archive.extractfile(member)
        assert source is not None
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)

    def _hard_link(self, member: tarfile.TarInfo, path: str) -> None:
        parts = _parts(member.linkname)
        if not parts:
            raise InvalidImageError(f'"{member.name}" is a hard link to nothing')
        target = os.path.join(self._directory(parts[:-1]), parts[-1])
        try:
            os.link(target, path, follow_symlinks=False)
        except FileNotFoundError:
            raise InvalidImageError(
                f'"{member.name}" is a hard link to "{member.linkname}", which is not in the layer'
            ) from None

    def _set_attributes(self, member: tarfile.TarInfo, path: str) -> None:
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
        if not member.issym():
            # After chown, which clears set-user-ID.
            os.chmod(path, stat.S_IMODE(member.mode))
        for key, value in member.pax_headers.items():
            name = key.removeprefix(_XATTR)
            if name != key and not name.startswith(_REFUSED_XATTRS):
                raw = value.encode("utf-8", "surrogateescape")
                # An attribute that this file system cannot hold is no reason to refuse an image.
                with contextlib.suppress(OSError):
                    os.setxattr(path, name, raw, follow_symlinks=False)
        if member.isdir():
            self._directory_times[path] = member.mtime
        else:
            os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)

    def _directory(self, parts: list[str]) -> str:
        """The real path of a directory inside, made if absent; links are followed inside only."""
        here: list[str] = []
        todo = list(reversed(parts))
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                here = here[:-1]
                continue
            path = os.path.join(self._path, *here, part)
            try:
                mode = os.lstat(path).st_mode
            except FileNotFoundError:
                # Parents may be absent from a layer's tar.
                os.mkdir(path, 0o755)
                mode = stat.S_IFDIR
            if stat.S_ISLNK(mode):
                links += 1
                if links > MAX_LINKS:
                    raise InvalidImageError(f'too many links in the path "{"/".join(parts)}"')
                target = os.readlink(path)
                here = [] if target.startswith("/") else here
                todo += [p for p in reversed(target.split("/")) if p not in {"", "."}]
            elif stat.S_ISDIR(mode):
                here.append(part)
            elif stat.S_ISCHR(mode):
                # Whited out and made anew in the same layer.
                _clear(path)
                todo.append(part)
            else:
                raise InvalidImageError(f'"{"/".join(parts)}" is no directory in the layer')
        return os.path.join(self._path, *here)


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise InvalidImageError(f'the layer has an unsafe path: "{name}"')
    return parts


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _clear(path: str) -> None:
    """A later entry of the same name replaces the earlier one."""
    if _is_directory(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
