"""The fake driver on virtual time: what only it can show."""

import asyncio

import pytest

from kubelet.network.fake import FakeNetwork
from kubelet.runtime.config import ContainerConfig, SandboxConfig
from kubelet.runtime.errors import CreateContainerError, ExecTimeoutError
from kubelet.runtime.fake import Behaviour, FakeDriver, FakeMachine, Latency
from kubelet.runtime.interface import ContainerState, ExecResult

SANDBOX = SandboxConfig(uid="u", name="web", namespace="default")
pytestmark = pytest.mark.asyncio


def driver(behaviour: Behaviour, latency: Latency = Latency()) -> FakeDriver:  # noqa: B008 - frozen
    loop = asyncio.get_running_loop()
    return FakeDriver(FakeMachine(lambda _: behaviour, latency, loop.time), FakeNetwork())


async def start(fake: FakeDriver, *command: str) -> str:
    sandbox = await fake.run_pod_sandbox(SANDBOX)
    container = await fake.create_container(
        sandbox, ContainerConfig("main", "app", command=command)
    )
    await fake.start_container(container)
    return container


@pytest.mark.looptime
async def test_each_step_takes_its_time() -> None:
    fake = driver(Behaviour(), Latency(sandbox=1, create=2, start=3))
    begin = asyncio.get_running_loop().time()
    await start(fake)
    assert asyncio.get_running_loop().time() - begin == 6


@pytest.mark.looptime
async def test_a_container_ends_when_it_is_said_to() -> None:
    fake = driver(Behaviour(run_for=3600, exit_code=3, reason="OOMKilled"))
    events = fake.events()
    container = await start(fake)
    event = await anext(events)
    assert (event.exit_code, event.reason) == (3, "OOMKilled")
    status = await fake.container_status(container)
    assert status.finished_at - status.started_at == 3600


@pytest.mark.looptime
async def test_grace_passes_before_the_kill() -> None:
    fake = driver(Behaviour(heeds_stop=False))
    container = await start(fake)
    begin = asyncio.get_running_loop().time()
    await fake.stop_container(container, 30)
    assert asyncio.get_running_loop().time() - begin == 30
    assert (await fake.container_status(container)).exit_code == 137


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("command", "code"),
    [(("true",), 0), (("false",), 1), (("sleep", "2.5"), 0), (("sh", "-c", "exit 9"), 9)],
)
async def test_simple_commands_end_by_themselves(command: tuple[str, ...], code: int) -> None:
    fake = FakeDriver()
    events = fake.events()
    await start(fake, *command)
    assert (await anext(events)).exit_code == code


async def test_other_commands_run() -> None:
    fake = FakeDriver()
    container = await start(fake, "nginx")
    assert (await fake.container_status(container)).state is ContainerState.RUNNING


async def test_a_create_error_leaves_nothing() -> None:
    fake = driver(Behaviour(create_error="no"))
    with pytest.raises(CreateContainerError, match="no"):
        await start(fake)
    assert await fake.list_containers() == []


@pytest.mark.looptime
async def test_exec_is_scripted() -> None:
    fake = driver(
        Behaviour(run=lambda argv: ExecResult(4, " ".join(argv).encode(), b""), exec_seconds=5)
    )
    container = await start(fake)
    assert await fake.exec_sync(container, ["a", "b"], 10) == ExecResult(4, b"a b", b"")
    with pytest.raises(ExecTimeoutError):
        await fake.exec_sync(container, ["a"], 1)
    stream = await fake.exec(container, ["x"])
    output = await stream.read()
    assert output is not None
    assert output.data == b"x"
    assert await stream.read() is None
    assert await stream.wait() == 4


async def test_a_machine_outlives_its_driver() -> None:
    first = driver(Behaviour())
    container = await start(first)
    second = FakeDriver(first.machine, FakeNetwork())
    await second.start()
    assert (await second.container_status(container)).state is ContainerState.RUNNING


async def test_a_log_is_written_in_cri_format(tmp_path) -> None:
    fake = driver(Behaviour(stdout="one\ntwo\n"))
    sandbox = await fake.run_pod_sandbox(
        SandboxConfig(uid="u", name="n", namespace="d", log_directory=str(tmp_path))
    )
    container = await fake.create_container(
        sandbox, ContainerConfig("main", "app", log_path="main/0.log")
    )
    await fake.start_container(container)
    lines = (tmp_path / "main/0.log").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["stdout F one", "stdout F two"]
