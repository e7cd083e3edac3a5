"""The image that comes with the system."""

from pathlib import Path

import pytest

from kubelet.images.busybox import build_busybox
from kubelet.images.errors import InvalidImageError
from kubelet.images.store import ImageStore


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    """As far as the builder asks, a busybox."""
    path = tmp_path / "busybox"
    path.write_text("#!/bin/sh\necho sh\necho ls\necho busybox\n")
    path.chmod(0o755)
    return path


def test_it_has_a_link_for_each_applet(tmp_path: Path, binary: Path) -> None:
    store = ImageStore(tmp_path / "store")
    image = build_busybox(store, binary)
    root = store.layers_directory / store.layer_paths(image)[0]
    assert sorted(path.name for path in (root / "bin").iterdir()) == ["busybox", "ls", "sh"]
    assert (root / "bin/sh").readlink() == Path("busybox")
    assert "root:x:0:0" in (root / "etc/passwd").read_text()


def test_it_is_known_by_its_names(tmp_path: Path, binary: Path) -> None:
    store = ImageStore(tmp_path / "store")
    image = build_busybox(store, binary)
    for name in ("busybox", "busybox:latest", "busybox:1.35", "docker.io/library/busybox"):
        assert store.find(name) == image


def test_the_same_binary_gives_the_same_image(tmp_path: Path, binary: Path) -> None:
    store = ImageStore(tmp_path / "store")
    assert build_busybox(store, binary) == build_busybox(store, binary)
    assert len(store.images()) == 1


def test_a_machine_without_busybox_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidImageError, match="apt install busybox-static"):
        build_busybox(ImageStore(tmp_path / "store"))


def test_a_dynamic_busybox_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "busybox"
    path.write_bytes(b"\x7fELF" + bytes(100) + b"/lib64/ld-linux-x86-64.so.2")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidImageError, match="dynamically linked"):
        build_busybox(ImageStore(tmp_path / "store"))
