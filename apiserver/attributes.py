"""What authorization, audit and admission are told about a request, and who may be asked.

`Attributes` describes one request after routing: user, verb, resource or path. Neighbours:
`apiserver.routes` makes them, `apiserver.server` asks the `Authorizer` (see `apiserver.access.authz`)
and tells the `Auditor` (see `apiserver.audit`). Nothing here decides.
"""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from apimachinery import wire
from apimachinery.fields import FieldSelector
from apimachinery.labels import Selector


@dataclass(frozen=True, slots=True)
class Attributes:
    """One request as authorization sees it."""

    user: wire.UserInfo
    verb: str
    """get list watch create update patch delete deletecollection; for paths the lower-case method."""
    is_resource: bool
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    """The plural; empty for paths."""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: FieldSelector | None = None
    label_selector: Selector | None = None
    """What a list, a watch or a deletion of many is narrowed to."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The authorizer's answer; the reason is shown to the user when refused."""

    allowed: bool
    reason: str = ""


ALLOW = Decision(allowed=True)


class Authorizer(Protocol):
    """Decides from memory, without waiting: it is asked on every request."""

    def authorize(self, attributes: Attributes) -> Decision: ...

    def rules(self, user: wire.UserInfo, namespace: str) -> list[wire.JsonObject]:
        """The PolicyRules that apply to a user in a namespace, for self reviews."""
        ...

    def role_rules(self, namespace: str, name: str) -> list[wire.JsonObject]:
        """What a role grants with all that it aggregates; without a namespace a ClusterRole."""
        ...


class AlwaysAllow:
    """For tests and for processes whose callers are all trusted."""

    def authorize(self, attributes: Attributes) -> Decision:
        return ALLOW

    def rules(self, user: wire.UserInfo, namespace: str) -> list[wire.JsonObject]:
        return [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        ]

    def role_rules(self, namespace: str, name: str) -> list[wire.JsonObject]:
        return []


class Auditor(Protocol):
    """Told of every finished request; must not wait and must not fail."""

    def record(self, attributes: Attributes, request: wire.Request, code: int) -> None: ...


class TokenIssuer(Protocol):
    """Signs service account tokens (see `apiserver.identity.authn`)."""

    def issue(
        self,
        *,
        namespace: str,
        service_account: str,
        service_account_uid: str,
        audiences: tuple[str, ...],
        expires_in: int,
        bound: Mapping[str, str] | None,
    ) -> tuple[str, float]:
        """A signed token and its expiry as epoch seconds.

        `bound` names what the token dies with: kind, name, uid (and for pods the node).
        Empty `audiences` means the API server's own.
        """
        ...

    def key_set(self) -> wire.JsonObject:
        """The public key as a JSON Web Key Set."""
        ...


@dataclass(frozen=True, slots=True)
class Verified:
    """A bearer token that is good: whose it is and for which of the audiences asked about."""

    user: wire.UserInfo
    audiences: tuple[str, ...]


class TokenReviewer(Protocol):
    """Checks bearer tokens on behalf of others (see `apiserver.identity.authn`)."""

    def review(self, token: str, audiences: tuple[str, ...]) -> Verified | None:
        """None for a token that is no good. Empty `audiences` means the API server's own."""
        ...
