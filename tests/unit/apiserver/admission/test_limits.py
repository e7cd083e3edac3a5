"""The arithmetic of limit ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiserver.admission import limits

AMOUNTS = st.integers(1, 4000).map(lambda number: f"{number}m")
RESOURCES = st.fixed_dictionaries(
    {},
    optional={
        "requests": st.fixed_dictionaries({}, optional={"cpu": AMOUNTS}),
        "limits": st.fixed_dictionaries({}, optional={"cpu": AMOUNTS}),
    },
)


def test_a_limit_alone_is_also_the_request():
    assert limits.defaulted({"limits": {"cpu": "1"}}, {}) == {
        "limits": {"cpu": "1"},
        "requests": {"cpu": "1"},
    }


def test_what_is_said_stays():
    item = {"default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}}
    said = {"requests": {"cpu": "3"}, "limits": {"cpu": "4"}}
    assert limits.defaulted(said, item) == said


@given(RESOURCES, AMOUNTS, AMOUNTS)
def test_defaults_are_idempotent(resources, default, request):
    item = {"default": {"cpu": default}, "defaultRequest": {"cpu": request}}
    once = limits.defaulted(resources, item)
    assert limits.defaulted(once, item) == once
    assert set(once) == {"requests", "limits"}


@given(RESOURCES)
def test_nothing_violates_an_open_range(resources):
    assert limits.violations(resources, {"type": "Container"}) == []


@pytest.mark.parametrize(
    ("item", "resources", "problem"),
    [
        (
            {"min": {"cpu": "100m"}},
            {"requests": {"cpu": "50m"}},
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"min": {"cpu": "100m"}},
            {},
            "minimum cpu usage per Container is 100m.  No request is specified",
        ),
        (
            {"max": {"memory": "1Gi"}},
            {},
            "maximum memory usage per Container is 1Gi.  No limit is specified",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"limits": {"cpu": "300m"}},
            (
                "cpu max limit to request ratio per Container is 2, but no request is specified or "
                "request is 0"
            ),
        ),
    ],
)
def test_violations_in_kubernetes_words(item, resources, problem):
    assert limits.violations(resources, {"type": "Container", **item}) == [problem]


def test_a_pod_needs_its_containers_together_or_its_largest_init_container():
    def container(cpu):
        return {"resources": {"requests": {"cpu": cpu}}}

    pod = {
        "spec": {
            "containers": [container("100m"), container("200m")],
            "initContainers": [container("250m"), container("500m")],
        }
    }
    assert limits.total(pod)["requests"] == {"cpu": "500m"}
    pod["spec"]["initContainers"].pop()
    assert limits.total(pod)["requests"] == {"cpu": "300m"}
