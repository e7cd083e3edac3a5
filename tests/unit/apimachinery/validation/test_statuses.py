"""Kubernetes' words about states: counts, conditions, addresses, and the ends of jobs."""

import pytest

from tests.unit.apimachinery.validation import cases

START, END = "2030-01-01T00:00:00Z", "2030-01-01T00:01:00Z"
MET = [{"type": "SuccessCriteriaMet", "status": "True"}]
COMPLETE = [*MET, {"type": "Complete", "status": "True"}]
FAILED = [{"type": "Failed", "status": "True"}]
DONE = {"startTime": START, "completionTime": END, "conditions": COMPLETE, "succeeded": 1}
INDEXED = {"completionMode": "Indexed", "completions": 5, "backoffLimitPerIndex": 1}

STATES = [
    (
        "Deployment",
        {"replicas": 1, "readyReplicas": 1, "availableReplicas": 2},
        {"collisionCount": 1},
        [
            "status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
            "status.collisionCount: Invalid value: 0: cannot be decremented",
        ],
    ),
    (
        "ReplicaSet",
        {"fullyLabeledReplicas": 1},
        {},
        ["status.fullyLabeledReplicas: Invalid value: 1: cannot be greater than status.replicas"],
    ),
    (
        "StatefulSet",
        {"replicas": 2, "readyReplicas": 1, "availableReplicas": 2},
        {},
        ["status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas"],
    ),
    (
        "DaemonSet",
        {"numberReady": -1},
        {},
        ["status.numberReady: Invalid value: -1: must be greater than or equal to 0"],
    ),
    (
        "PodDisruptionBudget",
        {
            "expectedPods": -1,
            "conditions": [{"type": "A", "status": "Maybe", "reason": "no good"}],
        },
        {},
        [
            'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
            "status.conditions[0].lastTransitionTime: Required value: must be set",
            "status.conditions[0].reason: Invalid value: \"no good\": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')",
            "status.expectedPods: Invalid value: -1: must be greater than or equal to 0",
        ],
    ),
    (
        "Service",
        {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "ipMode": "Some"}, {"hostname": "a_b"}]}},
        {},
        [
            'status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "LoadBalancer"',
            'status.loadBalancer.ingress[0].ipMode: Unsupported value: "Some": supported values: "Proxy", "VIP"',
            "status.loadBalancer.ingress[1].hostname: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ],
    ),
    (
        "Ingress",
        {"loadBalancer": {"ingress": [{"hostname": "1.2.3.4"}]}},
        {},
        [
            'status.loadBalancer.ingress[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'
        ],
    ),
]


@pytest.mark.parametrize(("kind", "new", "old", "messages"), STATES)
def test_states(kind, new, old, messages):
    assert cases.on_status(cases.kind(kind), {"status": new}, {"status": old}) == messages


JOBS = [
    ({}, DONE, {"startTime": START, "conditions": MET}, []),
    (
        {},
        {**DONE, "conditions": [*COMPLETE, *FAILED], "active": 1},
        {"startTime": START},
        [
            "status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
            "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
            "status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions",
            "status.active: Invalid value: 1: active>0 is invalid for finished job",
        ],
    ),
    (
        {},
        {"conditions": COMPLETE[1:]},
        {},
        [
            "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
            "status.completionTime: Required value: completionTime is required for Complete jobs",
            "status.startTime: Required value: startTime is required for finished job",
        ],
    ),
    (
        {},
        {"succeeded": 0},
        DONE,
        [
            "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
            "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
            "status.startTime: Required value: startTime cannot be removed for unsuspended job",
            "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter",
        ],
    ),
    (
        {},
        {"startTime": END, "completionTime": START},
        {},
        [
            f'status.completionTime: Invalid value: "{START}": cannot set completionTime when there is no Complete=True condition',
            f'status.completionTime: Invalid value: "{START}": completionTime cannot be set before startTime',
        ],
    ),
    (
        {},
        {"completedIndexes": "0", "failedIndexes": "1", "ready": 1},
        {},
        [
            'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
            'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
            "status.ready: Invalid value: 1: cannot set more ready pods than active",
        ],
    ),
    (
        INDEXED,
        {"completedIndexes": "0-2", "failedIndexes": "2,4"},
        {},
        [
            'status.failedIndexes: Invalid value: "2,4": failedIndexes and completedIndexes overlap at index: 2'
        ],
    ),
    (
        INDEXED,
        {"completedIndexes": "7"},
        {},
        [
            'status.completedIndexes: Invalid value: "7": error parsing completedIndexes: too large index: "7"'
        ],
    ),
    (
        {},
        {"uncountedTerminatedPods": {"succeeded": ["u", ""], "failed": ["u"]}},
        {},
        [
            'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
            'status.uncountedTerminatedPods.failed[0]: Duplicate value: "u"',
        ],
    ),
    # what was odd before may stay
    (INDEXED, {"completedIndexes": "7", "active": 1}, {"completedIndexes": "7"}, []),
]


@pytest.mark.parametrize(("spec", "new", "old", "messages"), JOBS)
def test_jobs(spec, new, old, messages):
    found = cases.on_status(
        cases.kind("Job"), {"spec": spec, "status": new}, {"spec": spec, "status": old}
    )
    assert found == messages
