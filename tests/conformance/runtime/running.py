"""Small things that tests of real containers say again and again: run, read output, read logs."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

from kubelet.runtime.config import ContainerConfig, SandboxConfig
from kubelet.runtime.interface import ProcessStream, StdStream
from tests.conformance.runtime.conftest import OciRig, sandbox_config

LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d (stdout|stderr) ([FP]) (.*)"
)


def script(text: str, **rest: object) -> ContainerConfig:
    config = ContainerConfig(name="main", image="busybox", command=("sh", "-c", text))
    return replace(config, **rest)


async def sandbox_with_logs(oci: OciRig, config: SandboxConfig | None = None) -> str:
    directory = str(oci.root / "logs")
    return await oci.driver.run_pod_sandbox(
        replace(config or sandbox_config(), log_directory=directory)
    )


async def output_of(oci: OciRig, config: ContainerConfig, sandbox: str = "") -> list[str]:
    """Run to the end; the lines that it printed, standard output first."""
    sandbox = sandbox or await sandbox_with_logs(oci)
    config = replace(config, log_path=f"{config.name}.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    await oci.ended(container)
    return [text for _, text in read_log(oci.root / "logs" / config.log_path)]


def read_log(path: Path) -> list[tuple[str, str]]:
    """(stream, line) with partial lines put together."""
    lines = []
    partial = {"stdout": "", "stderr": ""}
    for line in path.read_text().splitlines():
        match = LOG_LINE.fullmatch(line)
        assert match, line
        stream, tag, text = match.groups()
        partial[stream] += text
        if tag == "F":
            lines.append((stream, partial[stream]))
            partial[stream] = ""
    return lines + [(stream, text) for stream, text in partial.items() if text]


async def collect(stream: ProcessStream) -> tuple[bytes, bytes]:
    parts = {StdStream.STDOUT: b"", StdStream.STDERR: b""}
    while (output := await stream.read()) is not None:
        parts[output.stream] += output.data
    return parts[StdStream.STDOUT], parts[StdStream.STDERR]


async def read_until(stream: ProcessStream, text: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(30):
        while text not in seen:
            output = await stream.read()
            assert output is not None, seen
            seen += output.data
    return seen
