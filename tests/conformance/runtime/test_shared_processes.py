"""One process namespace for a real pod, and the node's own."""

import asyncio
import contextlib
import os
from dataclasses import replace
from pathlib import Path

from kubelet.runtime.interface import ContainerState, SandboxState
from tests.conformance.runtime.conftest import HEEDS_TERM, OciRig, sandbox_config


async def shared_pod(oci: OciRig) -> tuple[str, str]:
    config = replace(sandbox_config(), share_process_namespace=True)
    sandbox = await oci.driver.run_pod_sandbox(config)
    return sandbox, await oci.run_in(sandbox, HEEDS_TERM)


async def test_containers_may_share_processes(oci: OciRig) -> None:
    sandbox, first = await shared_pod(oci)
    second = await oci.run_in(sandbox, ("sleep", "777"), "second")
    listing = await oci.driver.exec_sync(first, ["ps"], 10)
    assert b"1 nobody   /pause" in listing.stdout
    assert b"sleep 777" in listing.stdout
    assert {s.id for s in await oci.driver.list_containers()} == {first, second}
    assert {s.container_id for s in await oci.driver.list_container_stats()} == {first, second}


async def test_orphans_are_reaped_and_one_container_can_end_alone(oci: OciRig) -> None:
    sandbox, first = await shared_pod(oci)
    second = await oci.run_in(sandbox, ("sh", "-c", "(sleep 888 &); sleep 999"), "second")
    await oci.driver.exec_sync(
        first, ["sh", "-c", "(true &); until ps | grep -q 'sleep 888'; do sleep 0.02; done"], 10
    )
    await oci.driver.stop_container(second, 0)
    listing = await oci.driver.exec_sync(first, ["ps"], 10)
    assert b"sleep 888" not in listing.stdout
    assert b"sleep 999" not in listing.stdout
    assert b"[" not in listing.stdout  # No zombie.
    assert (await oci.driver.container_status(first)).state is ContainerState.RUNNING


async def test_a_sandbox_whose_init_is_gone_is_not_ready(oci: OciRig) -> None:
    sandbox, first = await shared_pod(oci)
    await oci.restart()
    assert (await oci.driver.sandbox_status(sandbox)).state is SandboxState.READY
    pid = (await oci.driver.container_status(first)).pid
    init = next(
        directory.name
        for directory in Path("/proc").iterdir()
        if directory.name.isdigit()
        and int(directory.name) < pid
        and (directory / "cmdline").read_bytes() == b"/pause\0"
        and (directory / "ns/pid").readlink() == Path(f"/proc/{pid}/ns/pid").readlink()
    )
    os.kill(int(init), 9)
    assert (await oci.ended(first)).exit_code == 137
    # The kernel tells of each process' end in turn.
    async with asyncio.timeout(30):
        while (await oci.driver.sandbox_status(sandbox)).state is not SandboxState.NOT_READY:
            await asyncio.sleep(0.01)
    await oci.remember()
    await oci.driver.remove_pod_sandbox(sandbox)
    assert oci.leftovers() == []


async def test_the_nodes_processes_can_be_seen_and_the_pods_are_still_ended(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(replace(sandbox_config(), host_pid=True))
    container = await oci.run_in(sandbox, ("sh", "-c", "sleep 5555 & sleep 6666"))
    listing = await oci.driver.exec_sync(container, ["ls", "-d", f"/proc/{os.getpid()}"], 10)
    assert listing.exit_code == 0
    await oci.driver.stop_container(container, 0)
    assert processes_named("sleep 5555") == []


def processes_named(text: str) -> list[str]:
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                argv = (directory / "cmdline").read_bytes().split(b"\0")
                if " ".join(map(os.fsdecode, argv)).strip() == text:
                    found.append(directory.name)
    return found
