"""`kubectl create` with each of its generators (protobuf on the wire), run and expose."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from . import samples
from .clients import Api, Kubectl


def test_namespace(kubectl: Kubectl, unique: str, cleanup: Callable[[str], Any]) -> None:
    cleanup(f"/api/v1/namespaces/{unique}")
    assert kubectl("create", "namespace", unique) == f"namespace/{unique} created\n"
    made = kubectl.object("namespace", unique)
    assert made["status"]["phase"] == "Active"
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": unique}


def test_namespace_that_is_there(kubectl: Kubectl) -> None:
    errors = kubectl.fails("create", "namespace", "default")
    assert errors == 'Error from server (AlreadyExists): namespaces "default" already exists\n'


def test_configmap(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("some text\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "env").write_text("# a comment\nONE=1\n")
    out = kubectl(
        "create", "configmap", "cm",
        "--from-literal=a=b", f"--from-file={tmp_path}/text", f"--from-file=raw={tmp_path}/bytes",
    )  # fmt: skip
    assert out == "configmap/cm created\n"
    made = kubectl.object("configmap", "cm")
    assert made["data"] == {"a": "b", "text": "some text\n"}
    assert base64.b64decode(made["binaryData"]["raw"]) == b"\xff\xfe"
    kubectl("create", "configmap", "env", f"--from-env-file={tmp_path}/env")
    assert kubectl.object("configmap", "env")["data"] == {"ONE": "1"}


def test_secret(kubectl: Kubectl) -> None:
    kubectl("create", "secret", "generic", "s", "--from-literal=password=hunter2", "--type=my/own")
    made = kubectl.object("secret", "s")
    assert (made["type"], base64.b64decode(made["data"]["password"])) == ("my/own", b"hunter2")


def test_docker_secret(kubectl: Kubectl) -> None:
    kubectl(
        "create", "secret", "docker-registry", "r",
        "--docker-server=r.example", "--docker-username=u", "--docker-password=p",
    )  # fmt: skip
    made = kubectl.object("secret", "r")
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    assert b'"r.example"' in base64.b64decode(made["data"][".dockerconfigjson"])


def test_tls_secret(kubectl: Kubectl, key_pair: tuple[Path, Path]) -> None:
    certificate, key = key_pair
    kubectl("create", "secret", "tls", "t", f"--cert={certificate}", f"--key={key}")
    made = kubectl.object("secret", "t")
    assert (made["type"], sorted(made["data"])) == ("kubernetes.io/tls", ["tls.crt", "tls.key"])


def test_serviceaccount_and_token(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "robot")
    token = kubectl("create", "token", "robot", "--duration=20m", "--audience=me").strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == f"system:serviceaccount:{kubectl.namespace}:robot"
    assert claims["aud"] == ["me"]
    assert claims["exp"] - claims["iat"] == 1200
    assert claims["kubernetes.io"]["serviceaccount"]["name"] == "robot"


def test_token_of_nobody(kubectl: Kubectl) -> None:
    errors = kubectl.fails("create", "token", "nobody")
    assert 'serviceaccounts "nobody" not found' in errors


def test_deployment(kubectl: Kubectl) -> None:
    out = kubectl(
        "create", "deployment", "web",
        "--image=registry.example/a:1", "--replicas=2", "--port=80",
        "--", "serve", "-v",
    )  # fmt: skip
    assert out == "deployment.apps/web created\n"
    spec = kubectl.object("deployment", "web")["spec"]
    container = spec["template"]["spec"]["containers"][0]
    assert (spec["replicas"], container["command"]) == (2, ["serve", "-v"])
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert spec["selector"]["matchLabels"] == {"app": "web"}
    assert spec["strategy"]["type"] == "RollingUpdate"


def test_job(kubectl: Kubectl) -> None:
    kubectl("create", "job", "once", "--image=registry.example/a:1", "--", "date")
    spec = kubectl.object("job", "once")["spec"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "once"


def test_cronjob_and_a_job_from_it(kubectl: Kubectl) -> None:
    schedule = "--schedule=0 3 1 1 *"
    kubectl("create", "cronjob", "yearly", "--image=registry.example/a:1", schedule, "--", "date")
    assert kubectl.object("cronjob", "yearly")["spec"]["schedule"] == "0 3 1 1 *"
    kubectl("create", "job", "now", "--from=cronjob/yearly")
    made = kubectl.object("job", "now")["metadata"]
    assert made["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual"}
    assert made["ownerReferences"][0]["kind"] == "CronJob"


def test_role_and_binding(kubectl: Kubectl) -> None:
    kubectl(
        "create", "role", "reader",
        "--verb=get,list", "--resource=pods,deployments.apps/scale", "--resource-name=web",
    )  # fmt: skip
    assert kubectl.object("role", "reader")["rules"] == [
        {
            "verbs": ["get", "list"], "apiGroups": [""],
            "resources": ["pods"], "resourceNames": ["web"],
        },
        {
            "verbs": ["get", "list"], "apiGroups": ["apps"],
            "resources": ["deployments/scale"], "resourceNames": ["web"],
        },
    ]  # fmt: skip
    account = f"--serviceaccount={kubectl.namespace}:robot"
    kubectl("create", "rolebinding", "b", "--role=reader", "--user=jane", "--group=g", account)
    made = kubectl.object("rolebinding", "b")
    assert made["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"
    }  # fmt: skip
    assert [one["kind"] for one in made["subjects"]] == ["User", "Group", "ServiceAccount"]


def test_cluster_roles(kubectl: Kubectl, unique: str, cleanup: Callable[[str], Any]) -> None:
    base = "/apis/rbac.authorization.k8s.io/v1"
    for path in ("clusterroles", "clusterrolebindings"):
        cleanup(f"{base}/{path}/{unique}")
    cleanup(f"{base}/clusterroles/{unique}-all")
    kubectl("create", "clusterrole", unique, "--verb=get", "--non-resource-url=/logs/*")
    assert kubectl.object("clusterrole", unique)["rules"] == [
        {"verbs": ["get"], "nonResourceURLs": ["/logs/*"]}
    ]
    kubectl("create", "clusterrole", f"{unique}-all", "--aggregation-rule=conformance=yes")
    made = kubectl.object("clusterrole", f"{unique}-all")
    assert made["aggregationRule"]["clusterRoleSelectors"] == [
        {"matchLabels": {"conformance": "yes"}}
    ]
    kubectl("create", "clusterrolebinding", unique, f"--clusterrole={unique}", "--user=jane")
    assert kubectl.object("clusterrolebinding", unique)["subjects"][0]["name"] == "jane"


def test_quota(kubectl: Kubectl) -> None:
    kubectl("create", "quota", "q", "--hard=pods=3,requests.cpu=2", "--scopes=NotTerminating")
    spec = kubectl.object("quota", "q")["spec"]
    assert spec == {"hard": {"pods": "3", "requests.cpu": "2"}, "scopes": ["NotTerminating"]}


def test_budget(kubectl: Kubectl) -> None:
    kubectl("create", "poddisruptionbudget", "b", "--selector=app=web", "--min-available=50%")
    spec = kubectl.object("pdb", "b")["spec"]
    assert spec == {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}}


def test_priority_class(kubectl: Kubectl, unique: str, cleanup: Callable[[str], Any]) -> None:
    cleanup(f"/apis/scheduling.k8s.io/v1/priorityclasses/{unique}")
    kubectl("create", "priorityclass", unique, "--value=-7", "--description=last")
    made = kubectl.object("priorityclass", unique)
    assert (made["value"], made["preemptionPolicy"]) == (-7, "PreemptLowerPriority")


def test_ingress(kubectl: Kubectl) -> None:
    kubectl("create", "ingress", "i", "--class=c", "--rule=a.example/x*=web:80,tls=cert")
    spec = kubectl.object("ingress", "i")["spec"]
    assert spec["rules"][0]["http"]["paths"] == [
        {
            "path": "/x", "pathType": "Prefix",
            "backend": {"service": {"name": "web", "port": {"number": 80}}},
        }
    ]  # fmt: skip
    assert spec["tls"] == [{"hosts": ["a.example"], "secretName": "cert"}]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (("clusterip", "s", "--tcp=80:8080"), {"type": "ClusterIP"}),
        (("nodeport", "s", "--tcp=80"), {"type": "NodePort"}),
        (("loadbalancer", "s", "--tcp=80"), {"type": "LoadBalancer"}),
        (
            ("externalname", "s", "--external-name=a.example"),
            {"type": "ExternalName", "externalName": "a.example"},
        ),
        (("clusterip", "s", "--clusterip=None"), {"clusterIP": "None"}),
    ],
    ids=["clusterip", "nodeport", "loadbalancer", "externalname", "headless"],
)
def test_services(kubectl: Kubectl, form: tuple[str, ...], expected: dict[str, str]) -> None:
    assert kubectl("create", "service", *form) == "service/s created\n"
    spec = kubectl.object("service", "s")["spec"]
    assert spec == spec | expected
    if "--tcp=80:8080" in form:
        assert spec["ports"] == [
            {"name": "80-8080", "protocol": "TCP", "port": 80, "targetPort": 8080}
        ]
    if expected.get("type") == "NodePort":
        assert spec["ports"][0]["nodePort"] >= 1024


@pytest.mark.parametrize("how", ["client", "server"])
def test_dry_runs_make_nothing(kubectl: Kubectl, how: str) -> None:
    out = kubectl("create", "deployment", "web", "--image=a", f"--dry-run={how}")
    assert out.startswith("deployment.apps/web created (")
    assert "NotFound" in kubectl.fails("get", "deployment", "web")


def test_create_of_several_documents(kubectl: Kubectl) -> None:
    out = kubectl("create", "-f", "-", stdin=[samples.configmap("a"), samples.pod("b")])
    assert out == "configmap/a created\npod/b created\n"
    errors = kubectl.fails("create", "-f", "-", stdin=[samples.configmap("a")])
    assert '(AlreadyExists): error when creating "STDIN": configmaps "a" already exists' in errors


def test_unknown_field_is_refused(kubectl: Kubectl) -> None:
    pod = samples.pod("p", wrongField=1)
    errors = kubectl.fails("create", "-f", "-", stdin=pod)
    assert 'unknown field "spec.wrongField"' in errors
    assert kubectl.fails("get", "pod", "p")


def test_validate_false_drops_the_field(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", "--validate=false", stdin=samples.pod("p", wrongField=1))
    assert "wrongField" not in kubectl.object("pod", "p")["spec"]


def test_validate_warn_says_so(kubectl: Kubectl) -> None:
    pod = samples.pod("p", wrongField=1)
    ran = kubectl.attempt("create", "-f", "-", "--validate=warn", stdin=pod)
    assert (ran.code, ran.out) == (0, "pod/p created\n")
    assert 'Warning: unknown field "spec.wrongField"' in ran.err


def test_raw_create(kubectl: Kubectl, api: Api) -> None:
    out = kubectl(
        "create", "--raw", api.path("configmaps"), "-f", "-",
        stdin='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"}}',
    )  # fmt: skip
    assert '"uid"' in out


def test_run(kubectl: Kubectl) -> None:
    out = kubectl(
        "run", "p", "--image=registry.example/a:1", "--labels=tier=x", "--env=A=b", "--port=80",
        "--restart=Never", "--command", "--", "sleep", "9",
    )  # fmt: skip
    assert out == "pod/p created\n"
    made = kubectl.object("pod", "p")
    container = made["spec"]["containers"][0]
    assert made["metadata"]["labels"] == {"tier": "x"}
    assert len(made["spec"]["containers"]) == 1
    assert container["image"] == "registry.example/a:1"
    assert container["command"] == ["sleep", "9"]
    assert container["env"] == [{"name": "A", "value": "b"}]
    assert made["spec"]["restartPolicy"] == "Never"


def test_run_with_overrides(kubectl: Kubectl) -> None:
    overrides = '{"spec": {"terminationGracePeriodSeconds": 5}}'
    kubectl("run", "p", "--image=registry.example/a:1", f"--overrides={overrides}", "--expose",
            "--port=80")  # fmt: skip
    assert kubectl.object("pod", "p")["spec"]["terminationGracePeriodSeconds"] == 5
    assert kubectl.object("service", "p")["spec"]["selector"] == {"run": "p"}


def test_expose(kubectl: Kubectl) -> None:
    kubectl.apply(samples.deployment("web", replicas=0))
    out = kubectl(
        "expose", "deployment", "web", "--port=80", "--target-port=http", "--type=NodePort"
    )
    assert out == "service/web exposed\n"
    spec = kubectl.object("service", "web")["spec"]
    assert (spec["selector"], spec["type"]) == ({"app": "web"}, "NodePort")
    assert spec["ports"][0]["targetPort"] == "http"
    kubectl("expose", "service", "web", "--port=81", "--name=again")
    assert kubectl.object("service", "again")["spec"]["selector"] == {"app": "web"}


def test_expose_of_a_replication_controller(kubectl: Kubectl) -> None:
    """And of a service that came of it: each keeps the port of the pods."""
    kubectl("create", "-f", "-", stdin=samples.replication_controller("primary", replicas=0))
    kubectl("expose", "rc", "primary", "--name=rm2", "--port=1234", "--target-port=6379")
    kubectl("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379")
    for name, port in (("rm2", 1234), ("rm3", 2345)):
        spec = kubectl.object("service", name)["spec"]
        assert spec["selector"] == {"app": "primary"}
        (found,) = spec["ports"]
        assert (found["port"], found["targetPort"]) == (port, 6379)


def test_autoscale(kubectl: Kubectl) -> None:
    kubectl.apply(samples.deployment("web", replicas=1))
    out = kubectl("autoscale", "deployment", "web", "--min=1", "--max=4", "--cpu-percent=70")
    assert out == "horizontalpodautoscaler.autoscaling/web autoscaled\n"
    spec = kubectl.object("hpa", "web")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 4)
    assert spec["metrics"][0]["resource"]["target"] == {
        "type": "Utilization", "averageUtilization": 70
    }  # fmt: skip
    assert "deployment" in kubectl("get", "hpa.v1.autoscaling", "web", "-o", "yaml").lower()
