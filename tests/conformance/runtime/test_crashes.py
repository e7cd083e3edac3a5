"""An agent killed at any moment leaves nothing that its successor cannot use or clean."""

import asyncio
import random
import sys
from pathlib import Path

import pytest

from kubelet.runtime.interface import ContainerState
from tests.conformance.runtime.conftest import OciRig

ROUNDS = 6
VICTIM = Path(__file__).with_name("victim.py")


async def run_and_kill(oci: OciRig, seconds: float) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        str(VICTIM),
        str(oci.options.root),
        str(oci.store.root),
        oci.cgroup_root,
        oci.cidr,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"started\n"
    await asyncio.sleep(seconds)
    assert process.returncode is None
    process.kill()
    await process.wait()


@pytest.mark.timeout(120)
async def test_kill_9_at_any_moment(oci: OciRig) -> None:
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    await oci.driver.close()
    for _ in range(ROUNDS):
        await run_and_kill(oci, rng.uniform(0.0, 0.6))
        await oci.restart()
        sandboxes = {s.id for s in await oci.driver.list_pod_sandboxes()}
        for status in await oci.driver.list_containers():
            assert status.sandbox_id in sandboxes
            if status.state is ContainerState.CREATED:
                await oci.driver.start_container(status.id)
            if status.state is not ContainerState.EXITED:
                assert (await oci.driver.exec_sync(status.id, ["true"], 10)).exit_code == 0
        await oci.remember()
        await asyncio.gather(*(oci.driver.remove_pod_sandbox(s) for s in sandboxes))
        assert oci.leftovers() == [], f"seed {seed}"
        await oci.driver.close()
    await oci.restart()
