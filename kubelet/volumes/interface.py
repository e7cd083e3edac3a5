"""What the rest of the agent asks of volumes. `manager` fulfils it; hollow nodes have none."""

from collections.abc import Container, Mapping
from typing import Protocol

from apimachinery.wire import JsonObject
from kubelet.runtime.config import Mount


class Volumes(Protocol):
    """All pods' volumes of one node. Errors are `VolumeError` and the client's ApiError."""

    async def setup(self, pod: JsonObject) -> None:
        """Every volume of the pod is there when this returns; quick if it was before."""

    async def update(self, pod: JsonObject) -> None:
        """The pod's labels or annotations have changed."""

    async def mounts(
        self, pod: JsonObject, spec: JsonObject, env: Mapping[str, str]
    ) -> list[Mount]:
        """What one container sees; after `setup`. Its environment names parts of paths."""

    async def read_file(self, pod: JsonObject, volume: str, path: str) -> bytes | None:
        """The beginning of a file of one of the pod's volumes; None where there is none."""

    async def teardown(self, uid: str) -> None:
        """Nothing of the pod's volumes stays on the node."""

    async def leftovers(self, known: Container[str]) -> list[str]:
        """Uids that have something here and are not known; `known` may grow while we look."""

    async def close(self) -> None: ...
