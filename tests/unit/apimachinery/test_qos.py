"""The quality of service class of a pod."""

import pytest

from apimachinery.qos import qos_class


def container(requests=None, limits=None):
    return {"resources": {"requests": requests or {}, "limits": limits or {}}}


BOTH = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("spec", "quality"),
    [
        ({"containers": [{}]}, "BestEffort"),
        ({"containers": [container({"cpu": "0"})]}, "BestEffort"),
        ({"containers": [container({"example.com/gpu": "1"})]}, "BestEffort"),
        ({"containers": [container({"cpu": "1"})]}, "Burstable"),
        ({"containers": [container(limits=BOTH)]}, "Guaranteed"),
        ({"containers": [container({"cpu": "1000m"}, BOTH)]}, "Guaranteed"),
        ({"containers": [container(limits=BOTH), {}]}, "Burstable"),
        ({"containers": [container(limits=BOTH)], "initContainers": [{}]}, "Burstable"),
        ({"containers": [{}], "resources": {"limits": BOTH, "requests": BOTH}}, "Guaranteed"),
        ({}, "BestEffort"),
    ],
)
def test_classes(spec, quality):
    assert qos_class(spec) == quality
