"""Groups that other servers answer, as the rest of this server sees them.

Neighbours: `apiserver.aggregation` knows and reaches those servers; `apiserver.server` asks it for
each request, the discovery handler tells of its groups.
"""

from typing import Protocol

from apimachinery import wire
from apiserver.attributes import Attributes


class ForeignGroups(Protocol):
    """Answers in the name of other servers."""

    def serves(self, path: str) -> bool:
        """Whether a path belongs to another server. Asked for every request: it must be cheap."""
        ...

    def attributes(self, request: wire.Request, user: wire.UserInfo) -> Attributes:
        """What is to be authorized."""
        ...

    async def handle(self, request: wire.Request, attributes: Attributes) -> wire.Response:
        """Authorize a request and pass it on.

        Raises:
            ApiError: 403, or 503 where the server cannot be reached.
        """
        ...

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Groups in the order of their priority, each with its versions in theirs."""
        ...

    def discovery(self, group: str, version: str) -> wire.JsonObject | None:
        """A version as aggregated discovery tells it; None where this server answers itself."""
        ...
