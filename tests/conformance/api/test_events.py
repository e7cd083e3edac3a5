"""Events in both their groups: made, told again, listed and cleared away."""

import datetime as dt
from typing import Any

import pytest

from .clients import Api, eventually

OLD, NEW = "/api/v1", "/apis/events.k8s.io/v1"


def event(base: str, namespace: str, name: str, **labels: str) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "p", "namespace": namespace}
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    metadata = {"name": name, "labels": labels}
    if base == OLD:
        return {
            "metadata": metadata, "involvedObject": about, "reason": "Tested", "message": "once",
            "type": "Normal", "source": {"component": "conformance"},
        }  # fmt: skip
    return {
        "metadata": metadata, "regarding": about, "reason": "Tested", "note": "once",
        "type": "Normal", "eventTime": now, "action": "Do", "reportingController": "conformance",
        "reportingInstance": "conformance-1",
    }  # fmt: skip


@pytest.fixture(params=[OLD, NEW], ids=["core", "events.k8s.io"])
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_life_of_an_event(api: Api, base: str, unique: str) -> None:
    path = f"{base}/namespaces/{api.namespace}/events"
    api.post(path, event(base, api.namespace, "e", e2e=unique), expect=201)
    (found,) = api.get(f"{base}/events", labelSelector=f"e2e={unique}").json["items"]
    assert found["reason"] == "Tested"
    # In the new group only the series of an event may change.
    series = {"count": 2, "lastObservedTime": "2030-01-02T03:04:05.000005Z"}
    change = {"message": "again"} if base == OLD else {"series": series}
    patched = api.patch(f"{path}/e", change, expect=200).json
    assert api.get(f"{path}/e").json == patched
    assert change.items() <= patched.items()
    other = NEW if base == OLD else OLD
    shown = api.get(f"{other}/namespaces/{api.namespace}/events/e").json
    assert shown.get("note") == "again" if base == OLD else shown["series"] == series
    newest = api.get(f"{path}/e").json
    newest["series"] = {"count": 3, "lastObservedTime": "2030-01-02T03:04:05.000006Z"}
    api.put(f"{path}/e", newest, expect=200)
    assert api.get(f"{path}/e").json["series"] == newest["series"]
    assert api.delete(f"{path}/e").code == 200
    assert api.get(f"{base}/events", labelSelector=f"e2e={unique}").json["items"] == []


def test_a_set_of_events_is_cleared_away(api: Api, base: str, unique: str) -> None:
    path = f"{base}/namespaces/{api.namespace}/events"
    for number in range(3):
        name = f"e{number}"
        api.post(path, event(base, api.namespace, name, e2e=unique), expect=201)
    api.post(path, event(base, api.namespace, "other"), expect=201)
    assert len(api.get(path, labelSelector=f"e2e={unique}").json["items"]) == 3
    assert api.delete(path, labelSelector=f"e2e={unique}").code == 200
    eventually(lambda: not api.get(path, labelSelector=f"e2e={unique}").json["items"])
    assert api.get(f"{path}/other").code == 200
