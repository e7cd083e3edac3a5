"""`/livez`, `/readyz`, `/healthz`: is this server alive, may it get requests?

Every check can be asked for alone (`/readyz/store`), left out (`?exclude=`) and listed
(`?verbose`). Alive means that a restart would not help; ready adds what takes time or can come
back. Neighbours: the store's and the cache's own checks. Reasons are withheld from the answer and
logged, as in Kubernetes: these paths are open to strangers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from apimachinery import wire
from apiserver.core import Core

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
"""A check that takes longer has failed: probes of load balancers wait about as long."""

Check = Callable[[Core], Awaitable[None]]
"""Returns when all is well, else raises."""


async def _ping(core: Core) -> None:
    """The event loop runs."""


async def _store(core: Core) -> None:
    await core.store.check()


async def _cache(core: Core) -> None:
    if not core.cache.ready:
        raise RuntimeError("the watch cache is not following the store")


async def _shutdown(core: Core) -> None:
    if core.stopping:
        raise RuntimeError("process is shutting down")


LIVE: dict[str, Check] = {"ping": _ping, "log": _ping}
READY: dict[str, Check] = {
    "ping": _ping,
    "log": _ping,
    "etcd": _store,
    "informer-sync": _cache,
    "shutdown": _shutdown,
}
"""Kubernetes' names where it has one; `etcd` is whatever store there is."""

_CHECKS = {"livez": LIVE, "readyz": READY, "healthz": READY}


async def handle(core: Core, request: wire.Request) -> wire.Response:
    """200 `ok`, or 500 with one line for each check."""
    parts = [part for part in request.path.split("/") if part]
    endpoint, alone = parts[0], "/".join(parts[1:])
    checks = _CHECKS[endpoint]
    if alone:
        if alone not in checks:
            return _text(404, "404 page not found\n")
        checks = {alone: checks[alone]}
    excluded = {value for key, value in request.query if key == "exclude"}
    failed = await _run(core, {n: c for n, c in checks.items() if n not in excluded})
    if not failed and not any(key == "verbose" for key, _ in request.query):
        return _text(200, "ok")
    return _report(endpoint, checks, excluded, failed)


async def _run(core: Core, checks: dict[str, Check]) -> set[str]:
    """The names of the checks that fail."""
    failed = set()
    for name, check in checks.items():
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check(core)
        except Exception as problem:  # noqa: BLE001 - whatever goes wrong in a check is its answer
            log.warning("health check failed check=%s reason=%r", name, str(problem))
            failed.add(name)
    return failed


def _report(
    endpoint: str, checks: dict[str, Check], excluded: set[str], failed: set[str]
) -> wire.Response:
    lines = []
    for name in checks:
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok")
        elif name in failed:
            lines.append(f"[-]{name} failed: reason withheld")
        else:
            lines.append(f"[+]{name} ok")
    unknown = sorted(excluded - checks.keys())
    if unknown:
        named = ", ".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {named}")
    lines.append(f"{endpoint} check {'failed' if failed else 'passed'}")
    return _text(500 if failed else 200, "\n".join(lines) + "\n")


def _text(code: int, body: str) -> wire.Response:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return wire.Response(code, headers, body.encode())
