"""`/version`: which Kubernetes this server behaves like.

Clients choose by it what they may ask for. Neighbour: `apimachinery.version`.
"""

import platform

import orjson

from apimachinery import version, wire
from apiserver.core import Core

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


async def handle(core: Core, request: wire.Request) -> wire.Response:  # noqa: ARG001 - handlers share a shape
    """Kubernetes' version.Info, with Python where Go's tool chain is told."""
    machine = platform.machine()
    told = {
        "major": version.KUBERNETES_MAJOR,
        "minor": version.KUBERNETES_MINOR,
        "emulationMajor": version.KUBERNETES_MAJOR,
        "emulationMinor": version.KUBERNETES_MINOR,
        "minCompatibilityMajor": version.KUBERNETES_MAJOR,
        "minCompatibilityMinor": version.KUBERNETES_MINOR,
        "gitVersion": version.GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation(),
        "platform": f"linux/{_MACHINES.get(machine, machine)}",
    }
    body = orjson.dumps(told, option=orjson.OPT_INDENT_2)
    return wire.Response(200, {"Content-Type": "application/json"}, body)
