"""Tokens of outside issuers (OpenID Connect): their keys, and whose a token is.

Keys are fetched beside the requests, which never wait: until an issuer has shown its keys its tokens
are refused; a key that nobody knows makes it be asked again soon. Neighbours: `configuration` says
who is believed, `claims` makes users, `authn` asks.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import logging
import ssl
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from apimachinery import wire
from apimachinery.aio import tasks
from apimachinery.wire import JsonObject
from apiserver.identity import claims
from apiserver.identity.configuration import Issuer
from apiserver.identity.tokens import MAX_TOKEN, REMEMBERED, TokenError

if TYPE_CHECKING:
    import aiohttp
    import jwt

log = logging.getLogger(__name__)

FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
"""Signatures that are taken, by the beginning of their names, and the keys that make them."""
ALGORITHMS = tuple(f"{family}{bits}" for family in FAMILIES for bits in (256, 384, 512))

CURRENT_SECONDS = 300.0
"""How long keys are taken for current."""
AGAIN_SECONDS = 5.0
"""Between two tries, where one failed or a token names an unknown key."""
FETCH_SECONDS = 10.0
DOCUMENT_MAX = 1024 * 1024
LEEWAY_SECONDS = 300.0
"""By which an issuer's clock may be ahead, as in Kubernetes."""


class KnownIssuer:
    """One issuer and the keys that it has shown."""

    def __init__(self, about: Issuer) -> None:
        self.about = about
        self.keys: tuple[jwt.PyJWK, ...] = ()
        self.wanted = asyncio.Event()
        """Set where a token names a key that is not among them."""

    async def follow(self) -> None:
        """Keep the keys current."""
        while True:
            self.wanted.clear()  # before: a token that comes meanwhile may know a newer key
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    self.keys = await _fetch(self.about)
            except Exception as problem:  # noqa: BLE001 - whatever goes wrong out there, it is tried again
                log.warning("no keys issuer=%s error=%r", self.about.url, problem)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            await asyncio.sleep(AGAIN_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CURRENT_SECONDS):
                    await self.wanted.wait()

    def checked(self, token: str) -> JsonObject:
        """The claims of a token that it has signed; raises TokenError."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as problem:
            raise TokenError(str(problem)) from problem
        algorithm, key_id = str(header.get("alg")), header.get("kid")
        family = FAMILIES.get(algorithm[:2])
        if algorithm not in ALGORITHMS:
            raise TokenError(f"signed with {algorithm}")
        fitting = [one for one in self.keys if one.key_type == family]
        for key in fitting:
            if key_id is not None and key.key_id != key_id:
                continue
            try:
                return _decoded(token, key, algorithm, self.about)
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as problem:
                raise TokenError(str(problem)) from problem
        self.wanted.set()
        raise TokenError("signed with a key that the issuer has not shown")


def _decoded(token: str, key: "jwt.PyJWK", algorithm: str, about: Issuer) -> JsonObject:
    import jwt

    # Times are checked at each use, with the server's own clock.
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    options |= {"require": ["iss", "aud", "exp"], "verify_sub": False, "verify_jti": False}
    return jwt.decode(
        token, key.key, [algorithm], options, issuer=about.url, audience=sorted(about.audiences)
    )


class Issuers:
    """All issuers that are believed. `start` in a running loop, `stop` after the last request."""

    def __init__(self, configured: Sequence[Issuer], clock: Callable[[], float]) -> None:
        self._known = {one.url: KnownIssuer(one) for one in configured}
        self._clock = clock
        self._users: OrderedDict[bytes, tuple[float, float, wire.UserInfo]] = OrderedDict()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to fetch keys."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(tasks.keep_running(one.follow, name=one.about.url))
            for one in self._known.values()
        ]

    async def stop(self) -> None:
        """Fetch no more."""
        for task in self._tasks:
            await tasks.stop(task)

    def user(self, token: str) -> wire.UserInfo | None:
        """Whose token it is; None where none of the issuers claims to have made it.

        Raises:
            TokenError: it is no good.
        """
        if not self._known or len(token) > MAX_TOKEN:
            return None
        digest = hashlib.sha256(token.encode()).digest()
        found = self._users.get(digest)
        if found is None:
            issuer = self._known.get(_issuer_of(token))
            if issuer is None:
                return None
            found = _read(issuer.checked(token), issuer.about)
            self._users[digest] = found
            if len(self._users) > REMEMBERED:
                self._users.popitem(last=False)
        begins, ends, user = found
        if not begins - LEEWAY_SECONDS <= self._clock() < ends:
            raise TokenError("the token has expired or is not valid yet")
        return user


def _read(found: JsonObject, about: Issuer) -> tuple[float, float, wire.UserInfo]:
    begins, ends = found.get("nbf", 0), found["exp"]
    if not all(isinstance(one, int | float) for one in (begins, ends)):
        raise TokenError("the token does not say how long it is good")
    try:
        return float(begins), float(ends), claims.user_of(found, about.mapping)
    except claims.Unfit as problem:
        raise TokenError(str(problem)) from problem


def _issuer_of(token: str) -> str:
    """Who claims to have made it, before anything is checked."""
    parts = token.split(".")
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = orjson.loads(text)
    except (IndexError, ValueError, binascii.Error):
        return ""
    issuer = found.get("iss") if isinstance(found, dict) else ""
    return issuer if isinstance(issuer, str) else ""


async def _fetch(about: Issuer) -> "tuple[jwt.PyJWK, ...]":
    """The keys that an issuer shows now; raises whatever went wrong."""
    import aiohttp
    import jwt

    context = ssl.create_default_context(cadata=about.authority or None)
    where = about.discovery or f"{about.url.rstrip('/')}/.well-known/openid-configuration"
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        told = await _document(session, where)
        if told.get("issuer") != about.url:
            raise ValueError(f"{where} is the configuration of {told.get('issuer')!r}")
        address = told.get("jwks_uri")
        if not isinstance(address, str) or not address.startswith("https://"):
            raise ValueError(f"{where} names no jwks_uri with https")
        shown = await _document(session, address)
    return tuple(jwt.PyJWKSet.from_dict(shown).keys)


async def _document(session: "aiohttp.ClientSession", url: str) -> JsonObject:
    async with session.get(url, raise_for_status=True) as answer:
        body = await answer.content.read(DOCUMENT_MAX)
        while chunk := await answer.content.read(DOCUMENT_MAX):
            body += chunk
            if len(body) > DOCUMENT_MAX:
                raise ValueError(f"{url} is longer than {DOCUMENT_MAX} bytes")
    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise ValueError(f"{url} holds no object")
    return found
