"""How long the runtime driver takes for a pod: sandbox and one container, started and removed.

    python -m bench.pod_start [--pods 20] [--parallel 1] [--json]

Needs root, runc, conmon and busybox-static. The image is present, as in the project's goal: at
most 100 ms of the runtime in a pod's way to Ready. CPU is that of this process and its children.
"""

import argparse
import asyncio
import itertools
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from bench import report
from bench.report import Row
from kubelet.images.busybox import build_busybox
from kubelet.images.store import ImageStore
from kubelet.network.pods import RoutedPodNetwork
from kubelet.runtime.config import ContainerConfig, SandboxConfig
from kubelet.runtime.interface import RuntimeDriver
from kubelet.runtime.oci import cleanup
from kubelet.runtime.oci.driver import OciDriver
from kubelet.runtime.oci.node import OciOptions

COMMAND = ("sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait")


async def start_pod(driver: RuntimeDriver, number: int) -> dict[str, float]:
    """One pod; the seconds of each step."""
    times = [time.perf_counter()]
    sandbox = await driver.run_pod_sandbox(
        SandboxConfig(uid=f"bench-{number}", name=f"bench-{number}", namespace="default")
    )
    times.append(time.perf_counter())
    container = await driver.create_container(
        sandbox, ContainerConfig(name="main", image="busybox", command=COMMAND)
    )
    times.append(time.perf_counter())
    await driver.start_container(container)
    times.append(time.perf_counter())
    sandbox_time, create_time, start_time = (
        later - earlier for earlier, later in itertools.pairwise(times)
    )
    return {
        "sandbox": sandbox_time,
        "create": create_time,
        "start": start_time,
        "pod": times[-1] - times[0],
    }


async def measure_pods(driver: RuntimeDriver, pods: int, parallel: int) -> list[Row]:
    limit = asyncio.Semaphore(parallel)

    async def one(number: int) -> dict[str, float]:
        async with limit:
            return await start_pod(driver, number)

    cpu = cpu_seconds()
    begin = time.perf_counter()
    results = await asyncio.gather(*(one(number) for number in range(pods)))
    wall = time.perf_counter() - begin
    containers = [status.id for status in await driver.list_containers()]
    begin = time.perf_counter()
    await driver.exec_sync(containers[0], ["true"], 10)
    exec_time = time.perf_counter() - begin
    begin = time.perf_counter()
    await asyncio.gather(
        *(driver.remove_pod_sandbox(s.id) for s in await driver.list_pod_sandboxes())
    )
    removal = time.perf_counter() - begin
    slowest = sorted(r["pod"] for r in results)[int(len(results) * 0.95)]
    steps = [
        Row("pod_start", what, 1000 * statistics.median(r[step] for r in results), "ms", goal)
        for step, what, goal in (
            ("sandbox", "sandbox", None),
            ("create", "container created", None),
            ("start", "container started", None),
            ("pod", f"pod of one container, {parallel} at a time", 100),
        )
    ]
    return [
        *steps,
        Row("pod_start", "pod, p95", 1000 * slowest, "ms"),
        Row("pod_start", "pods started", pods / wall, "/s"),
        Row("pod_start", "pods removed", pods / removal, "/s"),
        Row("pod_start", "exec", 1000 * exec_time, "ms"),
        Row("pod_start", "CPU for a pod", 1000 * (cpu_seconds() - cpu) / pods, "ms"),
    ]


def cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


async def run(pods: int, parallel: int) -> list[Row]:
    root = Path(tempfile.mkdtemp(prefix="brm-b"))
    try:
        store = ImageStore(root / "images")
        build_busybox(store)
        options = OciOptions(root / "node", cgroup_root=f"/bireme-{root.name}")
        driver = OciDriver(options, store, RoutedPodNetwork("10.199.64.0/22"))
        await driver.start()
        try:
            return await measure_pods(driver, pods, parallel)
        finally:
            await driver.close()
            cleanup.remove_cgroups(options.cgroup_root)
    finally:
        shutil.rmtree(root)


def measure() -> list[Row]:
    return asyncio.run(run(20, 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pods", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report.show(asyncio.run(run(arguments.pods, arguments.parallel)), as_json=arguments.json)
