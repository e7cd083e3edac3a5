"""What outlives an agent, what does not outlive a pod: kills, reboots, leftovers."""

import asyncio
import os
from collections.abc import Sequence

import pytest

from kubelet.runtime.interface import STATUS_UNKNOWN, ContainerState
from kubelet.runtime.oci import cleanup
from tests.conformance.runtime.conftest import HEEDS_TERM, OciRig, exits_with


async def test_nothing_of_a_pod_is_left(oci: OciRig) -> None:
    for number in range(3):
        await oci.run(HEEDS_TERM, uid=f"u{number}")
    await oci.remember()
    await asyncio.gather(*(oci.driver.remove_pod_sandbox(s) for s in oci.sandboxes))
    assert oci.leftovers() == []


async def test_an_exit_while_no_agent_ran_is_known_afterwards(oci: OciRig) -> None:
    container = await oci.run(("sh", "-c", "trap 'exit 11' TERM; while :; do sleep 0.02; done"))
    pid = (await oci.driver.container_status(container)).pid
    await oci.driver.exec_sync(container, ["true"], 10)  # The trap is set by now.
    await oci.driver.close()
    descriptor = os.pidfd_open(pid)
    os.kill(pid, 15)
    await readable(descriptor)
    await oci.restart()
    event = await oci.ended(container)
    assert (event.exit_code, event.reason) == (11, "Error")


async def test_a_killed_supervisor_leaves_its_container_running(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    status = await oci.driver.container_status(container)
    supervisor = int((oci.root / "node/containers" / container / "conmon.pid").read_text())
    descriptor = os.pidfd_open(supervisor)
    os.kill(supervisor, 9)
    await readable(descriptor)
    await asyncio.sleep(0.05)
    assert (await oci.driver.container_status(container)).state is ContainerState.RUNNING
    await oci.restart()
    assert (await oci.driver.container_status(container)).state is ContainerState.RUNNING
    os.kill(status.pid, 9)
    event = await oci.ended(container)
    assert (event.exit_code, event.reason) == (255, STATUS_UNKNOWN)


async def readable(descriptor: int) -> None:
    """Until a process has ended."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, done.set)
    try:
        async with asyncio.timeout(30):
            await done.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_what_an_earlier_boot_left_is_cleaned(oci: OciRig) -> None:
    container = await oci.run(exits_with(1))
    await oci.ended(container)
    status = await oci.driver.container_status(container)
    await oci.driver.remove_container(container)
    await oci.driver.remove_pod_sandbox(status.sandbox_id)
    await plant(oci, "sandboxes", "aaaa", "sandbox.json")
    await plant(oci, "containers", "bbbb", "container.json")
    await oci.restart()
    assert await oci.driver.list_containers() == []
    assert await oci.driver.list_pod_sandboxes() == []
    assert oci.leftovers() == []


async def plant(oci: OciRig, kind: str, name: str, record: str) -> None:
    """A directory whose record cannot be read: a creation that did not finish."""
    directory = oci.root / "node" / kind / name
    directory.mkdir(parents=True)
    (directory / record).write_text("{")


async def test_an_agent_killed_in_the_middle_of_start(oci: OciRig) -> None:
    """The record still says created, but the process runs: it is adopted as running."""
    container = await oci.run(HEEDS_TERM)
    record = oci.root / "node/containers" / container / "container.json"
    await oci.driver.close()
    text = record.read_text()
    record.write_text(text.replace(str(ContainerState.RUNNING), str(ContainerState.CREATED)))
    await oci.restart()
    status = await oci.driver.container_status(container)
    assert status.state is ContainerState.RUNNING
    assert status.started_at > 0
    await oci.driver.stop_container(container, 0)
    assert (await oci.driver.container_status(container)).exit_code == 137


@pytest.mark.parametrize("count", [8])
async def test_many_pods_at_once(oci: OciRig, count: int) -> None:
    containers: Sequence[str] = await asyncio.gather(
        *(oci.run(HEEDS_TERM, uid=f"u{number}") for number in range(count))
    )
    states = {s.state for s in await oci.driver.list_containers()}
    assert len(set(containers)) == count
    assert states == {ContainerState.RUNNING}


async def test_a_node_can_be_removed_without_its_driver(oci: OciRig) -> None:
    first = await oci.run(HEEDS_TERM, uid="u1")
    sandbox = (await oci.driver.container_status(first)).sandbox_id
    await oci.run_in(sandbox, exits_with(1), "second")
    await oci.run(HEEDS_TERM, uid="u2")
    await oci.remember()
    await oci.driver.close()
    await cleanup.remove_pods(oci.options)
    await oci.restart()
    assert oci.leftovers() == []
