"""A whole API server process: core, identities, permissions, streams, sockets, wired together.

What a composition root needs: give it a store and a folder of keys, `start`, `stop`. Neighbours:
`bireme.cli` and tests (use it); all parts of the package (it knows how they fit). It parses no
settings and installs no signal handlers.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from apimachinery import scheme, wire
from apimachinery.aio.clock import Clock, SystemClock
from apiserver import components, usage
from apiserver.access.authz import ClusterAuthorizer
from apiserver.admission import plugins
from apiserver.aggregation import configuration
from apiserver.aggregation.aggregator import Aggregator
from apiserver.audit import FileAuditor
from apiserver.cache import Entry, WatchCache
from apiserver.fairness import Gate
from apiserver.fairness.keeper import Keeper
from apiserver.front import connection
from apiserver.front.app import Front
from apiserver.identity import authn
from apiserver.identity.authn import Authenticator
from apiserver.identity.configuration import Configuration
from apiserver.identity.issuers import Issuers
from apiserver.identity.pki import Pki
from apiserver.identity.tokens import ServiceAccountTokens
from apiserver.options import Options
from apiserver.server import ApiServer
from apiserver.storage.interface import Store
from apiserver.streaming import Streaming
from apiserver.upkeep import rbac_defaults

log = logging.getLogger(__name__)

RENEWAL_SECONDS = 12 * 3600.0
"""How often certificates are looked at; they are renewed months before they end."""


OBJECTS_REMEMBERED = 1024
"""Parsed objects that are kept: accounts and pods that ask often."""


@dataclass(frozen=True, kw_only=True)
class Security:
    """Where keys and secrets lie; all optional but the keys."""

    keys: Pki
    hosts: tuple[str, ...] = ()
    """More names and addresses under which this server is reached."""
    token_file: Path | None = None
    """Static tokens in Kubernetes' CSV format."""
    audit_file: Path | None = None
    tokens: dict[str, wire.UserInfo] = field(default_factory=dict)
    """Static tokens made by the caller (not written anywhere)."""
    authentication: Configuration = field(default_factory=Configuration)
    """Issuers of tokens that are believed, and what strangers may ask."""


class Process:
    """One API server: `server` is its core, for in-process callers."""

    def __init__(
        self,
        store: Store,
        security: Security,
        options: Options | None = None,
        clock: Clock | None = None,
        configured: plugins.Configured | None = None,
    ) -> None:
        self._security = security
        self._renewal: asyncio.TimerHandle | None = None
        self._stopped = False
        self._auditor: FileAuditor | None = None
        clock = clock or SystemClock()
        if security.audit_file is not None:
            self._auditor = FileAuditor(security.audit_file, clock.now)
        self.server = ApiServer(
            store, options, auditor=self._auditor, clock=clock, configured=configured
        )
        core = self.server.core
        objects = CacheObjects(core.cache)
        self._authorizer = ClusterAuthorizer(core.cache)
        accounts = ServiceAccountTokens(security.keys.service_account_key(), objects, clock.now)
        core.authorizer = self._authorizer
        core.tokens = accounts
        static = authn.digests(security.tokens)
        if security.token_file is not None:
            static |= authn.read_token_file(security.token_file)
        self._issuers = Issuers(security.authentication.issuers, clock.now)
        authenticator = Authenticator(
            objects,
            self._authorizer,
            clock.now,
            accounts=accounts,
            static=static,
            configured=security.authentication,
            issuers=self._issuers,
            about=self.server.about,
        )
        core.authenticator = authenticator
        self._streaming = Streaming(self.server, security.keys)
        core.proxy = self._streaming.proxy
        core.live[components.RESOURCE] = components.Components(core, {})
        core.live.update(usage.resources(core.cache, self._streaming.kubelets))
        pair = security.keys.api_server(security.hosts)
        self._tls = connection.server_context(
            str(pair.cert), str(pair.key), str(security.keys.ca.cert)
        )
        self._aggregator = core.aggregation = Aggregator(core, security.keys.front_proxy())
        self._gate = Gate()
        self._flow_schemas = Keeper(core, self._gate)
        self.front = Front(self.server, authenticator, self._tls, self._streaming, self._gate)
        core.metrics.gauge(
            "apiserver_longrunning_requests",
            "Open watches and other streams.",
            self.front.open_streams,
        )
        core.metrics.gauge(
            "apiserver_open_connections", "Connected clients.", self.front.open_connections
        )
        for name, text, read in (
            ("current_executing_requests", "Requests that have a seat.", self._gate.executing),
            ("current_inqueue_requests", "Requests that wait for a seat.", self._gate.in_queue),
            ("rejected_requests", "Requests for which there was none.", self._gate.rejected),
        ):
            core.metrics.gauge(f"apiserver_flowcontrol_{name}", text, read)

    async def start(self, addresses: Iterable[tuple[str, int]]) -> None:
        """Open the store, load everything, listen. Port 0 takes a free one."""
        try:
            await self.server.start()
            await rbac_defaults.ensure(self.server.core)
            await configuration.publish(self.server.core, self._security.keys)
            await self._authorizer.start()
            self._flow_schemas.start()
            self._aggregator.start()
            self._issuers.start()
            await self.front.start(addresses)
        except BaseException:
            # A port that is taken must not leave a store open and loops running.
            await self.stop()
            raise
        self._schedule_renewal()

    async def stop(self) -> None:
        """Take no more requests, end the streams, close the store. Twice is no error."""
        if self._stopped:
            return
        self._stopped = True
        self.server.core.stopping = True
        if self._renewal is not None:
            self._renewal.cancel()
        await self.front.stop()
        await self._flow_schemas.stop()
        await self._issuers.stop()
        await self._aggregator.stop()
        await self._streaming.close()
        await self._authorizer.stop()
        await self.server.stop()
        if self._auditor is not None:
            self._auditor.close()

    def renew_certificates(self) -> None:
        """Go on with certificates that are not due: for new connections, in both directions."""
        pair = self._security.keys.api_server(self._security.hosts)
        self._tls.load_cert_chain(pair.cert, pair.key)
        self._streaming.renew()

    def _schedule_renewal(self) -> None:
        loop = asyncio.get_running_loop()
        self._renewal = loop.call_later(RENEWAL_SECONDS, self._renew)

    def _renew(self) -> None:
        try:
            self.renew_certificates()
        except OSError:
            # The old ones are good for months yet; tomorrow's try may find room on the disk.
            log.exception("certificates could not be renewed")
        self._schedule_renewal()


class CacheObjects:
    """Objects by name from the watch cache, for whoever checks that something still exists.

    Shared and not to be changed: every request with a pod's token asks for the same few, so what
    was parsed is kept as long as it is current.
    """

    def __init__(self, cache: WatchCache) -> None:
        self._cache = cache
        self._parsed: OrderedDict[tuple[str, str, str], tuple[Entry, wire.JsonObject]] = (
            OrderedDict()
        )

    def object(
        self, resource: scheme.Resource, namespace: str, name: str
    ) -> wire.JsonObject | None:
        """The object as it is now, None when there is none."""
        entry = self._cache.get(resource, namespace, name)
        if entry is None:
            return None
        key = (resource.plural, namespace, name)
        known = self._parsed.get(key)
        if known is not None and known[0] is entry:
            return known[1]
        parsed = entry.parse()
        self._parsed[key] = (entry, parsed)
        self._parsed.move_to_end(key)
        if len(self._parsed) > OBJECTS_REMEMBERED:
            self._parsed.popitem(last=False)
        return parsed
