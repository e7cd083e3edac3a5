"""`lifecycle.plan` step by step, and under hypothesis against a small simulated runtime."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelet import lifecycle, standing
from kubelet.desired import Container, Desired, RestartPolicy, RestartRule, Role
from kubelet.lifecycle import (
    CreateSandbox,
    FailPod,
    RemoveContainer,
    StartContainer,
    StopContainer,
    StopSandbox,
    plan,
)
from kubelet.observed import (
    SANDBOX_KEY,
    Attempt,
    Ending,
    Probes,
    Run,
    Sandbox,
    Seen,
    StartFailure,
    backoff,
    crashes_after,
)
from kubelet.standing import Stage
from tests.effort import examples

NOW = 1000.0
READY = Sandbox("s0", 0, ready=True, ips=("10.0.0.5",))


def desired(
    *containers: Container, policy: RestartPolicy = RestartPolicy.ALWAYS, **more
) -> Desired:
    return Desired("uid", "web", "default", containers, policy, **more)


def main(name: str = "app", **more) -> Container:
    return Container(name, Role.MAIN, **more)


def attempt(name: str = "app", number: int = 0, run: Run = Run.RUNNING, **more) -> Attempt:
    values = {"started_at": NOW - 5, "finished_at": NOW if run is Run.EXITED else 0.0}
    return Attempt(f"{name}-{number}", name, number, "s0", run, **{**values, **more})


def seen(*attempts: Attempt, **more) -> Seen:
    by_name: dict[str, tuple[Attempt, ...]] = {}
    for one in attempts:
        by_name[one.name] = (*by_name.get(one.name, ()), one)
    return Seen(sandbox=READY, attempts=by_name, **more)


def test_nothing_there_asks_for_a_sandbox() -> None:
    assert plan(desired(main()), Seen(), NOW).steps == (CreateSandbox(0),)


def test_a_failed_sandbox_is_tried_again_after_its_delay() -> None:
    failure = StartFailure("FailedCreatePodSandBox", "no", at=NOW, tries=2)
    result = plan(desired(main()), Seen(failures={SANDBOX_KEY: failure}), NOW)
    assert result.steps == ()
    assert result.wake_at == NOW + 1.0


def test_main_containers_start_together() -> None:
    result = plan(desired(main("a"), main("b")), seen(), NOW)
    assert result.steps == (StartContainer("a", 0), StartContainer("b", 0))


def test_init_containers_start_one_after_the_other() -> None:
    wanted = desired(Container("i", Role.INIT), Container("j", Role.INIT), main())
    assert plan(wanted, seen(), NOW).steps == (StartContainer("i", 0),)
    done = attempt("i", run=Run.EXITED)
    assert plan(wanted, seen(done), NOW).steps == (StartContainer("j", 0),)


def test_a_sidecar_must_have_started_before_the_next_init_container() -> None:
    wanted = desired(
        Container("side", Role.SIDECAR, startup=True), Container("i", Role.INIT), main()
    )
    running = attempt("side")
    assert plan(wanted, seen(running), NOW).steps == ()
    started = seen(running, probes={running.id: Probes(started=True)})
    assert plan(wanted, started, NOW).steps == (StartContainer("i", 0),)


def test_a_crash_restarts_at_once_and_then_backs_off() -> None:
    ended = attempt(run=Run.EXITED, exit_code=1)
    assert plan(desired(main()), seen(ended, crashes={"app": 1}), NOW).steps == (
        StartContainer("app", 1),
    )
    waiting = plan(desired(main()), seen(ended, crashes={"app": 2}), NOW)
    assert waiting.steps == ()
    assert waiting.wake_at == NOW + 10


@pytest.mark.parametrize(
    ("crashes", "delay"), [(1, 0), (2, 10), (3, 20), (4, 40), (6, 160), (7, 300), (9999, 300)]
)
def test_backoff_doubles_to_five_minutes(crashes: int, delay: float) -> None:
    assert backoff(crashes) == delay


def test_ten_good_minutes_forget_the_crashes() -> None:
    long = attempt(run=Run.EXITED, started_at=NOW, finished_at=NOW + 600)
    short = attempt(run=Run.EXITED, started_at=NOW, finished_at=NOW + 599)
    assert crashes_after(7, long) == 1
    assert crashes_after(7, short) == 8


def test_a_container_that_never_came_to_run_counts_as_a_crash() -> None:
    never = attempt(run=Run.EXITED, started_at=0.0, finished_at=NOW, exit_code=128)
    assert crashes_after(1, never) == 2


@pytest.mark.parametrize(
    ("policy", "code", "restarts"),
    [
        (RestartPolicy.ALWAYS, 0, True),
        (RestartPolicy.ALWAYS, 1, True),
        (RestartPolicy.ON_FAILURE, 0, False),
        (RestartPolicy.ON_FAILURE, 1, True),
        (RestartPolicy.NEVER, 0, False),
        (RestartPolicy.NEVER, 1, False),
    ],
)
def test_restart_policies(policy: RestartPolicy, code: int, *, restarts: bool) -> None:
    wanted = desired(main(policy=policy), policy=policy)
    ended = seen(attempt(run=Run.EXITED, exit_code=code), crashes={"app": 1})
    expected = (StartContainer("app", 1),) if restarts else (StopSandbox("s0"),)
    assert plan(wanted, ended, NOW).steps == expected


def test_an_unhealthy_container_is_stopped_with_the_reason() -> None:
    running = attempt()
    ill = seen(running, probes={running.id: Probes(alive=False, failed="liveness")})
    (step,) = plan(desired(main(liveness=True)), ill, NOW).steps
    assert step == StopContainer(
        "app", running.id, NOW + 30, "Container app failed liveness probe, will be restarted"
    )


def test_a_new_image_replaces_the_container() -> None:
    running = attempt(spec_hash="old")
    (step,) = plan(desired(main(spec_hash="new")), seen(running), NOW).steps
    assert isinstance(step, StopContainer)
    ended = attempt(run=Run.EXITED, spec_hash="old")
    result = plan(desired(main(spec_hash="new")), seen(ended, crashes={"app": 9}), NOW)
    assert result.steps == (StartContainer("app", 1),)


def test_what_ends_for_good_serves_to_the_last() -> None:
    """Services send to ending pods where no other is ready."""
    running = attempt()
    stopping = seen(running, stopping={running.id: NOW + 30})
    assert not standing.ready(main(), stopping), "killed to be restarted"
    assert standing.ready(main(), replace(stopping, ending=Ending(NOW + 30)))


def test_a_stop_is_not_asked_for_twice_unless_it_must_be_sooner() -> None:
    running = attempt()
    stopping = seen(running, stopping={running.id: NOW + 30}, ending=Ending(NOW + 30))
    assert plan(desired(main()), stopping, NOW).steps == ()
    sooner = replace(stopping, ending=Ending(NOW + 1))
    assert plan(desired(main()), sooner, NOW).steps == (StopContainer("app", "app-0", NOW + 1),)


def test_sidecars_stop_after_the_main_containers_last_one_first() -> None:
    wanted = desired(Container("s", Role.SIDECAR), Container("t", Role.SIDECAR), main())
    ending = Ending(NOW + 30)
    all_run = seen(attempt("s"), attempt("t"), attempt("app"), ending=ending)
    assert [step.name for step in plan(wanted, all_run, NOW).steps] == ["app"]
    mains_over = seen(attempt("s"), attempt("t"), attempt("app", run=Run.EXITED), ending=ending)
    assert [step.name for step in plan(wanted, mains_over, NOW).steps] == ["t"]


def test_a_pod_out_of_time_fails() -> None:
    (step,) = plan(desired(main(), expires_at=NOW), seen(attempt()), NOW).steps
    assert step == FailPod(
        "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
    )


def test_the_time_limit_wakes_the_worker() -> None:
    assert plan(desired(main(), expires_at=NOW + 7), seen(attempt()), NOW).wake_at == NOW + 7


def test_a_lost_sandbox_is_made_anew_and_containers_count_on() -> None:
    lost = replace(READY, ready=False)
    ended = seen(attempt(number=3, run=Run.EXITED))
    assert plan(desired(main()), replace(ended, sandbox=lost), NOW).steps == (CreateSandbox(1),)
    fresh = Sandbox("s1", 1, ready=True)
    assert plan(desired(main()), replace(ended, sandbox=fresh), NOW).steps == (
        StartContainer("app", 4),
    )


def test_a_pod_that_never_restarts_gets_no_second_sandbox() -> None:
    wanted = desired(main(policy=RestartPolicy.NEVER), policy=RestartPolicy.NEVER)
    lost = replace(seen(attempt(run=Run.UNKNOWN, exit_code=137)), sandbox=None)
    assert standing.outcome(wanted, lost, NOW) is Stage.FAILED
    assert plan(wanted, lost, NOW).stopped


def test_only_the_last_two_attempts_are_kept() -> None:
    history = [attempt(number=n, run=Run.EXITED) for n in range(3)]
    running = attempt(number=3)
    steps = plan(desired(main()), seen(*history, running), NOW).steps
    assert steps == (RemoveContainer("app-0"), RemoveContainer("app-1"))


def test_a_created_container_keeps_its_number() -> None:
    result = plan(desired(main()), seen(attempt(number=2, run=Run.CREATED)), NOW)
    assert result.steps == (StartContainer("app", 2),)


# --- the whole life, simulated


@dataclass
class Sim:
    """A runtime in which every step works, and containers end as they were told to."""

    wanted: Desired
    ends: dict[str, list[int]]
    """Exit codes of each container's first attempts; after them it runs on (or succeeds)."""
    now: float = NOW
    state: Seen = field(default_factory=Seen)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def run(self, steps: int = 200) -> lifecycle.Plan:
        for _ in range(steps):
            result = plan(self.wanted, self.state, self.now)
            for step in result.steps:
                self.apply(step)
            if result.stopped:
                return result
            if not result.steps and not self.finish_one():
                if result.wake_at is None:
                    return result
                assert result.wake_at > self.now, "woken for nothing"
                self.now = result.wake_at
        raise AssertionError(f"never settles: {self.state}")

    def apply(self, step: lifecycle.Step) -> None:
        match step:
            case CreateSandbox(number):
                self.state = replace(self.state, sandbox=Sandbox(f"s{number}", number, ready=True))
            case StartContainer(name, number):
                self.check_start(name, number)
                self.put(
                    Attempt(
                        f"{name}-{number}", name, number, self.state.sandbox.id, Run.RUNNING,
                        started_at=self.now,
                    )
                )  # fmt: skip
                self.started.append(name)
            case StopContainer(name, container_id, _, _):
                self.stopped.append(name)
                self.end(self.find(container_id), 143)
            case StopSandbox():
                self.state = replace(self.state, sandbox=replace(self.state.sandbox, ready=False))
            case RemoveContainer(container_id):
                old = self.find(container_id)
                kept = tuple(a for a in self.state.attempts[old.name] if a.id != container_id)
                self.state = replace(self.state, attempts={**self.state.attempts, old.name: kept})
            case FailPod(reason, message):
                self.state = replace(
                    self.state, ending=Ending(self.now, reason, message, failed=True)
                )

    def check_start(self, name: str, number: int) -> None:
        assert self.state.ending is None, "nothing starts in a pod that ends"
        assert self.state.sandbox is not None
        assert self.state.sandbox.ready
        latest = self.state.latest(name)
        assert latest is None or latest.over, f"{name} runs already"
        assert number == (0 if latest is None else latest.number + 1)
        container = next(c for c in self.wanted.containers if c.name == name)
        if container.role is Role.MAIN and not any(
            self.state.latest(c.name) for c in self.wanted.of(Role.MAIN)
        ):
            for other in self.wanted.of(Role.INIT):
                assert self.state.latest(other.name).exit_code == 0, "init containers come first"

    def find(self, container_id: str) -> Attempt:
        return next(
            a for many in self.state.attempts.values() for a in many if a.id == container_id
        )

    def put(self, one: Attempt) -> None:
        others = tuple(a for a in self.state.attempts.get(one.name, ()) if a.id != one.id)
        self.state = replace(self.state, attempts={**self.state.attempts, one.name: (*others, one)})

    def end(self, one: Attempt, code: int) -> None:
        over = replace(one, run=Run.EXITED, exit_code=code, finished_at=self.now)
        self.put(over)
        crashes = crashes_after(self.state.crashes.get(one.name, 0), over)
        self.state = replace(self.state, crashes={**self.state.crashes, one.name: crashes})

    def finish_one(self) -> bool:
        """Let the next container end whose time it is; False when all that runs runs on."""
        for container in self.wanted.containers:
            latest = self.state.latest(container.name)
            if latest is None or latest.run is not Run.RUNNING:
                continue
            codes = self.ends.get(container.name, [])
            if codes:
                self.end(latest, codes.pop(0))
                return True
            if container.role is Role.INIT:
                self.end(latest, 0)
                return True
        return False


POLICIES = st.sampled_from(RestartPolicy)


@st.composite
def lives(draw: st.DrawFn) -> Sim:
    policy = draw(POLICIES)
    roles = [
        *draw(st.lists(st.sampled_from([Role.INIT, Role.SIDECAR]), max_size=3)),
        *[Role.MAIN] * draw(st.integers(1, 3)),
    ]
    containers = []
    for index, role in enumerate(roles):
        own = policy
        if role is Role.SIDECAR:
            own = RestartPolicy.ALWAYS
        elif role is Role.INIT and policy is RestartPolicy.ALWAYS:
            own = RestartPolicy.ON_FAILURE
        containers.append(Container(f"c{index}", role, own))
    ends = {c.name: draw(st.lists(st.sampled_from([0, 1, 137]), max_size=4)) for c in containers}
    return Sim(desired(*containers, policy=policy), ends)


@given(lives())
@settings(max_examples=examples(300), deadline=None)
def test_every_life_settles(sim: Sim) -> None:
    result = sim.run()
    stages = {
        c.name: standing.of(sim.wanted, c, sim.state, sim.now).stage
        for c in sim.wanted.of(Role.MAIN)
    }
    if result.stopped:
        assert standing.outcome(sim.wanted, sim.state, sim.now) is not None
        assert not sim.state.sandbox.ready
    else:
        assert Stage.ABSENT not in stages.values()
        assert Stage.BACKOFF not in stages.values()


@given(lives(), st.integers(0, 12))
@settings(max_examples=examples(300), deadline=None)
def test_every_life_can_be_ended_at_any_point(sim: Sim, after: int) -> None:
    for _ in range(after):
        result = plan(sim.wanted, sim.state, sim.now)
        for step in result.steps:
            sim.apply(step)
        if not result.steps:
            sim.finish_one()
    sim.state = replace(sim.state, ending=Ending(sim.now + 30))
    before = len(sim.started)
    sim.ends.clear()
    result = sim.run()
    assert result.stopped
    assert len(sim.started) == before
    assert not any(a.run is Run.RUNNING for many in sim.state.attempts.values() for a in many)


@given(lives())
@settings(max_examples=examples(200), deadline=None)
def test_sidecars_outlive_the_main_containers(sim: Sim) -> None:
    sim.ends.clear()
    sim.run()
    sim.state = replace(sim.state, ending=Ending(sim.now + 30))
    sim.run()
    sidecars = [c.name for c in sim.wanted.of(Role.SIDECAR)]
    order = [name for name in sim.stopped if name in sidecars]
    assert order == sorted(order, reverse=True)
    if order:
        first = sim.stopped.index(order[0])
        assert all(name in sidecars for name in sim.stopped[first:])


@pytest.mark.parametrize(
    ("rule", "code", "restarts"),
    [
        (RestartRule(frozenset({42})), 42, True),
        (RestartRule(frozenset({42})), 1, False),
        (RestartRule(frozenset({42}), inside=False), 1, True),
        (RestartRule(frozenset({0})), 0, True),
    ],
)
def test_restart_rules_come_before_the_policy(
    rule: RestartRule, code: int, *, restarts: bool
) -> None:
    wanted = desired(main(policy=RestartPolicy.NEVER, rules=(rule,)), policy=RestartPolicy.NEVER)
    steps = plan(wanted, seen(attempt(run=Run.EXITED, exit_code=code)), NOW).steps
    assert (steps == (StartContainer("app", 1),)) is restarts


def test_a_failed_probe_may_have_a_grace_of_its_own() -> None:
    running = attempt()
    ill = seen(running, probes={running.id: Probes(alive=False, failed="liveness")})
    (step,) = plan(desired(main(liveness=True, probe_grace=3.0)), ill, NOW).steps
    assert isinstance(step, StopContainer)
    assert step.deadline == NOW + 3


def test_a_ready_pod_serves_on_for_a_moment() -> None:
    ending = Ending(NOW + 30, begins=NOW + 0.15)
    result = plan(desired(main()), seen(attempt(), ending=ending), NOW)
    assert (result.steps, result.wake_at) == ((), NOW + 0.15)
    assert plan(desired(main()), seen(attempt(), ending=ending), NOW + 0.2).steps
