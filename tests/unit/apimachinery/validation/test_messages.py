"""What Kubernetes says of one wrong thing in each of the most used kinds, word for word.

Each row changes a sound object and names the messages that must come, all of them and in order.
"""

import copy
from typing import Any

import pytest

from apimachinery import defaults, scheme, validation
from apimachinery.patch import merge
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject

[WEBHOOKS] = (one for one in scheme.BUILTIN.all() if one.kind == "MutatingWebhookConfiguration")

CONTAINER = {"name": "c", "image": "i:1"}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [CONTAINER]}}
WORKLOAD = {"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}}
ENDING = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
RULE = {
    "operations": ["CREATE"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["pods"],
}
SOUND: dict[Resource, JsonObject] = {
    scheme.PODS: {"spec": {"containers": [CONTAINER]}},
    scheme.SERVICES: {"spec": {"ports": [{"port": 80}]}},
    scheme.DEPLOYMENTS: WORKLOAD,
    scheme.REPLICASETS: WORKLOAD,
    scheme.DAEMONSETS: WORKLOAD,
    scheme.STATEFULSETS: WORKLOAD,
    scheme.JOBS: {"spec": {**WORKLOAD["spec"], "template": ENDING, "manualSelector": True}},
    scheme.CRONJOBS: {
        "spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": ENDING}}}
    },
    scheme.NAMESPACES: {},
    scheme.NODES: {},
    scheme.CONFIGMAPS: {"data": {"a": "1"}},
    scheme.SECRETS: {"data": {"a": "MQ=="}},
    scheme.PERSISTENTVOLUMECLAIMS: {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    },
    scheme.PERSISTENTVOLUMES: {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/x"},
        }
    },
    scheme.INGRESSES: {
        "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
    },
    scheme.NETWORKPOLICIES: {"spec": {"podSelector": {}}},
    scheme.HORIZONTALPODAUTOSCALERS: {
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}
    },
    scheme.PODDISRUPTIONBUDGETS: {"spec": {"minAvailable": 1}},
    scheme.RESOURCEQUOTAS: {"spec": {"hard": {"pods": "1"}}},
    scheme.LIMITRANGES: {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}},
    scheme.STORAGECLASSES: {"provisioner": "p.example.com"},
    scheme.ENDPOINTSLICES: {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]},
    WEBHOOKS: {
        "webhooks": [
            {
                "name": "a.example.com",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": "https://x/y"},
                "rules": [RULE],
            }
        ]
    },
}


def made(resource: Resource, change: Any) -> JsonObject:
    meta = {"name": "a", **({"namespace": "default"} if resource.namespaced else {})}
    obj = merge.patch({"metadata": meta, **copy.deepcopy(SOUND[resource])}, change)
    defaults.apply(resource, obj)
    return obj


def container(**fields: Any) -> JsonObject:
    return {"spec": {"containers": [{**CONTAINER, **fields}]}}


def spec(**fields: Any) -> JsonObject:
    return {"spec": fields}


def hook(**fields: Any) -> JsonObject:
    return {"webhooks": [{**SOUND[WEBHOOKS]["webhooks"][0], **fields}]}


@pytest.mark.parametrize("resource", SOUND, ids=lambda one: one.gr)
def test_what_the_rows_change_is_sound(resource):
    assert validation.validate_create(resource, made(resource, {})) == []
    assert validation.validate_update(resource, made(resource, {}), made(resource, {})) == []


CREATED = [
    # --- pods: containers
    (
        scheme.PODS,
        container(
            env=[{"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.restartPolicy"}}}]
        ),
        [
            'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.restartPolicy": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
        ],
    ),
    (
        scheme.PODS,
        container(
            env=[
                {
                    "name": "A",
                    "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "5m"}},
                }
            ]
        ),
        [
            'spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource'
        ],
    ),
    (
        scheme.PODS,
        container(envFrom=[{}]),
        [
            'spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'
        ],
    ),
    (
        scheme.PODS,
        container(livenessProbe={"httpGet": {"port": 80, "httpHeaders": [{"name": "a b"}]}}),
        [
            "spec.containers[0].livenessProbe.httpGet.httpHeaders: Invalid value: \"a b\": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
        ],
    ),
    (
        scheme.PODS,
        container(lifecycle={"preStop": {"sleep": {"seconds": 31}}}),
        [
            "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)"
        ],
    ),
    (
        scheme.PODS,
        container(volumeDevices=[{"name": "v", "devicePath": "/dev/x"}]),
        ['spec.containers[0].volumeDevices[0].name: Not found: "v"'],
    ),
    (
        scheme.PODS,
        spec(
            restartPolicy="Never",
            containers=[
                CONTAINER
                | {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}
            ],
        ),
        [
            "spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when `restartPolicy` is 'Never'"
        ],
    ),
    (
        scheme.PODS,
        container(securityContext={"seccompProfile": {"type": "Localhost"}}),
        [
            "spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"
        ],
    ),
    (
        scheme.PODS,
        container(resources={"requests": {"example.com/gpu": "1"}}),
        [
            "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"
        ],
    ),
    (
        scheme.PODS,
        container(resources={"limits": {"gpu": "1"}}),
        [
            'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
            'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
            'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
            'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
        ],
    ),
    # --- pods: the rest
    (
        scheme.PODS,
        spec(ephemeralContainers=[CONTAINER | {"name": "d"}]),
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
    (
        scheme.PODS,
        spec(hostUsers=False, hostNetwork=True),
        ["spec.hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false"],
    ),
    (
        scheme.PODS,
        spec(os={"name": "plan9"}),
        ['spec.os.name: Unsupported value: "plan9": supported values: "linux", "windows"'],
    ),
    (
        scheme.PODS,
        spec(securityContext={"sysctls": [{"name": "Net.X", "value": "1"}]}),
        [
            'spec.securityContext.sysctls[0].name: Invalid value: "Net.X": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$'
        ],
    ),
    (
        scheme.PODS,
        spec(schedulingGates=[{"name": "a/b"}, {"name": "a/b"}]),
        ['spec.schedulingGates[1]: Duplicate value: "a/b"'],
    ),
    (
        scheme.PODS,
        spec(
            topologySpreadConstraints=[
                {
                    "maxSkew": 1,
                    "topologyKey": "z",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "minDomains": 2,
                }
            ]
        ),
        [
            "spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
        ],
    ),
    (
        scheme.PODS,
        {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "+1"}}},
        [
            'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer'
        ],
    ),
    # --- services
    (
        scheme.SERVICES,
        spec(ports=[{"name": "a", "port": 80}, {"name": "b", "port": 80}]),
        [
            'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}'
        ],
    ),
    (
        scheme.SERVICES,
        spec(loadBalancerSourceRanges=["10.0.0.1"]),
        [
            "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
            'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.1": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        ],
    ),
    (
        scheme.SERVICES,
        spec(loadBalancerClass="x.y/z"),
        ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ),
    (
        scheme.SERVICES,
        spec(type="ExternalName", externalName="a.b", clusterIP="10.96.0.9"),
        ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
    ),
    (
        scheme.SERVICES,
        spec(ipFamilies=["IPv5"], ipFamilyPolicy="Both"),
        [
            'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
            'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
        ],
    ),
    # --- workloads
    (
        scheme.DEPLOYMENTS,
        spec(template={"spec": {"activeDeadlineSeconds": 5}}),
        [
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"
        ],
    ),
    (
        scheme.DEPLOYMENTS,
        spec(template={"metadata": {"labels": {"b c": "d"}}}),
        [
            "spec.template.labels: Invalid value: \"b c\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        ],
    ),
    (
        scheme.DAEMONSETS,
        spec(updateStrategy={"rollingUpdate": {"maxUnavailable": 0}}),
        [
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"
        ],
    ),
    (
        scheme.STATEFULSETS,
        spec(podManagementPolicy="Wild", updateStrategy={"type": "Recreate"}),
        [
            "spec.podManagementPolicy: Invalid value: \"Wild\": must be 'OrderedReady' or 'Parallel'",
            'spec.updateStrategy: Invalid value: {"Type":"Recreate","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\'',
        ],
    ),
    (
        scheme.JOBS,
        spec(completionMode="Indexed", completions=None, parallelism=2),
        ["spec.completions: Required value: when completion mode is Indexed"],
    ),
    (
        scheme.JOBS,
        spec(backoffLimitPerIndex=1),
        ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
    ),
    (
        scheme.CRONJOBS,
        spec(schedule="60 * * * *"),
        ['spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60'],
    ),
    (
        scheme.CRONJOBS,
        spec(schedule="* *", timeZone="Mars"),
        [
            'spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]',
            'spec.timeZone: Invalid value: "Mars": unknown time zone Mars',
        ],
    ),
    # --- configuration and storage
    (
        scheme.CONFIGMAPS,
        {"binaryData": {"a": "MQ=="}},
        ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ),
    (
        scheme.NAMESPACES,
        spec(finalizers=["mine"]),
        [
            'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified'
        ],
    ),
    (
        scheme.NODES,
        {"status": {"capacity": {"cpu": "-1"}}},
        [
            'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
            'status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0',
        ],
    ),
    (
        scheme.PERSISTENTVOLUMECLAIMS,
        spec(resources={"requests": {"storage": "0"}}),
        ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
    ),
    (
        scheme.PERSISTENTVOLUMES,
        spec(capacity={"storage": None, "cpu": "1"}),
        [
            'spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"',
        ],
    ),
    # --- networking
    (
        scheme.INGRESSES,
        spec(rules=[{"host": "10.0.0.1", "http": {"paths": []}}]),
        [
            'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
            "spec.rules[0].http.paths: Required value",
        ],
    ),
    (
        scheme.INGRESSES,
        spec(
            rules=[
                {
                    "http": {
                        "paths": [
                            {"path": "/a//b", "pathType": "Exact", "backend": {"service": {}}}
                        ]
                    }
                }
            ]
        ),
        [
            "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'",
            "spec.rules[0].http.paths[0].backend.service.name: Required value",
            "spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
        ],
    ),
    (
        scheme.NETWORKPOLICIES,
        spec(
            ingress=[
                {
                    "ports": [{"port": "web", "endPort": 9}],
                    "from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/9"]}}],
                }
            ]
        ),
        [
            "spec.ingress[0].ports[0].endPort: Invalid value: 9: may not be specified when `port` is non-numeric",
            'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/9": must be a strict subset of `cidr`',
        ],
    ),
    (
        scheme.ENDPOINTSLICES,
        {"endpoints": [{"addresses": ["fe80::1"]}], "ports": [{"port": 1}, {"port": 2}]},
        [
            'endpoints[0].addresses[0]: Invalid value: "fe80::1": must be a valid IPv4 address',
            'endpoints[0].addresses[0]: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
            'ports[1].name: Duplicate value: ""',
        ],
    ),
    # --- how much and how many
    (
        scheme.HORIZONTALPODAUTOSCALERS,
        spec(minReplicas=4, metrics=[{"type": "Resource"}]),
        [
            "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
            "spec.metrics[0].resource: Required value: must populate information for the given metric source",
        ],
    ),
    (
        scheme.PODDISRUPTIONBUDGETS,
        spec(minAvailable="101%", unhealthyPodEvictionPolicy="Sometimes"),
        [
            'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
            'spec.unhealthyPodEvictionPolicy: Unsupported value: "Sometimes": supported values: "AlwaysAllow", "IfHealthyBudget"',
        ],
    ),
    (
        scheme.RESOURCEQUOTAS,
        spec(hard={"apples": "1", "secrets": "1"}, scopes=["BestEffort", "NotBestEffort"]),
        [
            'spec.hard[apples]: Invalid value: "apples": must be a standard resource type or fully qualified',
            'spec.hard[apples]: Invalid value: "apples": must be a standard resource for quota',
            'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: unsupported scope applied to resource',
            'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
        ],
    ),
    (
        scheme.LIMITRANGES,
        spec(
            limits=[
                {
                    "type": "Container",
                    "min": {"cpu": "2"},
                    "max": {"cpu": "1"},
                    "default": {"cpu": "1"},
                    "defaultRequest": {"cpu": "2"},
                }
            ]
        ),
        [
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
            'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than max value 1',
            'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
            'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
        ],
    ),
    # --- extensions
    (
        WEBHOOKS,
        hook(clientConfig={"url": "http://x/y?z"}, timeoutSeconds=31, sideEffects="Some"),
        [
            'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
            "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
            "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
            'webhooks[0].clientConfig.url: Invalid value: "z": query parameters are not permitted in the URL',
        ],
    ),
    (
        WEBHOOKS,
        hook(rules=[{**RULE, "operations": ["*", "READ"], "resources": ["pods/*", "pods/log"]}]),
        [
            'webhooks[0].rules[0].operations: Invalid value: ["*","READ"]: if \'*\' is present, must not specify other operations',
            'webhooks[0].rules[0].operations[1]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
            "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify pods/log",
        ],
    ),
]


@pytest.mark.parametrize(("resource", "change", "messages"), CREATED)
def test_on_create(resource, change, messages):
    found = validation.validate_create(resource, made(resource, change))
    assert list(dict.fromkeys(one.message() for one in found)) == messages  # as the server does


UPDATED = [
    (
        scheme.PODS,
        spec(schedulingGates=[{"name": "a/b"}]),
        {},
        [
            "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a/b'"
        ],
    ),
    (
        scheme.PODS,
        spec(schedulingGates=[{"name": "a/b"}], nodeSelector={"y": "2"}),
        spec(schedulingGates=[{"name": "a/b"}], nodeSelector={"x": "1"}),
        [
            'spec.nodeSelector: Invalid value: {"y":"2"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)'
        ],
    ),
    (
        scheme.PODS,
        spec(schedulingGates=[{"name": "a/b"}], nodeSelector={"x": "1", "y": "2"}),
        spec(schedulingGates=[{"name": "a/b"}], nodeSelector={"x": "1"}),
        [],
    ),
    (
        scheme.PODS,
        {},
        spec(activeDeadlineSeconds=5),
        [
            'spec.activeDeadlineSeconds: Invalid value: "null": must not update from a positive integer to nil value'
        ],
    ),
    (
        scheme.STATEFULSETS,
        spec(serviceName="b"),
        spec(serviceName="a"),
        [
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        ],
    ),
    (
        scheme.JOBS,
        spec(completions=2),
        spec(completions=1),
        ["spec.completions: Invalid value: 2: field is immutable"],
    ),
    (
        scheme.JOBS,
        spec(completionMode="Indexed", completions=3, parallelism=2),
        spec(completionMode="Indexed", completions=1, parallelism=2),
        [
            "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"
        ],
    ),
    (
        scheme.JOBS,
        spec(suspend=True, template={"spec": {"nodeSelector": {"x": "1"}}}),
        spec(suspend=True),
        [],
    ),
    (
        scheme.PERSISTENTVOLUMECLAIMS,
        spec(accessModes=["ReadOnlyMany"]),
        {},
        [
            "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n  spec.accessModes[0]: 'ReadWriteOnce' → 'ReadOnlyMany'"
        ],
    ),
    (
        scheme.RESOURCEQUOTAS,
        spec(scopes=["Terminating"]),
        {},
        ['spec.scopes: Invalid value: ["Terminating"]: field is immutable'],
    ),
    (
        scheme.STORAGECLASSES,
        {"provisioner": "q.example.com", "volumeBindingMode": "WaitForFirstConsumer"},
        {},
        [
            "provisioner: Forbidden: updates to provisioner are forbidden.",
            'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
        ],
    ),
    (
        scheme.ENDPOINTSLICES,
        {"addressType": "IPv6", "endpoints": None},
        {"endpoints": None},
        ['addressType: Invalid value: "IPv6": field is immutable'],
    ),
]


@pytest.mark.parametrize(("resource", "new", "old", "messages"), UPDATED)
def test_on_update(resource, new, old, messages):
    found = validation.validate_update(resource, made(resource, new), made(resource, old))
    assert [one.message() for one in found] == messages


def test_the_phase_of_a_namespace_says_whether_it_is_deleted():
    new = {"metadata": {"name": "a"}, "status": {"phase": "Terminating"}}
    [error] = validation.validate_status_update(scheme.NAMESPACES, new, new)
    assert error.message() == (
        'status.Phase: Invalid value: "Terminating": '
        "may only be 'Active' if `deletionTimestamp` is empty"
    )
