"""The frameworks of the Mesos API: who is subscribed, who may come back, who is removed.

A framework is known by its id, kept as a Framework object, and outlives its connection by its
failover timeout; one that was removed is refused for ever. Events go to its stream, which the HTTP
side brings. Neighbours: `framework` is one of them, `master` makes the offers,
`offers.tasks.service` runs the tasks, `offers.http` speaks the protocol. Errors: `SubscribeError`,
which the framework hears as ERROR.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from apimachinery import meta, scheme, status
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from offers import constraints as constraints_of
from offers import identity, resources
from offers.constraints import Constraint
from offers.framework import Framework, Stream, SubscribeError, check, check_wishes, plainly, usage
from offers.master import OfferMaster
from offers.messages import Offer

LOG = logging.getLogger(__name__)

RETURN_S = 60.0
"""After a restart of the master every framework has this long to come back, whatever it said."""
REMOVED_KEPT = 500
"""Removed frameworks whose ids are refused; older ones are forgotten."""
KUBERNETES = "kubernetes"
WRITE_DELAY_S = 1.0
"""Changes of a framework's status within this time are one write."""


def _nobody(kind: str, framework: Framework) -> None:
    del kind, framework


class Frameworks:
    """All frameworks of one master."""

    def __init__(
        self,
        client: Client,
        master: OfferMaster,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.known: dict[str, Framework] = {}
        self.on_removed: Callable[[Framework], None] = lambda _: None
        """Called when a framework is removed: its tasks must end."""
        self.on_changed: Callable[[str, Framework], None] = _nobody
        """Told that one was ADDED, UPDATED or REMOVED."""
        self.spell: Callable[[Offer], JsonObject] = plainly
        self.usage_of: Callable[[str], JsonObject] = lambda _: {}
        """What of a framework's status its tasks say."""
        self._client = client
        self._master = master
        self._clock = clock or SystemClock()
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._namespaces: set[str] = set()
        master.cluster.on_pods = partial(self._mark, KUBERNETES)

    def _spell(self, offer: Offer) -> JsonObject:
        return self.spell(offer)

    def get(self, framework_id: str) -> Framework | None:
        return self.known.get(framework_id)

    def living(self) -> Iterable[Framework]:
        return [framework for framework in self.known.values() if not framework.removed]

    async def restore(self) -> None:
        """Read the Framework objects of before; each may come back for a while."""
        await self._show_own()
        for obj in (await self._client.list(scheme.FRAMEWORKS))["items"]:
            spec, state = obj["spec"], obj.get("status") or {}
            if not spec.get("info"):
                continue  # the pods' own
            framework = Framework(
                spec.get("id") or meta.name(obj),
                spec["info"],
                principal=spec.get("principal") or "",
                account=spec.get("account") or "",
                uid=meta.uid(obj),
                removed=bool(state.get("removed")),
                uses_host=bool(spec.get("hostTasks")),
                registered=_parsed(state.get("registeredTime")),
                spell=self._spell,
            )
            self.known[framework.id] = framework
            if not framework.removed:
                self._disconnected(framework, max(framework.failover_timeout, RETURN_S))

    async def _show_own(self) -> None:
        """The pods' scheduler is a framework too, though it has no wire and no tasks."""
        spec = {"name": KUBERNETES, "roles": [KUBERNETES]}
        with contextlib.suppress(status.AlreadyExists):
            obj = {"metadata": {"name": KUBERNETES}, "spec": spec}
            await self._client.create(scheme.FRAMEWORKS, obj)
        await self._tell_own()

    async def _tell_own(self) -> None:
        pods = self._master.cluster.in_pods
        told = usage(pods.get(resources.PODS, 0), pods)
        await self._tell(KUBERNETES, {"connected": True, "active": True, **told})

    async def _tell(self, name: str, told: JsonObject) -> None:
        """Write a framework's status."""
        await self._client.patch(
            scheme.FRAMEWORKS, name, {"status": told}, kind="merge", subresource="status"
        )

    # --- coming and going

    async def subscribe(
        self,
        info: JsonObject,
        suppressed: Iterable[str],
        principal: str,
        stream: Stream,
        *,
        account: str = "",
        constraints: JsonObject | None = None,
        uses_host: bool = False,
    ) -> Framework:
        """A framework whose first events (SUBSCRIBED, HEARTBEAT) are the caller's to send."""
        check(info)
        wanted = _constraints(constraints)
        check_wishes(info, suppressed, wanted)
        framework_id = (info.get("id") or {}).get("value") or ""
        framework = self.known.get(framework_id)
        kind = "UPDATED"
        if framework is None:
            kind = "ADDED"
            framework = Framework(
                framework_id or self._master.next_framework_id(),
                info,
                principal=principal,
                registered=self._clock.now(),
                spell=self._spell,
            )
            self.known[framework.id] = framework
        else:
            self._take_over(framework, info, principal, account)
        framework.info = {**info, "id": {"value": framework.id}}
        framework.reregistered = self._clock.now()
        framework.disconnected = None
        framework.stream = stream
        framework.account, framework.uses_host = account, uses_host
        framework.constraints = wanted
        framework.suppressed = set(suppressed)
        await self._write(framework)
        await self._ensure_namespace(framework)
        if framework.stream is not stream or framework.removed:
            raise SubscribeError("Framework failed over")
        self.on_changed(kind, framework)
        return framework

    def _take_over(
        self, framework: Framework, info: JsonObject, principal: str, account: str
    ) -> None:
        if framework.removed:
            raise SubscribeError("Framework has been removed")
        if framework.principal != principal or framework.account not in ("", account):
            raise SubscribeError("Changing framework's principal is not allowed")
        # What may not change stays as it was, without a word (as in Mesos).
        for key in ("user", "checkpoint"):
            if key in framework.info:
                info[key] = framework.info[key]
        self._master.unsubscribe(framework.id)
        if framework.expiry is not None:
            framework.expiry.cancel()
            framework.expiry = None
        if framework.stream is not None:
            framework.stream.fail("Framework failed over")

    def activate(self, framework: Framework) -> None:
        """Offers from now on."""
        self._master.attach(framework.offer_info, framework)

    async def update(
        self,
        framework: Framework,
        info: JsonObject,
        suppressed: Iterable[str],
        *,
        constraints: JsonObject | None = None,
    ) -> None:
        """UPDATE_FRAMEWORK; SubscribeError says what can't be."""
        check(info)
        wanted = _constraints(constraints)
        check_wishes(info, suppressed, wanted)
        for key in ("user", "checkpoint", "principal"):
            old, new = framework.info.get(key), info.get(key)
            if (old or "") != (new or ""):
                raise SubscribeError(f"Updating 'FrameworkInfo.{key}' is not supported")
        framework.info = {**info, "id": {"value": framework.id}}
        framework.suppressed, framework.constraints = set(suppressed), wanted
        self._master.update(framework.offer_info)
        self.on_changed("UPDATED", framework)
        await self._write(framework)

    def closed(self, framework: Framework, stream: Stream) -> None:
        """A stream ended. If it is still the framework's, the framework is disconnected."""
        if framework.stream is not stream:
            return
        framework.stream = None
        self._master.unsubscribe(framework.id)
        if not framework.removed:
            self._disconnected(framework, framework.failover_timeout)
            self._mark(framework.id)

    def _disconnected(self, framework: Framework, patience: float) -> None:
        framework.disconnected = self._clock.now()
        if patience <= 0:
            self.remove(framework)
        else:
            loop = asyncio.get_running_loop()
            framework.expiry = loop.call_later(patience, self.remove, framework)

    def remove(self, framework: Framework) -> None:
        """TEARDOWN, or it did not come back in time."""
        if framework.removed:
            return
        framework.removed = True
        if framework.expiry is not None:
            framework.expiry.cancel()
        self._master.unsubscribe(framework.id)
        if framework.stream is not None:
            stream, framework.stream = framework.stream, None
            stream.end()
        self.on_removed(framework)
        self.on_changed("REMOVED", framework)
        self._mark(framework.id)

    # --- writing

    def touch(self, framework: Framework) -> None:
        """Something that its status tells has changed."""
        self._mark(framework.id)

    def _mark(self, framework_id: str) -> None:
        self._dirty.add(framework_id)
        self._wake.set()

    async def run(self) -> None:
        """Write what changed, for ever."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(WRITE_DELAY_S)
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for framework_id in sorted(dirty):
                framework = self.known.get(framework_id)
                try:
                    if framework is not None:
                        await self._write(framework)
                    elif framework_id == KUBERNETES:
                        await self._tell_own()
                except status.ApiError as error:
                    LOG.warning("framework=%s not written: %s", framework_id, error.message)
                    self._mark(framework_id)
            await self._forget_old()

    async def _write(self, framework: Framework) -> None:
        spec = {
            "id": framework.id,
            "name": framework.info["name"],
            "user": framework.info["user"],
            "principal": framework.principal or None,
            "account": framework.account or None,
            "roles": list(framework.roles),
            "suppressedRoles": sorted(framework.suppressed) or None,
            "capabilities": sorted(framework.capabilities) or None,
            "failoverTimeoutSeconds": int(framework.failover_timeout),
            "namespace": framework.namespace,
            "hostTasks": framework.uses_host,
            "info": framework.info,
        }
        if not framework.uid:
            framework.uid = await self._create(framework, spec)
        else:
            await self._client.patch(
                scheme.FRAMEWORKS, framework.name, {"spec": spec}, kind="merge"
            )
        await self._tell(framework.name, self._status(framework))

    async def _create(self, framework: Framework, spec: JsonObject) -> str:
        obj = {"metadata": {"name": framework.name}, "spec": spec}
        try:
            return meta.uid(await self._client.create(scheme.FRAMEWORKS, obj))
        except status.AlreadyExists:
            found = await self._client.patch(
                scheme.FRAMEWORKS, framework.name, {"spec": spec}, kind="merge"
            )
            return meta.uid(found)

    def _status(self, framework: Framework) -> JsonObject:
        connected = framework.stream is not None
        wanted = set(framework.roles) - framework.suppressed
        return {
            "connected": connected,
            "active": connected and bool(wanted),
            "removed": framework.removed,
            **self.usage_of(framework.id),
            "registeredTime": meta.format_micro_time(framework.registered),
            "reregisteredTime": _formatted(framework.reregistered),
            "disconnectedTime": _formatted(framework.disconnected),
        }

    def client_of(self, framework: Framework) -> Client:
        """The API in a framework's name, if it proved to have one."""
        if not framework.account:
            return self._client
        return self._client.impersonating(framework.account, identity.PRINCIPALS)

    async def _ensure_namespace(self, framework: Framework) -> None:
        """Ahead of the first task, so that its service account is there in time.

        The usual one is made by the master, another one by who wants it.
        """
        name = framework.namespace
        if name in self._namespaces:
            return
        client = self._client if name == identity.NAMESPACE else self.client_of(framework)
        try:
            await client.create(scheme.NAMESPACES, {"metadata": {"name": name}})
        except status.AlreadyExists:
            pass
        except status.Forbidden as error:
            await self._check_namespace(name, error)
        self._namespaces.add(name)

    async def _check_namespace(self, name: str, error: status.Forbidden) -> None:
        """It is there, or the framework can't be."""
        try:
            await self._client.get(scheme.NAMESPACES, name)
        except status.NotFound:
            raise SubscribeError(error.message) from error

    async def _forget_old(self) -> None:
        removed = [f for f in self.known.values() if f.removed]
        for framework in removed[: max(0, len(removed) - REMOVED_KEPT)]:
            with contextlib.suppress(status.NotFound):
                await self._client.delete(scheme.FRAMEWORKS, framework.name)
            del self.known[framework.id]


def new_stream_id() -> str:
    return secrets.token_hex(16)


def _constraints(message: JsonObject | None) -> Mapping[str, Constraint]:
    try:
        return constraints_of.parse(message)
    except constraints_of.BadConstraint as error:
        raise SubscribeError(f"Offer constraints are not valid: {error}") from error


def _parsed(text: str | None) -> float:
    return meta.parse_time(text) if text else 0.0


def _formatted(moment: float | None) -> str | None:
    return meta.format_micro_time(moment) if moment else None
