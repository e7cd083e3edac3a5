"""Unpacking of layers: what overlayfs needs, and nothing outside the directory."""

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from kubelet.images import layers
from kubelet.images.errors import InvalidImageError
from tests.unit.kubelet.images.archives import digest_of, special, tar


def unpack(data: bytes, target: Path) -> layers.HashingReader:
    target.mkdir(exist_ok=True)
    reader = layers.open_layer(io.BytesIO(data))
    layers.unpack(reader, target)
    return reader


def test_files_directories_and_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    unpack(
        tar(
            special("etc", tarfile.DIRTYPE, mode=0o700),
            ("etc/a", b"text"),
            special("b", tarfile.SYMTYPE, "etc/a"),
            special("c", tarfile.LNKTYPE, "etc/a"),
            ("deep/in/there", b"parents are made"),
        ),
        root,
    )
    assert (root / "b").read_text() == "text"
    assert (root / "c").stat().st_ino == (root / "etc/a").stat().st_ino
    assert stat.S_IMODE((root / "etc").stat().st_mode) == 0o700
    assert (root / "deep/in/there").read_text() == "parents are made"


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_the_digest_is_that_of_the_uncompressed_archive(tmp_path: Path, compress) -> None:
    # Padding after the end of the archive counts too.
    data = tar(("a", b"x" * 100_000)) + bytes(10_240)
    assert unpack(compress(data), tmp_path / "root").digest == digest_of(data)


def test_mode_owner_and_time(tmp_path: Path) -> None:
    info = tarfile.TarInfo("tool")
    info.mode, info.mtime, info.uid, info.gid = 0o4755, 1_000_000, os.getuid(), os.getgid()
    unpack(tar(info), tmp_path / "root")
    result = (tmp_path / "root/tool").stat()
    assert (stat.S_IMODE(result.st_mode), result.st_mtime) == (0o4755, 1_000_000)


@pytest.mark.parametrize("name", ["../out", "/../out", "a/../../out", "../../out"])
def test_no_entry_leaves_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidImageError, match="unsafe path"):
        unpack(tar((name, b"x")), tmp_path / "root")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", ["/", "..", "../..", "/etc/.."])
def test_links_are_followed_inside_only(tmp_path: Path, target: str) -> None:
    data = tar(special("link", tarfile.SYMTYPE, target), ("link/file", b"x"))
    unpack(data, tmp_path / "root")
    assert (tmp_path / "root/file").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]


def test_a_link_loop_is_refused(tmp_path: Path) -> None:
    data = tar(special("a", tarfile.SYMTYPE, "b"), special("b", tarfile.SYMTYPE, "a"), ("a/x", b""))
    with pytest.raises(InvalidImageError, match="too many links"):
        unpack(data, tmp_path / "root")


def test_a_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("safe")
    data = tar(special("a", tarfile.SYMTYPE, str(victim)), ("a", b"new"))
    unpack(data, tmp_path / "root")
    assert victim.read_text() == "safe"
    assert (tmp_path / "root/a").read_text() == "new"


def test_a_hard_link_out_of_the_layer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("secret")
    with pytest.raises(InvalidImageError):
        unpack(tar(special("a", tarfile.LNKTYPE, "../victim")), tmp_path / "root")
    with pytest.raises(InvalidImageError, match="not in the layer"):
        unpack(tar(special("b", tarfile.LNKTYPE, str(tmp_path / "victim"))), tmp_path / "two")


def test_whiteouts_are_overlay_devices(tmp_path: Path) -> None:
    unpack(tar(("etc/.wh.gone", b"")), tmp_path / "root")
    info = (tmp_path / "root/etc/gone").lstat()
    assert stat.S_ISCHR(info.st_mode)
    assert info.st_rdev == 0


def test_an_opaque_directory_hides_what_is_below(tmp_path: Path) -> None:
    unpack(tar(("etc/.wh..wh..opq", b""), ("etc/new", b"")), tmp_path / "root")
    assert os.getxattr(tmp_path / "root/etc", "trusted.overlay.opaque") == b"y"


def test_overlay_attributes_do_not_come_out_of_an_image(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a")
    info.pax_headers = {
        "SCHILY.xattr.trusted.overlay.redirect": "/etc",
        "SCHILY.xattr.user.fine": "yes",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    unpack(buffer.getvalue(), tmp_path / "root")
    assert os.listxattr(tmp_path / "root/a") == ["user.fine"]


def test_more_than_the_bound_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(tar(("zeros", bytes(1 << 20))))
    reader = layers.HashingReader(gzip.GzipFile(fileobj=io.BytesIO(bomb)), limit=1 << 19)
    (tmp_path / "root").mkdir()
    with pytest.raises(InvalidImageError, match="more than 524288 bytes"):
        layers.unpack(reader, tmp_path / "root")


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive at all" * 100, gzip.compress(tar(("a", b"x" * 9999)))[:-500]],
    ids=["empty", "text", "truncated"],
)
def test_damage_is_told(tmp_path: Path, data: bytes) -> None:
    if not data:
        data = b"\x1f\x8b"
    with pytest.raises(InvalidImageError, match="damaged"):
        unpack(data, tmp_path / "root")


def test_zstd_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match="zstd"):
        unpack(b"\x28\xb5\x2f\xfd" + bytes(100), tmp_path / "root")
