"""RBAC's rules: what they grant, what they do not, and that compiling them changes nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import wire
from apiserver.access import rbac

Rule = dict[str, Any]


def grants(*rules: Rule) -> rbac.Grants:
    return rbac.compiled(rules)


def rule(verbs: str, groups: str, resources: str, names: str = "") -> Rule:
    made = {
        "verbs": verbs.split(","),
        "apiGroups": groups.split(","),
        "resources": resources.split(","),
    }
    return made | ({"resourceNames": names.split(",")} if names else {})


def test_grants_what_it_says() -> None:
    assert grants(rule("get", "apps", "deployments")).allows("get", "apps", "deployments", "", "x")


@pytest.mark.parametrize(
    ("verb", "group", "resource", "subresource"),
    [
        ("list", "apps", "deployments", ""),
        ("get", "", "deployments", ""),
        ("get", "apps", "replicasets", ""),
        ("get", "apps", "deployments", "scale"),
    ],
)
def test_grants_nothing_else(verb: str, group: str, resource: str, subresource: str) -> None:
    found = grants(rule("get", "apps", "deployments"))
    assert not found.allows(verb, group, resource, subresource, "x")


def test_star_resource_covers_subresources() -> None:
    assert grants(rule("get", "", "*")).allows("get", "", "pods", "log", "x")


def test_subresource_of_every_resource() -> None:
    found = grants(rule("update", "*", "*/scale"))
    assert found.allows("update", "apps", "deployments", "scale", "x")
    assert not found.allows("update", "apps", "deployments", "status", "x")


def test_names_limit_to_these_objects() -> None:
    found = grants(rule("get", "", "configmaps", "a,b"))
    assert found.allows("get", "", "configmaps", "", "a")
    assert not found.allows("get", "", "configmaps", "", "c")


def test_names_never_grant_the_collection() -> None:
    assert not grants(rule("list", "", "configmaps", "a")).allows("list", "", "configmaps", "", "")


@pytest.mark.parametrize(
    ("granted", "path", "allowed"),
    [
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/x", False),
        ("/apis/*", "/apis/apps/v1", True),
        ("/apis/*", "/api", False),
        ("*", "/metrics", True),
    ],
)
def test_paths(granted: str, path: str, allowed: bool) -> None:
    found = grants({"verbs": ["get"], "nonResourceURLs": [granted]})
    assert found.allows_path("get", path) is allowed


def test_resource_rules_say_nothing_about_paths() -> None:
    assert not grants(rule("*", "*", "*")).allows_path("get", "/metrics")


def test_account_subjects_are_users_with_long_names() -> None:
    binding = {
        "metadata": {"name": "b", "namespace": "here"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "a"},
            {"kind": "ServiceAccount", "name": "a", "namespace": "there"},
            {"kind": "Group", "name": "g"},
        ],
    }
    assert rbac.subjects(binding) == [
        rbac.Subject("User", "system:serviceaccount:here:a"),
        rbac.Subject("User", "system:serviceaccount:there:a"),
        rbac.Subject("Group", "g"),
    ]


@pytest.mark.parametrize(
    ("wanted", "covered"),
    [
        (rule("get", "", "pods"), True),
        (rule("get,list", "", "pods"), False),
        (rule("get", "", "pods", "x"), True),
        (rule("*", "", "pods"), False),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, False),
    ],
)
def test_nobody_hands_out_more_than_he_has(wanted: Rule, covered: bool) -> None:
    assert grants(rule("get", "", "pods")).covers(wanted) is covered


verbs = st.sampled_from(["get", "list", "*"])
groups = st.sampled_from(["", "apps", "*"])
resources = st.sampled_from(["pods", "pods/log", "*", "*/log", "deployments"])
names = st.sampled_from(["x", "y"])
rules = st.builds(
    lambda v, g, r, n: {"verbs": v, "apiGroups": g, "resources": r, "resourceNames": n},
    st.lists(verbs, min_size=1, max_size=2),
    st.lists(groups, min_size=1, max_size=2),
    st.lists(resources, min_size=1, max_size=2),
    st.lists(names, max_size=2),
)
asked = st.tuples(
    st.sampled_from(["get", "list", "delete"]),
    st.sampled_from(["", "apps"]),
    st.sampled_from(["pods", "deployments"]),
    st.sampled_from(["", "log"]),
    st.sampled_from(["", "x", "y", "z"]),
)


def matches(rule: Rule, ask: tuple[str, str, str, str, str]) -> bool:
    """RBAC's matching as its documentation tells it, rule by rule."""
    verb, group, resource, subresource, name = ask
    combined = f"{resource}/{subresource}" if subresource else resource
    one = any(
        granted in ("*", combined) or (subresource and granted == f"*/{subresource}")
        for granted in rule["resources"]
    )
    return (
        any(v in (verb, "*") for v in rule["verbs"])
        and any(g in (group, "*") for g in rule["apiGroups"])
        and bool(one)
        and (not rule["resourceNames"] or (name in rule["resourceNames"]))
    )


@given(st.lists(rules, max_size=4), asked)
def test_compiled_rules_decide_like_the_rules(
    written: list[Rule], ask: tuple[str, str, str, str, str]
) -> None:
    assert rbac.compiled(written).allows(*ask) is any(matches(one, ask) for one in written)


@given(st.lists(rules, max_size=3), st.lists(rules, max_size=3), asked)
def test_joining_grants_is_or(
    ours: list[Rule], theirs: list[Rule], ask: tuple[str, str, str, str, str]
) -> None:
    one, other = rbac.compiled(ours), rbac.compiled(theirs)
    expected = one.allows(*ask) or other.allows(*ask)
    one.join(other)
    assert one.allows(*ask) is expected


def test_users_are_found_by_name_and_groups() -> None:
    user = wire.UserInfo("u", groups=("g", "h"))
    assert rbac.user_subjects(user) == [
        rbac.Subject("User", "u"),
        rbac.Subject("Group", "g"),
        rbac.Subject("Group", "h"),
    ]
