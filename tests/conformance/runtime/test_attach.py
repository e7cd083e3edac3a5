"""Joining a real container's own streams."""

from kubelet.runtime.config import ContainerConfig
from tests.conformance.runtime.conftest import OciRig, sandbox_config
from tests.conformance.runtime.running import read_log, read_until, sandbox_with_logs, script


async def test_attach_to_a_container_with_a_terminal(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    config = ContainerConfig(name="main", image="busybox", command=("sh",), tty=True, stdin=True)
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    stream = await oci.driver.attach(container, stdin=True)
    await stream.resize(99, 33)
    await stream.write_stdin(b"echo $((40+2)); stty size\n")
    seen = await read_until(stream, b"33 99")
    assert b"42" in seen
    await stream.write_stdin(b"exit 4\n")
    assert await stream.wait() == 4
    await stream.close()


async def test_stdin_once_ends_the_input(oci: OciRig) -> None:
    sandbox = await sandbox_with_logs(oci)
    config = script("cat; echo end", stdin=True, stdin_once=True, log_path="0.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    stream = await oci.driver.attach(container, stdin=True)
    await stream.write_stdin(b"text\n")
    await stream.close_stdin()
    assert (await oci.ended(container)).exit_code == 0
    await stream.close()
    assert [text for _, text in read_log(oci.root / "logs/0.log")] == ["text", "end"]
