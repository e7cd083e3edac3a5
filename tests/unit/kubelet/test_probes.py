"""Probes: thresholds as values, schedules on a virtual clock."""

import asyncio
from collections.abc import Callable

import pytest

from apimachinery.aio.clock import LoopClock
from kubelet.actions import Result, Target
from kubelet.observed import Attempt, Probes, Run
from kubelet.probes import Prober, ProbeSpec, Tally, read_spec


class Script:
    """`Actions` that answer by the second of the call."""

    def __init__(self, answer: Callable[[float], bool]) -> None:
        self.answer = answer
        self.errored = False
        self.asked: list[float] = []

    async def run(self, handler: dict, target: Target, timeout: float | None) -> Result:
        now = round(asyncio.get_running_loop().time() - self.began, 3)
        self.asked.append(now)
        good = self.answer(now)
        return Result(good, "no", errored=self.errored and not good)

    def start(self) -> None:
        self.began = asyncio.get_running_loop().time()


class Kit:
    """The little that a Prober needs of a Kit."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.warnings: list[str] = []

    def warn(self, pod, reason, message, *, container="") -> None:
        self.warnings.append(message)


class Rig:
    def __init__(self, spec: dict, answer: Callable[[float], bool], before: dict | None = None):
        self.kit = Kit()
        self.script = Script(answer)
        self.changes: list[tuple[float, Probes]] = []
        pod = {"metadata": {}, "spec": {"containers": [{"name": "app", **spec}]}}
        target = Target(pod, pod["spec"]["containers"][0], "c1", ("10.0.0.2",))
        attempt = Attempt("c1", "app", 0, "s0", Run.RUNNING, started_at=self.kit.clock.now())
        self.prober = Prober(self.kit, self.script, target, attempt, before or {}, self.changed)

    def changed(self, result: Probes) -> None:
        now = round(asyncio.get_running_loop().time() - self.script.began, 3)
        self.changes.append((now, result))

    async def run(self, seconds: float) -> None:
        self.script.start()
        self.prober.start()
        await asyncio.sleep(seconds)
        self.prober.close()
        await asyncio.sleep(0)


def test_defaults_are_kubernetes_own() -> None:
    spec = read_spec({"httpGet": {"port": 80}})
    assert (spec.period, spec.timeout, spec.success, spec.failure) == (10, 1, 1, 3)


def test_a_verdict_needs_its_threshold_of_equal_answers() -> None:
    spec = ProbeSpec({}, success=2, failure=3)
    tally = Tally(verdict=False)
    tally = tally.after(spec, ok=True)
    assert not tally.verdict
    tally = tally.after(spec, ok=True)
    assert tally.verdict
    for _ in range(2):
        tally = tally.after(spec, ok=False)
    assert tally.verdict
    assert not tally.after(spec, ok=False).verdict
    assert tally.after(spec, ok=True).after(spec, ok=False).verdict


@pytest.mark.looptime
async def test_readiness_is_asked_at_once_and_tells_at_once() -> None:
    rig = Rig({"readinessProbe": {"exec": {}}}, lambda _: True)
    await rig.run(25)
    assert rig.changes == [(0.0, Probes(ready=True))]
    assert rig.script.asked == [0.0, 10.0, 20.0]


@pytest.mark.looptime
async def test_a_slow_starter_is_asked_in_doubling_steps() -> None:
    rig = Rig({"readinessProbe": {"tcpSocket": {"port": 1}}}, lambda now: now >= 0.3)
    await rig.run(1)
    assert rig.script.asked == [0.0, 0.025, 0.075, 0.175, 0.375]
    assert rig.changes == [(0.375, Probes(ready=True))]
    assert rig.kit.warnings == []


@pytest.mark.looptime
async def test_a_ready_container_needs_three_failures_to_be_unready() -> None:
    rig = Rig({"readinessProbe": {"exec": {}, "periodSeconds": 5}}, lambda now: now < 4)
    await rig.run(21)
    assert [at for at, _ in rig.changes] == [0.0, 15.0]
    assert rig.kit.warnings == ["Readiness probe failed: no"] * 4


@pytest.mark.looptime
async def test_what_could_not_be_asked_counts_for_nothing() -> None:
    rig = Rig({"livenessProbe": {"exec": {}, "failureThreshold": 1}}, lambda now: now < 5)
    rig.script.errored = True
    await rig.run(25)
    assert rig.changes == []
    assert rig.kit.warnings == ["Liveness probe errored and resulted in unknown state: no"] * 2


@pytest.mark.looptime
async def test_the_initial_delay_is_kept() -> None:
    rig = Rig({"readinessProbe": {"exec": {}, "initialDelaySeconds": 7}}, lambda _: True)
    await rig.run(8)
    assert rig.script.asked == [7.0]


@pytest.mark.looptime
async def test_liveness_gives_up_after_its_threshold_and_stops_asking() -> None:
    rig = Rig({"livenessProbe": {"exec": {}, "failureThreshold": 2}}, lambda now: now < 15)
    await rig.run(100)
    assert rig.changes == [(30.0, Probes(alive=False, failed="liveness"))]
    assert rig.script.asked == [0.0, 10.0, 20.0, 30.0]


@pytest.mark.looptime
async def test_other_probes_wait_for_the_startup_probe() -> None:
    spec = {
        "startupProbe": {"exec": {}, "periodSeconds": 1, "failureThreshold": 30},
        "livenessProbe": {"exec": {}},
        "readinessProbe": {"exec": {}},
    }
    rig = Rig(spec, lambda now: now >= 3)
    await rig.run(4)
    started = [result.started for _, result in rig.changes]
    assert started[0] is True
    assert rig.prober.result == Probes(started=True, ready=True, alive=True)


@pytest.mark.looptime
async def test_a_startup_probe_that_never_succeeds_kills() -> None:
    spec = {"startupProbe": {"exec": {}, "periodSeconds": 2, "failureThreshold": 3}}
    rig = Rig(spec, lambda _: False)
    await rig.run(60)
    ((_, result),) = rig.changes
    assert not result.alive
    assert result.failed == "startup"


@pytest.mark.looptime
async def test_what_the_api_knew_as_ready_stays_ready_under_a_new_agent() -> None:
    before = {"ready": True, "started": True}
    rig = Rig({"readinessProbe": {"exec": {}}}, lambda now: now > 5, before)
    assert rig.prober.result.ready
    await rig.run(12)
    assert rig.changes == []
