"""get in all its forms, describe, explain, events, and what lists the API itself."""

import contextlib
import json
import queue
import re

import pytest

from . import samples
from .clients import Api, Kubectl, Running, eventually


@pytest.fixture
def three(api: Api) -> None:
    for name, tier in (("a", "front"), ("b", "back"), ("c", "back")):
        made = samples.configmap(name, {"tier": tier}, key=name * 3)
        api.post(api.path("configmaps"), made, expect=201)


pytestmark = pytest.mark.usefixtures("three")
ALL = ("get", "configmaps", "--field-selector=metadata.name!=kube-root-ca.crt")


def names(output: str) -> list[str]:
    return [line.split()[0] for line in output.splitlines()]


def test_table(kubectl: Kubectl) -> None:
    out = kubectl(*ALL)
    assert re.fullmatch(r"NAME   DATA   AGE\n(?:[abc]      1      \d+s\n){3}", out)


def test_no_headers(kubectl: Kubectl) -> None:
    assert names(kubectl(*ALL, "--no-headers")) == ["a", "b", "c"]


def test_wide_pods(kubectl: Kubectl, api: Api) -> None:
    api.post(api.path("pods"), samples.pod("p"), expect=201)
    header, row = kubectl("get", "pods", "-o", "wide").splitlines()
    assert header.split() == [
        "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED", "NODE",
        "READINESS", "GATES",
    ]  # fmt: skip
    assert row.split()[:4] == ["p", "0/1", "Pending", "0"]


def test_json(kubectl: Kubectl) -> None:
    made = kubectl.object("configmaps", "a")
    assert (made["kind"], made["apiVersion"], made["data"]) == ("ConfigMap", "v1", {"key": "aaa"})
    assert made["metadata"]["managedFields"][0]["fieldsType"] == "FieldsV1"
    out = json.loads(kubectl("get", "cm", "a", "-o", "json"))
    assert "managedFields" not in out["metadata"]


def test_json_of_many_is_a_list(kubectl: Kubectl) -> None:
    out = kubectl.object("cm", "a", "b")
    assert (out["kind"], [one["kind"] for one in out["items"]]) == ("List", ["ConfigMap"] * 2)


def test_yaml(kubectl: Kubectl) -> None:
    out = kubectl("get", "configmap/a", "-o", "yaml")
    assert out.startswith("apiVersion: v1\ndata:\n  key: aaa\nkind: ConfigMap\n")


def test_name(kubectl: Kubectl) -> None:
    assert kubectl("get", "cm", "a", "b", "-o", "name") == "configmap/a\nconfigmap/b\n"


def test_jsonpath(kubectl: Kubectl) -> None:
    path = '{range .items[*]}{.metadata.name}={.data.key}{"\\n"}{end}'
    assert kubectl("get", "cm", "-l", "tier", "-o", f"jsonpath={path}") == "a=aaa\nb=bbb\nc=ccc\n"


def test_custom_columns(kubectl: Kubectl) -> None:
    out = kubectl("get", "cm", "a", "-o", "custom-columns=N:.metadata.name,V:.data.key,Z:.none")
    assert out.splitlines() == ["N     V     Z", "a     aaa   <none>"]


def test_go_template(kubectl: Kubectl) -> None:
    assert kubectl("get", "cm", "a", "-o", "go-template={{.data.key}}") == "aaa"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=back", ["b", "c"]),
        ("tier!=back,tier", ["a"]),
        ("tier in (front,none)", ["a"]),
        ("tier notin (front),tier", ["b", "c"]),
        ("tier==back", ["b", "c"]),
    ],
)
def test_label_selectors(kubectl: Kubectl, selector: str, expected: list[str]) -> None:
    assert names(kubectl("get", "cm", "-l", selector, "--no-headers")) == expected


def test_show_labels_and_label_columns(kubectl: Kubectl) -> None:
    assert kubectl("get", "cm", "a", "--show-labels").splitlines()[1].endswith("tier=front")
    header, row = kubectl("get", "cm", "a", "-L", "tier").splitlines()
    assert (header.split()[-1], row.split()[-1]) == ("TIER", "front")


def test_field_selector(kubectl: Kubectl) -> None:
    assert names(kubectl("get", "cm", "--field-selector=metadata.name=b", "--no-headers")) == ["b"]
    errors = kubectl.fails("get", "cm", "--field-selector=data.key=aaa")
    assert '(BadRequest): Unable to find "/v1, Resource=configmaps"' in errors
    assert '"data.key=aaa": field label not supported: data.key' in errors


def test_sorting(kubectl: Kubectl) -> None:
    kubectl("annotate", "cm", "a", "rank=3")
    kubectl("annotate", "cm", "b", "rank=1")
    kubectl("annotate", "cm", "c", "rank=2")
    out = kubectl(
        "get", "cm", "-l", "tier", "--sort-by={.metadata.annotations.rank}", "--no-headers"
    )
    assert names(out) == ["b", "c", "a"]


def test_chunks(kubectl: Kubectl) -> None:
    assert names(kubectl(*ALL, "--chunk-size=1", "--no-headers")) == ["a", "b", "c"]


def test_all_namespaces(kubectl: Kubectl) -> None:
    header, *rows = kubectl("get", "cm", "-A", "-l", "tier").splitlines()
    assert header.split()[0] == "NAMESPACE"
    assert [row.split()[1] for row in rows if row.startswith(kubectl.namespace)] == ["a", "b", "c"]


def test_several_kinds_and_categories(kubectl: Kubectl, api: Api) -> None:
    api.post(api.path("deployments"), samples.deployment("web", replicas=0), expect=201)
    api.post(api.path("services"), samples.service("web"), expect=201)
    out = kubectl("get", "svc,deploy", "-o", "name")
    assert out.split() == ["service/web", "deployment.apps/web"]
    assert {"service/web", "deployment.apps/web"} <= set(
        kubectl("get", "all", "-o", "name").split()
    )


def test_nothing_there(kubectl: Kubectl) -> None:
    ran = kubectl.attempt("get", "secrets")
    assert (ran.out, ran.err) == ("", f"No resources found in {kubectl.namespace} namespace.\n")
    errors = kubectl.fails("get", "cm", "nope")
    assert errors == 'Error from server (NotFound): configmaps "nope" not found\n'
    assert kubectl("get", "cm", "nope", "--ignore-not-found") == ""


def test_unknown_type(kubectl: Kubectl) -> None:
    errors = kubectl.fails("get", "wombats")
    assert 'the server doesn\'t have a resource type "wombats"' in errors


def test_raw(kubectl: Kubectl) -> None:
    assert kubectl("get", "--raw", "/readyz") == "ok"
    out = json.loads(kubectl("get", "--raw", f"/api/v1/namespaces/{kubectl.namespace}"))
    assert out["kind"] == "Namespace"
    assert "(NotFound)" in kubectl.fails("get", "--raw", "/no/such/path")


def test_subresource(kubectl: Kubectl, api: Api) -> None:
    api.post(api.path("deployments"), samples.deployment("web", replicas=0), expect=201)
    assert names(kubectl("get", "deployment", "web", "--subresource=status"))[-1] == "web"
    header, row = kubectl("get", "deployment", "web", "--subresource=scale").splitlines()
    assert (header.split(), row.split()[:3]) == (
        ["NAME", "DESIRED", "AVAILABLE", "AGE"],
        ["web", "0", "0"],
    )


def test_watch_list_then_changes(kubectl: Kubectl, api: Api) -> None:
    with kubectl.running("get", "cm", "-w", "-l", "tier") as command:
        assert [command.line().split()[0] for _ in range(4)] == ["NAME", "a", "b", "c"]
        api.post(api.path("configmaps"), samples.configmap("d", {"tier": "new"}), expect=201)
        assert command.line().split()[:2] == ["d", "0"]
        api.patch(api.path("configmaps", "d"), {"data": {"x": "1"}}, expect=200)
        assert command.line().split()[:2] == ["d", "1"]


def test_watch_only_with_the_kinds_of_change(kubectl: Kubectl, api: Api) -> None:
    options = ("--watch-only", "--output-watch-events", "-o", "json")

    def seen(command: Running) -> str:
        """Writes before the watch is on are not shown."""
        for number in range(100):
            api.patch(api.path("configmaps", "a"), {"data": {"n": str(number)}}, expect=200)
            with contextlib.suppress(queue.Empty):
                return command.line(within=0.2)
        return ""

    with kubectl.running("get", "cm", *options) as command:
        event = json.loads(seen(command))
    assert (event["type"], event["object"]["metadata"]["name"]) == ("MODIFIED", "a")


def test_describe(kubectl: Kubectl, api: Api) -> None:
    out = kubectl("describe", "configmap", "a")
    assert re.search(r"^Name: +a\nNamespace: +" + kubectl.namespace, out)
    assert "Labels:       tier=front" in out
    assert "key:\n----\naaa" in out


def test_describe_pod(kubectl: Kubectl, api: Api) -> None:
    made = api.post(api.path("pods"), samples.pod("p", labels={"x": "y"}), expect=201).json
    event = {
        "metadata": {"name": "p.1"},
        "involvedObject": {
            "kind": "Pod", "name": "p", "namespace": api.namespace, "uid": made["metadata"]["uid"],
        },
        "type": "Warning", "reason": "Testing", "message": "so it is", "count": 1,
    }  # fmt: skip
    api.post(api.path("events"), event, expect=201)
    out = kubectl("describe", "pod", "p")
    assert re.search(r"Status: +Pending", out)
    assert re.search(r"Image: +registry\.example/app:1", out)
    assert re.search(r"QoS Class: +BestEffort", out)
    assert re.search(r"Warning +Testing .*so it is", out)


def test_describe_deployment_and_service(kubectl: Kubectl, api: Api) -> None:
    api.post(api.path("deployments"), samples.deployment("web", replicas=0), expect=201)
    out = kubectl("describe", "deployment", "web")
    assert re.search(r"StrategyType: +RollingUpdate", out)
    assert re.search(r"Selector: +app=web", out)
    api.post(api.path("services"), samples.service("web", sessionAffinity="ClientIP"), expect=201)
    out = kubectl("describe", "svc", "web")
    assert re.search(r"Type: +ClusterIP", out)
    assert re.search(r"Session Affinity: +ClientIP", out)


def test_describe_a_replication_controller_and_its_pod(kubectl: Kubectl, api: Api) -> None:
    kubectl("create", "-f", "-", stdin=samples.replication_controller("web", replicas=1))
    (pod,) = eventually(lambda: api.get(api.path("pods")).json["items"])
    name = pod["metadata"]["name"]

    def told() -> str:
        out = kubectl("describe", "rc", "web")
        assert re.search(r"Replicas: +1 current / 1 desired", out)
        assert re.search(r"SuccessfulCreate .*Created pod: " + name, out)
        return out

    out = eventually(told)
    for pattern in (
        r"^Name: +web$", rf"^Namespace: +{api.namespace}$", r"^Selector: +app=web$",
        r"^Labels: +app=web$", r"^Annotations: +<none>$", r"^Pods Status: +\d+ Running / ",
        r"^Pod Template:$", r"Image: +registry\.example/app:1$", r"^Events:$",
    ):  # fmt: skip
        assert re.search(pattern, out, re.MULTILINE), pattern
    out = kubectl("describe", "pod", name)
    for pattern in (
        rf"^Name: +{name}$", rf"^Namespace: +{api.namespace}$", r"^Node: ", r"^Labels: +app=web$",
        r"^Status: +Pending$", r"^IP: ", r"^Controlled By: +ReplicationController/web$",
        r"Image: +registry\.example/app:1$", r"^Conditions:$|^Events:", r"^QoS Class: ",
    ):  # fmt: skip
        assert re.search(pattern, out, re.MULTILINE), pattern
    out = kubectl("describe", "namespace", api.namespace)
    for pattern in (rf"^Name: +{api.namespace}$", r"^Status: +Active$", r"No resource quota",
                    r"No LimitRange resource"):  # fmt: skip
        assert re.search(pattern, out, re.MULTILINE), pattern


def test_describe_a_cron_job(kubectl: Kubectl) -> None:
    kubectl("create", "cronjob", "c", "--image=registry.example/app:1", "--schedule=0 0 1 1 *")
    out = kubectl("describe", "cronjob", "c")
    for pattern in (r"^Schedule: +0 0 1 1 \*$", r"^Concurrency Policy: +Allow$",
                    r"^Suspend: +False$", r"^Starting Deadline Seconds: +<unset>$"):  # fmt: skip
        assert re.search(pattern, out, re.MULTILINE), pattern


def test_describe_node(kubectl: Kubectl, api: Api, node: str) -> None:
    out = kubectl("describe", "node", node)
    assert re.search(rf"^Name: +{node}", out)
    assert "conformance/fake:NoSchedule" in out
    assert "Non-terminated Pods:" in out


def test_describe_of_nothing(kubectl: Kubectl) -> None:
    assert '(NotFound): pods "nope" not found' in kubectl.fails("describe", "pod", "nope")


def test_explain(kubectl: Kubectl) -> None:
    out = kubectl("explain", "pod.spec.containers.image")
    assert re.search(r"KIND: +Pod\nVERSION: +v1\n", out)
    assert "FIELD: image <string>" in out
    out = kubectl("explain", "deployment", "--recursive")
    assert re.search(r"GROUP: +apps\nKIND: +Deployment", out)
    assert "maxSurge" in out
    assert 'field "nope" does not exist' in kubectl.fails("explain", "pod.spec.nope")


@pytest.mark.parametrize(
    "path",
    [
        "pods.spec.affinity.nodeAffinity", "services.spec.ports", "jobs.spec.template.spec",
        "nodes.status.conditions", "ingress.spec.rules", "hpa.spec.metrics", "leases.spec",
        "roles.rules", "crd.spec.versions.schema", "events.involvedObject", "secrets.stringData",
    ],
)  # fmt: skip
def test_explain_of_many_kinds(kubectl: Kubectl, path: str) -> None:
    out = kubectl("explain", path)
    assert re.search(r"^(FIELD|FIELDS): ", out, re.MULTILINE)
    assert re.search(r"DESCRIPTION:\n +\S", out)


def test_explain_in_the_old_form(kubectl: Kubectl) -> None:
    """Version 2, which Go clients read as protobuf only."""
    plain = ("--output", "plaintext-openapiv2")
    out = kubectl("explain", "pod.spec.containers.ports", *plain)
    assert re.search(r"KIND: +Pod\nVERSION: +v1\n", out)
    assert re.search(r"containerPort\t<integer> -required-\n +\S", out)
    out = kubectl("explain", "deployment.spec.strategy", "--recursive", *plain)
    assert re.search(r"rollingUpdate\t<Object>\n +maxSurge\t<", out)
    assert 'field "nope" does not exist' in kubectl.fails("explain", "pod.spec.nope", *plain)


def test_events(kubectl: Kubectl, api: Api) -> None:
    for name, kind in (("one", "Pod"), ("two", "Secret")):
        body = {
            "metadata": {"name": f"{name}.1"},
            "involvedObject": {
                "apiVersion": "v1", "kind": kind, "name": name, "namespace": api.namespace,
            },
            "type": "Warning" if kind == "Pod" else "Normal",
            "reason": "Told", "message": f"about {name}", "count": 2,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:01:00Z",
        }  # fmt: skip
        api.post(api.path("events"), body, expect=201)
    out = kubectl("events")
    assert "about one" in out
    assert "about two" in out
    out = kubectl("events", "--for", "pod/one")
    assert ("about one" in out, "about two" in out) == (True, False)
    out = kubectl("events", "--types=Normal")
    assert ("about one" in out, "about two" in out) == (False, True)
    header = kubectl("get", "events").splitlines()[0]
    assert header.split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]


def test_api_resources(kubectl: Kubectl) -> None:
    out = kubectl("api-resources", "-o", "wide", "--no-headers")
    assert re.search(r"^pods +po +v1 +true +Pod +create,delete,\S*watch +all$", out, re.MULTILINE)
    assert re.search(r"^namespaces +ns +v1 +false +Namespace ", out, re.MULTILINE)
    out = kubectl("api-resources", "--api-group=apps", "--namespaced=true", "-o", "name")
    assert {"deployments.apps", "statefulsets.apps"} <= set(out.split())
    assert not [one for one in out.split() if not one.endswith(".apps")]


def test_api_versions_and_version(kubectl: Kubectl) -> None:
    wanted = {"v1", "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1", "policy/v1"}
    assert wanted <= set(kubectl("api-versions").split())
    out = json.loads(kubectl("version", "-o", "json"))
    for side in ("clientVersion", "serverVersion"):
        assert re.match(r"v1\.\d+\.\d+", out[side]["gitVersion"])
        assert out[side]["major"] == "1"
        assert out[side]["minor"].rstrip("+").isdigit()
        assert {"gitCommit", "gitTreeState", "buildDate", "goVersion", "platform"} <= set(out[side])
    told = kubectl("version")
    assert "Client Version: v1." in told
    assert "Server Version: v1." in told


def test_cluster_info(kubectl: Kubectl) -> None:
    assert re.search(r"control plane.* is running at .*https://", kubectl("cluster-info"))


def test_cluster_info_dump(kubectl: Kubectl) -> None:
    out = kubectl("cluster-info", "dump", "--namespaces", kubectl.namespace, "-o", "json")
    assert '"kind": "DeploymentList"' in out
