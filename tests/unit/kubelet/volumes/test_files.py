"""Files of volumes: atomic switches, modes, and paths that cannot leave."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.volumes import atomic, paths
from kubelet.volumes.atomic import File
from kubelet.volumes.errors import VolumeError


def shown(directory: Path) -> dict[str, str]:
    return {
        str(p.relative_to(directory)): p.read_text()
        for p in directory.rglob("*")
        if p.is_file() and not str(p.relative_to(directory)).startswith("..")
    }


def test_files_appear_through_links(tmp_path: Path) -> None:
    assert atomic.write(tmp_path, {"a": File(b"1"), "dir/b": File(b"2", 0o600)})
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "a").read_text() == "1"
    assert (tmp_path / "dir" / "b").read_text() == "2"
    assert (tmp_path / "dir" / "b").stat().st_mode & 0o777 == 0o600


def test_the_same_content_changes_nothing(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"a": File(b"1")})
    before = (tmp_path / "..data").readlink()
    assert not atomic.write(tmp_path, {"a": File(b"1")})
    assert (tmp_path / "..data").readlink() == before


def test_a_change_switches_all_files_and_leaves_no_old_ones(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"a": File(b"1"), "b": File(b"1")})
    atomic.write(tmp_path, {"b": File(b"2"), "c": File(b"2")})
    assert shown(tmp_path) == {"b": "2", "c": "2"}
    assert len([p for p in tmp_path.iterdir() if p.is_dir() and not p.is_symlink()]) == 1


def test_an_interrupted_write_is_repaired(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"a": File(b"1")})
    (tmp_path / "..data_tmp").symlink_to("nowhere")
    atomic.write(tmp_path, {"a": File(b"2")})
    assert shown(tmp_path) == {"a": "2"}


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "..data", "a\0b", "..x"])
def test_paths_that_leave_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(VolumeError):
        atomic.write(tmp_path / "v", {path: File(b"")})
    assert not (tmp_path / "v").exists()


@given(st.lists(st.sampled_from(["a", "b", "..", ".", "", "/", "c.d", "..e"]), max_size=5))
def test_no_path_leaves(tmp_path_factory, parts: list[str]) -> None:
    root = tmp_path_factory.mktemp("volumes")
    volume = root / "deep" / "volume"
    try:
        atomic.write(volume, {"/".join(parts): File(b"x")})
    except (VolumeError, OSError):
        return
    outside = [p for p in root.rglob("*") if p.is_file() and volume not in p.parents]
    assert not outside


@pytest.mark.parametrize(
    ("kind", "problem"),
    [("Directory", "is not a directory"), ("File", "is not a file"), ("Socket", "is not a socket")],
)
def test_host_paths_are_checked_by_type(tmp_path: Path, kind: str, problem: str) -> None:
    with pytest.raises(VolumeError, match=problem):
        paths.ensure_host_path(str(tmp_path / "none"), kind)


def test_host_paths_are_made_where_it_is_asked_for(tmp_path: Path) -> None:
    assert paths.ensure_host_path(str(tmp_path / "d/e"), "DirectoryOrCreate").is_dir()
    assert paths.ensure_host_path(str(tmp_path / "f"), "FileOrCreate").is_file()
    with pytest.raises(VolumeError, match="cannot be made"):
        paths.ensure_host_path(str(tmp_path / "none/f"), "FileOrCreate")


def test_relative_host_paths_are_refused() -> None:
    for path in ("etc", "/etc/../root"):
        with pytest.raises(VolumeError, match="absolute"):
            paths.ensure_host_path(path, "")


def inside(volume: Path, sub_path: str) -> Path:
    descriptor, resolved = paths.open_inside(volume, sub_path)
    os.close(descriptor)
    return resolved


def test_a_sub_path_is_made_when_missing(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b") == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


def test_links_inside_a_volume_are_followed(tmp_path: Path) -> None:
    atomic.write(tmp_path, {"key": File(b"v")})
    assert inside(tmp_path, "key").read_bytes() == b"v"


@pytest.mark.parametrize("target", ["/etc", "../..", "/"])
def test_links_that_lead_out_are_refused(tmp_path: Path, target: str) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "link").symlink_to(target)
    for sub_path in ("link", "link/passwd"):
        with pytest.raises(VolumeError, match="leads out"):
            paths.open_inside(volume, sub_path)


def test_a_link_put_there_after_the_check_is_not_followed(tmp_path: Path, monkeypatch) -> None:
    volume = tmp_path / "volume"
    (volume / "dir").mkdir(parents=True)
    resolve = Path.resolve

    def race(self: Path, strict: bool = False) -> Path:
        result = resolve(self, strict)
        if self.name == "dir":
            self.rmdir()
            self.symlink_to("/etc")
        return result

    monkeypatch.setattr(Path, "resolve", race)
    with pytest.raises(VolumeError, match="changed while"):
        paths.open_inside(volume, "dir")
