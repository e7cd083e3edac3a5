"""May this user do that? Masters, nodes, then RBAC, all from memory.

`RbacIndex` holds roles and bindings by subject, so that a request looks at its user's own
bindings only; `ClusterAuthorizer` keeps the index current from the watch cache and joins the
three authorizers as Kubernetes does: the first that allows wins. Neighbours: `rbac`
(rules), `apiserver.server` (asks on every request), `default_roles` (the roles that exist
from the start). It does not authenticate and it knows no object but roles, bindings and pods.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from apimachinery import scheme, wire
from apiserver import attributes
from apiserver.access import rbac
from apiserver.access.node_authz import NodeAuthorizer
from apiserver.cache import WatchCache

MASTERS = "system:masters"
"""May do everything, whatever the roles say: the way back in after a mistake."""

USERS_REMEMBERED = 4096
"""Users whose joined grants are kept; a fleet's nodes and accounts fit in."""

AGGREGATION_DEPTH = 4
"""How deep aggregated roles may nest (admin ← edit ← view is 3)."""

DENIED = attributes.Decision(allowed=False)

_FOLLOWED = (
    scheme.CLUSTERROLES,
    scheme.CLUSTERROLEBINDINGS,
    scheme.RBAC_ROLES,
    scheme.ROLEBINDINGS,
)

_Key = tuple[str, str]
"""Namespace (empty for cluster-wide) and name."""


@dataclass(slots=True)
class UserGrants:
    """What one user may do: everywhere, and in each namespace that was asked about."""

    everywhere: rbac.Grants
    within: dict[str, rbac.Grants] = field(default_factory=dict)


class RbacIndex:
    """Roles and bindings, found by subject."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[_Key, wire.JsonObject]] = {
            resource.plural: {} for resource in _FOLLOWED
        }
        self._by_subject: dict[tuple[str, rbac.Subject], dict[str, wire.JsonObject]] = defaultdict(
            dict
        )
        """(namespace, subject) → bindings by name; the empty namespace is the cluster's."""
        self._roles: dict[_Key, rbac.Grants] = {}
        self._users: OrderedDict[tuple[str, tuple[str, ...]], UserGrants] = OrderedDict()

    def put(self, plural: str, obj: wire.JsonObject) -> None:
        """Add or replace a role or binding."""
        key = _key(obj)
        self._forget(plural, key)
        self._objects[plural][key] = obj
        if plural.endswith("bindings"):
            for subject in rbac.subjects(obj):
                self._by_subject[key[0], subject][key[1]] = obj

    def remove(self, plural: str, namespace: str, name: str) -> None:
        """Drop a role or binding; no error when it is not there."""
        self._forget(plural, (namespace, name))
        self._objects[plural].pop((namespace, name), None)

    def replace(self, plural: str, objects: Iterable[wire.JsonObject]) -> None:
        """Make these the only ones of their kind."""
        fresh = {_key(obj): obj for obj in objects}
        for namespace, name in [key for key in self._objects[plural] if key not in fresh]:
            self.remove(plural, namespace, name)
        for obj in fresh.values():
            self.put(plural, obj)

    def grants(self, user: wire.UserInfo, namespace: str) -> Iterator[rbac.Grants]:
        """What applies to a request of `user` in `namespace`."""
        found = self._user(user)
        yield found.everywhere
        if namespace:
            within = found.within.get(namespace)
            if within is None:
                within = found.within[namespace] = self._joined(user, namespace)
            yield within

    def rules(self, user: wire.UserInfo, namespace: str) -> list[wire.JsonObject]:
        """The rules that apply to a user in a namespace, as they are written."""
        found: list[wire.JsonObject] = []
        for where in dict.fromkeys(("", namespace)):
            for role in self._bound_roles(user, where):
                found += self._role_rules(role, AGGREGATION_DEPTH)
        return found

    def role_rules(self, namespace: str, name: str) -> list[wire.JsonObject]:
        """What a role grants (cluster-wide for the empty namespace), with all it aggregates."""
        return self._role_rules((namespace, name), AGGREGATION_DEPTH)

    def _forget(self, plural: str, key: _Key) -> None:
        """Undo what the present object of this key has put into the index."""
        self._users.clear()
        if not plural.endswith("bindings"):
            # Aggregation lets one role change another: all are compiled anew when asked for.
            self._roles.clear()
            return
        old = self._objects[plural].get(key)
        for subject in rbac.subjects(old) if old else ():
            names = self._by_subject[key[0], subject]
            names.pop(key[1], None)
            if not names:
                del self._by_subject[key[0], subject]

    def _user(self, user: wire.UserInfo) -> UserGrants:
        key = (user.name, user.groups)
        found = self._users.get(key)
        if found is None:
            found = self._users[key] = UserGrants(self._joined(user, ""))
            if len(self._users) > USERS_REMEMBERED:
                self._users.popitem(last=False)
        return found

    def _joined(self, user: wire.UserInfo, namespace: str) -> rbac.Grants:
        grants = rbac.Grants()
        for role in self._bound_roles(user, namespace):
            grants.join(self._compiled(role))
        return grants

    def _bound_roles(self, user: wire.UserInfo, namespace: str) -> list[_Key]:
        """The roles that bindings of this namespace (or of the cluster) give to a user."""
        roles: dict[_Key, None] = {}
        for subject in rbac.user_subjects(user):
            for binding in self._by_subject.get((namespace, subject), {}).values():
                reference = binding.get("roleRef") or {}
                within = namespace if reference.get("kind") == "Role" else ""
                roles[within, str(reference.get("name", ""))] = None
        return list(roles)

    def _compiled(self, role: _Key) -> rbac.Grants:
        found = self._roles.get(role)
        if found is None:
            rules = self._role_rules(role, AGGREGATION_DEPTH)
            found = self._roles[role] = rbac.compiled(rules)
        return found

    def _role_rules(self, role: _Key, depth: int) -> list[wire.JsonObject]:
        obj = self._objects[_role_plural(role[0])].get(role)
        if obj is None:
            return []
        rules = list(obj.get("rules") or ())
        selectors = (obj.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
        if selectors and depth:
            for key, other in self._objects[scheme.CLUSTERROLES.plural].items():
                if key != role and any(_selects(selector, other) for selector in selectors):
                    rules += self._role_rules(key, depth - 1)
        return rules


class ClusterAuthorizer:
    """The authorizer of a real cluster. `start` it once the cache is running."""

    def __init__(self, cache: WatchCache) -> None:
        self.index = RbacIndex()
        self._cache = cache
        self._nodes = NodeAuthorizer(cache)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load roles and bindings, then follow them. Returns when all are loaded."""
        loaded = [asyncio.Event() for _ in _FOLLOWED]
        self._tasks = [
            asyncio.create_task(self._follow(resource, event), name=f"authz-{resource.plural}")
            for resource, event in zip(_FOLLOWED, loaded, strict=True)
        ]
        for event in loaded:
            await event.wait()

    async def stop(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def authorize(self, asked: attributes.Attributes) -> attributes.Decision:
        """Allowed by the first who allows it, else denied with the last one's reason."""
        groups = asked.user.groups
        if MASTERS in groups:
            return attributes.ALLOW
        reason = ""
        if self._nodes.concerns(asked.user):
            decision = self._nodes.authorize(asked)
            if decision.allowed:
                return decision
            reason = decision.reason
        if self._by_roles(asked):
            return attributes.ALLOW
        return attributes.Decision(allowed=False, reason=reason) if reason else DENIED

    def rules(self, user: wire.UserInfo, namespace: str) -> list[wire.JsonObject]:
        """What roles grant a user; what nodes may do besides is not written as rules."""
        return self.index.rules(user, namespace)

    def role_rules(self, namespace: str, name: str) -> list[wire.JsonObject]:
        """See `attributes.Authorizer`."""
        return self.index.role_rules(namespace, name)

    def _by_roles(self, asked: attributes.Attributes) -> bool:
        if not asked.is_resource:
            return any(
                grants.allows_path(asked.verb, asked.path)
                for grants in self.index.grants(asked.user, "")
            )
        return any(
            grants.allows(asked.verb, asked.group, asked.resource, asked.subresource, asked.name)
            for grants in self.index.grants(asked.user, asked.namespace)
        )

    async def _follow(self, resource: scheme.Resource, loaded: asyncio.Event) -> None:
        while True:
            await self._follow_once(resource, loaded)

    async def _follow_once(self, resource: scheme.Resource, loaded: asyncio.Event) -> None:
        """One watch: the present state replaces what was known, then changes are applied."""
        initial: list[wire.JsonObject] | None = []
        plural = resource.plural
        async with self._cache.watch(resource, end_bookmark=True) as watcher:
            async for batch in watcher:
                for item in batch:
                    if item.initial_events_end and initial is not None:
                        self.index.replace(plural, initial)
                        initial = None
                        loaded.set()
                    if item.entry is None:
                        continue
                    if initial is not None:
                        initial.append(item.entry.parse())
                    elif item.type == "DELETED":
                        self.index.remove(plural, item.entry.namespace, item.entry.name)
                    else:
                        self.index.put(plural, item.entry.parse())


def _key(obj: wire.JsonObject) -> _Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _role_plural(namespace: str) -> str:
    return (scheme.RBAC_ROLES if namespace else scheme.CLUSTERROLES).plural


def _selects(selector: wire.JsonObject, role: wire.JsonObject) -> bool:
    found = role["metadata"].get("labels") or {}
    wanted = selector.get("matchLabels") or {}
    return bool(wanted) and all(found.get(key) == value for key, value in wanted.items())
