"""Status patches: one for many changes, at once for readiness, again after a failure."""

import asyncio

import pytest

from apimachinery import status as errors
from kubelet.publisher import Publisher, Subject, difference, merged


class Api:
    """A client that takes patches."""

    def __init__(self) -> None:
        self.patches: list[tuple[float, dict]] = []
        self.failures: list[Exception] = []
        self.seconds = 0.0

    async def patch(self, resource, name, patch, namespace="", *, kind="", subresource=""):
        await asyncio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)
        self.patches.append((round(asyncio.get_running_loop().time(), 3), patch))
        return {}


def condition(kind: str, status: str, **more) -> dict:
    return {"type": kind, "status": status, "lastTransitionTime": "t", **more}


def state(phase: str = "Pending", ready: str = "False") -> dict:
    return {"phase": phase, "conditions": [condition("Ready", ready)]}


class Rig:
    def __init__(self) -> None:
        self.api = Api()
        self.publisher = Publisher(self.api)
        self.now = state()
        self.subject = Subject("default", "web", "uid", lambda: self.now, sent={})

    def say(self, status: dict) -> None:
        self.now = status
        self.publisher.note(self.subject)


@pytest.mark.looptime
async def test_changes_join_in_one_patch() -> None:
    rig = Rig()
    rig.say(state())
    await asyncio.sleep(0.05)
    rig.say({**state(), "podIP": "10.0.0.2"})
    await asyncio.sleep(1)
    ((at, patch),) = rig.api.patches
    assert at == 0.1
    assert patch["status"]["podIP"] == "10.0.0.2"
    assert patch["metadata"] == {"uid": "uid"}


@pytest.mark.looptime
async def test_readiness_goes_at_once() -> None:
    rig = Rig()
    rig.say(state())
    await asyncio.sleep(0.03)
    rig.say(state("Running", "True"))
    await asyncio.sleep(1)
    assert [at for at, _ in rig.api.patches] == [0.03]


@pytest.mark.looptime
async def test_the_same_status_is_not_sent_twice() -> None:
    rig = Rig()
    rig.say(state("Running", "True"))
    await asyncio.sleep(1)
    later = state("Running", "True")
    later["conditions"][0]["lastTransitionTime"] = "later"
    rig.say(later)
    await asyncio.sleep(1)
    assert rig.publisher.patches == 1


@pytest.mark.looptime
async def test_what_changes_during_a_patch_is_sent_after_it() -> None:
    rig = Rig()
    rig.api.seconds = 0.5
    rig.say(state("Running", "True"))
    await asyncio.sleep(0.1)
    rig.say(state("Running", "False"))
    await asyncio.sleep(2)
    assert [p["status"]["conditions"][0]["status"] for _, p in rig.api.patches] == ["True", "False"]


@pytest.mark.looptime
async def test_a_failed_patch_is_repeated_with_the_newest_status() -> None:
    rig = Rig()
    rig.api.failures = [errors.service_unavailable("away")]
    rig.say(state("Running", "True"))
    await asyncio.sleep(0.01)
    rig.say(state("Failed", "False"))
    await asyncio.sleep(5)
    ((_, patch),) = rig.api.patches
    assert patch["status"]["phase"] == "Failed"


@pytest.mark.looptime
async def test_a_pod_that_is_gone_is_left_alone() -> None:
    rig = Rig()
    rig.api.failures = [errors.not_found("pods", "web")]
    rig.say(state("Running", "True"))
    await rig.publisher.flush(rig.subject)
    assert rig.subject.gone
    rig.say(state("Failed"))
    await asyncio.sleep(5)
    assert rig.api.patches == []


@pytest.mark.looptime
async def test_flush_returns_when_the_api_has_it() -> None:
    rig = Rig()
    rig.api.seconds = 0.5
    rig.now = state("Succeeded")
    await rig.publisher.flush(rig.subject)
    assert len(rig.api.patches) == 1


def test_a_message_that_is_over_is_taken_out() -> None:
    old = {
        "phase": "Pending",
        "reason": "x",
        "conditions": [condition("Ready", "False", message="m")],
    }
    new = {"phase": "Running", "conditions": [condition("Ready", "True")]}
    patch = difference(new, old)
    assert patch["reason"] is None
    assert patch["conditions"][0]["message"] is None


def test_conditions_of_others_survive() -> None:
    old = {"conditions": [condition("PodScheduled", "True"), condition("Ready", "False")]}
    result = merged({"conditions": [condition("Ready", "True")]}, old)
    assert {c["type"]: c["status"] for c in result["conditions"]} == {
        "Ready": "True",
        "PodScheduled": "True",
    }
