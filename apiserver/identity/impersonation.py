"""Speaking in another's name: who is meant by the headers, and what that takes.

As Kubernetes since 1.36: first the constrained modes, each of which takes two rights, one to the
identity (`impersonate:MODE` on users, groups, … of authentication.k8s.io) and one to do this very
thing in a borrowed name (`impersonate-on:MODE:VERB` on what is asked for); then the old
`impersonate`, which is good for everything. Pure but for the authorizer that is asked.
Neighbours: `authn` calls, `apiserver.access.authz` answers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import unquote

from apimachinery import names, status
from apimachinery.wire import UserInfo
from apiserver.attributes import ALLOW, Attributes, Authorizer, Decision
from apiserver.identity.tokens import NODE_NAME, service_account_groups

USER, UID, GROUP = "impersonate-user", "impersonate-uid", "impersonate-group"
_EXTRA = "impersonate-extra-"
_SERVICE_ACCOUNT, _NODE = "system:serviceaccount:", "system:node:"
_GROUP = "authentication.k8s.io"

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = "system:anonymous"
NODES, MASTERS = "system:nodes", "system:masters"
LEGACY = "impersonate"


class Refused(Exception):  # noqa: N818  a decision, and about what
    """A right that is missing."""

    def __init__(self, about: Attributes, decision: Decision) -> None:
        super().__init__(decision.reason)
        self.about = about
        self.decision = decision


def wanted(headers: Mapping[str, str]) -> UserInfo | None:
    """Who is meant, as the headers say it; None where nobody is.

    Raises:
        ApiError: 400, groups or the like without a name.
    """
    if USER not in headers:
        if UID in headers or GROUP in headers:
            raise status.bad_request("requested impersonation without impersonating a user name")
        return None
    name = headers[USER]
    if not name:
        raise status.bad_request("Impersonate-User must not be empty")
    extra: dict[str, tuple[str, ...]] = {}
    for header in dict.fromkeys(key.lower() for key in headers):
        if header.startswith(_EXTRA):
            extra[unquote(header.removeprefix(_EXTRA))] = tuple(_all(headers, header))
    return UserInfo(name, headers.get(UID, ""), tuple(_all(headers, GROUP)), extra)


def _all(headers: Mapping[str, str], name: str) -> list[str]:
    """Every value of a header that may repeat; plain mappings hold one."""
    getall = getattr(headers, "getall", None)
    if getall is not None:
        return list(getall(name, ()))
    return [headers[name]] if name in headers else []


def become(who: UserInfo, about: Attributes, authorizer: Authorizer) -> tuple[UserInfo, str]:
    """The user that the requester of `about` may speak as, and the right that it took.

    Raises:
        Refused: no mode allows it; tells what the first one lacked.
    """
    first: Refused | None = None
    for mode, check in _modes(who, about.user):
        try:
            check(mode, who, about, authorizer)
        except Refused as refused:
            first = first or refused
            continue
        return _complete(who, mode), f"{LEGACY}:{mode}" if mode else ""
    assert first is not None, "the old right is always asked for"
    raise first


_Check = Callable[[str, UserInfo, Attributes, Authorizer], None]


def _modes(who: UserInfo, requester: UserInfo) -> Iterator[tuple[str, _Check]]:
    """Those that apply to a user; accounts and nodes have what they have, and no more."""
    bare = not (who.uid or who.groups or who.extra)
    if node := _node_of(who.name):
        if bare and _account_of(requester.name) and requester.extra.get(NODE_NAME) == (node,):
            yield "associated-node", _constrained
        if bare:
            yield "arbitrary-node", _constrained
    elif _account_of(who.name):
        if bare:
            yield "serviceaccount", _constrained
    else:
        yield "user-info", _constrained
    yield "", _legacy


def _constrained(mode: str, who: UserInfo, about: Attributes, authorizer: Authorizer) -> None:
    _must(authorizer, replace(about, verb=f"impersonate-on:{mode}:{about.verb}"))
    verb = f"{LEGACY}:{mode}"
    asked = _asked(about.user, verb, _GROUP)
    _must(authorizer, _identity(asked, who.name, node="*" if mode == "associated-node" else ""))
    for group in who.groups:
        if group in ("", MASTERS):
            told = "empty string" if not group else MASTERS
            reason = f"impersonating the {told} group is not allowed"
            raise Refused(replace(asked, resource="groups", name=group), Decision(False, reason))
    if any(not key or not values or "" in values for key, values in who.extra.items()):
        reason = "impersonating empty keys or values in extra is not allowed"
        raise Refused(replace(asked, resource="userextras"), Decision(False, reason))
    _others(who, asked, asked, authorizer)


def _legacy(mode: str, who: UserInfo, about: Attributes, authorizer: Authorizer) -> None:
    del mode
    asked = _asked(about.user, LEGACY, "")
    identity = _identity(asked, who.name, constrained=False)
    _must(authorizer, identity)
    _others(who, asked, _asked(about.user, LEGACY, _GROUP), authorizer)


def _others(who: UserInfo, asked: Attributes, details: Attributes, authorizer: Authorizer) -> None:
    """The rights to all but the name: the old right has groups in another API group than details."""
    if who.uid:
        _must(authorizer, replace(details, resource="uids", name=who.uid))
    for group in who.groups:
        _must(authorizer, replace(asked, resource="groups", name=group))
    for key, values in who.extra.items():
        for value in values:
            extra = replace(details, resource="userextras", subresource=key, name=value)
            _must(authorizer, extra)


def _asked(user: UserInfo, verb: str, group: str) -> Attributes:
    return Attributes(user, verb, is_resource=True, path="", group=group, version="v1")


def _identity(
    asked: Attributes, name: str, *, node: str = "", constrained: bool = True
) -> Attributes:
    """The right to a name: of an account, a node (where that is a thing of its own), any user."""
    if account := _account_of(name):
        namespace, short = account
        return replace(asked, resource="serviceaccounts", namespace=namespace, name=short)
    if constrained and (found := _node_of(name)):
        return replace(asked, resource="nodes", name=node or found)
    return replace(asked, resource="users", name=name)


def _must(authorizer: Authorizer, about: Attributes) -> None:
    decision = authorizer.authorize(about)
    if decision is not ALLOW and not decision.allowed:
        raise Refused(about, decision)


def _complete(who: UserInfo, mode: str) -> UserInfo:
    """The user with the groups that go without saying."""
    groups = who.groups
    account = _account_of(who.name)
    if account and not groups:
        groups = service_account_groups(account[0])
    elif mode.endswith("-node"):
        groups = (NODES,)
    if who.name == ANONYMOUS:
        implied = UNAUTHENTICATED
    else:
        implied = "" if UNAUTHENTICATED in groups else AUTHENTICATED
    if implied and implied not in groups:
        groups = (*groups, implied)
    return replace(who, groups=groups)


def _account_of(name: str) -> tuple[str, str] | None:
    """Namespace and name of a service account's user name."""
    if not name.startswith(_SERVICE_ACCOUNT) or name.count(":") != 3:
        return None
    _, _, namespace, account = name.split(":")
    return (namespace, account) if namespace and account else None


def _node_of(name: str) -> str:
    """The node of a user name, empty where it is none."""
    node = name.removeprefix(_NODE) if name.startswith(_NODE) else ""
    return node if node and not names.dns1123_subdomain(node) else ""
