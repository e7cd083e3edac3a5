"""Which priority level and which flow a request belongs to, from FlowSchema objects. Pure.

Neighbours: `defaults` has the objects that every cluster has, `gate` asks and remembers answers,
`levels` lets requests in.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from apimachinery.wire import JsonObject, UserInfo

EXEMPT = "exempt"
CATCH_ALL = "catch-all"
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about, as far as schemas look at it."""

    verb: str
    group: str = ""
    resource: str = ""
    """With its subresource: pods/status. Empty for a path that is no object."""
    namespace: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who, and for what: one element of a schema's `rules`."""

    subjects: tuple[JsonObject, ...]
    resources: tuple[JsonObject, ...]
    paths: tuple[JsonObject, ...]

    def concerns(self, user: UserInfo) -> bool:
        return any(_is(subject, user) for subject in self.subjects)

    def covers(self, asked: Asked) -> bool:
        if asked.resource:
            return any(_resource_fits(rule, asked) for rule in self.resources)
        return any(_path_fits(rule, asked) for rule in self.paths)


@dataclass(frozen=True, slots=True)
class Schema:
    """One FlowSchema, read."""

    name: str
    level: str
    precedence: int
    distinguisher: str
    """ByUser, ByNamespace, or empty: all its requests are one flow."""
    rules: tuple[Rule, ...]

    def rules_for(self, user: UserInfo) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.concerns(user))


def read(obj: JsonObject) -> Schema:
    """A FlowSchema object as the value that is asked."""
    spec = obj.get("spec") or {}
    return Schema(
        name=obj["metadata"]["name"],
        level=(spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        precedence=spec.get("matchingPrecedence") or 1000,
        distinguisher=(spec.get("distinguisherMethod") or {}).get("type", ""),
        rules=tuple(
            Rule(
                tuple(rule.get("subjects") or ()),
                tuple(rule.get("resourceRules") or ()),
                tuple(rule.get("nonResourceRules") or ()),
            )
            for rule in spec.get("rules") or ()
        ),
    )


def in_order(schemas: Iterable[Schema]) -> tuple[Schema, ...]:
    """As they are looked at: by precedence, then by name."""
    return tuple(sorted(schemas, key=lambda one: (one.precedence, one.name)))


def choose(candidates: Iterable[tuple[Schema, tuple[Rule, ...]]], asked: Asked) -> Schema | None:
    """The first schema of which a rule covers the request."""
    for schema, rules in candidates:
        if any(rule.covers(asked) for rule in rules):
            return schema
    return None


def _is(subject: JsonObject, user: UserInfo) -> bool:
    kind = subject.get("kind")
    if kind == "User":
        return (subject.get("user") or {}).get("name") in ("*", user.name)
    if kind == "Group":
        name = (subject.get("group") or {}).get("name")
        return name == "*" or name in user.groups
    account = subject.get("serviceAccount") or {}
    prefix = f"{_ACCOUNT}{account.get('namespace', '')}:"
    if account.get("name") == "*":
        return user.name.startswith(prefix)
    return bool(user.name == prefix + account.get("name", ""))


def _in(values: Iterable[str] | None, value: str) -> bool:
    listed = values or ()
    return "*" in listed or value in listed


def _resource_fits(rule: JsonObject, asked: Asked) -> bool:
    if not (
        _in(rule.get("verbs"), asked.verb)
        and _in(rule.get("apiGroups"), asked.group)
        and _in(rule.get("resources"), asked.resource)
    ):
        return False
    if not asked.namespace:
        return bool(rule.get("clusterScope"))
    return _in(rule.get("namespaces"), asked.namespace)


def _path_fits(rule: JsonObject, asked: Asked) -> bool:
    if not _in(rule.get("verbs"), asked.verb):
        return False
    return any(
        url in ("*", asked.path)
        or (url.endswith("/*") and asked.path.startswith(url.removesuffix("*")))
        for url in rule.get("nonResourceURLs") or ()
    )
