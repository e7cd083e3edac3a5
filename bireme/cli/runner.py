"""Runs one long-lived command: logs, signals, exit codes.

SIGTERM and SIGINT cancel the command's task, as does the end of a parent that handed us a pipe; what
it does in its `finally` blocks is the orderly end. Neighbours: `server` and `node` bring the coroutine.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from bireme.cli import logs

STOP_SECONDS = 5.0
"""The contract: SIGTERM ends a process within 5 s, even if something hangs."""

GC_THRESHOLDS = (50_000, 20, 100)
"""When the cycle collector runs. Parsed objects are trees, freed by their reference counts: Python's
own thresholds (700, 10, 10) would have it walk them, and all that lives, for a fifth of the CPU of
a write. 50,000 young objects are at most 10 MB of cycles that wait. A server has rules of its own
once it is up (`garbage`)."""


def run(main: Callable[[], Coroutine[Any, Any, None]], *, uvloop: bool = False) -> None:
    """Run until it returns or a signal comes; other errors pass through."""
    logs.configure()
    gc.set_threshold(*GC_THRESHOLDS)
    _raise_file_limit()
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if uvloop:
        import uvloop as library

        factory = library.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_until_signal(main))


async def _until_signal(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    task = asyncio.ensure_future(main())  # noqa: TID251  awaited below; a signal cancels it
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.call_later(STOP_SECONDS, os._exit, 1)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    _follow_parent(loop, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _follow_parent(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """A test that is killed cannot stop its server: the pipe that it held (`BIREME_LIFELINE_FD`) can."""
    text = os.environ.pop("BIREME_LIFELINE_FD", "")
    if not text.isdigit():
        return
    pipe = int(text)

    def ended() -> None:
        loop.remove_reader(pipe)
        stop()

    # Nobody writes into it: it becomes readable by its end.
    loop.add_reader(pipe, ended)


def _raise_file_limit() -> None:
    """Watches and containers cost descriptors: take all that the hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
