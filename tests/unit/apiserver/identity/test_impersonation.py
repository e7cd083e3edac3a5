"""Speaking in another's name: which rights it takes in which mode, and what comes of it."""

from collections.abc import Mapping

import pytest
from multidict import CIMultiDict

from apimachinery import status
from apimachinery.wire import JsonObject, UserInfo
from apiserver.attributes import ALLOW, Attributes, Decision
from apiserver.identity import impersonation
from apiserver.identity.impersonation import Refused

AGENT = UserInfo(
    "system:serviceaccount:ns:agent",
    extra={"authentication.kubernetes.io/node-name": ("n1",)},
)
BOB = UserInfo("bob")
ACCOUNT, NODE = "system:serviceaccount:ns:robot", "system:node:n1"

Right = tuple[str, str, str]


class Only:
    """Allows these: verb, resource with group and subresource, name (with its namespace)."""

    def __init__(self, *rights: Right) -> None:
        self._rights = rights

    def authorize(self, about: Attributes) -> Decision:
        resource = about.resource + (f"/{about.subresource}" if about.subresource else "")
        what = f"{resource}.{about.group}" if about.group else resource
        name = f"{about.namespace}/{about.name}" if about.namespace else about.name
        return ALLOW if (about.verb, what, name) in self._rights else Decision(allowed=False)

    def rules(self, user: UserInfo, namespace: str) -> list[JsonObject]:
        raise NotImplementedError

    def role_rules(self, namespace: str, name: str) -> list[JsonObject]:
        raise NotImplementedError


def about(user: UserInfo) -> Attributes:
    return Attributes(user, "list", is_resource=True, path="", version="v1", resource="pods",
                      namespace="ns")  # fmt: skip


def identity(mode: str, resource: str, name: str) -> Right:
    return (f"impersonate:{mode}", f"{resource}.authentication.k8s.io", name)


def on(mode: str, verb: str = "list") -> Right:
    return (f"impersonate-on:{mode}:{verb}", "pods", "ns/")


def become(who: UserInfo, *rights: Right, by: UserInfo = BOB) -> tuple[UserInfo, str]:
    return impersonation.become(who, about(by), Only(*rights))


JANE = UserInfo("jane", "7", ("devs",), {"scopes": ("a", "b")})
JANES: tuple[Right, ...] = (
    identity("user-info", "users", "jane"),
    identity("user-info", "uids", "7"),
    identity("user-info", "groups", "devs"),
    identity("user-info", "userextras/scopes", "a"),
    identity("user-info", "userextras/scopes", "b"),
)


@pytest.mark.parametrize(
    ("who", "by", "rights", "groups", "constraint"),
    [
        (JANE, BOB, (on("user-info"), *JANES),
         ("devs", "system:authenticated"), "impersonate:user-info"),
        (UserInfo(ACCOUNT), BOB,
         (on("serviceaccount"), identity("serviceaccount", "serviceaccounts", "ns/robot")),
         ("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"),
         "impersonate:serviceaccount"),
        (UserInfo(NODE), BOB,
         (on("arbitrary-node"), identity("arbitrary-node", "nodes", "n1")),
         ("system:nodes", "system:authenticated"), "impersonate:arbitrary-node"),
        # Whoever runs on a node may be that one: its name is not asked about.
        (UserInfo(NODE), AGENT,
         (on("associated-node"), identity("associated-node", "nodes", "*")),
         ("system:nodes", "system:authenticated"), "impersonate:associated-node"),
        (UserInfo("system:anonymous"), BOB,
         (on("user-info"), identity("user-info", "users", "system:anonymous")),
         ("system:unauthenticated",), "impersonate:user-info"),
        # The old right is good for everything, and leaves no constraint.
        (UserInfo("jane", groups=("system:masters",)), BOB,
         (("impersonate", "users", "jane"), ("impersonate", "groups", "system:masters")),
         ("system:masters", "system:authenticated"), ""),
        (UserInfo(ACCOUNT), BOB, (("impersonate", "serviceaccounts", "ns/robot"),),
         ("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"), ""),
        (UserInfo(NODE), BOB, (("impersonate", "users", NODE),), ("system:authenticated",), ""),
        (UserInfo("jane", "7"), BOB,
         (("impersonate", "users", "jane"), ("impersonate", "uids.authentication.k8s.io", "7")),
         ("system:authenticated",), ""),
    ],
)  # fmt: skip
def test_what_it_takes(
    who: UserInfo, by: UserInfo, rights: tuple[Right, ...], groups: tuple[str, ...], constraint: str
) -> None:
    found, why = become(who, *rights, by=by)
    assert (found.name, found.uid, found.groups, found.extra) == (
        who.name, who.uid, groups, who.extra,
    )  # fmt: skip
    assert why == constraint
    for missing in range(len(rights)):
        with pytest.raises(Refused):
            become(who, *rights[:missing], *rights[missing + 1 :], by=by)


@pytest.mark.parametrize(
    ("who", "by", "rights"),
    [
        # Accounts and nodes are no users, and a mode of theirs takes nothing beside the name.
        (UserInfo(ACCOUNT), BOB, (on("user-info"), identity("user-info", "users", ACCOUNT))),
        (UserInfo(NODE), BOB, (on("user-info"), identity("user-info", "users", NODE))),
        (UserInfo(ACCOUNT, groups=("devs",)), BOB,
         (on("serviceaccount"), identity("serviceaccount", "serviceaccounts", "ns/robot"),
          identity("serviceaccount", "groups", "devs"))),
        (UserInfo(NODE), BOB,
         (on("associated-node"), identity("associated-node", "nodes", "*"))),
        (UserInfo("system:node:n2"), AGENT,
         (on("associated-node"), identity("associated-node", "nodes", "*"))),
        # What is done in the name is another thing than what was allowed.
        (UserInfo("jane"), BOB,
         (on("user-info", "watch"), identity("user-info", "users", "jane"))),
        # In a constrained mode nobody becomes a master.
        (UserInfo("jane", groups=("system:masters",)), BOB,
         (on("user-info"), identity("user-info", "users", "jane"),
          identity("user-info", "groups", "system:masters"))),
        (UserInfo("jane", extra={"scopes": ("",)}), BOB,
         (on("user-info"), identity("user-info", "users", "jane"),
          identity("user-info", "userextras/scopes", ""))),
    ],
)  # fmt: skip
def test_what_is_not_enough(who: UserInfo, by: UserInfo, rights: tuple[Right, ...]) -> None:
    with pytest.raises(Refused):
        become(who, *rights, by=by)


def test_the_first_right_that_is_missing_is_told() -> None:
    with pytest.raises(Refused) as refused:
        become(UserInfo("jane"))
    assert refused.value.about.verb == "impersonate-on:user-info:list"
    assert refused.value.about.resource == "pods"
    with pytest.raises(Refused) as refused:
        become(UserInfo("jane"), on("user-info"))
    assert refused.value.about.verb == "impersonate:user-info"
    assert (refused.value.about.group, refused.value.about.name) == (
        "authentication.k8s.io",
        "jane",
    )


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({}, None),
        ({"impersonate-user": "jane", "impersonate-uid": "7"}, UserInfo("jane", "7")),
        (CIMultiDict([("Impersonate-User", "jane"), ("Impersonate-Group", "a"),
                      ("Impersonate-Group", "b"), ("Impersonate-Extra-Acme.com%2FX", "y")]),
         UserInfo("jane", "", ("a", "b"), {"acme.com/x": ("y",)})),
    ],
)  # fmt: skip
def test_who_is_meant(headers: Mapping[str, str], who: UserInfo | None) -> None:
    assert impersonation.wanted(headers) == who


@pytest.mark.parametrize(
    "headers", [{"impersonate-user": ""}, {"impersonate-group": "a"}, {"impersonate-uid": "1"}]
)
def test_nobody_is_meant(headers: Mapping[str, str]) -> None:
    with pytest.raises(status.BadRequest):
        impersonation.wanted(headers)
