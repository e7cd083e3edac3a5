"""For all tests: hypothesis never looks at the clock, and draws more with BIREME_EFFORT."""

from hypothesis import HealthCheck, settings

from tests.effort import examples

ordinary = settings()
settings.register_profile(
    "bireme",
    ordinary,
    max_examples=examples(ordinary.max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("bireme")
