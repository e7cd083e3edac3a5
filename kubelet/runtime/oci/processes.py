"""Start a helper program, wait for it with a deadline, keep what it said. Argument lists only."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

# What programs such as runc print is a few lines; more is cut.
MAX_OUTPUT_BYTES = 64 << 10
_TEXT_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')
# Words that wrap the cause in runc's messages and tell a user nothing.
_NOISE = (
    "runc create failed: ",
    "runc run failed: ",
    "exec failed: ",
    "unable to start container process: ",
    "container_linux.go:",
)

_Stdio = int | IO[bytes] | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str


class ProgramTimeoutError(Exception):
    """It did not end in time and was killed."""


async def run(argv: Sequence[str], timeout: float) -> Finished:
    """Run to the end; killed when the time is over or the caller is cancelled."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        raise ProgramTimeoutError(f"{argv[0]} did not finish within {timeout:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Finished(process.returncode, _decode(stdout), _decode(stderr))


class Child:
    """A child whose end is told by its pidfd: no thread each, unlike asyncio's subprocess."""

    def __init__(
        self, argv: Sequence[str], *, stdin: _Stdio, stdout: _Stdio, stderr: _Stdio
    ) -> None:
        loop = asyncio.get_running_loop()
        self._popen = subprocess.Popen(
            argv, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True, bufsize=0
        )
        self.stdin, self.stdout, self.stderr = (
            self._popen.stdin,
            self._popen.stdout,
            self._popen.stderr,
        )
        self._ended: asyncio.Future[int] = loop.create_future()
        self._descriptor = os.pidfd_open(self._popen.pid)
        loop.add_reader(self._descriptor, self._reap)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        code = self._popen.wait()
        if not self._ended.done():
            self._ended.set_result(code)

    @property
    def returncode(self) -> int | None:
        return self._popen.returncode

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def signal(self, number: int) -> None:
        """Nothing happens if it has ended."""
        if self._popen.returncode is None:
            self._popen.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def kill_children(self) -> None:
        """Kill what it has started; it has not been waited for, so the pids are still theirs."""
        for path in Path(f"/proc/{self._popen.pid}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for pid in path.read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)


def _decode(data: bytes) -> str:
    return data[:MAX_OUTPUT_BYTES].decode("utf-8", "replace")


def cause(text: str) -> str:
    """The reason in what an OCI runtime logged, as text or JSON lines, without its wrapping."""
    message = ""
    for line in text.splitlines():
        message = _message(line) or message
    for noise in _NOISE:
        message = message.replace(noise, "")
    return message.strip()


def _message(line: str) -> str:
    stripped = line.strip()
    if stripped.startswith("{"):
        try:
            entry = orjson.loads(stripped)
        except orjson.JSONDecodeError:
            return stripped
        return str(entry.get("msg", "")) if entry.get("level") in {"error", "fatal"} else ""
    found = _TEXT_MESSAGE.search(stripped)
    if found is None:
        return stripped
    if "level=warning" in stripped or "level=debug" in stripped or "level=info" in stripped:
        return ""
    return found.group(1).replace('\\"', '"').replace("\\\\", "\\")
