"""What every handler needs, in one value: the parts of one API server, already wired.

`apiserver.server` fills it; handlers, registry owners and admission plugins are handed it or a
part of it. It has no behaviour of its own, so nothing depends on how a server is composed.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apimachinery import wire
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.scheme import Scheme
from apiserver.admission.chain import Chain
from apiserver.admission.webhooks.conversions import Conversions
from apiserver.attributes import AlwaysAllow, Auditor, Authorizer, TokenIssuer, TokenReviewer
from apiserver.cache import WatchCache
from apiserver.documents import Memo
from apiserver.entropy import Entropy
from apiserver.foreign import ForeignGroups
from apiserver.live import LiveResource
from apiserver.metrics import Metrics
from apiserver.options import Options
from apiserver.printing import Rows
from apiserver.registry.kinds import Registries
from apiserver.routes import Route
from apiserver.storage.interface import Store

if TYPE_CHECKING:  # loaded when somebody asks for a schema
    from apimachinery.openapi.documents import Documents


@dataclass(slots=True)
class Core:
    """One API server without its sockets."""

    scheme: Scheme
    store: Store
    cache: WatchCache
    registries: Registries
    admission: Chain
    conversions: Conversions
    options: Options = field(default_factory=Options)
    clock: Clock = field(default_factory=SystemClock)
    authorizer: Authorizer = field(default_factory=AlwaysAllow)
    auditor: Auditor | None = None
    tokens: TokenIssuer | None = None
    entropy: random.Random = field(default_factory=Entropy)
    rows: Rows = field(default_factory=Rows)
    authenticator: TokenReviewer | None = None
    metrics: Metrics = field(default_factory=Metrics)
    memo: Memo = field(default_factory=Memo)
    openapi: "Documents | None" = None
    """Made at the first request for a schema."""
    aggregation: ForeignGroups | None = None
    """Groups that other servers answer, where there may be any."""
    proxy: Callable[[wire.Request, Route], Awaitable[wire.Response]] | None = None
    """Passes requests on to nodes, pods and services, where they can be reached."""
    stopping: bool = False
    """Set at shutdown: /readyz fails, so that load balancers look elsewhere."""
    live: dict[str, LiveResource] = field(default_factory=dict)
    """`gr` of a resource that is served from memory (offers, metrics) → who serves it."""
