"""Resources that are not stored: offers, metrics. Who owns the truth serves it from memory.

The API server routes, authorizes, renders; a `LiveResource` only gives the objects. Neighbours:
`apiserver.handlers.get` and `list` ask it.
"""

from collections.abc import Iterable
from typing import Protocol

from apimachinery.wire import JsonObject


class LiveResource(Protocol):
    """The current objects of one resource, as JSON with metadata."""

    async def objects(self, namespace: str, name: str = "") -> Iterable[JsonObject]:
        """All of them, or those of one namespace; with a name that one may be all."""
        ...
