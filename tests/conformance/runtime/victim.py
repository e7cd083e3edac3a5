"""An agent in a process of its own, made to be killed: starts and removes pods without end.

Run as `python victim.py ROOT IMAGES CGROUP CIDR`; prints a line when its driver has started.
"""

import asyncio
import sys
from pathlib import Path

from kubelet.images.store import ImageStore
from kubelet.network.pods import RoutedPodNetwork
from kubelet.runtime.config import ContainerConfig, SandboxConfig
from kubelet.runtime.oci.driver import OciDriver
from kubelet.runtime.oci.node import OciOptions

COMMAND = ("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.02; done")
WORKERS = 4


async def work(driver: OciDriver, worker: int) -> None:
    number = 0
    while True:
        number += 1
        sandbox = await driver.run_pod_sandbox(
            SandboxConfig(uid=f"v{worker}-{number}", name="victim", namespace="default")
        )
        for name in ("one", "two"):
            container = await driver.create_container(
                sandbox, ContainerConfig(name=name, image="busybox", command=COMMAND)
            )
            await driver.start_container(container)
        await driver.exec_sync(container, ["true"], 10)
        await driver.remove_pod_sandbox(sandbox)


async def main(root: Path, images: Path, cgroup: str, cidr: str) -> None:
    driver = OciDriver(
        OciOptions(root, cgroup_root=cgroup), ImageStore(images), RoutedPodNetwork(cidr)
    )
    await driver.start()
    sys.stdout.write("started\n")
    sys.stdout.flush()
    await asyncio.gather(*(work(driver, worker) for worker in range(WORKERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
