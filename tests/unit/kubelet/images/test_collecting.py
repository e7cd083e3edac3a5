"""Which images go when the disk is full."""

import pytest

from kubelet.images import collecting
from kubelet.images.interface import Image, ImageConfig


def image(name: str, size: int = 10, *, pulled: bool = True) -> Image:
    return Image(name, (name,), (), size, ImageConfig(), (), pulled=pulled)


@pytest.mark.parametrize(("used", "bytes_to_free"), [(85, 0), (86, 6), (100, 20), (0, 0)])
def test_a_disk_is_emptied_down_to_the_low_mark(used: int, bytes_to_free: int) -> None:
    assert collecting.to_free(used, 100) == bytes_to_free


def test_the_longest_unused_go_first_and_no_more_than_needed() -> None:
    images = [image("new"), image("old"), image("used"), image("mine", pulled=False)]
    times = {"new": 700.0, "old": 100.0, "used": 0.0, "mine": 0.0}
    chosen = collecting.choose(images, {"used"}, times, 1000.0, 10)
    assert [one.id for one in chosen] == ["old"]
    chosen = collecting.choose(images, {"used"}, times, 1000.0, 11)
    assert [one.id for one in chosen] == ["old", "new"]


def test_what_was_just_seen_stays() -> None:
    images = [image("fresh"), image("unknown")]
    assert collecting.choose(images, (), {"fresh": 990.0}, 1000.0, 100) == []
