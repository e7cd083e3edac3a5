"""Limits in control groups, and what they count."""

from dataclasses import replace

from kubelet.runtime.config import Resources
from kubelet.runtime.interface import OOM_KILLED
from tests.conformance.runtime.conftest import HEEDS_TERM, OciRig, container_config, sandbox_config
from tests.conformance.runtime.running import script

READ_LIMITS = (
    "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us 2>/dev/null "
    "|| { cat memory.max; cut -d' ' -f1 cpu.max; }"
)


async def test_out_of_memory_is_told(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    resources = Resources(memory_limit_bytes=16 << 20)
    config = script("x=a; while :; do x=$x$x; done", resources=resources)
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    event = await oci.ended(container)
    assert (event.exit_code, event.reason) == (137, OOM_KILLED)


async def test_limits_arrive_in_the_cgroup(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    resources = Resources(
        cpu_shares=512,
        cpu_quota=50_000,
        cpu_period=100_000,
        memory_limit_bytes=64 << 20,
        pids_limit=77,
        oom_score_adj=-998,  # Less than this agent may set: clamped.
    )
    config = replace(container_config(HEEDS_TERM), resources=resources)
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    text = (
        "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us "
        "pids/pids.max 2>/dev/null || cat memory.max cpu.weight cpu.max pids.max"
    )
    result = await oci.driver.exec_sync(container, ["sh", "-c", text], 10)
    v1 = b"67108864\n512\n50000\n77\n"
    assert result.stdout in {v1, b"67108864\n20\n50000 100000\n77\n"}
    await oci.driver.update_container_resources(
        container, Resources(cpu_shares=256, memory_limit_bytes=32 << 20)
    )
    result = await oci.driver.exec_sync(container, ["sh", "-c", text], 10)
    assert result.stdout.startswith(b"33554432\n")


async def test_stats_count(oci: OciRig) -> None:
    container = await oci.run(
        ("sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1000")
    )
    stats = await oci.driver.container_stats(container)
    assert stats.cpu_usage_ns > 0
    assert stats.memory_usage_bytes >= stats.memory_working_set_bytes > 0
    assert stats.pids >= 1
    assert [s.container_id for s in await oci.driver.list_container_stats()] == [container]


async def test_limits_of_a_running_pod_change(oci: OciRig) -> None:
    before = Resources(memory_limit_bytes=32 << 20, cpu_quota=20_000, cpu_period=100_000)
    sandbox = await oci.driver.run_pod_sandbox(replace(sandbox_config(), resources=before))
    config = replace(container_config(HEEDS_TERM), resources=before)
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    after = replace(before, memory_limit_bytes=64 << 20, cpu_quota=50_000)
    # The pod's first: a child's quota may not exceed its parent's.
    await oci.driver.update_sandbox_resources(sandbox, after)
    await oci.driver.update_container_resources(container, after)
    shown = await oci.driver.exec_sync(container, ("sh", "-c", READ_LIMITS), 5)
    assert shown.stdout.split() == [b"67108864", b"50000"]


async def test_what_a_container_writes_is_counted(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    empty = await oci.driver.writable_bytes(container)
    fill = "head -c 1048576 /dev/urandom > /file"
    await oci.driver.exec_sync(container, ("sh", "-c", fill), 5)
    assert 1 << 20 <= await oci.driver.writable_bytes(container) - empty < 2 << 20
