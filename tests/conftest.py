"""For all tests: hypothesis never looks at the clock, and draws more with BIREME_EFFORT; what a
test mounts it unmounts.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
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


@pytest.fixture(scope="session", autouse=True)
def nothing_stays_mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A mount left in a temporary directory would keep pytest from ever removing that."""
    yield
    below = f"{tmp_path_factory.getbasetemp()}/"
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    assert [place for place in mounts if place.startswith(below)] == []
