"""The API server without sockets: one request value in, one answer value out.

`ApiServer` composes store, cache, registries and admission, and takes every request through the
same steps: route, authorize, handle, audit. The HTTPS front (`apiserver.front.app`) and the in-process
transport both call `handle`, so neither skips a step. Authentication happened before.
"""

import asyncio
import random
from dataclasses import replace

from apimachinery import scheme as schemes
from apimachinery import status, wire
from apimachinery.aio import tasks
from apimachinery.aio.clock import Clock, SystemClock
from apimachinery.fields import FieldSelector
from apiserver import dispatch, errors, routes, warning_headers
from apiserver.access import selectors
from apiserver.admission import plugins
from apiserver.admission.certificate_requests import SignerPermissions
from apiserver.admission.chain import Chain
from apiserver.admission.custom_rules import CustomRules
from apiserver.admission.host_tasks import HostTasks
from apiserver.admission.policies.checks import PolicyChecks
from apiserver.admission.policies.mutating import MutatingPolicies
from apiserver.admission.policies.validating import ValidatingPolicies
from apiserver.admission.rbac_escalation import RbacEscalation
from apiserver.admission.webhooks.caller import Caller
from apiserver.admission.webhooks.conversions import Conversions
from apiserver.admission.webhooks.plugins import MutatingWebhooks, ValidatingWebhooks
from apiserver.attributes import AlwaysAllow, Attributes, Auditor, Authorizer, TokenIssuer
from apiserver.cache import WatchCache
from apiserver.core import Core
from apiserver.entropy import Entropy
from apiserver.expressions.evaluator import Evaluator
from apiserver.handlers import query
from apiserver.handlers.writing import ANONYMOUS
from apiserver.identity import authn
from apiserver.options import Options
from apiserver.registry.kinds import Registries
from apiserver.routes import Route
from apiserver.storage.interface import Store
from apiserver.upkeep import bootstrap, memory, policy_status, quota_status
from apiserver.upkeep.customresources import CustomResources


class ApiServer:
    """See the module. `start` before the first request, `stop` after the last."""

    def __init__(
        self,
        store: Store,
        options: Options | None = None,
        *,
        authorizer: Authorizer | None = None,
        auditor: Auditor | None = None,
        tokens: TokenIssuer | None = None,
        clock: Clock | None = None,
        entropy: random.Random | None = None,
        configured: plugins.Configured | None = None,
    ) -> None:
        options = options or Options()
        entropy = entropy or Entropy()
        scheme = schemes.builtin()
        cache = WatchCache(store)
        registries = Registries(cache, entropy, options, scheme)

        def asked() -> Authorizer:
            return self.core.authorizer

        allowed = (
            RbacEscalation(cache, asked),
            HostTasks(asked),
            SignerPermissions(asked),
        )
        self._webhooks = Caller(cache)
        self._evaluator = Evaluator()
        conversions = Conversions(self._webhooks)
        policies = (cache, scheme, self._evaluator, asked, conversions)
        webhooks = (cache, scheme, self._webhooks, self._evaluator, asked, conversions)
        outside = (
            MutatingPolicies(*policies),
            MutatingWebhooks(*webhooks),
            CustomRules(self._evaluator),
            PolicyChecks(self._evaluator),
            ValidatingPolicies(*policies),
            ValidatingWebhooks(*webhooks),
        )
        self.core = Core(
            scheme=scheme,
            store=store,
            cache=cache,
            registries=registries,
            conversions=conversions,
            admission=Chain(
                (
                    *plugins.standard(cache, entropy, asked, configured or plugins.Configured()),
                    *allowed,
                    *outside,
                )
            ),
            options=options,
            clock=clock or SystemClock(),
            authorizer=authorizer or AlwaysAllow(),
            auditor=auditor,
            tokens=tokens,
            entropy=entropy,
        )
        self._custom = CustomResources(self.core, registries.definitions)
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the store, fill the cache, make sure that the cluster's own objects exist."""
        await self.core.store.start()
        await self.core.cache.start()
        self.core.registries.load()
        self._custom.load()
        await bootstrap.ensure(self.core)
        loop = asyncio.get_running_loop()
        self._keepers = [
            loop.create_task(
                tasks.keep_running(lambda: bootstrap.keep(self.core), name="default/kubernetes")
            ),
            loop.create_task(tasks.keep_running(self._custom.run, name="custom resources")),
            loop.create_task(
                tasks.keep_running(self.core.registries.follow, name="service addresses")
            ),
            loop.create_task(
                tasks.keep_running(lambda: quota_status.run(self.core), name="quotas")
            ),
            loop.create_task(
                tasks.keep_running(
                    lambda: policy_status.run(self.core, self._evaluator), name="policies"
                )
            ),
            loop.create_task(
                tasks.keep_running(lambda: memory.run(self.core.cache), name="memory")
            ),
        ]

    async def stop(self) -> None:
        """End the watches and close the store."""
        for keeper in self._keepers:
            await tasks.stop(keeper)
        await self._webhooks.close()
        await self._evaluator.close()
        await self.core.cache.stop()
        await self.core.store.close()

    async def handle(self, request: wire.Request) -> wire.Response:
        """Answer a request. Never raises, except when it is cancelled."""
        attributes: Attributes | None = None
        started = self.core.clock.monotonic()
        try:
            elsewhere = self.core.aggregation
            if elsewhere is not None and elsewhere.serves(request.path):
                attributes = elsewhere.attributes(request, request.user or ANONYMOUS)
                response = await elsewhere.handle(request, attributes)
            else:
                route = routes.resolve(request, self.core.scheme)
                if route is None:
                    return _nothing_here(request, self.core.scheme)
                if route.verb != "watch":
                    query.check_timeout(request)
                attributes = self.authorize(request, route)
                response = await self._perform(request, route)
        except Exception as error:  # noqa: BLE001  every fault becomes an answer, bugs are logged
            response = errors.answer(error, request.headers.get("accept", ""))
        if request.warnings:
            warning_headers.put(response, request.warnings)
        if attributes is not None:
            took = self.core.clock.monotonic() - started
            self.core.metrics.observe(attributes, response.status, took)
            if self.core.auditor is not None:
                self.core.auditor.record(attributes, request, response.status)
        return response

    def about(self, request: wire.Request, user: wire.UserInfo) -> Attributes:
        """What a request asks for, before anybody has looked at it (see `authn.Authenticator`)."""
        elsewhere = self.core.aggregation
        if elsewhere is not None and elsewhere.serves(request.path):
            return elsewhere.attributes(request, user)
        route = routes.resolve(request, self.core.scheme)
        if route is None:
            return authn.by_path(request, user)
        return replace(attributes_of(request, route), user=user)

    def authorize(self, request: wire.Request, route: Route) -> Attributes:
        """Ask the authorizer; raises 403. Also for requests that become streams."""
        attributes = attributes_of(request, route)
        decision = self.core.authorizer.authorize(attributes)
        if not decision.allowed:
            raise authn.forbidden(attributes, decision)
        return attributes

    async def _perform(self, request: wire.Request, route: Route) -> wire.Response:
        if route.resource is None:
            if route.handler in ("discovery", "version") and request.method not in ("GET", "HEAD"):
                raise status.method_not_allowed()
            path_handler = dispatch.path_handler(route)
            return await path_handler(self.core, request)
        handler = dispatch.handler_of(route)
        if handler is None:
            raise status.method_not_allowed()
        custom = route.resource.custom
        deprecation = route.resource.deprecation if custom is None else custom.deprecation
        if deprecation:
            request.warnings.append(deprecation)
        return await handler(self.core, request, route)


def attributes_of(request: wire.Request, route: Route) -> Attributes:
    """What is authorized: the route, with the name that a field selector fixes."""
    user = request.user or ANONYMOUS
    resource = route.resource
    if resource is None:
        return Attributes(user, route.verb, is_resource=False, path=route.path)
    reading = route.verb in ("list", "watch")
    many = bool(request.query) and (reading or route.verb == "deletecollection")
    narrowed = selectors.field_selector(request.param("fieldSelector")) if many else None
    return Attributes(
        user=user,
        verb=route.verb,
        is_resource=True,
        path=route.path,
        group=resource.group,
        version=resource.version,
        resource=resource.plural,
        subresource=route.subresource,
        namespace=route.name if resource.gr == "namespaces" else route.namespace,
        name=route.name or (_selected_name(narrowed) if reading else ""),
        field_selector=narrowed,
        label_selector=selectors.label_selector(request.param("labelSelector")) if many else None,
    )


def _selected_name(selector: FieldSelector | None) -> str:
    """Lists and watches of one name are authorized like reads of it."""
    return (selector.exact_value("metadata.name") or "") if selector is not None else ""


def _nothing_here(request: wire.Request, scheme: schemes.Scheme) -> wire.Response:
    """404: told by the group that the path is in, if it is a built-in one, else as plain text."""
    group = routes.group_of(request.path)
    if any(row.custom is None and row.group == group for row in scheme.all()):
        raise status.path_not_found()
    return wire.Response(
        404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n"
    )
