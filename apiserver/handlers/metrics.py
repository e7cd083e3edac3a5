"""`/metrics` in Prometheus' text form: requests, streams, the store, the process.

Neighbours: `apiserver.metrics` counts. Nothing here is kept between two calls.
"""

import os
import resource
from pathlib import Path

from apimachinery import version, wire
from apiserver.core import Core
from apiserver.metrics import header, sample

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def handle(core: Core, request: wire.Request) -> wire.Response:  # noqa: ARG001 - handlers share a shape
    """All metrics of this process."""
    text = core.metrics.render() + _build() + _store(core) + _process()
    return wire.Response(200, {"Content-Type": _TYPE}, text.encode())


def _build() -> str:
    name = "kubernetes_build_info"
    labels = [("git_version", version.GIT_VERSION)]
    return header(name, "gauge", "The version, as a label of the value 1.") + sample(
        name, labels, 1
    )


def _store(core: Core) -> str:
    name = "apiserver_storage_revision"
    text = "The revision up to which the watch cache has followed the store."
    return header(name, "gauge", text) + sample(name, (), core.cache.revision)


def _process() -> str:
    """What Prometheus' client libraries tell about their process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only the number counts
    told = (
        ("process_cpu_seconds_total", "counter", usage.ru_utime + usage.ru_stime),
        ("process_resident_memory_bytes", "gauge", pages * resource.getpagesize()),
        ("process_open_fds", "gauge", descriptors),
    )
    return "".join(
        header(name, kind, "See Prometheus' process metrics.") + sample(name, (), value)
        for name, kind, value in told
    )
