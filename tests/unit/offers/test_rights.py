"""What RBAC's rules grant, read without asking for each object."""

import pytest

from offers.rights import named

GROUP = "offers.bireme.dev"
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def rule(verbs: str, resources: str, *names: str, group: str = GROUP) -> dict[str, list[str]]:
    found = {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}
    return {**found, "resourceNames": list(names)} if names else found


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ([], set()),
        ([rule("get list", "roles tasks")], None),
        ([EVERYTHING], None),
        ([rule("list", "roles"), rule("get", "tasks")], set()),
        ([rule("get", "roles", group="rbac.authorization.k8s.io")], set()),
        ([rule("get", "roles", "a"), rule("get", "*", "b", "c")], {"a", "b", "c"}),
        ([rule("get", "roles", "a"), rule("*", "roles")], None),
        ([{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}], set()),
    ],
)
def test_for_whom_a_verb_is_granted(
    rules: list[dict[str, list[str]]], names: set[str] | None
) -> None:
    assert named(rules, "get", "roles") == names
