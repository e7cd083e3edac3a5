"""The plugins of a standard server, in the order in which Kubernetes runs its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from apimachinery.names import Rng
from apiserver.admission import configuration
from apiserver.admission.certificate_requests import SubjectRestriction
from apiserver.admission.chain import Plugin
from apiserver.admission.ingress_class import DefaultIngressClass
from apiserver.admission.limits import LimitRanger
from apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from apiserver.admission.node_restriction import NodeRestriction
from apiserver.admission.podsecurity import configuration as podsecurity
from apiserver.admission.podsecurity.plugin import PodSecurity
from apiserver.admission.priority import Priority, PriorityClasses
from apiserver.admission.runtime_class import RuntimeClass
from apiserver.admission.service_account import ServiceAccounts
from apiserver.admission.storage_defaults import (
    ClaimResize,
    DefaultStorageClass,
    StorageProtection,
)
from apiserver.admission.tolerations import DefaultTolerationSeconds
from apiserver.attributes import Authorizer
from apiserver.cache import WatchCache
from apiserver.settings import BadConfiguration


@dataclass(frozen=True, slots=True)
class Configured:
    """What a file says about plugins."""

    pod_security: podsecurity.Configuration = field(default_factory=podsecurity.Configuration)


def configured(path: Path) -> Configured:
    """Read the file; raises BadConfiguration."""
    given = configuration.read(path)
    unknown = sorted(given.keys() - {"PodSecurity"})
    if unknown:
        raise BadConfiguration(f"the plugin {unknown[0]} takes no configuration")
    return Configured(podsecurity.read(given["PodSecurity"])) if given else Configured()


def standard(
    cache: WatchCache,
    entropy: Rng,
    authorizer: Callable[[], Authorizer],
    configured: Configured,
) -> tuple[Plugin, ...]:
    """All that are always on."""
    return (
        NamespaceLifecycle(cache),
        LimitRanger(cache),
        ServiceAccounts(cache, entropy),
        NodeRestriction(cache, authorizer),
        PodSecurity(cache, configured.pod_security),
        DefaultTolerationSeconds(),
        Priority(cache),
        PriorityClasses(cache),
        DefaultStorageClass(cache),
        StorageProtection(),
        ClaimResize(cache),
        RuntimeClass(cache),
        DefaultIngressClass(cache),
        SubjectRestriction(),
    )
