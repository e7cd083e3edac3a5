"""The OCI runtime's command line (runc, or crun where it works): the verbs that we use.

Creation goes through the supervisor (`conmon.py`); exec has streams of its own (`execs.py`).
"""

from collections.abc import Sequence
from pathlib import Path

from kubelet.runtime.errors import RuntimeDriverError, StartContainerError
from kubelet.runtime.oci import processes

# A verb takes some 10 ms; on a machine in distress seconds.
VERB_TIMEOUT_SECONDS = 60.0


class OciRuntime:
    """One runtime binary with its own state directory."""

    def __init__(self, binary: str, state: Path) -> None:
        self.binary = binary
        self.state = state

    @property
    def arguments(self) -> list[str]:
        return [self.binary, "--root", str(self.state)]

    async def version(self) -> str:
        finished = await processes.run([self.binary, "--version"], VERB_TIMEOUT_SECONDS)
        words = finished.stdout.split()
        return words[2] if len(words) > 2 else "unknown"

    async def start(self, container_id: str) -> None:
        finished = await self._run("start", container_id)
        if finished.code != 0:
            raise StartContainerError(processes.cause(finished.stderr) or "runc start failed")

    async def kill_all(self, container_id: str, signal: str) -> None:
        """Also processes that are not below the first one; what is gone is no error."""
        await self._run("kill", "--all", container_id, signal)

    async def delete(self, container_id: str) -> None:
        """Kill what runs, remove cgroup and state; nothing happens if it is unknown."""
        if not (self.state / container_id).exists():
            return
        finished = await self._run("delete", "--force", container_id)
        if finished.code != 0 and (self.state / container_id).exists():
            raise RuntimeDriverError(
                f"cannot remove container {container_id}: {processes.cause(finished.stderr)}"
            )

    async def _run(self, verb: str, *arguments: str) -> processes.Finished:
        argv: Sequence[str] = [*self.arguments, verb, *arguments]
        return await processes.run(argv, VERB_TIMEOUT_SECONDS)
