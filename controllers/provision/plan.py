"""The objects that each active namespace must have, and whether one needs repair. Pure.

Neighbour: `provision.controller` writes them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from apimachinery import scheme
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject

ROOT_CA = "kube-root-ca.crt"
DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True, slots=True)
class Provision:
    """One object that each namespace gets."""

    component: str
    resource: Resource
    name: str
    body: JsonObject
    """All of the object but its metadata's name and namespace."""
    repair: Callable[[JsonObject], JsonObject | None]
    """From the present object to a merge patch; None if it will do."""

    def object_in(self, namespace: str) -> JsonObject:
        metadata = self.body.get("metadata", {}) | {"name": self.name, "namespace": namespace}
        head = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
        return head | self.body | {"metadata": metadata}


def default_account() -> Provision:
    """What pods run as when they say nothing."""
    return Provision(
        "serviceaccount-controller", scheme.SERVICEACCOUNTS, DEFAULT_ACCOUNT, {}, lambda _: None
    )


def root_ca(bundle: str) -> Provision:
    """The certificates (PEM) by which pods recognise the API server."""
    data = {"ca.crt": bundle}
    text = (
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
        "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
        "guaranteed across distributions of Kubernetes clusters."
    )
    body = {"metadata": {"annotations": {"kubernetes.io/description": text}}, "data": data}

    def repair(present: JsonObject) -> JsonObject | None:
        found = present.get("data") or {}
        return None if found == data else {"data": dict.fromkeys(found) | data}

    return Provision(
        "root-ca-certificate-publisher-controller", scheme.CONFIGMAPS, ROOT_CA, body, repair
    )
