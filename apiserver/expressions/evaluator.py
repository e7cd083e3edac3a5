"""The API server's end of the child that evaluates expressions.

Started when the first expression comes, ended after a minute without any; killed, and started
anew, when an answer takes longer than the deadline. One request at a time: the child has one core.
Neighbours: `worker` runs in it; admission asks.
"""

import asyncio
import logging
import pickle
import struct
import sys
from collections.abc import Callable, Sequence

from apiserver.expressions.questions import (
    BUDGET,
    Answer,
    Ask,
    Check,
    Checked,
    Group,
    Outcome,
    Question,
)

LOG = logging.getLogger(__name__)

DEADLINE = 10.0
"""Seconds for all expressions of one write. Costs are bounded before: all that a write may spend
takes two seconds where nothing else runs. This is for what the price list has wrong."""
START_SECONDS = 20.0
"""Until a new child has answered its first request: a fifth of a second where nothing is busy."""
IDLE_SECONDS = 60.0
"""Without work the child goes, and its 40 MB with it."""
QUESTIONS_MAX = 100
"""Things that the expressions of one write may ask of the authorizer: each begins them anew."""

Decide = Callable[[Question], tuple[bool, str]]
"""Whether something is allowed, and why."""

_LENGTH = struct.Struct("!I")


class TooSlow(Exception):  # noqa: N818  a fact about an expression
    """The expressions took longer than the deadline."""


class Evaluator:
    """See the module."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def check(self, expressions: Sequence[Check]) -> Sequence[Checked]:
        """Whether they can be used, and what they cost; raises TooSlow."""
        return (await self._ask(Ask(checks=tuple(expressions)))).checked

    async def evaluate(
        self, groups: Sequence[Group], *, budget: int = BUDGET, decide: Decide | None = None
    ) -> Sequence[Sequence[Outcome]]:
        """The outcomes of all expressions, group by group; raises TooSlow.

        `decide` answers what they ask of the authorizer.
        """
        answers: dict[Question, tuple[bool, str]] = {}
        for _ in range(QUESTIONS_MAX):
            found = await self._ask(Ask(groups=tuple(groups), budget=budget, answers=answers))
            if found.question is None:
                return found.outcomes
            answers[found.question] = decide(found.question) if decide else (False, "")
        raise TooSlow

    async def _ask(self, request: Ask) -> Answer:
        async with self._turn:
            process = await self._started()
            found = await self._exchange(process, request, self._deadline)
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._rest)
            return found

    async def _started(self) -> asyncio.subprocess.Process:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "apiserver.expressions.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            # Its answer to nothing says that it is up: its start counts for no deadline.
            await self._exchange(self._process, Ask(), START_SECONDS)
        return self._process

    async def _exchange(
        self, process: asyncio.subprocess.Process, request: Ask, seconds: float
    ) -> Answer:
        """One request and its answer; whatever goes wrong costs the child."""
        assert process.stdin is not None, "a pipe"
        assert process.stdout is not None, "a pipe"
        body = pickle.dumps(request)
        answered = False
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(_LENGTH.pack(len(body)) + body)
                await process.stdin.drain()
                (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
                body = await process.stdout.readexactly(length)
                found: Answer = pickle.loads(body)  # noqa: S301  our own child
            answered = True
        except TimeoutError:
            raise TooSlow from None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            LOG.warning("the child that evaluates expressions has died: %s", error)
            raise TooSlow from error
        finally:
            # Also when the caller was cancelled: half an answer may lie in the pipe.
            if not answered:
                await self._kill()
        return found

    def _rest(self) -> None:
        """Close the child's input: it ends by itself."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def close(self) -> None:
        """End the child."""
        if self._idle is not None:
            self._idle.cancel()
        process = self._process
        self._rest()
        if process is not None:
            await process.wait()
