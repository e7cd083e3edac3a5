"""Who may run commands in tasks' containers by way of the agent's Mesos port.

That is more than reading: a task in the node's own network has the node's address, so the address
proves nothing. Let in are processes of root, and of the agent's own user, on the machine of the
API server, where the kernel tells whose a socket is; and whoever brings a token of the API server as
the password of HTTP Basic and may `create` `pods/exec` there. Neighbour: `calls` asks.
"""

import base64
import binascii
import ipaddress
import os
from collections.abc import Collection
from pathlib import Path

from aiohttp import web

from apimachinery import scheme
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet import desired as reading

CHALLENGE = {"WWW-Authenticate": 'Basic realm="bireme-agent"'}
ESTABLISHED = "01"


class Gate:
    """See the module's docstring."""

    def __init__(self, client: Client, address: str, trusted: Collection[str]) -> None:
        self._client = client
        self._trusted = set(trusted) - {address}

    async def refusal(self, request: web.Request, pod: JsonObject) -> web.Response | None:
        """None if the caller may run commands in this pod."""
        kind, _, rest = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            user = await self._user(rest.strip())
            if user is None:
                return web.Response(status=401, headers=CHALLENGE)
            if not await self._may(user, pod):
                return web.Response(status=403, text="pods/exec is not granted to this user")
            return None
        if request.remote in self._trusted and _is_admin(request):
            return None
        return web.Response(status=401, headers=CHALLENGE)

    async def _user(self, text: str) -> JsonObject | None:
        try:
            token = base64.b64decode(text, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
        review = await self._client.create(scheme.TOKENREVIEWS, {"spec": {"token": token}})
        status = review.get("status") or {}
        user: JsonObject | None = status.get("user") if status.get("authenticated") else None
        return user

    async def _may(self, user: JsonObject, pod: JsonObject) -> bool:
        wanted = {
            "namespace": reading.namespace(pod),
            "verb": "create",
            "resource": "pods",
            "subresource": "exec",
            "name": reading.name(pod),
        }
        who = {"user": user.get("username", ""), "groups": user.get("groups") or []}
        review = {"spec": {**who, "resourceAttributes": wanted}}
        made = await self._client.create(scheme.SUBJECTACCESSREVIEWS, review)
        return bool((made.get("status") or {}).get("allowed"))


def _is_admin(request: web.Request) -> bool:
    transport = request.transport
    if transport is None:
        return False
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    user = socket_user(peer, own, Path(f"/proc/{os.getppid()}/net/tcp")) if peer and own else None
    return user is not None and user in (0, os.getuid())


def socket_user(peer: tuple[str, int], own: tuple[str, int], table: Path) -> int | None:
    """The user of the peer's end of a connection; None if it is not on this machine.

    The table is that of the network from which nodes on this machine were started, the parent's.
    """
    try:
        lines = table.read_text().splitlines()[1:]
        wanted = [_address(*peer[:2]), _address(*own[:2]), ESTABLISHED]
    except (OSError, ValueError):
        return None
    for line in lines:
        fields = line.split()
        if fields[1:4] == wanted:
            return int(fields[7])
    return None


def _address(host: str, port: int) -> str:
    """As the kernel's table spells it: the bytes in the machine's order."""
    return f"{ipaddress.IPv4Address(host).packed[::-1].hex().upper()}:{port:04X}"
