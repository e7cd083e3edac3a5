"""Between API versions and what is stored."""

from apimachinery import scheme
from apiserver import conversion

EVENTS = scheme.BUILTIN.by_plural("events.k8s.io", "v1", "events")
SCALERS = scheme.BUILTIN.by_plural("autoscaling", "v1", "horizontalpodautoscalers")


def test_events_go_in_and_come_out_the_same():
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "note": "n",
        "regarding": {"kind": "Pod"},
        "related": {"kind": "Node"},
        "reportingController": "c",
        "reportingInstance": "i",
        "deprecatedCount": 3,
        "series": {"count": 2},
    }
    stored = conversion.to_stored(EVENTS, event)
    assert (stored["apiVersion"], stored["message"], stored["count"]) == ("v1", "n", 3)
    assert conversion.from_stored(EVENTS, stored) == event


def test_a_scaler_of_one_metric_goes_in_and_comes_out_the_same():
    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 60},
        "status": {"currentReplicas": 1, "currentCPUUtilizationPercentage": 5},
    }
    stored = conversion.to_stored(SCALERS, scaler)
    assert stored["apiVersion"] == "autoscaling/v2"
    (metric,) = stored["spec"]["metrics"]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 60}
    assert conversion.from_stored(SCALERS, stored) == scaler


def test_what_is_stored_as_it_is_stays_the_same_object():
    obj = {"kind": "Pod"}
    assert conversion.to_stored(scheme.PODS, obj) is obj
