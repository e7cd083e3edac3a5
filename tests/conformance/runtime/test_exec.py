"""Commands run in real containers: streams, terminals, exit codes, ends."""

import asyncio
import os

import pytest

from kubelet.runtime import errors
from kubelet.runtime.interface import ExecResult
from tests.conformance.runtime.conftest import HEEDS_TERM, OciRig, exits_with
from tests.conformance.runtime.running import collect, read_until


async def test_exec_gives_streams_apart_and_the_exit_code(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    result = await oci.driver.exec_sync(container, ["sh", "-c", "echo o; echo e >&2; exit 7"], 10)
    assert result == ExecResult(7, b"o\n", b"e\n")


async def test_exec_of_an_unknown_command_says_so(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    with pytest.raises(
        errors.ExecError,
        match=r'^OCI runtime exec failed: .*"nope": executable file not found in \$PATH',
    ):
        await oci.driver.exec_sync(container, ["nope"], 10)


async def test_exec_in_a_container_that_has_ended_is_refused(oci: OciRig) -> None:
    container = await oci.run(exits_with(0))
    await oci.ended(container)
    with pytest.raises(errors.StateError):
        await oci.driver.exec_sync(container, ["true"], 10)


async def test_a_command_that_takes_too_long_is_killed(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    with pytest.raises(errors.ExecTimeoutError):
        await oci.driver.exec_sync(container, ["sleep", "1234"], 0.3)
    listing = await oci.driver.exec_sync(container, ["ps"], 10)
    assert b"1234" not in listing.stdout


async def test_large_input_comes_back_whole(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(container, ["cat"], stdin=True)
    data = os.urandom(3 << 20)

    async def feed() -> None:
        await stream.write_stdin(data)
        await stream.close_stdin()

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        received = group.create_task(collect(stream))
    assert received.result()[0] == data
    assert await stream.wait() == 0
    await stream.close()


async def test_closing_a_stream_kills_its_command(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(container, ["sh", "-c", "echo ready; exec sleep 4321"])
    await read_until(stream, b"ready")
    await stream.close()
    listing = await oci.driver.exec_sync(container, ["ps"], 10)
    assert b"4321" not in listing.stdout
    directory = oci.root / "node" / "containers" / container
    assert not list(directory.glob("exec-*"))


async def test_exec_with_a_terminal(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(container, ["sh"], tty=True, stdin=True)
    await read_until(stream, b"# ")
    await stream.resize(123, 45)
    await stream.write_stdin(b"stty size; tty\n")
    seen = await read_until(stream, b"/dev/pts/")
    assert b"45 123" in seen
    await stream.write_stdin(b"exit 9\n")
    await collect(stream)
    assert await stream.wait() == 9
    await stream.close()


async def test_control_c_reaches_the_command_on_the_terminal(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(
        container,
        ["sh", "-c", "trap 'exit 33' INT; echo ready; while :; do sleep 0.05; done"],
        tty=True,
        stdin=True,
    )
    await read_until(stream, b"ready")
    await stream.write_stdin(b"\x03")
    await collect(stream)
    assert await stream.wait() == 33
    await stream.close()
