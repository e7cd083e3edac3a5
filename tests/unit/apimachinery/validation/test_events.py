"""Kubernetes' words about events, by the core's group and by their own."""

import pytest

from apimachinery.validation import events
from tests.unit.apimachinery.validation import cases

ABOUT = {"involvedObject": {"namespace": "n"}}
NOW = "2030-01-01T00:00:00.000000Z"
NEW = {
    **ABOUT,
    "eventTime": NOW,
    "reportingComponent": "example.com/c",
    "reportingInstance": "c-1",
    "action": "Do",
    "reason": "Done",
    "type": "Normal",
}
APART = "involvedObject.namespace: Invalid value: {}: does not match event.namespace"


@pytest.mark.parametrize(
    ("obj", "messages"),
    [
        (ABOUT, []),
        ({}, [APART.format('""')]),
        ({"metadata": {"namespace": "default"}}, []),
        ({"metadata": {"namespace": "kube-system"}}, [APART.format('""')]),
        ({"metadata": {"namespace": "kube-system"}, **NEW, "involvedObject": {}}, []),
        ({"involvedObject": {"namespace": "m"}}, [APART.format('"m"')]),
        ({**NEW, "involvedObject": {"namespace": "m"}}, []),
        (
            {**NEW, "action": "", "reason": "x" * 129, "message": "x" * 1025},
            [
                "action: Required value",
                'reason: Invalid value: "": can have at most 128 characters',
                'message: Invalid value: "": can have at most 1024 characters',
            ],
        ),
    ],
)
def test_any_event(obj, messages):
    assert cases.on_create(cases.kind("Event"), obj) == messages


@pytest.mark.parametrize(
    ("obj", "messages"),
    [
        (NEW, []),
        (
            {"type": "Odd", "count": 1, "source": {"host": "h"}, "series": {"count": 1}},
            [
                'series.count: Invalid value: "": should be at least 2',
                "series.lastObservedTime: Required value",
                "eventTime: Required value",
                'type: Invalid value: "": has invalid value: Odd',
                'count: Invalid value: "": needs to be unset',
                'source: Invalid value: "": needs to be unset',
            ],
        ),
    ],
)
def test_events_of_their_own_group(obj, messages):
    assert [one.message() for one in events.strict(obj)] == messages


def test_only_the_series_goes_on():
    series = {"count": 2, "lastObservedTime": NOW}
    assert events.strict_update({**NEW, "series": series}, NEW) == []
    [error] = events.strict_update({**NEW, "reason": "Other"}, NEW)
    assert error.message() == 'reason: Invalid value: "Other": field is immutable'
