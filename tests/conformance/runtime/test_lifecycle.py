"""What `kubelet.runtime.interface` promises, on every driver."""

import asyncio

import pytest

from kubelet.runtime import errors
from kubelet.runtime.interface import ContainerState, SandboxState
from tests.conformance.runtime.conftest import (
    HEEDS_TERM,
    IGNORES_TERM,
    UNKNOWN_COMMAND,
    Rig,
    container_config,
    exits_with,
    sandbox_config,
)


async def test_a_sandbox_is_ready_and_has_an_address(rig: Rig) -> None:
    sandbox = await rig.driver.run_pod_sandbox(sandbox_config())
    status = await rig.driver.sandbox_status(sandbox)
    assert status.state is SandboxState.READY
    assert status.ip
    assert (status.uid, status.name, status.namespace) == ("u1", "pod-u1", "default")


async def test_the_same_uid_and_attempt_is_the_same_sandbox(rig: Rig) -> None:
    first, second = await asyncio.gather(
        rig.driver.run_pod_sandbox(sandbox_config()),
        rig.driver.run_pod_sandbox(sandbox_config()),
    )
    again = await rig.driver.run_pod_sandbox(sandbox_config())
    assert first == again
    assert second == again


async def test_another_attempt_is_another_sandbox_with_another_address(rig: Rig) -> None:
    first = await rig.driver.run_pod_sandbox(sandbox_config(attempt=0))
    second = await rig.driver.run_pod_sandbox(sandbox_config(attempt=1))
    statuses = [await rig.driver.sandbox_status(s) for s in (first, second)]
    assert statuses[0].ip != statuses[1].ip


async def test_a_container_is_created_then_running_then_exited(rig: Rig) -> None:
    sandbox = await rig.driver.run_pod_sandbox(sandbox_config())
    container = await rig.driver.create_container(sandbox, container_config(HEEDS_TERM))
    created = await rig.driver.container_status(container)
    await rig.driver.start_container(container)
    running = await rig.driver.container_status(container)
    await rig.driver.stop_container(container, 10)
    exited = await rig.driver.container_status(container)
    assert [s.state for s in (created, running, exited)] == [
        ContainerState.CREATED,
        ContainerState.RUNNING,
        ContainerState.EXITED,
    ]
    assert created.created_at <= running.started_at <= exited.finished_at
    assert exited.started_at == running.started_at
    assert created.started_at == 0
    assert running.finished_at == 0


async def test_creating_a_container_twice_gives_the_same_one(rig: Rig) -> None:
    sandbox = await rig.driver.run_pod_sandbox(sandbox_config())
    first = await rig.driver.create_container(sandbox, container_config(HEEDS_TERM))
    second = await rig.driver.create_container(sandbox, container_config(HEEDS_TERM))
    assert first == second
    assert len(await rig.driver.list_containers()) == 1


async def test_starting_twice_is_refused(rig: Rig) -> None:
    container = await rig.run(HEEDS_TERM)
    with pytest.raises(errors.StateError):
        await rig.driver.start_container(container)


@pytest.mark.parametrize(("code", "reason"), [(0, "Completed"), (7, "Error")])
async def test_the_exit_code_and_its_reason(rig: Rig, code: int, reason: str) -> None:
    container = await rig.run(exits_with(code))
    event = await rig.ended(container)
    assert (event.exit_code, event.reason) == (code, reason)


async def test_an_exit_is_told_to_every_subscriber_after_the_status_shows_it(rig: Rig) -> None:
    first, second = rig.driver.events(), rig.driver.events()
    container = await rig.run(exits_with(3))
    for events in (first, second):
        event = await anext(events)
        assert (event.container_id, event.exit_code) == (container, 3)
        status = await rig.driver.container_status(container)
        assert status.state is ContainerState.EXITED
        assert event.pod_uid == "u1"


async def test_stop_gives_the_process_its_grace(rig: Rig) -> None:
    container = await rig.run(HEEDS_TERM)
    await rig.driver.stop_container(container, 30)
    assert (await rig.driver.container_status(container)).exit_code == 5


async def test_stop_kills_what_ignores_the_signal(rig: Rig) -> None:
    container = await rig.run(IGNORES_TERM)
    await rig.driver.stop_container(container, 0.2)
    status = await rig.driver.container_status(container)
    assert (status.exit_code, status.reason) == (137, "Error")


async def test_stop_without_grace_kills_at_once(rig: Rig) -> None:
    container = await rig.run(HEEDS_TERM)
    await rig.driver.stop_container(container, 0)
    assert (await rig.driver.container_status(container)).exit_code == 137


async def test_a_second_stop_can_shorten_the_first(rig: Rig) -> None:
    container = await rig.run(IGNORES_TERM)
    patient = asyncio.create_task(rig.driver.stop_container(container, 60))
    await asyncio.sleep(0)
    await rig.driver.stop_container(container, 0)
    await asyncio.wait_for(patient, 10)


async def test_a_container_that_never_started_can_be_stopped(rig: Rig) -> None:
    sandbox = await rig.driver.run_pod_sandbox(sandbox_config())
    container = await rig.driver.create_container(sandbox, container_config(HEEDS_TERM))
    await rig.driver.stop_container(container, 10)
    status = await rig.driver.container_status(container)
    assert (status.state, status.exit_code) == (ContainerState.EXITED, 137)


async def test_a_process_killed_behind_our_back_is_noticed(rig: Rig) -> None:
    container = await rig.run(HEEDS_TERM)
    status = await rig.driver.container_status(container)
    rig.kill(container, status.pid)
    event = await rig.ended(container)
    assert (event.exit_code, event.reason) == (137, "Error")


async def test_a_command_that_does_not_exist(rig: Rig) -> None:
    sandbox = await rig.driver.run_pod_sandbox(sandbox_config())
    container = await rig.driver.create_container(sandbox, container_config(UNKNOWN_COMMAND))
    with pytest.raises(errors.StartContainerError, match=r"executable file not found in \$PATH"):
        await rig.driver.start_container(container)
    status = await rig.driver.container_status(container)
    assert (status.state, status.exit_code) == (ContainerState.EXITED, 128)


async def test_stop_and_remove_of_what_is_gone_succeed(rig: Rig) -> None:
    container = await rig.run(exits_with(0))
    await rig.ended(container)
    await rig.driver.stop_container(container, 10)
    for _ in range(2):
        await rig.driver.remove_container(container)
    await rig.driver.stop_container(container, 10)
    await rig.driver.stop_pod_sandbox("none")
    await rig.driver.remove_pod_sandbox("none")


async def test_unknown_ids_are_not_found(rig: Rig) -> None:
    with pytest.raises(errors.NotFoundError):
        await rig.driver.container_status("none")
    with pytest.raises(errors.NotFoundError):
        await rig.driver.sandbox_status("none")
    with pytest.raises(errors.NotFoundError):
        await rig.driver.create_container("none", container_config(HEEDS_TERM))


async def test_a_stopped_sandbox_takes_no_containers(rig: Rig) -> None:
    sandbox = await rig.driver.run_pod_sandbox(sandbox_config())
    await rig.driver.stop_pod_sandbox(sandbox)
    status = await rig.driver.sandbox_status(sandbox)
    assert (status.state, status.ip) == (SandboxState.NOT_READY, "")
    with pytest.raises(errors.StateError):
        await rig.driver.create_container(sandbox, container_config(HEEDS_TERM))


async def test_stopping_a_sandbox_kills_what_is_in_it(rig: Rig) -> None:
    container = await rig.run(HEEDS_TERM)
    sandbox = (await rig.driver.container_status(container)).sandbox_id
    await rig.driver.stop_pod_sandbox(sandbox)
    assert (await rig.driver.container_status(container)).exit_code == 137


async def test_removing_a_sandbox_removes_all_that_was_made(rig: Rig) -> None:
    container = await rig.run(HEEDS_TERM)
    sandbox = (await rig.driver.container_status(container)).sandbox_id
    await rig.run_in(sandbox, exits_with(1), "second")
    third = container_config(HEEDS_TERM, "never-started")
    await rig.driver.create_container(sandbox, third)
    await rig.driver.remove_pod_sandbox(sandbox)
    assert await rig.driver.list_containers() == []
    assert await rig.driver.list_pod_sandboxes() == []
    assert rig.leftovers() == []


async def test_a_new_driver_adopts_what_runs(rig: Rig) -> None:
    running = await rig.run(HEEDS_TERM)
    before = await rig.driver.container_status(running)
    sandbox = await rig.driver.sandbox_status(before.sandbox_id)
    waiting = await rig.driver.create_container(
        before.sandbox_id, container_config(HEEDS_TERM, "waiting")
    )
    await rig.restart()
    assert await rig.driver.container_status(running) == before
    assert await rig.driver.sandbox_status(before.sandbox_id) == sandbox
    await rig.driver.start_container(waiting)
    rig.kill(running, before.pid)
    assert (await rig.ended(running)).exit_code == 137
    assert len(await rig.driver.list_containers()) == 2


async def test_an_adopted_address_is_not_given_again(rig: Rig) -> None:
    first = await rig.driver.run_pod_sandbox(sandbox_config("u1"))
    await rig.restart()
    second = await rig.driver.run_pod_sandbox(sandbox_config("u2"))
    assert (await rig.driver.sandbox_status(first)).ip != (
        await rig.driver.sandbox_status(second)
    ).ip


async def test_a_cancelled_call_can_be_repeated(rig: Rig) -> None:
    call = asyncio.create_task(rig.driver.run_pod_sandbox(sandbox_config()))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    sandbox = await rig.driver.run_pod_sandbox(sandbox_config())
    assert [s.id for s in await rig.driver.list_pod_sandboxes()] == [sandbox]


async def test_the_version_has_a_name(rig: Rig) -> None:
    name, _, version = str(await rig.driver.version()).partition("://")
    assert name
    assert version
