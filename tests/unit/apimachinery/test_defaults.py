"""Defaults are Kubernetes', and filling them in twice changes nothing."""

import copy

import pytest

from apimachinery import defaults, scheme
from apimachinery.defaults import pods


def filled(resource, obj):
    done = copy.deepcopy(obj)
    defaults.apply(resource, done)
    again = copy.deepcopy(done)
    defaults.apply(resource, again)
    assert again == done, "defaults must be idempotent"
    return done


def pod(**spec):
    return {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}], **spec}}


def test_a_minimal_pod():
    assert filled(scheme.PODS, pod())["spec"] == {
        "containers": [
            {
                "name": "c",
                "imagePullPolicy": "Always",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "resources": {},
            }
        ],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
        "enableServiceLinks": True,
    }


def test_what_is_given_stays():
    spec = filled(scheme.PODS, pod(restartPolicy="Never", terminationGracePeriodSeconds=0))["spec"]
    assert spec["restartPolicy"] == "Never"
    assert spec["terminationGracePeriodSeconds"] == 0


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
        ("", "Always"),
    ],
)
def test_pull_policy_follows_the_tag(image, policy):
    assert pods.pull_policy(image) == policy


def test_probes():
    container = {"name": "c", "livenessProbe": {"httpGet": {"port": 80}}}
    done = filled(scheme.PODS, pod(containers=[container]))
    assert done["spec"]["containers"][0]["livenessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


def test_requests_follow_limits():
    container = {"name": "c", "resources": {"limits": {"cpu": "1"}, "requests": {"memory": "1Gi"}}}
    done = filled(scheme.PODS, pod(containers=[container]))
    requests = done["spec"]["containers"][0]["resources"]["requests"]
    assert requests == {"cpu": "1", "memory": "1Gi"}


def test_amounts_are_rounded_up_to_thousandths():
    container = {"name": "c", "resources": {"limits": {"cpu": "1000100u", "memory": "1n"}}}
    done = filled(scheme.PODS, pod(containers=[container]))
    limits = done["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "1001m", "memory": "1m"}


def test_requests_of_a_template_wait_for_the_pod():
    template = {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]}}
    done = filled(scheme.DEPLOYMENTS, {"spec": {"template": template}})
    container = done["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {"limits": {"cpu": "1"}}


def test_requests_of_the_whole_pod_are_the_sum():
    containers = [{"name": name, "resources": {"requests": {"cpu": "100m"}}} for name in ("a", "b")]
    done = filled(scheme.PODS, pod(containers=containers, resources={"limits": {"cpu": "1"}}))
    assert done["spec"]["resources"]["requests"] == {"cpu": "200m"}


def test_host_ports_follow_on_the_host_network():
    container = {"name": "c", "ports": [{"containerPort": 80}]}
    done = filled(scheme.PODS, pod(containers=[container], hostNetwork=True))
    port = done["spec"]["containers"][0]["ports"][0]
    assert port == {"containerPort": 80, "hostPort": 80, "protocol": "TCP"}


def test_service_account_and_its_old_name():
    spec = filled(scheme.PODS, pod(serviceAccount="robot"))["spec"]
    assert spec["serviceAccountName"] == "robot"


@pytest.mark.parametrize(
    ("given", "done"),
    [
        ({}, {"emptyDir": {}}),
        ({"configMap": {"name": "x"}}, {"configMap": {"name": "x", "defaultMode": 420}}),
        ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {
                "projected": {
                    "defaultMode": 420,
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                }
            },
        ),
        (
            {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {
                "downwardAPI": {
                    "defaultMode": 420,
                    "items": [
                        {
                            "path": "n",
                            "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"},
                        }
                    ],
                }
            },
        ),
    ],
)
def test_volumes(given, done):
    spec = filled(scheme.PODS, pod(volumes=[{"name": "v", **given}]))["spec"]
    assert spec["volumes"] == [{"name": "v", **done}]


EMPTY_TEMPLATE = {
    "spec": {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
    }
}


def test_deployment():
    spec = filled(scheme.DEPLOYMENTS, {"spec": {}})["spec"]
    assert spec.pop("template") == EMPTY_TEMPLATE
    assert spec == {
        "replicas": 1,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        },
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }


def test_recreate_has_no_rolling_details():
    done = filled(scheme.DEPLOYMENTS, {"spec": {"strategy": {"type": "Recreate"}}})
    assert done["spec"]["strategy"] == {"type": "Recreate"}


def test_replication_controller_takes_selector_and_labels_from_its_template():
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c"}]}}
    done = filled(scheme.REPLICATIONCONTROLLERS, {"spec": {"template": template}})
    assert done["spec"]["selector"] == {"app": "x"}
    assert done["metadata"]["labels"] == {"app": "x"}
    assert done["spec"]["replicas"] == 1


def test_replica_set_takes_no_selector_from_its_template():
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c"}]}}
    assert "selector" not in filled(scheme.REPLICASETS, {"spec": {"template": template}})["spec"]


def test_daemon_and_stateful_sets():
    daemon = filled(scheme.DAEMONSETS, {"spec": {}})["spec"]
    assert daemon["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    stateful = filled(scheme.STATEFULSETS, {"spec": {"volumeClaimTemplates": [{}]}})["spec"]
    assert stateful["podManagementPolicy"] == "OrderedReady"
    assert stateful["updateStrategy"]["rollingUpdate"] == {"partition": 0}
    assert stateful["volumeClaimTemplates"][0]["spec"] == {"volumeMode": "Filesystem"}


def test_job():
    spec = filled(scheme.JOBS, {"spec": {}})["spec"]
    assert spec.pop("template") == EMPTY_TEMPLATE
    assert spec == {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


def test_a_work_queue_job_has_no_completions():
    assert "completions" not in filled(scheme.JOBS, {"spec": {"parallelism": 3}})["spec"]


def test_service():
    done = filled(scheme.SERVICES, {"spec": {"ports": [{"port": 80}]}})
    assert done["spec"] == {
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None",
        "type": "ClusterIP",
        "internalTrafficPolicy": "Cluster",
    }


def test_node_port_and_affinity():
    service = {"spec": {"type": "NodePort", "sessionAffinity": "ClientIP"}}
    spec = filled(scheme.SERVICES, service)["spec"]
    assert spec["externalTrafficPolicy"] == "Cluster"
    assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


def test_secret_text_becomes_data():
    done = filled(scheme.SECRETS, {"data": {"a": "YQ=="}, "stringData": {"b": "b"}})
    assert done["data"] == {"a": "YQ==", "b": "Yg=="}
    assert "stringData" not in done
    assert done["type"] == "Opaque"


def test_namespace_is_found_by_its_name():
    done = filled(scheme.NAMESPACES, {"metadata": {"name": "blue"}})
    assert done["metadata"]["labels"] == {"kubernetes.io/metadata.name": "blue"}
    assert done["status"]["phase"] == "Active"


def test_limit_range():
    item = {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}
    done = filled(scheme.LIMITRANGES, {"spec": {"limits": [item]}})["spec"]["limits"][0]
    assert done["default"] == {"cpu": "2"}
    assert done["defaultRequest"] == {"cpu": "2", "memory": "1Mi"}


def test_network_policy_means_egress_only_with_egress_rules():
    assert filled(scheme.NETWORKPOLICIES, {"spec": {}})["spec"]["policyTypes"] == ["Ingress"]
    both = filled(scheme.NETWORKPOLICIES, {"spec": {"egress": [{}]}})
    assert both["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_binding_subjects():
    binding = {"roleRef": {"name": "r"}, "subjects": [{"kind": "User"}, {"kind": "ServiceAccount"}]}
    done = filled(scheme.ROLEBINDINGS, binding)
    group = "rbac.authorization.k8s.io"
    assert done["roleRef"]["apiGroup"] == group
    assert done["subjects"] == [{"kind": "User", "apiGroup": group}, {"kind": "ServiceAccount"}]


def test_definition_names_follow_from_the_kind():
    done = filled(
        scheme.CUSTOMRESOURCEDEFINITIONS,
        {"spec": {"names": {"kind": "Widget", "plural": "widgets"}}},
    )
    assert done["spec"]["names"]["singular"] == "widget"
    assert done["spec"]["names"]["listKind"] == "WidgetList"
    assert done["spec"]["conversion"] == {"strategy": "None"}


def test_webhooks():
    hook = {"clientConfig": {"service": {"name": "s"}}, "rules": [{}]}
    row = scheme.BUILTIN.by_plural(
        "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"
    )
    assert row is not None
    done = filled(row, {"webhooks": [hook]})["webhooks"][0]
    assert done["failurePolicy"] == "Fail"
    assert done["timeoutSeconds"] == 10
    assert done["clientConfig"]["service"]["port"] == 443
    assert done["rules"] == [{"scope": "*"}]
    assert done["reinvocationPolicy"] == "Never"


def test_a_token_lives_an_hour():
    request = {"spec": {"audiences": ["a"]}}
    defaults.apply_kind("authentication.k8s.io", "v1", "TokenRequest", request)
    assert request["spec"]["expirationSeconds"] == 3600


@pytest.mark.parametrize("row", list(scheme.BUILTIN.all()), ids=lambda row: row.gr)
def test_an_empty_object_of_any_kind(row):
    filled(row, {})
