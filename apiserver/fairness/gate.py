"""Lets requests of the network in: each through the priority level and flow that schemas give it.

What is known of a user is remembered, so that most requests pay two look-ups and two counts. Watches
and other streams hold a seat only until they have begun. Calls inside the process never come here.
Neighbours: `apiserver.front.app` calls `run`, `keeper` tells what the stored objects say now, `schemas`
and `levels` decide.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from apimachinery import wire
from apimachinery.wire import JsonObject, Request, Response, UserInfo
from apiserver.fairness import defaults, levels, schemas
from apiserver.fairness.levels import Flow, Level, Turns
from apiserver.fairness.schemas import Asked, Rule, Schema

SEATS = 600
"""Requests worked on at a time, all levels together, as in Kubernetes (400 reads, 200 writes)."""

SPARE = SEATS // 2
"""While fewer are taken in all, a level may have more than its share: idle seats help nobody."""

USERS = 4096
"""Users of which it is remembered which schemas concern them."""

ANSWERS = 512
"""Kinds of requests of one user whose schema is remembered."""

FLOWS = 4096
"""Flows of which a share is counted; idle ones are forgotten."""

_ANONYMOUS = UserInfo("system:anonymous", groups=("system:unauthenticated",))
_NOTHING = Request("GET", "/")
_COLLECTION = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
_SINGLE = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(slots=True)
class Known:
    """What schemas say about one user."""

    candidates: tuple[tuple[Schema, tuple[Rule, ...]], ...]
    only: Schema | None
    """The one schema of all requests of this user, where it is always the same."""
    flow: Flow | None = None
    """Of all requests of this user, where that is always the same."""
    answers: dict[Asked, Schema | None] = field(default_factory=dict)


class Gate:
    """The levels of one server."""

    def __init__(self) -> None:
        self._turns = Turns(SPARE)
        self._levels: dict[str, Level] = {}
        self._schemas: tuple[Schema, ...] = ()
        self._known: OrderedDict[tuple[str, tuple[str, ...]], Known] = OrderedDict()
        self._flows: OrderedDict[tuple[str, str], Flow] = OrderedDict()
        self.configure(defaults.SCHEMAS, defaults.LEVELS)

    def configure(
        self, flow_schemas: Iterable[JsonObject], configured: Iterable[JsonObject]
    ) -> None:
        """What the stored objects say now. Those who wait or work go on as they are."""
        specs = {spec.name: spec for spec in map(levels.read, configured)}
        for name in (schemas.EXEMPT, schemas.CATCH_ALL):
            specs.setdefault(name, levels.Spec(name, exempt=name == schemas.EXEMPT, shares=5))
        total = sum(spec.shares for spec in specs.values()) or 1
        self._levels = {name: self._level(spec, total) for name, spec in specs.items()}
        self._schemas = schemas.in_order(
            one for one in map(schemas.read, flow_schemas) if one.level in specs
        )
        self._known.clear()

    def _level(self, spec: levels.Spec, total: int) -> Level:
        found = self._levels.get(spec.name) or Level(spec, self._turns)
        found.spec = spec
        found.seats = max(1, -(-SEATS * spec.shares // total))
        return found

    async def run(self, request: Request, handle: wire.Handler) -> Response:
        """Answer a request in its turn.

        Raises:
            ApiError: 429, its level is full.
        """
        user = request.user or _ANONYMOUS
        key = (user.name, user.groups)
        known = self._known.get(key)
        if known is None:
            known = self._learn(key, user)
        schema = known.only or self._choose(known, request)
        level = self._levels[schema.level if schema is not None else schemas.CATCH_ALL]
        if level.spec.exempt:
            return await handle(request)
        flow = known.flow or self._flow(schema, user, request)
        if not level.enter(flow):
            await level.wait(flow)
        try:
            return await handle(request)
        finally:
            level.leave()

    def _learn(self, key: tuple[str, tuple[str, ...]], user: UserInfo) -> Known:
        candidates: list[tuple[Schema, tuple[Rule, ...]]] = []
        only = None
        for schema in self._schemas:
            if rules := schema.rules_for(user):
                if not candidates and any(map(_covers_all, rules)):
                    only = schema
                candidates.append((schema, rules))
        known = self._known[key] = Known(tuple(candidates), only)
        if only is not None and only.distinguisher != "ByNamespace":
            known.flow = self._flow(only, user, _NOTHING)
        if len(self._known) > USERS:
            self._known.popitem(last=False)
        return known

    def _choose(self, known: Known, request: Request) -> Schema | None:
        asked = asked_of(request)
        try:
            return known.answers[asked]
        except KeyError:
            pass
        chosen = schemas.choose(known.candidates, asked)
        if len(known.answers) < ANSWERS:
            known.answers[asked] = chosen
        return chosen

    def _flow(self, schema: Schema | None, user: UserInfo, request: Request) -> Flow:
        by = ""
        if schema is not None and schema.distinguisher == "ByUser":
            by = user.name
        elif schema is not None and schema.distinguisher == "ByNamespace":
            by = asked_of(request).namespace
        key = (schema.name if schema is not None else "", by)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = Flow()
            if len(self._flows) > FLOWS:
                self._forget()
        return flow

    def _forget(self) -> None:
        """Drop the oldest flow in which nobody waits."""
        for key, flow in self._flows.items():
            if not flow.waiting:
                del self._flows[key]
                return

    # --- for metrics -------------------------------------------------------------------------

    def executing(self) -> int:
        return self._turns.taken

    def in_queue(self) -> int:
        return sum(level.waiting for level in self._levels.values())

    def rejected(self) -> int:
        return sum(level.rejected for level in self._levels.values())


def _covers_all(rule: Rule) -> bool:
    """Whether a rule takes every request there is, as most default ones do."""
    return any(
        all(
            "*" in (one.get(key) or ()) for key in ("verbs", "apiGroups", "resources", "namespaces")
        )
        and one.get("clusterScope")
        for one in rule.resources
    ) and any(
        "*" in (one.get("verbs") or ()) and "*" in (one.get("nonResourceURLs") or ())
        for one in rule.paths
    )


def asked_of(request: Request) -> Asked:
    """What a request is about, from its method and path alone: no scheme is asked."""
    path = request.path
    parts = path.split("/")
    if path.startswith("/api/") and len(parts) > 3:
        group, rest = "", parts[3:]
    elif path.startswith("/apis/") and len(parts) > 4:
        group, rest = parts[2], parts[4:]
    else:
        return Asked(request.method.lower(), path=path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    resource = f"{rest[0]}/{rest[2]}" if len(rest) > 2 else rest[0]
    return Asked(_verb(request, name), group, resource, namespace)


def _verb(request: Request, name: str) -> str:
    if name:
        return _SINGLE.get(request.method, "create")
    verb = _COLLECTION.get(request.method, "")
    if verb == "list" and request.query and request.param("watch") in ("1", "true"):
        return "watch"
    return verb
