"""Sorted blocks behave like a sorted dict, and a view never changes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apimachinery.meta import NO_LABELS
from apiserver.cache import blocks as blocks_module
from apiserver.cache.blocks import Blocks, View
from apiserver.cache.entry import Entry, Facts

NOTHING = Facts(NO_LABELS, ())


def entry(key: str, revision: int = 1) -> Entry:
    return Entry(key, "", b"", revision, 1, NOTHING)


def shown(view: View, first: str = "", end: str = blocks_module.LAST) -> dict[str, int]:
    return {one.key: one.revision for one in view.entries(first, end)}


KEYS = st.text(alphabet="abc/", min_size=1, max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["put", "remove", "freeze"]), KEYS), max_size=300)


@given(STEPS, KEYS, KEYS)
@settings(deadline=None)
def test_like_a_sorted_dict(steps: list[tuple[str, str]], first: str, end: str) -> None:
    blocks, model = Blocks(), {}
    frozen: list[tuple[View, dict[str, int]]] = []
    before = blocks_module.BLOCK_MAX
    blocks_module.BLOCK_MAX = 4  # small blocks, so that short runs split and merge
    try:
        for number, (step, key) in enumerate(steps):
            if step == "put":
                blocks.put(key, entry(key, number))
                model[key] = number
            elif step == "freeze":
                frozen.append((blocks.freeze(), dict(model)))
            elif key in model:
                blocks.remove(key)
                del model[key]
    finally:
        blocks_module.BLOCK_MAX = before
    for view, expected in [*frozen, (blocks, model)]:
        assert shown(view) == expected
        assert list(shown(view)) == sorted(expected)
        within = {key: value for key, value in expected.items() if first <= key < end}
        assert shown(view, first, end) == within
        if first <= end:
            assert view.count(first, end) == len(within)


def test_a_page_shows_whether_there_is_more() -> None:
    blocks = Blocks()
    for key in "abcd":
        blocks.put(key, entry(key))
    assert [one.key for one in blocks.page("b", blocks_module.LAST, 2)] == ["b", "c", "d"]
    assert [one.key for one in blocks.page("c", blocks_module.LAST, 2)] == ["c", "d"]


def test_a_thawed_copy_leaves_its_view_alone() -> None:
    blocks = Blocks()
    for key in "abc":
        blocks.put(key, entry(key))
    view = blocks.freeze()
    copy = Blocks.thaw(view)
    copy.remove("b")
    copy.put("d", entry("d"))
    assert list(shown(view)) == ["a", "b", "c"]
    assert list(shown(copy)) == ["a", "c", "d"]
    assert list(shown(blocks)) == ["a", "b", "c"]


def test_keys_in_order_fill_their_blocks() -> None:
    blocks = Blocks()
    for number in range(blocks_module.BLOCK_MAX * 3):
        blocks.put(f"{number:06}", entry(f"{number:06}"))
    assert len(blocks._blocks) == 3
