"""Kubernetes' words about flow schemas and priority levels."""

import pytest

from apimachinery.validation import flowcontrol
from apiserver.fairness import defaults
from tests.unit.apimachinery.validation import cases

SCHEMA, LEVEL = cases.kind("FlowSchema"), cases.kind("PriorityLevelConfiguration")
ALL = {"subjects": [{"kind": "Group", "group": {"name": "g"}}]} | {
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
}
TO = {"priorityLevelConfiguration": {"name": "p"}}
RULE = "spec.rules[0]"


def rule(**change):
    return {"spec": {**TO, "rules": [{**ALL, **change}]}}


def limited(**change):
    return {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}, **change}}}


SCHEMAS = [
    (rule(), []),
    (
        {"spec": {"matchingPrecedence": 1, "distinguisherMethod": {"type": "ByLuck"}}},
        [
            "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
            'spec.distinguisherMethod.type: Unsupported value: {"Type":"ByLuck"}: supported values: "ByNamespace", "ByUser"',
            "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
        ],
    ),
    (
        {"spec": {**TO, "rules": [{}]}},
        [
            f"{RULE}.subjects: Required value: subjects must contain at least one value",
            f"{RULE}: Required value: at least one of resourceRules and nonResourceRules has to be non-empty",
        ],
    ),
    (
        rule(subjects=[{"kind": "User", "group": {"name": "g"}}, {"kind": "Ghost"}]),
        [
            f"{RULE}.subjects[0].user: Required value: user is required when subject kind is 'User'",
            f"{RULE}.subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
            f'{RULE}.subjects[1].kind: Unsupported value: "Ghost": supported values: "Group", "ServiceAccount", "User"',
        ],
    ),
    (
        rule(resourceRules=[{"verbs": ["see"], "apiGroups": ["*", "apps"], "resources": []}]),
        [
            f'{RULE}.resourceRules[0].verbs: Unsupported value: ["see"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"',
            f'{RULE}.resourceRules[0].apiGroups: Invalid value: ["*","apps"]: if \'*\' is present, must not specify other api groups',
            f"{RULE}.resourceRules[0].resources: Required value: resource rules must supply at least one resource",
            f"{RULE}.resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace",
        ],
    ),
    (
        rule(nonResourceRules=[{"verbs": ["get"], "nonResourceURLs": ["x", "/a*", "/a/*"]}]),
        [
            f'{RULE}.nonResourceRules[0].nonResourceURLs[0]: Invalid value: "x": must start with slash',
            f'{RULE}.nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a*": wildcard can only do suffix matching',
        ],
    ),
]


@pytest.mark.parametrize(("obj", "messages"), SCHEMAS)
def test_schemas(obj, messages):
    assert cases.on_create(SCHEMA, obj) == messages


QUEUING = "spec.limited.limitResponse.queuing"
LEVELS = [
    (limited(), []),
    (
        {"spec": {"type": "Exempt"}},
        [
            "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"
        ],
    ),
    (
        {"spec": {"type": "Limited"}},
        ["spec.limited: Required value: must not be empty when type is Limited"],
    ),
    (
        limited(nominalConcurrencyShares=-1, lendablePercent=101, borrowingLimitPercent=-1),
        [
            "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
            "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
            "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer",
        ],
    ),
    (
        limited(limitResponse={"type": "Queue", "queuing": {"queues": 4, "handSize": 5}}),
        [f"{QUEUING}.handSize: Invalid value: 5: should not be greater than queues (4)"],
    ),
    (
        limited(limitResponse={"type": "Queue", "queuing": {"queues": 512, "handSize": 8}}),
        [
            f"{QUEUING}.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60"
        ],
    ),
]


@pytest.mark.parametrize(("obj", "messages"), LEVELS)
def test_levels(obj, messages):
    assert cases.on_create(LEVEL, obj) == messages


@pytest.mark.parametrize("resource", [SCHEMA, LEVEL])
def test_those_of_every_cluster_are_sound(resource):
    for one in defaults.SCHEMAS if resource is SCHEMA else defaults.LEVELS:
        assert cases.on_create(resource, one) == []


def test_some_may_not_change():
    spec = flowcontrol.FIXED_LEVELS["catch-all"]
    other = {**spec, "limited": {**spec["limited"], "nominalConcurrencyShares": 6}}
    [message] = cases.on_create(LEVEL, {"metadata": {"name": "catch-all"}, "spec": other})
    assert message.endswith("spec of 'catch-all' must equal the fixed value")
    exempt = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 9}}
    assert cases.on_create(LEVEL, {"metadata": {"name": "exempt"}, "spec": exempt}) == []
