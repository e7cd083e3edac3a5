"""Who asks: from certificates, bearer tokens and impersonation headers to a `UserInfo`.

Order as in Kubernetes: the client certificate, then the bearer token (static, bootstrap,
service account), then nobody, who may only ask for health and version. All of it reads memory
and never waits. Neighbours: `apiserver.front.app` (calls once a request), `tokens`
(service accounts), `apiserver.access.authz` (asked whether one may speak as another). It does not
decide what a user may do.
"""

import base64
import binascii
import csv
import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from apimachinery import meta, scheme, status, wire
from apiserver import attributes
from apiserver.identity import impersonation
from apiserver.identity.configuration import Configuration
from apiserver.identity.impersonation import AUTHENTICATED, UNAUTHENTICATED
from apiserver.identity.issuers import Issuers
from apiserver.identity.tokens import (
    ISSUER,
    Objects,
    ServiceAccountTokens,
    TokenError,
)

log = logging.getLogger(__name__)

BOOTSTRAPPERS = "system:bootstrappers"
ANONYMOUS = wire.UserInfo(impersonation.ANONYMOUS, groups=(UNAUTHENTICATED,))

ANONYMOUS_PATHS = frozenset({"/version", "/version/", "/healthz", "/livez", "/readyz"})
"""What may be asked without credentials; everything else answers 401 to strangers."""

BOOTSTRAP_TYPE = "bootstrap.kubernetes.io/token"
_BOOTSTRAP = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_EXTRA_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")

PROTOCOLS = "sec-websocket-protocol"
BEARER_PROTOCOL = "base64url.bearer.authorization.k8s.io."
"""How a browser, which can set no headers, sends its token: as a protocol of its WebSocket."""


Tokens = dict[bytes, attributes.Verified]
"""Users by the SHA-256 of their token: a look-up by digest tells no timing."""


def by_path(request: wire.Request, user: wire.UserInfo) -> attributes.Attributes:
    """What a request asks for, where nothing is known of resources."""
    return attributes.Attributes(user, request.method.lower(), is_resource=False, path=request.path)


class Authenticator:
    """Turns a request into a user, or raises 401."""

    def __init__(
        self,
        objects: Objects,
        authorizer: attributes.Authorizer,
        clock: Callable[[], float],
        *,
        accounts: ServiceAccountTokens | None = None,
        static: Tokens | None = None,
        configured: Configuration | None = None,
        issuers: Issuers | None = None,
        about: Callable[[wire.Request, wire.UserInfo], attributes.Attributes] = by_path,
    ) -> None:
        """`about` tells what a request asks for: some may speak in another's name for that only."""
        self._objects = objects
        self._authorizer = authorizer
        self._clock = clock
        self._accounts = accounts
        self._static = static or {}
        configured = configured or Configuration()
        self._issuers = issuers
        self._anonymous = configured.anonymous
        self._about = about

    def authenticate(
        self, request: wire.Request, certificate: wire.UserInfo | None
    ) -> wire.UserInfo:
        """The user of a request; `certificate` is what `certificate_user` made of the client's.

        Raises:
            ApiError: 401 for strangers and bad tokens, 403 for forbidden impersonation.
        """
        user = self._identify(request, certificate)
        if (who := impersonation.wanted(request.headers)) is not None:
            return self._impersonate(user, who, request)
        return user

    def review(self, token: str, audiences: tuple[str, ...] = ()) -> attributes.Verified | None:
        """Whose token this is, None when it is no good (see `attributes.TokenReviewer`)."""
        wanted = audiences or (ISSUER,)
        known = self._static.get(hashlib.sha256(token.encode()).digest())
        if known is None and _BOOTSTRAP.fullmatch(token):
            known = _for_this_server(self._bootstrap_user(token))
        if known is not None:
            # Tokens that name no audience are good for the API server only.
            return known if ISSUER in wanted else None
        found = self._account(token, wanted)
        return found and replace(found, user=_authenticated(found.user))

    def _account(self, token: str, audiences: tuple[str, ...]) -> attributes.Verified | None:
        if self._accounts is None or token.count(".") != 2:
            return None
        try:
            outside = self._issuers.user(token) if self._issuers is not None else None
            if outside is not None:
                # Its own audiences were those of this server; nobody else's are known.
                return attributes.Verified(outside, (ISSUER,)) if ISSUER in audiences else None
            return self._accounts.verify(token, audiences)
        except TokenError as problem:
            log.info("token refused reason=%r", str(problem))
            return None

    def _identify(self, request: wire.Request, certificate: wire.UserInfo | None) -> wire.UserInfo:
        if certificate is not None:
            return certificate
        if token := _bearer(request.headers):
            verified = self.review(token)
            if verified is None:
                raise status.unauthorized()
            return verified.user
        if self._may_be_anybody(request.path):
            return ANONYMOUS
        raise status.unauthorized()

    def _may_be_anybody(self, path: str) -> bool:
        if self._anonymous is not None:
            return path in self._anonymous
        return path in ANONYMOUS_PATHS or path.startswith(("/livez/", "/readyz/"))

    def _bootstrap_user(self, token: str) -> wire.UserInfo | None:
        token_id, secret = token.split(".")
        found = self._objects.object(scheme.SECRETS, "kube-system", f"bootstrap-token-{token_id}")
        if found is None or found.get("type") != BOOTSTRAP_TYPE:
            return None
        data = _decoded(found.get("data") or {})
        if not hmac.compare_digest(data.get("token-secret", "").encode(), secret.encode()):
            return None
        if data.get("token-id") != token_id or found["metadata"].get("deletionTimestamp"):
            return None
        if data.get("usage-bootstrap-authentication") != "true" or self._expired(data):
            return None
        wanted = data.get("auth-extra-groups", "").split(",")
        groups = [BOOTSTRAPPERS, *(name for name in wanted if _EXTRA_GROUP.fullmatch(name))]
        return wire.UserInfo(f"system:bootstrap:{token_id}", groups=tuple(groups))

    def _expired(self, data: Mapping[str, str]) -> bool:
        expiration = data.get("expiration", "")
        if not expiration:
            return False
        try:
            return meta.parse_time(expiration) <= self._clock()
        except ValueError:
            # A time that cannot be read must not make a token eternal.
            return True

    def _impersonate(
        self, user: wire.UserInfo, who: wire.UserInfo, request: wire.Request
    ) -> wire.UserInfo:
        about = self._about(request, user)
        try:
            found, constraint = impersonation.become(who, about, self._authorizer)
        except impersonation.Refused as refused:
            raise forbidden(refused.about, refused.decision) from None
        request.impersonator = wire.Impersonator(user, constraint)
        return found


def _bearer(headers: Mapping[str, str]) -> str:
    """The request's token, empty where it shows none."""
    scheme_name, _, token = headers.get("authorization", "").partition(" ")
    if scheme_name.lower() == "bearer":
        return token.strip()
    if "upgrade" not in headers:
        return ""
    offered = [one.strip() for one in headers.get(PROTOCOLS, "").split(",")]
    sent = [one for one in offered if one.startswith(BEARER_PROTOCOL)]
    if not sent or len(sent) == len(offered):
        # Besides its token a client must offer what it really speaks, as in Kubernetes.
        return ""
    text = sent[0].removeprefix(BEARER_PROTOCOL)
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def certificate_user(certificate: Any) -> wire.UserInfo | None:
    """Name (CN) and groups (O) of a verified certificate, as `ssl` decodes its subject."""
    if not certificate:
        return None
    name = ""
    groups: list[str] = []
    for relative_name in certificate.get("subject", ()):
        for key, value in relative_name:
            if key == "commonName":
                name = value
            elif key == "organizationName":
                groups.append(value)
    return wire.UserInfo(name, groups=(*groups, AUTHENTICATED)) if name else None


def forbidden(attempt: attributes.Attributes, decision: attributes.Decision) -> status.ApiError:
    """403 with the sentence that Kubernetes' users know."""
    if not attempt.is_resource:
        detail = f'User "{attempt.user.name}" cannot {attempt.verb} path "{attempt.path}"'
        return status.forbidden("", "", detail)
    what = attempt.resource
    if attempt.subresource:
        what += f"/{attempt.subresource}"
    detail = (
        f'User "{attempt.user.name}" cannot {attempt.verb} resource "{what}" '
        f'in API group "{attempt.group}" '
    )
    where = (
        f'in the namespace "{attempt.namespace}"' if attempt.namespace else "at the cluster scope"
    )
    detail += where + (f": {decision.reason}" if decision.reason else "")
    return status.forbidden(attempt.resource, attempt.name, detail, attempt.group)


def digests(tokens: Mapping[str, wire.UserInfo]) -> Tokens:
    """Static tokens in the form that the authenticator keeps."""
    return {
        hashlib.sha256(token.encode()).digest(): attributes.Verified(
            _authenticated(user), (ISSUER,)
        )
        for token, user in tokens.items()
    }


def read_token_file(path: Path) -> Tokens:
    """Static tokens from Kubernetes' CSV format: token,user,uid[,"group1,group2"]."""
    users: dict[str, wire.UserInfo] = {}
    with path.open(newline="") as handle:
        for number, row in enumerate(csv.reader(handle, skipinitialspace=True), 1):
            if not row or row[0].startswith("#"):
                continue
            if len(row) < 3 or not row[0] or not row[1]:
                raise ValueError(f"{path}:{number}: expected token,user,uid[,groups]")
            groups = tuple(g.strip() for g in row[3].split(",") if g.strip()) if row[3:] else ()
            users[row[0]] = wire.UserInfo(row[1], row[2], groups)
    return digests(users)


def _for_this_server(user: wire.UserInfo | None) -> attributes.Verified | None:
    return attributes.Verified(_authenticated(user), (ISSUER,)) if user is not None else None


def _authenticated(user: wire.UserInfo) -> wire.UserInfo:
    if AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def _decoded(data: Mapping[str, str]) -> dict[str, str]:
    out = {}
    for key, value in data.items():
        try:
            out[key] = base64.b64decode(value).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return out
