"""Nobody hands out more than he has: checks on writes of roles and bindings.

Whoever writes a role must hold all that it grants, or the verb `escalate` on it; whoever writes a
binding must hold all that the role grants, or the verb `bind` on the role. Without this, the right
to write roles in one namespace would be the right to everything there. Neighbours:
`apiserver.access.rbac` compares rules, the authorizer knows what a user holds.
"""

from collections.abc import Callable
from typing import ClassVar

from apimachinery import scheme, status
from apimachinery.wire import JsonObject
from apiserver.access import rbac
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.attributes import Attributes, Authorizer
from apiserver.cache import WatchCache

GROUP = "rbac.authorization.k8s.io"
_ROLES = frozenset({scheme.RBAC_ROLES.gr, scheme.CLUSTERROLES.gr})
_BINDINGS = frozenset({scheme.ROLEBINDINGS.gr, scheme.CLUSTERROLEBINDINGS.gr})
_RESOURCES = {"Role": scheme.RBAC_ROLES, "ClusterRole": scheme.CLUSTERROLES}

EVERYTHING: tuple[JsonObject, ...] = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)


class RbacEscalation(Plugin):
    """Refuses roles and bindings that grant what their writer does not hold."""

    kinds: ClassVar[frozenset[str] | None] = _ROLES | _BINDINGS
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})

    def __init__(self, cache: WatchCache, authorizer: Callable[[], Authorizer]) -> None:
        """`authorizer` is asked for at each use: a server may get its own after it was made."""
        self._cache = cache
        self._authorizer = authorizer

    async def validate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a write has an object"
        if attempt.resource.gr in _ROLES:
            if not _same(attempt, "rules", "aggregationRule"):
                self._check_role(attempt, attempt.obj)
        elif not _same(attempt, "roleRef", "subjects"):
            self._check_binding(attempt, attempt.obj)

    def _check_role(self, attempt: Attempt, role: JsonObject) -> None:
        resource = attempt.resource
        if self._may(attempt, "escalate", resource.plural, attempt.name):
            return
        # Aggregation takes over the rules of roles that do not exist yet: that is everything.
        rules = EVERYTHING if role.get("aggregationRule") else tuple(role.get("rules") or ())
        self._refuse_unheld(attempt, rules)

    def _check_binding(self, attempt: Attempt, binding: JsonObject) -> None:
        reference = binding.get("roleRef") or {}
        kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
        resource = _RESOURCES.get(kind)
        if resource is None:
            return  # validation has said so
        if self._may(attempt, "bind", resource.plural, name):
            return
        namespace = attempt.namespace if resource.namespaced else ""
        entry = self._cache.get(resource, namespace, name)
        if entry is None:
            raise status.not_found(resource.plural, name, GROUP)
        aggregated = self._authorizer().role_rules(namespace, name)
        self._refuse_unheld(attempt, (*(entry.parse().get("rules") or ()), *aggregated))

    def _may(self, attempt: Attempt, verb: str, resource: str, name: str) -> bool:
        asked = Attributes(
            attempt.user,
            verb,
            is_resource=True,
            path="",
            group=GROUP,
            version="v1",
            resource=resource,
            namespace=attempt.namespace,
            name=name,
        )
        return self._authorizer().authorize(asked).allowed

    def _refuse_unheld(self, attempt: Attempt, rules: tuple[JsonObject, ...]) -> None:
        user = attempt.user
        held = rbac.compiled(self._authorizer().rules(user, attempt.namespace))
        unheld = [rule for rule in rules if not held.covers(rule)]
        if unheld:
            listed = "\n".join(_told(rule) for rule in unheld)
            raise status.forbidden(
                attempt.resource.plural,
                attempt.name,
                f"user {status.quote(user.name)} (groups={_quoted(user.groups)}) is attempting to "
                f"grant RBAC permissions not currently held:\n{listed}",
                GROUP,
            )


def _same(attempt: Attempt, *parts: str) -> bool:
    """Whether an update leaves what grants something as it was."""
    old, new = attempt.old, attempt.obj or {}
    return old is not None and all(old.get(part) == new.get(part) for part in parts)


def _told(rule: JsonObject) -> str:
    """A rule as Kubernetes prints it."""
    names = (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    )
    told = [f"{title}:{_quoted(rule[key])}" for title, key in names if rule.get(key)]
    return "{" + ", ".join(told) + "}"


def _quoted(values: "list[str] | tuple[str, ...]") -> str:
    return "[" + ", ".join(status.quote(value) for value in values) + "]"
