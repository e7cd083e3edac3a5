"""Addresses without a network, for hollow nodes and tests: `interface.PodNetwork` in memory."""

from collections.abc import Sequence

from kubelet.runtime.config import PortMapping
from kubelet.runtime.podnetwork import PodAttachment


class FakeNetwork:
    """Hands out addresses of 10.200.N.0/24 and so on, one after the other."""

    def __init__(self, prefix: str = "10.200") -> None:
        self._prefix = prefix
        self._next = 1
        self.attached: dict[str, PodAttachment] = {}

    async def start(self) -> None:
        return

    async def restore(self, attachments: Sequence[PodAttachment]) -> None:
        self.attached = {attachment.sandbox_id: attachment for attachment in attachments}

    async def setup(
        self,
        sandbox_id: str,
        pod_uid: str,
        netns_path: str,
        port_mappings: Sequence[PortMapping] = (),
    ) -> PodAttachment:
        del netns_path
        if sandbox_id in self.attached:
            return self.attached[sandbox_id]
        ip = f"{self._prefix}.{self._next >> 8 & 255}.{self._next & 255}"
        self._next += 1
        attachment = PodAttachment(sandbox_id, pod_uid, ip, "fake0", tuple(port_mappings))
        self.attached[sandbox_id] = attachment
        return attachment

    async def teardown(self, attachment: PodAttachment) -> None:
        self.attached.pop(attachment.sandbox_id, None)
