"""What is kept takes its own length and no more."""

import tracemalloc

import orjson
import pytest

from apimachinery.compact import compact


@pytest.mark.parametrize("length", [0, 1, 1500, 5000])
def test_kept_bytes_have_no_spare_room(length: int) -> None:
    count = 200
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = [compact(orjson.dumps("x" * length)) for _ in range(count)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(one == orjson.dumps("x" * length) for one in kept)
    assert after - before < count * (length + 100)
