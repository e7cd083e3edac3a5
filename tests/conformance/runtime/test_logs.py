"""Logs of real containers: their format, rotation, and life."""

from pathlib import Path

from tests.conformance.runtime.conftest import OciRig
from tests.conformance.runtime.running import (
    output_of,
    read_log,
    read_until,
    sandbox_with_logs,
    script,
)


async def test_both_streams_are_logged_in_cri_format(oci: OciRig) -> None:
    sandbox = await sandbox_with_logs(oci)
    config = script("echo out; echo err >&2; printf partial", log_path="a/0.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    await oci.ended(container)
    status = await oci.driver.container_status(container)
    assert status.log_path == str(oci.root / "logs/a/0.log")
    assert sorted(read_log(Path(status.log_path))) == [
        ("stderr", "err"),
        ("stdout", "out"),
        ("stdout", "partial"),
    ]


async def test_a_renamed_log_is_reopened(oci: OciRig) -> None:
    sandbox = await sandbox_with_logs(oci)
    config = script("echo one; while read line; do echo $line; done", stdin=True, log_path="0.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    stream = await oci.driver.attach(container, stdin=True)
    await stream.write_stdin(b"two\n")
    await read_until(stream, b"two")
    log = oci.root / "logs" / "0.log"
    log.rename(oci.root / "logs" / "0.log.1")
    await oci.driver.reopen_container_log(container)
    await stream.write_stdin(b"three\n")
    await read_until(stream, b"three")
    await stream.close()
    assert ("stdout", "two") in read_log(oci.root / "logs" / "0.log.1")
    assert read_log(log) == [("stdout", "three")]


async def test_logs_stay_when_the_sandbox_goes(oci: OciRig) -> None:
    await output_of(oci, script("echo kept"))
    for sandbox in await oci.driver.list_pod_sandboxes():
        await oci.driver.remove_pod_sandbox(sandbox.id)
    assert read_log(oci.root / "logs" / "main.log") == [("stdout", "kept")]
