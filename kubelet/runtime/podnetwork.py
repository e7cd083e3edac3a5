"""How a pod gets its address: the contract between runtime drivers and the pod network.

A driver pins the pod's network namespace to a file and hands it over; the network gives it an
interface, an address and routes, and remembers by sandbox id. Promises:

- `setup` for a sandbox that is set up already returns the same address.
- An address is not dealt again while another is free that was used longer ago.
- `restore` comes before the first `setup`: what survived a restart of the agent keeps its address,
  and what belongs to no sandbox any more is removed.
- `teardown` of what is gone succeeds. After it no interface or route of the sandbox is left.

Failures are `NetworkError`. Pods on the host's network never come here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kubelet.runtime.config import PortMapping


class NetworkError(Exception):
    """The pod's network could not be made or removed; the message says what the kernel said."""


@dataclass(frozen=True, slots=True)
class PodAttachment:
    """A pod's place in the network, as the driver keeps it on disk."""

    sandbox_id: str
    pod_uid: str
    ip: str
    # The host's end of the pod's veth.
    interface: str
    port_mappings: tuple[PortMapping, ...] = ()


class PodNetwork(Protocol):
    """See the module's docstring."""

    async def start(self) -> None:
        """Set what the node's own namespace needs (forwarding); NetworkError without privileges."""

    async def restore(self, attachments: Sequence[PodAttachment]) -> None: ...

    async def setup(
        self,
        sandbox_id: str,
        pod_uid: str,
        netns_path: str,
        port_mappings: Sequence[PortMapping] = (),
    ) -> PodAttachment: ...

    async def teardown(self, attachment: PodAttachment) -> None: ...
