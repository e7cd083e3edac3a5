"""The values that pass between an HTTP front, the API server's handlers and its clients.

A `Request` goes in, a `Response` comes out, whether a socket lies between them or not: the
aiohttp front builds a Request from bytes that arrived over TLS, the in-process transport hands
one over directly. Neighbours: `apiserver.front.app` and `apiserver.server` on one side,
`apimachinery.client.transport` on the other. Nothing here parses, routes or decides.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

FENCE = "bireme-fence"
"""Header of a leader's writes: `namespace/name/epoch` of its Lease; they fail once it is deposed."""

ACT_AS, ACT_AS_GROUP = "impersonate-user", "impersonate-group"
"""Headers of who speaks in another's name."""

JsonObject = dict[str, Any]
"""A Kubernetes object (or part of one) as decoded JSON, with wire names."""


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks. Set by authentication, read by authorization, admission and audit."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Impersonator:
    """Who speaks in another's name, and the right that he has to it (empty: the general one)."""

    user: UserInfo
    constraint: str = ""


@dataclass(slots=True)
class Request:
    """One API request, whole: bodies are read and bounded before a Request exists."""

    method: str
    """Upper case HTTP method."""
    path: str
    """Percent-decoded path, starting with a slash, without the query."""
    query: list[tuple[str, str]] = field(default_factory=list)
    """Decoded query parameters in order; a name may repeat (exec's `command`)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header names are lower case."""
    body: bytes = b""
    user: UserInfo | None = None
    """None until authenticated; the in-process transport sets it itself."""
    annotations: dict[str, str] | None = None
    """What admission has to say about it to the audit log, where it has."""
    warnings: list[str] = field(default_factory=list)
    """What the answer shall warn of, also where it is a refusal."""
    impersonator: Impersonator | None = None
    """Who really asks, where `user` is somebody in whose name he speaks."""

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        for key, value in self.query:
            if key == name:
                return value
        return default


@dataclass(slots=True)
class Response:
    """The answer: a whole body, or an iterator of chunks for watches, logs and big lists.

    Whoever consumes an iterator body closes it (`aclose`) when the client has gone.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """Header names in their usual spelling (`Content-Type`)."""
    body: bytes | AsyncIterator[bytes] = b""
    finite: bool = False
    """The iterator ends by itself and soon (a list): it may be compressed on its way."""


Handler = Callable[[Request], Awaitable[Response]]
"""What answers requests: the API server's core, called directly or by a front."""
