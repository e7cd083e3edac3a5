"""Archives become images, or are refused as a whole."""

import tarfile
from pathlib import Path

import orjson
import pytest

from kubelet.images import importer
from kubelet.images.errors import InvalidImageError
from kubelet.images.store import ImageStore
from tests.unit.kubelet.images.archives import (
    digest_of,
    docker_archive,
    oci_archive,
    sample,
    special,
    tar,
)

IMAGE = sample(tar(("base", b"1")), tar(("top", b"2")))


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "store")


def load(store: ImageStore, path: Path, name: str = "") -> list[str]:
    images = importer.import_archive(store, path, name, "amd64")
    return [tag for image in images for tag in image.tags]


def test_an_oci_layout(store: ImageStore, tmp_path: Path) -> None:
    path = oci_archive(tmp_path / "a.tar", IMAGE, "ghcr.io/team/app:v1")
    assert load(store, path) == ["ghcr.io/team/app:v1"]
    image = store.find("ghcr.io/team/app:v1")
    assert image is not None
    assert image.digests == (f"ghcr.io/team/app@{IMAGE.digest}",)
    assert [(store.layers_directory / path).is_dir() for path in store.layer_paths(image)] == [
        True,
        True,
    ]


def test_an_archive_of_docker_save(store: ImageStore, tmp_path: Path) -> None:
    path = docker_archive(tmp_path / "a.tar", IMAGE, ["app:v1"])
    assert load(store, path) == ["docker.io/library/app:v1"]
    image = store.find("app:v1")
    assert image is not None
    assert image.id == digest_of(IMAGE.config)


def test_a_name_can_be_given(store: ImageStore, tmp_path: Path) -> None:
    path = oci_archive(tmp_path / "a.tar", IMAGE)
    assert load(store, path, "mine:1") == ["docker.io/library/mine:1"]


def test_an_image_without_name_is_refused(store: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match="has no name"):
        load(store, oci_archive(tmp_path / "a.tar", IMAGE))


def test_a_blob_that_does_not_match_is_refused(store: ImageStore, tmp_path: Path) -> None:
    digest = digest_of(IMAGE.config).replace(":", "_")
    path = oci_archive(tmp_path / "a.tar", IMAGE, "app:v1", **{digest: b'{"rootfs":{}}'})
    with pytest.raises(InvalidImageError, match="does not match"):
        load(store, path)
    assert store.images() == {}


def test_a_layer_that_does_not_match_is_refused(store: ImageStore, tmp_path: Path) -> None:
    layer = digest_of(IMAGE.compressed[1]).replace(":", "_")
    path = oci_archive(tmp_path / "a.tar", IMAGE, "app:v1", **{layer: tar(("evil", b"x"))})
    with pytest.raises(InvalidImageError, match="unpacks to"):
        load(store, path)
    assert store.images() == {}


@pytest.mark.parametrize(
    "entry",
    [("../../evil", b"x"), ("/evil", b"x"), special("a", tarfile.FIFOTYPE)],
    ids=["dots", "absolute", "fifo"],
)
def test_unsafe_archives_are_refused(
    store: ImageStore, tmp_path: Path, entry: tuple[str, bytes] | tarfile.TarInfo
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar(entry))
    with pytest.raises(InvalidImageError):
        load(store, path)


def test_other_files_are_explained(store: ImageStore, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"not a tar")
    with pytest.raises(InvalidImageError, match="no tar archive"):
        load(store, path)
    with pytest.raises(InvalidImageError, match="does not exist"):
        load(store, tmp_path / "none")
    path.write_bytes(tar(("readme", b"x")))
    with pytest.raises(InvalidImageError, match=r"neither index\.json"):
        load(store, path)


def test_an_index_for_other_machines_lists_them(store: ImageStore, tmp_path: Path) -> None:
    inner = orjson.dumps(
        {
            "schemaVersion": 2,
            "manifests": [
                {
                    "digest": IMAGE.digest,
                    "size": 1,
                    "platform": {"os": "linux", "architecture": "s390x"},
                }
            ],
        }
    )
    outer = {"manifests": [{"digest": digest_of(inner), "size": len(inner)}]}
    path = tmp_path / "a.tar"
    path.write_bytes(
        tar(
            ("index.json", orjson.dumps(outer)),
            (f"blobs/sha256/{digest_of(inner)[7:]}", inner),
        )
    )
    with pytest.raises(InvalidImageError, match="linux/s390x"):
        load(store, path, "app")
