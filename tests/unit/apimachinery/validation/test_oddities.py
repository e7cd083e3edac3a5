"""Warnings: what is allowed but hardly meant, and that usual objects have none."""

import copy

import pytest

from apimachinery import defaults, scheme
from apimachinery.patch import merge
from apimachinery.validation import oddities

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
