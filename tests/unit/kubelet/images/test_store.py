"""The store: names, sharing between processes, and what removal takes away."""

import io
import os
import threading
from pathlib import Path

import pytest

from kubelet.images.errors import InvalidImageError
from kubelet.images.interface import Image
from kubelet.images.store import ImageStore
from tests.unit.kubelet.images.archives import SampleImage, digest_of, sample, tar

BASE, TOP = tar(("base", b"1")), tar(("top", b"2"))


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path)


def add(store: ImageStore, image: SampleImage, *names: str) -> Image:
    with store.lock():
        for layer in image.layers:
            if not store.has_layer(digest_of(layer)):
                store.add_layer_stream(digest_of(layer), io.BytesIO(layer))
        return store.commit(image.config, names, [f"docker.io/library/x@{image.digest}"])


def test_an_empty_store_knows_nothing(store: ImageStore) -> None:
    assert store.find("busybox") is None
    assert store.images() == {}
    assert store.disk_usage() == 0


@pytest.mark.parametrize("how", ["tag", "full", "digest", "id"])
def test_an_image_is_found_by_tag_digest_and_id(store: ImageStore, how: str) -> None:
    image = add(store, sample(BASE, TOP), "docker.io/library/app:v1")
    text = {
        "tag": "app:v1",
        "full": "docker.io/library/app:v1",
        "digest": f"x@{sample(BASE, TOP).digest}",
        "id": image.id,
    }[how]
    assert store.find(text) == image


def test_other_tags_are_not_found(store: ImageStore) -> None:
    image = add(store, sample(BASE), "docker.io/library/app:v1")
    assert store.find("app:v2") is None
    assert image.config.command == ("run",)


def test_another_process_sees_it_at_once(store: ImageStore) -> None:
    other = ImageStore(store.root)
    assert other.find("app:v1") is None
    image = add(store, sample(BASE), "docker.io/library/app:v1")
    assert other.find("app:v1") == image


def test_a_tag_moves_to_the_newer_image(store: ImageStore) -> None:
    old = add(store, sample(BASE), "docker.io/library/app:v1")
    new = add(store, sample(TOP), "docker.io/library/app:v1")
    found = store.find("app:v1")
    assert found is not None
    assert found.id == new.id
    assert store.images()[old.id].tags == ()


def test_a_layer_must_be_what_it_says(store: ImageStore) -> None:
    with store.lock(), pytest.raises(InvalidImageError, match="unpacks to"):
        store.add_layer_stream(digest_of(b"other"), io.BytesIO(BASE))
    assert list(store.layers_directory.iterdir()) == []
    assert list((store.root / "tmp").iterdir()) == []


def test_an_image_without_its_layers_is_refused(store: ImageStore) -> None:
    image = sample(BASE)
    with store.lock(), pytest.raises(InvalidImageError, match="lacks the layers"):
        store.commit(image.config, ["docker.io/library/app:v1"])
    assert store.images() == {}


def test_removing_one_of_two_names_keeps_the_image(store: ImageStore) -> None:
    image = add(store, sample(BASE), "docker.io/library/a:1", "docker.io/library/b:1")
    assert store.remove("a:1")
    assert store.find("a:1") is None
    left = store.find("b:1")
    assert left is not None
    assert left.id == image.id


def test_the_last_name_takes_the_layers_that_nothing_else_needs(store: ImageStore) -> None:
    add(store, sample(BASE, TOP), "docker.io/library/a:1")
    add(store, sample(BASE), "docker.io/library/b:1")
    assert store.remove("a:1")
    assert store.has_layer(digest_of(BASE))
    assert not store.has_layer(digest_of(TOP))
    assert not store.remove("a:1")


def test_a_mounted_layer_is_kept(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = add(store, sample(BASE), "docker.io/library/a:1")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"overlay overlay rw,lowerdir={store.layer_paths(image)[0]}\n")
    monkeypatch.setattr("kubelet.mounts.TABLE", mounts)
    assert store.remove("a:1")
    assert store.has_layer(digest_of(BASE))


def test_a_layer_that_was_kept_goes_with_the_next_change(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = add(store, sample(BASE), "docker.io/library/a:1")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(store.layer_paths(image)[0])
    monkeypatch.setattr("kubelet.mounts.TABLE", mounts)
    store.remove("a:1")
    mounts.write_text("")
    add(store, sample(TOP), "docker.io/library/b:1")
    assert not store.has_layer(digest_of(BASE))


def test_what_a_crash_left_is_removed_after_a_day(store: ImageStore) -> None:
    store.prepare()
    old, new = store.root / "tmp/old", store.root / "tmp/new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    add(store, sample(BASE), "docker.io/library/a:1")
    assert not old.exists()
    assert new.exists()


def test_shared_layers_count_once(store: ImageStore) -> None:
    add(store, sample(BASE, TOP), "docker.io/library/a:1")
    add(store, sample(BASE), "docker.io/library/b:1")
    assert store.disk_usage() == 2


def test_writers_exclude_each_other(store: ImageStore) -> None:
    order = []

    def other() -> None:
        with ImageStore(store.root).lock():
            order.append("second")

    with store.lock():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_an_unknown_format_is_refused(store: ImageStore) -> None:
    store.prepare()
    (store.root / "images.json").write_text('{"version": 99, "images": []}')
    with pytest.raises(InvalidImageError, match="format 99"):
        store.find("app")
