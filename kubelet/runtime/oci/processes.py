"""Start a helper program, wait for it with a deadline, keep what it said. Argument lists only."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

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
