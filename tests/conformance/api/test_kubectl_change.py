"""patch, label, annotate, set, scale: what changes one field of an object."""

import pytest

from . import samples
from .clients import Api, Kubectl, eventually


@pytest.fixture
def web(api: Api) -> None:
    api.post(api.path("deployments"), samples.deployment("web", replicas=1), expect=201)


pytestmark = pytest.mark.usefixtures("web")


def container(kubectl: Kubectl) -> dict:
    spec = kubectl.object("deployment", "web")["spec"]["template"]["spec"]
    return spec["containers"][0]


@pytest.mark.parametrize(
    ("kind", "patch", "containers"),
    [
        (
            "strategic",
            '{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"b"}]}}}}',
            ["b", "app"],
        ),
        (
            "merge",
            '{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"b"}]}}}}',
            ["b"],
        ),
        (
            "json",
            '[{"op":"replace","path":"/spec/template/spec/containers/0/name","value":"c"}]',
            ["c"],
        ),
    ],
)
def test_patch(kubectl: Kubectl, kind: str, patch: str, containers: list[str]) -> None:
    out = kubectl("patch", "deployment", "web", "--type", kind, "-p", patch)
    assert out == "deployment.apps/web patched\n"
    spec = kubectl.object("deployment", "web")["spec"]["template"]["spec"]
    assert [one["name"] for one in spec["containers"]] == containers


def test_patch_annotates_the_pods_of_a_controller(kubectl: Kubectl, api: Api) -> None:
    kubectl("create", "-f", "-", stdin=samples.replication_controller("rc", replicas=2))
    eventually(lambda: len(kubectl("get", "pods", "-l", "app=rc", "-o", "name").split()) == 2)
    for name in kubectl("get", "pods", "-l", "app=rc", "-o", "name").split():
        kubectl("patch", name, "-p", '{"metadata":{"annotations":{"x":"y"}}}')
    for pod in kubectl.object("pods", "-l", "app=rc")["items"]:
        assert pod["metadata"]["annotations"]["x"] == "y"


def test_patch_on_trial(kubectl: Kubectl) -> None:
    kubectl("run", "p", "--image=registry.example/app:1")
    change = '{"spec":{"containers":[{"name":"p","image":"registry.example/app:2"}]}}'
    assert kubectl("patch", "pod", "p", "-p", change, "--dry-run=server") == "pod/p patched\n"
    made = kubectl.object("pod", "p")["spec"]["containers"][0]["image"]
    assert made == "registry.example/app:1"


def test_patch_that_changes_nothing(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "cm", "--from-literal=a=b")
    out = kubectl("patch", "configmap", "cm", "-p", '{"data":{"a":"b"}}')
    assert out == "configmap/cm patched (no change)\n"


def test_patch_of_a_subresource(kubectl: Kubectl) -> None:
    out = kubectl("patch", "deployment", "web", "--subresource=scale", "--type=merge",
                  "-p", '{"spec":{"replicas":0}}')  # fmt: skip
    assert out.endswith("web patched\n")
    assert kubectl.object("deployment", "web")["spec"]["replicas"] == 0


def test_patch_that_is_wrong(kubectl: Kubectl) -> None:
    errors = kubectl.fails("patch", "deployment", "web", "-p", '{"spec":{"replicas":"many"}}')
    assert "replicas" in errors
    errors = kubectl.fails("patch", "deployment", "web", "--type=json", "-p",
                           '[{"op":"test","path":"/spec/replicas","value":9}]')  # fmt: skip
    assert errors == (
        "The request is invalid: the server rejected our request due to an error in our request\n"
    )
    errors = kubectl.fails("patch", "deployment", "web", "-p", '{"metadata":{"name":"other"}}')
    assert "name of the object (other) does not match the name on the URL (web)" in errors


def test_label(kubectl: Kubectl) -> None:
    assert kubectl("label", "deployment", "web", "a=b") == "deployment.apps/web labeled\n"
    errors = kubectl.fails("label", "deployment", "web", "a=c")
    assert "already has a value (b), and --overwrite is false" in errors
    kubectl("label", "deployment", "web", "a=c", "--overwrite")
    assert kubectl.object("deployment", "web")["metadata"]["labels"]["a"] == "c"
    assert kubectl("label", "deployment", "web", "a-") == "deployment.apps/web unlabeled\n"
    assert "a" not in kubectl.object("deployment", "web")["metadata"]["labels"]


def test_label_of_a_pod(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=samples.pod("p"))
    kubectl("label", "pods", "p", "testing-label=testing-label-value")
    assert "testing-label-value" in kubectl("get", "pod", "p", "-L", "testing-label")
    assert kubectl("get", "pods", "-l", "testing-label", "-o", "name") == "pod/p\n"
    kubectl("label", "pods", "p", "testing-label-")
    assert "testing-label-value" not in kubectl("get", "pod", "p", "-L", "testing-label")
    assert kubectl("get", "pods", "-l", "testing-label", "-o", "name") == ""


def test_label_of_a_stale_version(kubectl: Kubectl) -> None:
    errors = kubectl.fails("label", "deployment", "web", "a=b", "--resource-version=1")
    assert "(Conflict)" in errors


def test_label_of_many(kubectl: Kubectl) -> None:
    kubectl.apply(*[samples.configmap(name, {"t": "x"}) for name in "ab"])
    out = kubectl("label", "configmap", "-l", "t=x", "new=1")
    assert out.splitlines() == ["configmap/a labeled", "configmap/b labeled"]
    assert "invalid" in kubectl.fails("label", "configmap", "a", "bad=not/a/value").lower()


def test_annotate(kubectl: Kubectl) -> None:
    assert kubectl("annotate", "deploy/web", "note=a b") == "deployment.apps/web annotated\n"
    assert kubectl.object("deploy/web")["metadata"]["annotations"]["note"] == "a b"
    assert "note: a b" in kubectl("annotate", "deploy/web", "--list").replace("=", ": ")
    kubectl("annotate", "deploy/web", "note-")
    assert "note" not in kubectl.object("deploy/web")["metadata"].get("annotations", {})


def test_set_image(kubectl: Kubectl) -> None:
    out = kubectl("set", "image", "deployment/web", "app=registry.example/app:2")
    assert out == "deployment.apps/web image updated\n"
    assert container(kubectl)["image"] == "registry.example/app:2"
    assert "unable to find container" in kubectl.fails("set", "image", "deployment/web", "x=y")


def test_set_env(kubectl: Kubectl) -> None:
    out = kubectl("set", "env", "deployment/web", "A=1", "B=2")
    assert out == "deployment.apps/web env updated\n"
    kubectl("set", "env", "deployment/web", "A-")
    assert container(kubectl)["env"] == [{"name": "B", "value": "2"}]
    assert "B=2" in kubectl("set", "env", "deployment/web", "--list")
    kubectl("create", "configmap", "cm", "--from-literal=KEY=value")
    kubectl("set", "env", "deployment/web", "--from=configmap/cm")
    reference = {"configMapKeyRef": {"key": "KEY", "name": "cm"}}
    assert {"name": "KEY", "valueFrom": reference} in container(kubectl)["env"]


def test_set_resources(kubectl: Kubectl) -> None:
    kubectl("set", "resources", "deployment/web", "--limits=cpu=200m,memory=64Mi",
            "--requests=cpu=100m")  # fmt: skip
    assert container(kubectl)["resources"] == {
        "limits": {"cpu": "200m", "memory": "64Mi"},
        "requests": {"cpu": "100m"},
    }
    errors = kubectl.fails("set", "resources", "deployment/web", "--requests=cpu=3")
    assert "must be less than or equal to cpu limit" in errors


def test_set_serviceaccount(kubectl: Kubectl) -> None:
    kubectl("set", "serviceaccount", "deployment/web", "robot")
    spec = kubectl.object("deploy/web")["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "robot"


def test_set_selector(kubectl: Kubectl) -> None:
    kubectl.apply(samples.service("s"))
    assert kubectl("set", "selector", "service", "s", "app=other") == "service/s selector updated\n"
    assert kubectl.object("service", "s")["spec"]["selector"] == {"app": "other"}


def test_set_subject(kubectl: Kubectl) -> None:
    kubectl("create", "rolebinding", "b", "--clusterrole=view", "--user=jane")
    kubectl("set", "subject", "rolebinding", "b", "--group=devs")
    subjects = kubectl.object("rolebinding", "b")["subjects"]
    assert [one["name"] for one in subjects] == ["jane", "devs"]


def test_scale(kubectl: Kubectl) -> None:
    assert kubectl("scale", "deployment", "web", "--replicas=0") == "deployment.apps/web scaled\n"
    assert kubectl.object("deploy/web")["spec"]["replicas"] == 0


def test_scale_with_the_expected_count(kubectl: Kubectl) -> None:
    kubectl("scale", "deployment", "web", "--replicas=2", "--current-replicas=1")
    assert kubectl.object("deploy/web")["spec"]["replicas"] == 2
    errors = kubectl.fails("scale", "deployment", "web", "--replicas=3", "--current-replicas=1")
    assert "Expected replicas to be 1, was 2" in errors
    errors = kubectl.fails("scale", "deployment", "web", "--replicas=3", "--resource-version=1")
    assert "resource version" in errors.lower() or "Conflict" in errors


def test_scale_of_nothing(kubectl: Kubectl) -> None:
    assert '"nope" not found' in kubectl.fails("scale", "deployment", "nope", "--replicas=1")
