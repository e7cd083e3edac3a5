"""Keeps a node's kernel true to the NetworkPolicies of the cluster.

Snapshot, then follow, as the service proxy does. While the cluster has no policy, only policies
are watched: pods and namespaces of the whole cluster are followed from the first policy on. A pod
of this node is held back before its containers start until its policies are loaded (`admit`).
Neighbours: `policies` (what the objects say), `firewall` (scripts), `nftables`, `pods` (addresses
of this node's pods, known before the API shows them). Runs on plain asyncio, in the node's own
network namespace.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from apimachinery import scheme
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from kubelet.network import policies
from kubelet.network.firewall import Firewall
from kubelet.network.nftables import Nftables, NftablesError
from kubelet.network.proxy import remove_rules
from kubelet.runtime.podnetwork import PodAttachment

LOG = logging.getLogger(__name__)

GATHER_S = 0.005
"""How long changes are gathered after the first: a rollout's burst becomes one load."""
ADMIT_S = 5.0
"""A pod is held back no longer than this: if its labels are not known by then, it starts without."""
REPAIR_DELAY_S = 1.0
"""After a refused script everything is loaded anew, not sooner than this."""


def names_of(address: str) -> policies.Pod:
    """The cluster's DNS answers on each node, without a pod: policies that open the way to the
    usual one (`k8s-app: kube-dns` in kube-system) shall open the way to ours.
    """
    return policies.Pod(
        namespace="kube-system",
        labels={"k8s-app": "kube-dns"},
        uid="",
        ip=address,
        ports=(("dns", "udp", 53), ("dns-tcp", "tcp", 53)),
    )


class PolicyEnforcer:
    """See the module's docstring. `run` ends only by cancellation; the rules stay loaded."""

    def __init__(self, client: Client, table: str, dns_address: str) -> None:
        self._firewall = Firewall(table)
        self._firewall.pod("", names_of(dns_address))
        self._policies = Informer(client, scheme.NETWORKPOLICIES, policies.policy_of)
        self._pods = Informer(client, scheme.PODS, policies.pod_of)
        self._namespaces = Informer(client, scheme.NAMESPACES, policies.namespace_of)
        self._wake = asyncio.Event()
        self._enforcing = False
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        """Pods that are held back, by uid."""
        self._policies.add_handler(partial(self._changed, self._firewall.policy))
        self._pods.add_handler(partial(self._changed, self._firewall.pod))
        self._namespaces.add_handler(partial(self._changed, self._firewall.namespace))

    async def run(self) -> None:
        """Wait for the first policy, load everything, then follow."""
        remove_rules(self._firewall.table)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._policies.run())
            await self._policies.synced()
            while not self._firewall.policies:
                self._wake.clear()
                await self._wake.wait()
            group.create_task(self._pods.run())
            group.create_task(self._namespaces.run())
            await self._pods.synced()
            await self._namespaces.synced()
            kernel = Nftables()
            try:
                await self._follow(kernel)
            finally:
                self._enforcing = False
                kernel.close()

    def attached(self, attachments: Sequence[PodAttachment]) -> None:
        """The pods of this node, all of them, whenever one comes or goes."""
        self._firewall.attached({a.sandbox_id: (a.pod_uid, a.ip) for a in attachments})
        self._wake.set()

    async def admit(self, attachment: PodAttachment) -> None:
        """Wait until the pod's policies are in the kernel."""
        if not self._enforcing:
            return
        loaded = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(attachment.pod_uid, []).append(loaded)
        self._wake.set()
        try:
            await asyncio.wait_for(loaded, ADMIT_S)
        except TimeoutError:
            LOG.warning("a pod starts before its policies are known uid=%s", attachment.pod_uid)

    def _changed(
        self, take: Callable[[str, Any], None], key: str, old: object | None, new: object | None
    ) -> None:
        del old
        take(key, new)
        self._wake.set()

    async def _follow(self, kernel: Nftables) -> None:
        script = self._firewall.whole()
        self._enforcing = True
        while True:
            self._wake.clear()
            if script:
                try:
                    kernel.run(script)
                except NftablesError as error:
                    LOG.warning("policies refused, loading all anew error=%s", error)
                    await asyncio.sleep(REPAIR_DELAY_S)
                    script = self._firewall.whole()
                    continue
            self._let_go()
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            script = self._firewall.changes()

    def _let_go(self) -> None:
        for uid in [uid for uid in self._waiting if self._firewall.knows(uid)]:
            for loaded in self._waiting.pop(uid):
                if not loaded.done():
                    loaded.set_result(None)
