"""Whether a certificate request may be granted without a human, and how long requests stay. Pure.

Two kinds are approved: a node's client certificate, for whoever the authorizer lets ask for one,
and a node's serving certificate, for that node and the addresses that its Node object shows.
Neighbour: `certificates.controller` asks the authorizer and signs.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers import views

NODE_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
NODE_SERVING = "kubernetes.io/kubelet-serving"
API_CLIENT = "kubernetes.io/kube-apiserver-client"
SIGNED = frozenset({NODE_CLIENT, NODE_SERVING, API_CLIENT})
"""Signers that we are, once a request is approved."""

NODES_GROUP, NODE_PREFIX = "system:nodes", "system:node:"
MASTERS_GROUP = "system:masters"
"""Whoever is in it may do everything: no certificate request leads there."""

LIFETIME_MAX = 365 * 86_400
LIFETIME_MIN = 600
"""Seconds. Kubernetes' bounds for expirationSeconds."""

KEPT_SETTLED, KEPT_PENDING = 3600.0, 86_400.0
"""Seconds that settled and unsettled requests stay (Kubernetes' numbers)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a PEM request asks for."""

    common_name: str
    organizations: tuple[str, ...]
    names: tuple[str, ...]
    """DNS names and addresses."""
    other_names: bool
    """Asks for names of further kinds: mail, URI."""


def read(pem: bytes) -> Request:
    """Raises: ValueError for what is no request."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    request = x509.load_pem_x509_csr(pem)

    def of(oid: x509.ObjectIdentifier) -> list[str]:
        return [str(one.value) for one in request.subject.get_attributes_for_oid(oid)]

    names: list[str] = []
    other = False
    for extension in request.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            for name in extension.value:
                if isinstance(name, x509.DNSName | x509.IPAddress):
                    names.append(str(name.value))
                else:
                    other = True
    common = of(NameOID.COMMON_NAME)
    organizations = tuple(of(NameOID.ORGANIZATION_NAME))
    return Request(common[0] if common else "", organizations, tuple(names), other)


def is_node_client(request: Request, usages: Collection[str]) -> bool:
    """A plain client certificate of some node."""
    return (
        _is_node(request)
        and not request.names
        and set(usages) - {"key encipherment"} == {"digital signature", "client auth"}
    )


def is_node_serving(request: Request, usages: Collection[str]) -> bool:
    """A plain serving certificate of some node."""
    return (
        _is_node(request)
        and bool(request.names)
        and set(usages) - {"key encipherment"} == {"digital signature", "server auth"}
    )


def is_own(request: Request, user: str, groups: Collection[str], known: Collection[str]) -> bool:
    """Asked for by the node itself, for names that are its own (`known`)."""
    return (
        request.common_name == user and NODES_GROUP in groups and set(request.names) <= set(known)
    )


def why_not(signer: str, request: Request, usages: Collection[str]) -> str:
    """Why this signer signs no such request, even an approved one; empty = it does."""
    if signer == NODE_CLIENT:
        fits = is_node_client(request, usages)
    elif signer == NODE_SERVING:
        fits = is_node_serving(request, usages)
    elif MASTERS_GROUP in request.organizations:
        return f"{signer} signs nothing for the group {MASTERS_GROUP}"
    else:
        fits = "client auth" in usages and "server auth" not in usages
    return "" if fits else f"subject, names or usages are not what {signer} signs"


def _is_node(request: Request) -> bool:
    return (
        request.organizations == (NODES_GROUP,)
        and request.common_name.startswith(NODE_PREFIX)
        and not request.other_names
    )


def review_of(spec: Mapping[str, object], subresource: str) -> JsonObject:
    """The question to the authorizer: may this requester have such a certificate?"""
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": spec.get("username") or "",
            "uid": spec.get("uid") or "",
            "groups": spec.get("groups") or [],
            "extra": spec.get("extra") or {},
            "resourceAttributes": {
                "group": "certificates.k8s.io",
                "resource": "certificatesigningrequests",
                "verb": "create",
                "subresource": subresource,
            },
        },
    }


def approved(obj: JsonObject, message: str, now: float) -> JsonObject:
    """The request with its approval."""
    state = obj.get("status") or {}
    stamp = meta.format_time(now)
    condition = {
        "type": "Approved",
        "status": "True",
        "reason": "AutoApproved",
        "message": message,
        "lastUpdateTime": stamp,
    }
    conditions = meta.set_condition(state.get("conditions"), condition, now)
    return obj | {"status": state | {"conditions": conditions}}


def lifetime(spec: Mapping[str, object]) -> int:
    """Seconds that the certificate shall be valid."""
    asked = spec.get("expirationSeconds")
    if not isinstance(asked, int):
        return LIFETIME_MAX
    return min(max(asked, LIFETIME_MIN), LIFETIME_MAX)


def settled(obj: JsonObject) -> bool:
    """Denied, failed, or signed."""
    state = obj.get("status") or {}
    conditions = state.get("conditions")
    return bool(state.get("certificate")) or any(
        meta.condition_is_true(conditions, kind) for kind in ("Denied", "Failed")
    )


def expires_at(obj: JsonObject) -> float:
    """When the request object itself is to be removed, in epoch seconds."""
    created = views.time_of(meta.creation_timestamp(obj))
    return created + (KEPT_SETTLED if settled(obj) else KEPT_PENDING)
