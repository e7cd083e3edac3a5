"""The whole framework, from its options to its end: state, session, checks, HTTP.

Neighbours: `bireme.cli.marathon` runs it. Composition only.
"""

import asyncio
import socket
import time
import uuid

import aiohttp

from frameworks.marathon.bus import Bus
from frameworks.marathon.checks import Checks
from frameworks.marathon.commands import Commands
from frameworks.marathon.engine import Engine
from frameworks.marathon.http.context import Context
from frameworks.marathon.http.server import Server
from frameworks.marathon.journal import Journal
from frameworks.marathon.options import Options
from frameworks.marathon.session import FRAMEWORK_ID, Session
from frameworks.marathon.state import State
from frameworks.marathon.store import Store
from offers.sdk import Scheduler

CHECKS_MAX = 200
"""Connections of health checks at a time: more would only compete."""


def _unique() -> str:
    return str(uuid.uuid4())


async def run(options: Options, listening: socket.socket) -> None:
    """Serve until cancelled. FrameworkError and StoreError (in a group) say why it can't."""
    state = State()
    with Store(options.state) as store:
        state.load(store.rows())
        scheduler = Scheduler(
            options.master,
            options.name,
            role=options.role,
            user=options.user,
            framework_id=state.facts.get(FRAMEWORK_ID, ""),
            failover_timeout=options.failover_timeout,
            capabilities=("PARTITION_AWARE", "TASK_KILLING_STATE", "GPU_RESOURCES"),
            principal=options.principal,
            secret=options.secret,
            ca_file=options.ca_file,
            webui_url=f"http://{options.leader}",
            suppressed=True,
        )
        connector = aiohttp.TCPConnector(limit=CHECKS_MAX, ssl=False, force_close=True)
        async with scheduler, aiohttp.ClientSession(connector=connector) as http:
            journal = Journal(state, store)
            engine = Engine(state, journal, Bus(time.time), now=time.time, unique=_unique)
            context = Context(
                engine,
                Commands(engine, _unique),
                Checks(engine, http),
                Session(engine, scheduler),
                options,
            )
            await _work(context, Server(context, options.credentials), listening)


async def _work(context: Context, server: Server, listening: socket.socket) -> None:
    await server.start(listening)
    engine, session = context.engine, context.session
    loops = (
        engine.journal.run, engine.run, context.checks.run, session.run, session.reconcile,
    )  # fmt: skip
    try:
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(loop(), name=loop.__qualname__)
    finally:
        await server.stop()
