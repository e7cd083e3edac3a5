"""States of paged lists are held while somebody pages, and no longer."""

import pytest

from apiserver.cache.blocks import Blocks
from apiserver.cache.pins import PINS_MAX, Pins

KEY = ("", "pods", 7)


@pytest.fixture
async def pins():
    made = Pins()
    yield made
    made.clear()


async def test_the_last_page_lets_go(pins: Pins) -> None:
    view = Blocks().freeze()
    pins.begin(KEY, view)
    pins.keep(KEY, view)
    assert pins.get(KEY) is view
    pins.end(KEY)
    assert pins.get(KEY) is None


async def test_another_list_at_the_same_revision_goes_on(pins: Pins) -> None:
    view = Blocks().freeze()
    pins.begin(KEY, view)
    pins.begin(KEY, view)
    pins.end(KEY)
    assert pins.get(KEY) is view
    pins.end(KEY)
    assert len(pins) == 0


async def test_an_end_without_a_beginning(pins: Pins) -> None:
    """A client repeats its last page, or pages on in a state that was dropped and rebuilt."""
    pins.end(KEY)
    pins.keep(KEY, Blocks().freeze())
    pins.end(KEY)
    assert pins.get(KEY) is None


async def test_the_oldest_goes_first(pins: Pins) -> None:
    view = Blocks().freeze()
    for revision in range(PINS_MAX + 1):
        pins.begin(("", "pods", revision), view)
    assert pins.get(("", "pods", 0)) is None
    assert len(pins) == PINS_MAX
