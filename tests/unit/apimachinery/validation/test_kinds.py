"""Rules of single kinds: workloads, services, configuration, storage, RBAC, extensions."""

import copy

import pytest

from apimachinery import defaults, scheme, validation
from apimachinery.scheme import Resource

TEMPLATE = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"containers": [{"name": "c", "image": "i:1"}]},
}
SELECTOR = {"matchLabels": {"app": "x"}}


def made(resource: Resource, obj):
    meta = {"name": "a", **({"namespace": "default"} if resource.namespaced else {})}
    full = copy.deepcopy({"metadata": meta, **obj})
    defaults.apply(resource, full)
    return full


def create(resource: Resource, obj) -> list[str]:
    return [one.message() for one in validation.validate_create(resource, made(resource, obj))]


def update(resource: Resource, new, old) -> list[str]:
    errors = validation.validate_update(resource, made(resource, new), made(resource, old))
    return [one.message() for one in errors]


def deployment(**spec):
    return {"spec": {"selector": SELECTOR, "template": TEMPLATE, **spec}}


@pytest.mark.parametrize("resource", [scheme.DEPLOYMENTS, scheme.REPLICASETS, scheme.DAEMONSETS])
def test_sound_workloads(resource):
    assert create(resource, deployment()) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"selector": {}},
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        ),
        (
            {"selector": {"matchLabels": {"app": "y"}}},
            (
                'spec.template.metadata.labels: Invalid value: {"app":"x"}: '
                "`selector` does not match template `labels`"
            ),
        ),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (
            {"progressDeadlineSeconds": 5, "minReadySeconds": 5},
            "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
        ),
        (
            {"strategy": {"type": "Recreate", "rollingUpdate": {}}},
            (
                "spec.strategy.rollingUpdate: Forbidden: "
                "may not be specified when strategy `type` is 'Recreate'"
            ),
        ),
        (
            {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}},
            (
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: "
                "may not be 0 when `maxSurge` is 0"
            ),
        ),
        (
            {"strategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
            (
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": '
                "must not be greater than 100%"
            ),
        ),
        (
            {"template": {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}},
            (
                'spec.template.spec.restartPolicy: Unsupported value: "Never": '
                'supported values: "Always"'
            ),
        ),
    ],
)
def test_deployments(spec, message):
    assert create(scheme.DEPLOYMENTS, deployment(**spec)) == [message]


def test_the_selector_of_a_deployment_stays():
    other = {"metadata": {"labels": {"app": "y"}}, "spec": TEMPLATE["spec"]}
    new = deployment(selector={"matchLabels": {"app": "y"}}, template=other)
    assert update(scheme.DEPLOYMENTS, new, deployment()) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable'
    ]


def test_a_stateful_set_keeps_its_service():
    old, new = deployment(serviceName="a"), deployment(serviceName="b")
    [message] = update(scheme.STATEFULSETS, new, old)
    assert message.startswith("spec: Forbidden: updates to statefulset spec for fields other than")


def test_a_job_ends():
    messages = create(scheme.JOBS, {"spec": {**deployment()["spec"], "manualSelector": True}})
    assert messages == [
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    ]


def test_a_cron_job_has_a_schedule():
    spec = {**TEMPLATE["spec"], "restartPolicy": "Never"}
    job = {"spec": {"template": {"spec": spec}}}
    assert create(scheme.CRONJOBS, {"spec": {"schedule": "@daily", "jobTemplate": job}}) == []
    [message] = create(scheme.CRONJOBS, {"spec": {"schedule": "* *", "jobTemplate": job}})
    assert message.startswith('spec.schedule: Invalid value: "* *": expected exactly 5 fields')


def service(**spec):
    return {"spec": {"ports": [{"port": 80}], **spec}}


def test_a_sound_service():
    assert create(scheme.SERVICES, service()) == []
    assert create(scheme.SERVICES, {"spec": {"clusterIP": "None"}}) == []
    assert create(scheme.SERVICES, {"spec": {"type": "ExternalName", "externalName": "a.b"}}) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ports": []}, "spec.ports: Required value"),
        (
            {"type": "Magic"},
            (
                'spec.type: Unsupported value: "Magic": '
                'supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ),
        ),
        (
            {"ports": [{"port": 0}]},
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            {"ports": [{"port": 80, "nodePort": 30000}]},
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            {"clusterIP": "10.0.0.300"},
            (
                'spec.clusterIPs[0]: Invalid value: "10.0.0.300": '
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            ),
        ),
        (
            {"type": "NodePort", "clusterIP": "None"},
            (
                'spec.clusterIPs[0]: Invalid value: "None": '
                "may not be set to 'None' for NodePort services"
            ),
        ),
        (
            {"externalTrafficPolicy": "Local"},
            (
                'spec.externalTrafficPolicy: Invalid value: "Local": '
                "may only be set for externally-accessible services"
            ),
        ),
    ],
)
def test_services(spec, message):
    assert message in create(scheme.SERVICES, service(**spec))


def test_several_ports_have_names():
    ports = [{"port": 80}, {"port": 81}]
    assert create(scheme.SERVICES, service(ports=ports)) == [
        "spec.ports[0].name: Required value",
        "spec.ports[1].name: Required value",
    ]


def test_the_cluster_address_stays():
    new, old = service(clusterIP="10.96.0.6"), service(clusterIP="10.96.0.5")
    assert update(scheme.SERVICES, new, old) == [
        'spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'
    ]


def test_endpoint_slices_hold_reachable_addresses():
    found = create(
        scheme.ENDPOINTSLICES, {"addressType": "IPv4", "endpoints": [{"addresses": ["127.0.0.1"]}]}
    )
    assert found == [
        (
            'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": '
            "may not be in the loopback range (127.0.0.0/8, ::1/128)"
        )
    ]


def test_a_config_map_is_bounded():
    assert create(scheme.CONFIGMAPS, {"data": {"a": "x" * 1048576}}) == []
    assert create(scheme.CONFIGMAPS, {"data": {"a": "x" * 1048577}}) == [
        "[]: Too long: may not be more than 1048576 bytes"
    ]


def test_keys_of_a_config_map():
    [message] = create(scheme.CONFIGMAPS, {"data": {"a/b": ""}})
    assert message.startswith('data[a/b]: Invalid value: "a/b": a valid config key must consist')


def test_an_immutable_config_map():
    old = {"data": {"a": "1"}, "immutable": True}
    message = "Forbidden: field is immutable when `immutable` is set"
    assert update(scheme.CONFIGMAPS, {**old, "data": {"a": "2"}}, old) == [f"data: {message}"]
    assert update(scheme.CONFIGMAPS, {**old, "immutable": False}, old) == [f"immutable: {message}"]


def test_secrets_of_a_type_have_its_keys():
    assert create(scheme.SECRETS, {"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ=="}}) == [
        "data[tls.key]: Required value"
    ]


def test_the_type_of_a_secret_stays():
    assert update(scheme.SECRETS, {"type": "x"}, {"type": "y"}) == [
        'type: Invalid value: "x": field is immutable'
    ]


def test_taints_of_a_node():
    taint = {"key": "a", "effect": "NoSchedule"}
    assert create(scheme.NODES, {"spec": {"taints": [taint]}}) == []
    [message] = create(scheme.NODES, {"spec": {"taints": [taint, taint]}})
    assert message.startswith("metadata.taints[1]: Duplicate value")


def test_the_pod_range_of_a_node_is_set_once():
    old, new = {"spec": {"podCIDRs": ["10.0.0.0/24"]}}, {"spec": {"podCIDRs": ["10.0.1.0/24"]}}
    assert update(scheme.NODES, old, {"spec": {}}) == []
    assert update(scheme.NODES, new, old) == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    ]


def test_a_lease_lasts():
    assert create(scheme.LEASES, {"spec": {"leaseDurationSeconds": 0}}) == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
    ]


def test_limits_are_in_order():
    item = {"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}}
    assert create(scheme.LIMITRANGES, {"spec": {"limits": [item]}}) == [
        'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'
    ]


def test_a_claim_asks_for_storage():
    assert create(scheme.PERSISTENTVOLUMECLAIMS, {"spec": {}}) == [
        "spec.accessModes: Required value: at least 1 access mode is required",
        "spec.resources[storage]: Required value",
    ]


def test_rules_of_a_role():
    assert create(scheme.RBAC_ROLES, {"rules": [{"verbs": ["get"]}]}) == [
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
    ]
    assert create(
        scheme.RBAC_ROLES, {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]}
    ) == [
        (
            'rules[0].nonResourceURLs: Invalid value: ["/x"]: '
            "namespaced rules cannot apply to non-resource URLs"
        )
    ]


def test_a_binding_keeps_its_role():
    binding = {"roleRef": {"kind": "Role", "name": "r"}}
    other = {"roleRef": {"kind": "Role", "name": "s"}}
    [message] = update(scheme.ROLEBINDINGS, other, binding)
    assert message.startswith("roleRef: Invalid value:")
    assert message.endswith(": cannot change roleRef")


CRD = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}


def test_a_sound_definition():
    assert create(scheme.CUSTOMRESOURCEDEFINITIONS, CRD) == []


def test_a_definition_is_named_after_its_resource():
    bad = {**CRD, "metadata": {"name": "other"}}
    assert create(scheme.CUSTOMRESOURCEDEFINITIONS, bad) == [
        'metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group'
    ]


def test_priorities_of_users_are_bounded():
    assert create(scheme.PRIORITYCLASSES, {"value": 1000000001}) == [
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
    ]


def test_an_ingress_leads_somewhere():
    [message] = create(scheme.INGRESSES, {"spec": {}})
    assert message.endswith("either `defaultBackend` or `rules` must be specified")


@pytest.mark.parametrize("row", list(scheme.BUILTIN.all()), ids=lambda row: row.gr)
def test_an_empty_object_of_any_kind_is_judged_without_a_crash(row):
    create(row, {})
    update(row, {}, {})
