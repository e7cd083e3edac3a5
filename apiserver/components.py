"""`componentstatuses`: is the store there, do the scheduler and the control loops run?

Deprecated in Kubernetes, and still what people type first. An `apiserver.live.LiveResource`: asked when
somebody looks. Neighbours: `apiserver.assembly` knows of the store only; `bireme.cli` adds the parts
that run beside it, or whose leases tell that they run elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from apimachinery import meta, scheme
from apimachinery.wire import JsonObject
from apiserver.core import Core

RESOURCE = "componentstatuses"
CHECK_SECONDS = 2.0
"""A part that does not answer for this long is not well; `kubectl get cs` waits for it."""

Check = Callable[[], Awaitable[None]]
"""Returns when the part is well, else raises."""


class Components:
    """The parts of the control plane, by the names that Kubernetes' users know."""

    def __init__(self, core: Core, parts: dict[str, Check]) -> None:
        self._checks = {**parts, "etcd-0": core.store.check}

    async def objects(self, namespace: str, name: str = "") -> Iterable[JsonObject]:
        del namespace
        wanted = [one for one in self._checks if name in ("", one)]
        told = await asyncio.gather(*(_problem(self._checks[one]) for one in wanted))
        return [_object(one, problem) for one, problem in zip(wanted, told, strict=True)]


async def _problem(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except Exception as problem:  # noqa: BLE001  whatever goes wrong in a check is its answer
        return str(problem) or type(problem).__name__
    return ""


def _object(name: str, problem: str) -> JsonObject:
    healthy = {"type": "Healthy", "status": "False" if problem else "True"}
    return {
        "kind": "ComponentStatus",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "conditions": [{**healthy, "message": problem or "ok"}],
    }


def held(core: Core, namespace: str, name: str) -> Check:
    """Whether somebody renews a lease: so the part runs, wherever that is."""

    async def check() -> None:
        entry = core.cache.get(scheme.LEASES, namespace, name)
        spec = (entry.parse().get("spec") or {}) if entry is not None else {}
        renewed = spec.get("renewTime")
        lasts = float(spec.get("leaseDurationSeconds") or 0)
        if not renewed or meta.parse_time(renewed) + lasts < core.clock.now():
            raise RuntimeError(f"nobody holds the lease {namespace}/{name}")

    return check
