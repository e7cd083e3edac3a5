"""Kubernetes' words about a pod as a whole: its system, its amounts, its name; and its classes."""

import pytest

from tests.unit.apimachinery.validation import cases

CONTAINER = {"name": "c", "image": "i:1"}
C = "spec.containers[0]"
WINDOWS = "Forbidden: cannot be set for a windows pod"
RULE = {"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}


def pod(container=None, **spec):
    return {"spec": {"containers": [{**CONTAINER, **(container or {})}], **spec}}


def asking(kind, amount):
    return {"resources": {kind: {"cpu": amount}}}


CASES = [
    # --- systems
    (
        pod({"lifecycle": {"stopSignal": "SIGTERM"}}),
        [
            f"{C}.lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"
        ],
    ),
    (pod({"lifecycle": {"stopSignal": "SIGRTMIN+3"}}, os={"name": "linux"}), []),
    (
        pod({"lifecycle": {"stopSignal": "SIGHUP"}}, os={"name": "windows"}),
        [
            f'{C}.lifecycle.stopSignal: Unsupported value: "SIGHUP": supported values: "SIGKILL", "SIGTERM"'
        ],
    ),
    (
        pod(
            {"securityContext": {"runAsUser": 1, "privileged": False}},
            os={"name": "windows"},
            hostPID=True,
            hostIPC=False,
            securityContext={"fsGroup": 1},
            resources={"requests": {"cpu": "1"}},
        ),
        [
            "spec.resources: Forbidden: may not be set for a windows pod",
            f"spec.hostPID: {WINDOWS}",
            f"spec.securityContext.fsGroup: {WINDOWS}",
            f"{C}.securityContext.privileged: {WINDOWS}",
            f"{C}.securityContext.runAsUser: {WINDOWS}",
        ],
    ),
    (
        pod({"securityContext": {"windowsOptions": {}}}, os={"name": "linux"}),
        [
            f"{C}.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"
        ],
    ),
    # --- amounts of the whole
    (
        pod(asking("requests", "2"), resources={"requests": {"cpu": "1", "pods": "1"}}),
        [
            'spec.resources.requests[pods]: Unsupported value: "pods": supported values: "cpu", "hugepages-", "memory"',
            'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
        ],
    ),
    (
        pod(asking("limits", "2"), resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        [
            'spec.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
            'spec.resources.containers[0][cpu].limits: Invalid value: "2": must be less than or equal to pod limits of 1',
        ],
    ),
    # what an init container asks for is asked for by the pod
    (
        pod(
            initContainers=[{"name": "i", "image": "i:1", **asking("requests", "3")}],
            resources={"requests": {"memory": "1Gi"}},
        ),
        [],
    ),
    # --- the rest
    (
        pod(hostnameOverride="a" * 65, hostNetwork=True),
        [
            "spec.hostnameOverride: Forbidden: may not be specified when `hostNetwork` is true",
            "spec.hostnameOverride: Too long: may not be more than 64 bytes",
        ],
    ),
    (
        pod({"restartPolicyRules": [RULE, {"action": "Panic"}]}),
        [
            f"{C}.restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            f'{C}.restartPolicyRules[1].action: Unsupported value: "Panic": supported values: "Restart", "RestartAllContainers"',
            f"{C}.restartPolicyRules[1].exitCodes: Required value: must be specified",
        ],
    ),
    (
        pod(
            {
                "env": [
                    {
                        "name": "A",
                        "valueFrom": {
                            "fileKeyRef": {"volumeName": "v", "path": "../x", "key": "K"}
                        },
                    }
                ]
            }
        ),
        [f"{C}.env[0].valueFrom.fileKeyRef.path: Invalid value: \"../x\": must not contain '..'"],
    ),
]


@pytest.mark.parametrize(("obj", "messages"), CASES)
def test_pods(obj, messages):
    assert cases.on_create(cases.kind("Pod"), obj) == messages


def test_a_pod_asks_for_its_init_containers_too():
    one = pod(
        initContainers=[{"name": "i", "image": "i:1", **asking("requests", "3")}],
        resources={"limits": {"cpu": "4"}},
    )
    full = cases.made(cases.kind("Pod"), one)
    assert full["spec"]["resources"]["requests"] == {"cpu": "3"}


def test_runtime_classes():
    tolerated = [{"key": "a", "operator": "Exists"}] * 2
    wrong = {
        "handler": "a_b",
        "overhead": {"podFixed": {"cpu": "-1"}},
        "scheduling": {"tolerations": tolerated},
    }
    first, *rest = cases.on_create(cases.kind("RuntimeClass"), wrong)
    assert first.startswith('handler: Invalid value: "a_b": a lowercase RFC 1123 label')
    assert rest == [
        'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        'scheduling.tolerations[1]: Duplicate value: {"key":"a","operator":"Exists"}',
    ]
    new, old = {"handler": "b"}, {"handler": "a"}
    assert cases.on_update(cases.kind("RuntimeClass"), new, old) == [
        'handler: Invalid value: "b": field is immutable'
    ]
