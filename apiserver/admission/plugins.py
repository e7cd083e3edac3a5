"""The plugins of a standard server, in the order in which Kubernetes runs its own."""

from apimachinery.names import Rng
from apiserver.admission.chain import Plugin
from apiserver.admission.limits import LimitRanger
from apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from apiserver.admission.node_restriction import NodeRestriction
from apiserver.admission.priority import Priority, PriorityClasses
from apiserver.admission.service_account import ServiceAccounts
from apiserver.admission.tolerations import DefaultTolerationSeconds
from apiserver.cache import WatchCache


def standard(cache: WatchCache, entropy: Rng) -> tuple[Plugin, ...]:
    """All that are always on."""
    return (
        NamespaceLifecycle(cache),
        LimitRanger(cache),
        ServiceAccounts(cache, entropy),
        NodeRestriction(cache),
        DefaultTolerationSeconds(),
        Priority(cache),
        PriorityClasses(cache),
    )
