"""Who speaks to the offer API, and what of the dangerous things it may do.

On loopback nobody is asked for credentials, as with Mesos; but a process there is known by its
user, which the kernel tells: the master's own and root are the local admin. Elsewhere, or if it is
asked for, HTTP Basic names a principal, whose secret stands in a Secret object. What a principal
may is said by RBAC, of the user `offers:PRINCIPAL`. Neighbours: `offers.rights` says what is to be
granted for what; `scheduler`, `actions` and `sight` ask.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from apimachinery import scheme
from apimachinery.client.rest import Client
from apimachinery.mesos.marks import GROUP
from apimachinery.wire import JsonObject
from offers.identity import PRINCIPALS, USER_PREFIX
from offers.rights import Right

SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"
NOBODY = {"user": "system:anonymous", "groups": ["system:unauthenticated"]}
NOWHERE = "offers.bireme.dev"
"""Can be no namespace's name: what is granted there is granted everywhere."""
CHALLENGE = {"WWW-Authenticate": 'Basic realm="bireme-offers"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """One end of a connection."""

    principal: str = ""
    """Proven by credentials; empty if none are asked for."""
    asks: web.Request | None = field(default=None, repr=False)
    """Where no credentials say who it is, the kernel may: see `is_local_admin`."""

    def is_local_admin(self) -> bool:
        """Whether it is a process of the master's own user, or of root, on this machine.

        The kernel is asked when it matters, not for each call: its table takes milliseconds.
        """
        return self.asks is not None and is_own_process(self.asks)

    @property
    def account(self) -> str:
        """The API's user whom credentials prove; empty without."""
        return f"{USER_PREFIX}{self.principal}" if self.principal else ""


class Access:
    """See the module's docstring."""

    def __init__(self, client: Client, secrets: Callable[[], Mapping[str, str]]) -> None:
        """`secrets` tells principals and their secrets."""
        self._client = client
        self.secrets = secrets
        self.required = False
        """Whether everybody must bring credentials."""

    def identify(self, request: web.Request) -> Caller | None:
        """Who asks; None if credentials are wrong, or missing where they are required."""
        given = request.headers.get("Authorization", "")
        kind, _, rest = given.partition(" ")
        if kind.lower() == "basic":
            return self._proven(request, rest.strip())
        if self.required:
            return None
        return Caller(asks=request)

    def _proven(self, request: web.Request, text: str) -> Caller | None:
        try:
            principal, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        known = self.secrets().get(principal)
        if known is None:
            # Where nothing is required, an unknown name is as good as none.
            return None if self.required else Caller(asks=request)
        if not hmac.compare_digest(known.encode(), secret.encode()):
            return None
        return Caller(principal)

    async def may(self, caller: Caller, right: Right) -> bool:
        """Whether RBAC grants it; the local admin may everything."""
        return caller.is_local_admin() or await self._granted(caller.account, right)

    async def rules(self, caller: Caller) -> list[JsonObject]:
        """What RBAC grants to a principal whatever the namespace: one question for many rights."""
        client = self._client.impersonating(caller.account, PRINCIPALS)
        asked = {"spec": {"namespace": NOWHERE}}
        made = await client.create(scheme.SELFSUBJECTRULESREVIEWS, asked)
        found: list[JsonObject] = made["status"]["resourceRules"]
        return found

    async def denied(self, account: str, asked: Iterable[Right]) -> frozenset[Right]:
        """What of it is not granted. Of who is known by no credentials nothing is asked."""
        if not account:
            return frozenset()
        rights = dict.fromkeys(asked)
        return frozenset([one for one in rights if not await self._granted(account, one)])

    async def _granted(self, account: str, right: Right) -> bool:
        user = {"user": account, "groups": [PRINCIPALS, "system:authenticated"]}
        for name in right.names or ("",):
            wanted = {
                "group": GROUP,
                "resource": right.resource,
                "verb": right.verb,
                "name": name,
                "namespace": right.namespace,
            }
            spec = {**(user if account else NOBODY), "resourceAttributes": wanted}
            made = await self._client.create(scheme.SUBJECTACCESSREVIEWS, {"spec": spec})
            if (made.get("status") or {}).get("allowed"):
                return True
        return False


def is_own_process(request: web.Request) -> bool:
    """Whether the other end is a process of this user or of root on this machine, over loopback."""
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    if not peer:
        return False
    user = socket_user(str(peer[0]), int(peer[1]))
    return user is not None and user in (0, os.getuid())


def socket_user(address: str, port: int) -> int | None:
    """The user of a local socket with this address; None if there is none (another machine)."""
    if address not in ("127.0.0.1", "::1"):
        return None
    ending = f":{port:04X}"
    for table in SOCKETS:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[1].endswith(ending) and fields[3] == ESTABLISHED and _loopback(fields[1]):
                return int(fields[7])
    return None


def _loopback(text: str) -> bool:
    """Whether the table's address is one of loopback: the bytes are in the machine's order."""
    address = text.partition(":")[0]
    return address.endswith("7F") if len(address) == 8 else address in LOOPBACK_6


LOOPBACK_6 = ("00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
