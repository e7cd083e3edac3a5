"""The drivers under test, each on a directory of its own, and how to look for leftovers."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kubelet.images.busybox import build_busybox
from kubelet.images.store import ImageStore
from kubelet.network.fake import FakeNetwork
from kubelet.network.pods import RoutedPodNetwork, interface_name
from kubelet.runtime.config import ContainerConfig, SandboxConfig
from kubelet.runtime.fake import Behaviour, FakeDriver, FakeMachine
from kubelet.runtime.interface import ContainerExited, ContainerState, RuntimeDriver
from kubelet.runtime.oci import cleanup
from kubelet.runtime.oci.driver import OciDriver
from kubelet.runtime.oci.node import OciOptions

# Programs that every driver understands (the fake by table, the others with busybox).
HEEDS_TERM = ("sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.02; done")
IGNORES_TERM = ("sh", "-c", "while :; do sleep 0.02; done")
UNKNOWN_COMMAND = ("no-such-command",)
PATIENCE_S = 10.0

NOT_ROOT = "the oci driver is tested as root: run these tests as root (or with -k fake)"


def exits_with(code: int) -> tuple[str, ...]:
    return ("sh", "-c", f"exit {code}")


def _fake_behaviour(config: ContainerConfig) -> Behaviour:
    if config.command == HEEDS_TERM:
        return Behaviour(stop_exit_code=5)
    if config.command == IGNORES_TERM:
        return Behaviour(heeds_stop=False)
    if config.command == UNKNOWN_COMMAND:
        return Behaviour(start_error='exec: "no-such-command": executable file not found in $PATH')
    return Behaviour(run_for=0.0, exit_code=int(config.command[-1].removeprefix("exit ")))


class Rig:
    """A machine with one driver at a time; `restart` is a new agent on the same machine."""

    driver: RuntimeDriver

    async def restart(self) -> None:
        raise NotImplementedError

    def kill(self, container_id: str, pid: int) -> None:
        raise NotImplementedError

    def leftovers(self) -> list[str]:
        raise NotImplementedError

    async def run(self, command: tuple[str, ...], name: str = "main", uid: str = "u1") -> str:
        """A sandbox and a started container in it."""
        sandbox = await self.driver.run_pod_sandbox(sandbox_config(uid))
        return await self.run_in(sandbox, command, name)

    async def run_in(self, sandbox: str, command: tuple[str, ...], name: str = "main") -> str:
        container = await self.driver.create_container(sandbox, container_config(command, name))
        await self.driver.start_container(container)
        return container

    async def ended(self, container_id: str) -> ContainerExited:
        """Wait for the exit of a container that may have ended already."""
        events = self.driver.events()
        status = await self.driver.container_status(container_id)
        if status.state is ContainerState.EXITED:
            return ContainerExited(
                status.id,
                status.sandbox_id,
                status.pod_uid,
                status.name,
                status.exit_code,
                status.reason,
            )
        async for event in events:
            if event.container_id == container_id:
                return event
        raise AssertionError("the events ended")


def sandbox_config(uid: str = "u1", attempt: int = 0) -> SandboxConfig:
    return SandboxConfig(uid=uid, name=f"pod-{uid}", namespace="default", attempt=attempt)


def container_config(command: tuple[str, ...], name: str = "main") -> ContainerConfig:
    return ContainerConfig(name=name, image="busybox", command=command)


class FakeRig(Rig):
    def __init__(self) -> None:
        self.machine = FakeMachine(_fake_behaviour)
        self.network = FakeNetwork()
        self.driver = FakeDriver(self.machine, self.network)

    async def restart(self) -> None:
        await self.driver.close()
        self.driver = FakeDriver(self.machine, self.network)
        await self.driver.start()

    def kill(self, container_id: str, pid: int) -> None:
        self.machine.kill(container_id)

    def leftovers(self) -> list[str]:
        return [*self.machine.sandboxes, *self.machine.containers, *self.network.attached]


@dataclass
class OciRig(Rig):
    root: Path
    store: ImageStore
    cidr: str = "10.199.17.0/24"
    sandboxes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cgroup_root = f"/bireme-test-{self.root.name}"
        self.options = OciOptions(self.root / "node", cgroup_root=self.cgroup_root)
        self.driver = self._new_driver()

    def _new_driver(self) -> OciDriver:
        return OciDriver(self.options, self.store, RoutedPodNetwork(self.cidr))

    async def restart(self) -> None:
        await self.driver.close()
        self.driver = self._new_driver()
        await self.driver.start()

    def kill(self, container_id: str, pid: int) -> None:
        os.kill(pid, 9)

    async def run_in(self, sandbox: str, command: tuple[str, ...], name: str = "main") -> str:
        """What heeds TERM does so from now on: its shell has set the trap."""
        container = await super().run_in(sandbox, command, name)
        if command == HEEDS_TERM:
            pid = (await self.driver.container_status(container)).pid
            async with asyncio.timeout(PATIENCE_S):
                while not _catches(pid, signal.SIGTERM):
                    await asyncio.sleep(0.01)
        return container

    async def remember(self) -> None:
        self.sandboxes += [s.id for s in await self.driver.list_pod_sandboxes()]

    def leftovers(self) -> list[str]:
        """Whatever bears our names; zombies are the idle init's business and do not count."""
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        found = [f"mount {line.split()[4]}" for line in mounts if str(self.root) in line]
        groups = Path("/sys/fs/cgroup").glob(f"*{self.cgroup_root}/*")
        found += [f"cgroup {path}" for path in groups if path.is_dir()]
        found += [
            f"interface {name}"
            for name in map(interface_name, self.sandboxes)
            if Path("/sys/class/net", name).exists()
        ]
        found += [f"process {line}" for line in _processes_of(str(self.root))]
        for part in ("sandboxes", "containers", "exits", "runc"):
            found += [str(path) for path in (self.root / "node" / part).iterdir()]
        return found


def _catches(pid: int, number: int) -> bool:
    """Whether the process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def _processes_of(text: str) -> Iterator[str]:
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit() and int(directory.name) != os.getpid():
            try:
                command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if text in command:
                yield f"{directory.name}: {command}"


@pytest.fixture(scope="session")
def image_store() -> Iterator[ImageStore]:
    directory = Path(tempfile.mkdtemp(prefix="brm-i"))
    store = ImageStore(directory)
    build_busybox(store)
    yield store
    shutil.rmtree(directory)


@pytest.fixture
async def oci(image_store: ImageStore) -> AsyncIterator[OciRig]:
    if os.geteuid() != 0:
        pytest.fail(NOT_ROOT)
    # Short, and not pytest's: the paths of sockets below it are bounded.
    root = Path(tempfile.mkdtemp(prefix="brm-r"))
    rig = OciRig(root, image_store)
    await rig.driver.start()
    try:
        yield rig
    finally:
        for sandbox in await rig.driver.list_pod_sandboxes():
            await rig.driver.remove_pod_sandbox(sandbox.id)
        await rig.driver.close()
        cleanup.remove_cgroups(rig.cgroup_root)
        assert not list(Path("/sys/fs/cgroup").glob(f"*{rig.cgroup_root}"))
        shutil.rmtree(root)


@pytest.fixture
async def fake() -> AsyncIterator[FakeRig]:
    rig = FakeRig()
    await rig.driver.start()
    yield rig
    rig.machine.close()


@pytest.fixture(params=["fake", "oci"])
def rig(request: pytest.FixtureRequest) -> Rig:
    rig: Rig = request.getfixturevalue(request.param)
    return rig
