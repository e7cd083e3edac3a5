"""Which images a node gives up when its disk fills. Pure.

Only what was pulled can be fetched again: an image that somebody imported stays. Neighbours:
`kubelet.pressure` asks and removes, `images.interface` describes images.
"""

from collections.abc import Container, Iterable, Mapping

from kubelet.images.interface import Image

HIGH, LOW = 0.85, 0.80
"""Kubernetes' thresholds: a fuller disk than HIGH is emptied until it is at LOW."""
MIN_AGE_S = 120.0
"""A pod that wants the image may just be coming."""


def to_free(used: int, capacity: int) -> int:
    """Bytes that are to go; 0 while there is room."""
    return used - int(capacity * LOW) if used > capacity * HIGH else 0


def choose(
    images: Iterable[Image],
    in_use: Container[str],
    last_used: Mapping[str, float],
    now: float,
    wanted: int,
) -> list[Image]:
    """The longest unused first, until `wanted` bytes are together. Shared layers count twice."""
    free = [
        image
        for image in images
        if image.pulled
        and image.id not in in_use
        and now - last_used.get(image.id, now) >= MIN_AGE_S
    ]
    chosen: list[Image] = []
    for image in sorted(free, key=lambda one: (last_used.get(one.id, now), one.id)):
        if wanted <= 0:
            break
        chosen.append(image)
        wanted -= image.size_bytes
    return chosen
