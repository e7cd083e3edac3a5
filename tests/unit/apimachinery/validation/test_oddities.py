"""Warnings: what is allowed but hardly meant, and that usual objects have none."""

import copy

import pytest

from apimachinery import defaults, scheme
from apimachinery.patch import merge
from apimachinery.validation import oddities
from tests.unit.apimachinery.validation import cases

POD = {
    "metadata": {"name": "a", "namespace": "default", "annotations": {"a": "b"}},
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "i:1",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"containerPort": 80}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            }
        ]
    },
}
C = "spec.containers[0]"


def warned(resource, change, base):
    obj = merge.patch(copy.deepcopy(base), change)
    defaults.apply(resource, obj)
    return oddities.on_create(resource, obj)


def container(**fields):
    return {"spec": {"containers": [{**POD["spec"]["containers"][0], **fields}]}}


def test_usual_pods_have_none():
    assert warned(scheme.PODS, {}, POD) == []


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (
            container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
            f'{C}.env[1]: hides previous definition of "A", which may be dropped when using apply',
        ),
        (
            container(ports=[{"containerPort": 80}, {"name": "x", "containerPort": 80}]),
            f"{C}.ports[1]: duplicate port definition with {C}.ports[0]",
        ),
        (
            container(resources={"limits": {"memory": "100m"}}),
            (
                f'{C}.resources.limits[memory]: fractional byte value "100m" is invalid, '
                "must be an integer"
            ),
        ),
        (
            {"spec": {"nodeSelector": {"beta.kubernetes.io/os": "linux"}}},
            (
                "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; "
                'use "kubernetes.io/os" instead'
            ),
        ),
        (
            {"spec": {"volumes": [{"name": "v", "gitRepo": {"repository": "r"}}]}},
            "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        ),
        (
            {"spec": {"imagePullSecrets": [{}]}},
            'spec.imagePullSecrets[0].name: invalid empty name ""',
        ),
        (
            {"spec": {"terminationGracePeriodSeconds": -1}},
            (
                "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and "
                "will be treated as 1"
            ),
        ),
        (
            {"metadata": {"annotations": {"security.alpha.kubernetes.io/sysctls": "x"}}},
            (
                "metadata.annotations[security.alpha.kubernetes.io/sysctls]: non-functional in "
                'v1.11+; use the "sysctls" field instead'
            ),
        ),
    ],
)
def test_pods(change, warning):
    assert [*warned(scheme.PODS, change, POD)][:1] == [warning]


def test_a_variable_made_of_its_old_value_is_none():
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]
    assert warned(scheme.PODS, container(env=env), POD) == []


def test_templates_are_looked_at_where_they_change():
    spec = {"template": {"spec": container(resources={"limits": {"memory": "1.5"}})["spec"]}}
    new = {"metadata": {"name": "d"}, "spec": spec}
    assert oddities.on_update(scheme.DEPLOYMENTS, new, new) == []
    [warning] = oddities.on_update(scheme.DEPLOYMENTS, new, {"spec": {}})
    assert warning.startswith("spec.template.spec.containers[0].resources.limits[memory]: ")


@pytest.mark.parametrize(
    ("resource", "obj", "warning"),
    [
        (
            scheme.SERVICES,
            {"spec": {"clusterIP": "None", "sessionAffinity": "ClientIP"}},
            "spec.SessionAffinity is ignored for headless services",
        ),
        (
            scheme.INGRESSES,
            {"metadata": {"annotations": {"kubernetes.io/ingress.class": "x"}}},
            (
                'annotation "kubernetes.io/ingress.class" is deprecated, please use '
                "'spec.ingressClassName' instead"
            ),
        ),
        (
            scheme.DEPLOYMENTS,
            {"metadata": {"name": "a.b"}},
            (
                "metadata.name: this is used in Pod names and hostnames, which can result in "
                "surprising behavior; a DNS label is recommended: [a lowercase RFC 1123 label must "
                "consist of lower case alphanumeric characters or '-', and must start and end with an "
                "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')]"
            ),
        ),
        (
            scheme.PERSISTENTVOLUMES,
            {"spec": {"persistentVolumeReclaimPolicy": "Recycle"}},
            (
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
                "Instead, the recommended approach is to use dynamic provisioning."
            ),
        ),
    ],
)
def test_other_kinds(resource, obj, warning):
    assert warned(resource, {}, obj) == [warning]


def odd(kind, **obj):
    return oddities.on_create(cases.kind(kind), cases.made(cases.kind(kind), obj))


FILES = [{"key": "a", "path": "p"}, {"key": "b", "path": "p/q"}]
SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
TERM = {"topologyKey": "k"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
ARCH = {"key": "beta.kubernetes.io/arch", "operator": "Exists"}
TERMS = [{"matchExpressions": [ARCH]}]


@pytest.mark.parametrize(
    ("spec", "annotations", "warnings"),
    [
        (
            {
                "affinity": {
                    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}
                }
            },
            {},
            [
                "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod"
            ],
        ),
        (
            {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": TERMS}}}},
            {},
            [
                f'spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead'
            ],
        ),
        (
            {},
            {
                "seccomp.security.alpha.kubernetes.io/pod": "x",
                "container.seccomp.security.alpha.kubernetes.io/c": "x",
                "container.apparmor.security.beta.kubernetes.io/c": "x",
            },
            [
                f"metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: {SECCOMP}",
                f"metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: {SECCOMP}",
                'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
            ],
        ),
        (
            {
                "volumes": [
                    {"name": "v", "configMap": {"name": "m", "items": FILES}},
                    {"name": "w", "projected": {"sources": [{}]}},
                    {"name": "x", "storageos": {"volumeName": "y"}},
                ]
            },
            {},
            [
                'volume "v" (ConfigMap "m"): overlapping paths: "p/q" with "p"',
                'volume "w" (Projected) has no sources provided',
                "spec.volumes[2].storageOS: deprecated in v1.22, non-functional in v1.25+",
            ],
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "projected": {
                            "sources": [
                                {"secret": {"name": "s", "items": FILES[:1]}},
                                {"serviceAccountToken": {"path": "p/t"}},
                            ]
                        },
                    }
                ],
                "overhead": {"memory": "100m"},
            },
            {},
            [
                'volume "v" (Projected ServiceAccountToken): overlapping paths: "p/t" with "p"',
                'spec.overhead[memory]: fractional byte value "100m" is invalid, must be an integer',
            ],
        ),
    ],
)
def test_more_of_pods(spec, annotations, warnings):
    full = {"containers": [{"name": "c", "image": "i:1"}], **spec}
    assert odd("Pod", metadata={"annotations": annotations}, spec=full) == warnings


def test_an_address_of_the_host_without_a_port():
    port = {"containerPort": 80, "hostIP": "10.0.0.1"}
    full = {"containers": [{"name": "c", "image": "i:1", "ports": [port]}]}
    assert odd("Pod", spec=full) == [
        (
            "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 "
            "ContainerPort:80 Protocol:TCP HostIP:10.0.0.1}"
        )
    ]


ZONE = "failure-domain.beta.kubernetes.io/zone"
RENAMED = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'


@pytest.mark.parametrize(
    ("kind", "obj", "warning"),
    [
        (
            "StatefulSet",
            {"spec": {"revisionHistoryLimit": -1}},
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
        ),
        (
            "Job",
            {"spec": {"completionMode": "Indexed", "completions": 100001, "parallelism": 10001}},
            "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
        ),
        (
            "CronJob",
            {"spec": {"schedule": "CRON_TZ=UTC 1 * * * *"}},
            "CRON_TZ or TZ used in spec.schedule is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
        ),
        (
            "StorageClass",
            {"allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": ["a"]}]}]},
            f"allowedTopologies[0].matchLabelExpressions[0].key: {RENAMED}",
        ),
        (
            "Secret",
            {"type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}},
            "tls: failed to find any PEM data in certificate input",
        ),
        (
            "ServiceAccount",
            {"metadata": {"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}},
            "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets",
        ),
        (
            "EndpointSlice",
            {"addressType": "IPv6", "endpoints": [{"addresses": ["2001:DB8::1"]}]},
            'endpoints[0].addresses[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
        ),
    ],
)
def test_more_of_other_kinds(kind, obj, warning):
    assert odd(kind, **obj) == [warning]
