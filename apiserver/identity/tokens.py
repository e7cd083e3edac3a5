"""Service account tokens: signed JSON Web Tokens that die with what they are bound to.

`ServiceAccountTokens` issues them for TokenRequest and verifies them for authentication;
it also prints the public key for outside verifiers. Neighbours: `authn` (verifies),
the token handler (issues), `pki` (makes the key), `apiserver.handlers.openid`
(publishes). It does not know who may have a token.

`jwt` and `cryptography` are imported at the first token: a server that meets none stays small.
"""

import base64
import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from apimachinery import meta, scheme, wire
from apiserver.attributes import Verified
from apiserver.identity import legacy_tokens
from apiserver.identity.signing import ALGORITHM, Signer

ISSUER = "https://kubernetes.default.svc"
"""Who signs, and the audience of tokens for the API server itself."""

MAX_TOKEN = 16 * 1024
"""Characters of a token; longer ones are refused before they cost a signature check."""

REMEMBERED = 2048
"""Tokens whose signature has been checked already: a check costs as much as a whole GET."""

DELETION_LEEWAY = 60.0
"""Seconds that a token outlives its pod's deletion time, as in Kubernetes."""

CLAIM = "kubernetes.io"
POD_NAME = "authentication.kubernetes.io/pod-name"
POD_UID = "authentication.kubernetes.io/pod-uid"
NODE_NAME = "authentication.kubernetes.io/node-name"
NODE_UID = "authentication.kubernetes.io/node-uid"
CREDENTIAL = "authentication.kubernetes.io/credential-id"

_BOUND_KINDS = {"Pod": "pod", "Secret": "secret", "Node": "node"}
_BOUND_RESOURCES = {"pod": scheme.PODS, "secret": scheme.SECRETS, "node": scheme.NODES}


class TokenError(Exception):
    """The token is not good; the message is for the log, never for the sender."""


class Objects(Protocol):
    """Reads from memory what tokens are bound to (the watch cache)."""

    def object(
        self, resource: scheme.Resource, namespace: str, name: str
    ) -> wire.JsonObject | None: ...


class ServiceAccountTokens:
    """Issues and verifies with one key."""

    def __init__(self, key: Path, objects: Objects, clock: Callable[[], float]) -> None:
        """`clock` gives epoch seconds."""
        self._signer = Signer(key)
        self._objects = objects
        self._clock = clock
        self._checked: OrderedDict[bytes, wire.JsonObject] = OrderedDict()

    def issue(
        self,
        *,
        namespace: str,
        service_account: str,
        service_account_uid: str,
        audiences: tuple[str, ...],
        expires_in: int,
        bound: Mapping[str, str] | None,
    ) -> tuple[str, float]:
        """A signed token and its expiry as epoch seconds (see `attributes.TokenIssuer`)."""
        now = int(self._clock())
        expires = now + expires_in
        account = {"name": service_account, "uid": service_account_uid}
        named: wire.JsonObject = {"namespace": namespace, "serviceaccount": account}
        named |= _bound_claims(bound or {})
        claims = {
            "aud": list(audiences or (ISSUER,)),
            "exp": expires,
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            CLAIM: named,
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{service_account}",
        }
        return self._signer.sign(claims), float(expires)

    def verify(self, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> Verified:
        """Whose token this is, if all that it is bound to still exists.

        Raises:
            TokenError: forged, expired, for another audience, or its objects are gone.
        """
        claims = self._signed_claims(token)
        now = self._clock()
        if not claims["nbf"] <= now < claims["exp"]:
            raise TokenError("the token has expired or is not valid yet")
        intended = claims.get("aud") or []
        common = tuple(name for name in audiences if name in intended)
        if not common:
            raise TokenError(f"the token is for the audiences {intended}")
        if claims["iss"] == legacy_tokens.ISSUER:
            self._must_lie_in_its_secret(token, claims[CLAIM])
        return Verified(self._user(claims, now), common)

    def key_set(self) -> wire.JsonObject:
        """The public key as a JSON Web Key Set."""
        return self._signer.key_set()

    def _signed_claims(self, token: str) -> wire.JsonObject:
        if len(token) > MAX_TOKEN:
            raise TokenError("the token is too long")
        digest = hashlib.sha256(token.encode()).digest()
        claims = self._checked.get(digest)
        if claims is not None:
            self._checked.move_to_end(digest)
            return claims
        claims = self._check_signature(token)
        self._checked[digest] = claims
        if len(self._checked) > REMEMBERED:
            self._checked.popitem(last=False)
        return claims

    def _check_signature(self, token: str) -> wire.JsonObject:
        import jwt

        # Times are checked at each use with the server's own clock, the audience by the caller.
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        options |= {"verify_aud": False, "require": ["sub", "iss"]}
        issuers = (ISSUER, legacy_tokens.ISSUER)
        try:
            claims = jwt.decode(token, self._signer.public(), [ALGORITHM], options, issuer=issuers)
        except jwt.PyJWTError as problem:
            raise TokenError(str(problem)) from problem
        if claims["iss"] == legacy_tokens.ISSUER:
            return legacy_tokens.modern(claims, CLAIM, ISSUER)
        if not all(isinstance(claims.get(key), int | float) for key in ("exp", "nbf")):
            raise TokenError("the token does not say how long it is good")
        if not isinstance(claims.get(CLAIM), dict):
            raise TokenError("the token names no service account")
        return claims

    def _user(self, claims: wire.JsonObject, now: float) -> wire.UserInfo:
        named = claims[CLAIM]
        namespace = str(named.get("namespace", ""))
        account = named.get("serviceaccount") or {}
        name, uid = str(account.get("name", "")), str(account.get("uid", ""))
        self._must_exist(scheme.SERVICEACCOUNTS, namespace, name, uid, now)
        for kind, resource in _BOUND_RESOURCES.items():
            if (target := named.get(kind)) is not None:
                within = namespace if resource.namespaced else ""
                if kind == "node" and "pod" in named:
                    # Told for information; the pod is what the token lives by.
                    continue
                self._must_exist(resource, within, target["name"], target.get("uid", ""), now)
        return wire.UserInfo(
            f"system:serviceaccount:{namespace}:{name}",
            uid,
            service_account_groups(namespace),
            _extra(claims.get("jti", ""), named),
        )

    def _must_lie_in_its_secret(self, token: str, named: wire.JsonObject) -> None:
        """An old token is taken back by removing it from its Secret."""
        name = named["secret"]["name"]
        secret = self._objects.object(scheme.SECRETS, named["namespace"], name)
        held = ((secret or {}).get("data") or {}).get("token") or ""
        if held != base64.b64encode(token.encode()).decode():
            raise TokenError(f"secret {named['namespace']}/{name} does not hold this token")

    def _must_exist(
        self, resource: scheme.Resource, namespace: str, name: str, uid: str, now: float
    ) -> None:
        found = self._objects.object(resource, namespace, name)
        if found is None or (uid and found["metadata"].get("uid") != uid):
            raise TokenError(f"{resource.singular} {namespace}/{name} {uid} is gone")
        deleted = found["metadata"].get("deletionTimestamp")
        if deleted and meta.parse_time(deleted) + DELETION_LEEWAY < now:
            raise TokenError(f"{resource.singular} {namespace}/{name} is being deleted")


def service_account_groups(namespace: str) -> tuple[str, ...]:
    """The groups every account of a namespace belongs to."""
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def _bound_claims(bound: Mapping[str, str]) -> wire.JsonObject:
    claims: wire.JsonObject = {}
    if kind := _BOUND_KINDS.get(bound.get("kind", "")):
        claims[kind] = {"name": bound["name"], "uid": bound.get("uid", "")}
    if bound.get("node") and "node" not in claims:
        claims["node"] = {"name": bound["node"], "uid": bound.get("node_uid", "")}
    return claims


def _extra(token_id: str, named: wire.JsonObject) -> dict[str, tuple[str, ...]]:
    extra: dict[str, tuple[str, ...]] = {CREDENTIAL: (f"JTI={token_id}",)}
    pod, node = named.get("pod") or {}, named.get("node") or {}
    for key, value in (
        (POD_NAME, pod.get("name")),
        (POD_UID, pod.get("uid")),
        (NODE_NAME, node.get("name")),
        (NODE_UID, node.get("uid")),
    ):
        if value:
            extra[key] = (value,)
    return extra
