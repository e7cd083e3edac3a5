"""Service account tokens for projected volumes: asked for by TokenRequest, bound to the pod.

Neighbour: `kubelet.volumes.manager` writes them and calls again when `renew_at` has come. Tokens are
not cached here: each volume holds its own, and a restarted agent asks anew.
"""

from dataclasses import dataclass

from apimachinery import meta, scheme
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.volumes.payload import TokenRef

RENEW_AT = 0.8
"""Of its life: as Kubernetes; leaves a fifth of it for an API server that is away."""
RENEW_AGE_MAX_S = 24 * 3600.0
"""A token is renewed after a day, however long it lives."""
RENEW_MIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and when to ask for the next."""

    text: str
    renew_at: float


async def request(client: Client, pod: JsonObject, ref: TokenRef, now: float) -> Token:
    """ApiError when the API server refuses (no such account, pod gone)."""
    spec: JsonObject = {
        "expirationSeconds": ref.seconds,
        "boundObjectRef": {
            "kind": "Pod",
            "apiVersion": "v1",
            "name": reading.name(pod),
            "uid": reading.uid(pod),
        },
    }
    if ref.audience:
        spec["audiences"] = [ref.audience]
    answer = await client.create(
        scheme.SERVICEACCOUNTS,
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
        reading.namespace(pod),
        subresource="token",
        name=str(pod["spec"].get("serviceAccountName") or "default"),
    )
    status = answer.get("status") or {}
    expires = status.get("expirationTimestamp")
    life = (meta.parse_time(expires) - now) if expires else float(ref.seconds)
    return Token(
        str(status["token"]), now + max(min(life * RENEW_AT, RENEW_AGE_MAX_S), RENEW_MIN_S)
    )
