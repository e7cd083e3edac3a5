"""Kubernetes' words about ways into the cluster and between pods, and about scaling."""

import pytest

from tests.unit.apimachinery.validation import cases

BACKEND = {"service": {"name": "s", "port": {"number": 80}}}
SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"


def parameters(**change):
    reference = {"kind": "K", "name": "n", **change}
    return {"spec": {"controller": "example.com/c", "parameters": reference}}


def slice_of(kind="IPv4", **endpoint):
    one = {"addresses": ["10.0.0.1"], **endpoint}
    return {"addressType": kind, "endpoints": [one]}


def scaled(*metrics, **change):
    target = {"kind": "Deployment", "name": "d"}
    return {
        "spec": {"maxReplicas": 3, "scaleTargetRef": target, "metrics": list(metrics), **change}
    }


SHARE = {"type": "Utilization", "averageUtilization": 50}
PODS = {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": SHARE}}

CREATED = [
    (
        "Ingress",
        {"spec": {}},
        ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
    ),
    # without a type of path nothing else of it is looked at
    (
        "Ingress",
        {"spec": {"rules": [{"http": {"paths": [{"path": "x", "backend": {}}]}}]}},
        ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"],
    ),
    (
        "Ingress",
        {"spec": {"defaultBackend": {"resource": {"apiGroup": "a"}}}},
        [
            "spec.defaultBackend.resource.kind: Required value: kind is required",
            "spec.defaultBackend.resource.name: Required value: name is required",
        ],
    ),
    (
        "IngressClass",
        {"spec": {"controller": "c"}},
        [
            'spec.controller: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")'
        ],
    ),
    (
        "IngressClass",
        {"spec": {"controller": "example.com/a b"}},
        [
            "spec.controller: Invalid value: \"a b\": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
        ],
    ),
    (
        "IngressClass",
        parameters(namespace="x"),
        ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
    ),
    (
        "IngressClass",
        parameters(scope="Namespace"),
        ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ),
    (
        "IngressClass",
        parameters(scope="World"),
        [
            'spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"'
        ],
    ),
    (
        "NetworkPolicy",
        {"spec": {"policyTypes": ["In"]}},
        ['spec.policyTypes[0]: Unsupported value: "In": supported values: "Ingress", "Egress"'],
    ),
    (
        "ServiceCIDR",
        {"spec": {"cidrs": ["10.0.0.0/8", "10.1.0.0/16"]}},
        [
            'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/8","10.1.0.0/16"]}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
        ],
    ),
    (
        "ServiceCIDR",
        {"spec": {"cidrs": ["2001:DB8::/64"]}},
        [
            'spec.cidrs[0]: Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64")'
        ],
    ),
    (
        "IPAddress",
        {
            "metadata": {"name": "10.0.0.1"},
            "spec": {"parentRef": {"resource": "services", "name": "a/b"}},
        },
        ["spec.parentRef.name: Invalid value: \"a/b\": may not contain '/'"],
    ),
    # --- slices
    (
        "EndpointSlice",
        slice_of("FQDN", addresses=["host", "a.b."]),
        [
            'endpoints[0].addresses[0]: Invalid value: "host": should be a domain with at least two segments separated by dots'
        ],
    ),
    (
        "EndpointSlice",
        slice_of(hints={"forZones": [{"name": "z"}, {"name": "z"}], "forNodes": [{"name": "_"}]}),
        [
            'endpoints[0].hints.forZones[1].name: Duplicate value: "z"',
            f'endpoints[0].hints.forNodes[0].name: Invalid value: "_": {SUBDOMAIN}',
        ],
    ),
    (
        "EndpointSlice",
        slice_of(deprecatedTopology={str(number): "" for number in range(17)}),
        ["endpoints[0].deprecatedTopology: Too many: 17: must have at most 16 items"],
    ),
    # --- autoscalers
    (
        "HorizontalPodAutoscaler",
        scaled({"type": "Pods", "resource": CPU["resource"]}),
        [
            "spec.metrics[0].pods: Required value: must populate information for the given metric source"
        ],
    ),
    (
        "HorizontalPodAutoscaler",
        scaled({**CPU, "pods": PODS}),
        ["spec.metrics[0].pods: Forbidden: must populate the given metric source only"],
    ),
    (
        "HorizontalPodAutoscaler",
        scaled({"type": "ContainerResource", "containerResource": {"name": "x", "target": SHARE}}),
        [
            'spec.metrics[0].containerResource.name: Invalid value: "x": must be a standard resource type or fully qualified',
            'spec.metrics[0].containerResource.name: Invalid value: "x": must be a standard resource for containers',
            "spec.metrics[0].containerResource.container: Required value: must specify a container",
        ],
    ),
    (
        "HorizontalPodAutoscaler",
        scaled(CPU, behavior={"scaleUp": {"tolerance": "-1"}}),
        [
            'spec.behavior.scaleUp.tolerance: Invalid value: "-1": must be greater than or equal to 0'
        ],
    ),
]


@pytest.mark.parametrize(("kind", "obj", "messages"), CREATED)
def test_on_create(kind, obj, messages):
    version = "v2" if kind == "HorizontalPodAutoscaler" else "v1"
    assert cases.on_create(cases.kind(kind, version), obj) == messages


def test_what_was_bad_may_stay():
    tls = [{"secretName": "A_B"}]
    wild = {"host": "*.a.b", "http": {"paths": []}}
    old = {"spec": {"defaultBackend": BACKEND, "tls": tls, "rules": [wild]}}
    assert len(cases.on_create(cases.kind("Ingress"), old)) == 2
    assert cases.on_update(cases.kind("Ingress"), old, old) == []


def test_who_scaled_to_nothing_may_go_on():
    scaler = cases.kind("HorizontalPodAutoscaler", "v2")
    none = scaled(CPU, minReplicas=0)
    assert cases.on_update(scaler, none, scaled(CPU, minReplicas=1)) == [
        "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
        "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
    ]
    external = {
        "type": "External",
        "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}},
    }
    none = scaled(external, minReplicas=0)
    assert cases.on_update(scaler, none, none) == []
