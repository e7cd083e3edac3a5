"""For all tests: with BIREME_EFFORT, hypothesis draws more and does not look at the clock."""

from hypothesis import settings

from tests.effort import EFFORT, examples

if EFFORT > 1:
    ordinary = settings.get_profile("default")
    settings.register_profile(
        "stress", max_examples=examples(ordinary.max_examples), deadline=None, print_blob=True
    )
    settings.load_profile("stress")
