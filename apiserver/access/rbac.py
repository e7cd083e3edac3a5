"""RBAC's rules, compiled for look-up: is this verb on this thing granted?

Pure. A `Grants` answers from sets: its cost does not grow with the number of rules, roles or
bindings. Neighbours: `authz` keeps roles and bindings current and joins the grants of
a user, `apiserver.handlers.reviews` lists rules. Kubernetes' semantics: rules only ever add.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apimachinery import wire

ALL = "*"

Key = tuple[str, str, str]
"""Verb, API group, resource (`pods`, `pods/log`); each may be `*`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a binding names. Service accounts are users with a long name."""

    kind: str
    """`User` or `Group`."""
    name: str


@dataclass(slots=True)
class Grants:
    """What a set of rules allows."""

    resources: set[Key] = field(default_factory=set)
    named: dict[Key, set[str]] = field(default_factory=dict)
    """Rules with resourceNames: only objects of these names."""
    paths: set[tuple[str, str]] = field(default_factory=set)
    """Verb and path; a path that ends in `*` covers what starts like it."""

    def add(self, rule: wire.JsonObject) -> None:
        """Grant what one PolicyRule says."""
        verbs = _strings(rule, "verbs")
        for path in _strings(rule, "nonResourceURLs"):
            self.paths.update((verb, path) for verb in verbs)
        names = _strings(rule, "resourceNames")
        for group in _strings(rule, "apiGroups"):
            for resource in _strings(rule, "resources"):
                for verb in verbs:
                    key = (verb, group, resource)
                    if names:
                        self.named.setdefault(key, set()).update(names)
                    else:
                        self.resources.add(key)

    def join(self, other: "Grants") -> None:
        """Grant all that `other` grants."""
        self.resources |= other.resources
        self.paths |= other.paths
        for key, names in other.named.items():
            self.named.setdefault(key, set()).update(names)

    def allows(self, verb: str, group: str, resource: str, subresource: str, name: str) -> bool:
        """Whether the verb is granted on an object (or, without a name, on the collection)."""
        if not self.resources and not self.named:
            return False
        for key in _keys(verb, group, resource, subresource):
            if key in self.resources:
                return True
            if name and (names := self.named.get(key)) and name in names:
                return True
        return False

    def allows_path(self, verb: str, path: str) -> bool:
        """Whether the verb is granted on a path outside the resources."""
        for granted_verb, granted in self.paths:
            if granted_verb not in (verb, ALL):
                continue
            if granted == path:
                return True
            if granted.endswith(ALL) and path.startswith(granted[:-1]):
                return True
        return False

    def covers(self, rule: wire.JsonObject) -> bool:
        """Whether somebody with these grants may hand out `rule` (no escalation)."""
        verbs, names = _strings(rule, "verbs"), _strings(rule, "resourceNames")
        paths = _strings(rule, "nonResourceURLs")
        if not all(self.allows_path(verb, path) for verb in verbs for path in paths):
            return False
        return all(
            self.allows(verb, group, *_split(resource), name)
            for verb in verbs
            for group in _strings(rule, "apiGroups")
            for resource in _strings(rule, "resources")
            for name in (names or [""])
        )


def compiled(rules: Iterable[wire.JsonObject]) -> Grants:
    """The grants of a role."""
    grants = Grants()
    for rule in rules:
        grants.add(rule)
    return grants


def subjects(binding: wire.JsonObject) -> list[Subject]:
    """Whom a RoleBinding or ClusterRoleBinding names."""
    found = []
    namespace = (binding.get("metadata") or {}).get("namespace", "")
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            where = subject.get("namespace") or namespace
            found.append(Subject("User", f"system:serviceaccount:{where}:{name}"))
        elif kind in ("User", "Group"):
            found.append(Subject(kind, name))
    return found


def user_subjects(user: wire.UserInfo) -> list[Subject]:
    """Under which subjects a user's bindings are found."""
    return [Subject("User", user.name), *(Subject("Group", group) for group in user.groups)]


def _keys(verb: str, group: str, resource: str, subresource: str) -> list[Key]:
    """Every key that would grant it, the likely ones first."""
    combined = f"{resource}/{subresource}" if subresource else resource
    resources: Sequence[str] = (
        (combined, ALL, f"*/{subresource}") if subresource else (combined, ALL)
    )
    return [(v, g, r) for r in resources for g in (group, ALL) for v in (verb, ALL)]


def _split(resource: str) -> tuple[str, str]:
    base, _, sub = resource.partition("/")
    return base, sub


def _strings(rule: wire.JsonObject, key: str) -> list[str]:
    return rule.get(key) or []
