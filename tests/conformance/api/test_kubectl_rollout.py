"""rollout, and wait and delete, where controllers have to do their part (no node needed)."""

import re
from typing import Any

import pytest

from . import samples
from .clients import Api, Kubectl, eventually


@pytest.fixture
def web(api: Api) -> None:
    """A Deployment without pods: its rollouts end at once."""
    api.post(api.path("deployments"), samples.deployment("web", replicas=0), expect=201)


def revisions(kubectl: Kubectl) -> list[int]:
    out = kubectl("rollout", "history", "deployment/web")
    return [int(number) for number in re.findall(r"^(\d+) ", out, re.MULTILINE)]


def image(kubectl: Kubectl) -> str:
    spec = kubectl.object("deploy/web")["spec"]["template"]["spec"]
    return str(spec["containers"][0]["image"])


def test_rollout(kubectl: Kubectl, web: None) -> None:
    out = kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert 'deployment "web" successfully rolled out' in out
    kubectl("set", "image", "deployment/web", "app=registry.example/app:2")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert revisions(kubectl) == [1, 2]
    out = kubectl("rollout", "history", "deployment/web", "--revision=1")
    assert "registry.example/app:1" in out
    assert kubectl("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    assert image(kubectl) == "registry.example/app:1"
    eventually(lambda: revisions(kubectl) == [2, 3])
    kubectl("rollout", "undo", "deployment/web", "--to-revision=2")
    assert image(kubectl) == "registry.example/app:2"
    errors = kubectl.fails("rollout", "undo", "deployment/web", "--to-revision=77")
    assert "unable to find specified revision 77 in history" in errors


def test_rollout_status_of_what_does_not_come(kubectl: Kubectl) -> None:
    kubectl.apply(samples.deployment("web", replicas=1))
    errors = kubectl.fails("rollout", "status", "deployment/web", "--timeout=1s")
    assert "timed out waiting for the condition" in errors


def test_pause_and_resume(kubectl: Kubectl, web: None) -> None:
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert kubectl("rollout", "pause", "deployment/web") == "deployment.apps/web paused\n"
    assert "already paused" in kubectl.fails("rollout", "pause", "deployment/web")
    kubectl("set", "image", "deployment/web", "app=registry.example/app:2")
    assert "can't restart paused" in kubectl.fails("rollout", "restart", "deployment/web")
    assert revisions(kubectl) == [1]
    assert kubectl("rollout", "resume", "deployment/web") == "deployment.apps/web resumed\n"
    eventually(lambda: revisions(kubectl) == [1, 2])


def test_restart(kubectl: Kubectl, web: None) -> None:
    assert kubectl("rollout", "restart", "deployment/web") == "deployment.apps/web restarted\n"
    template = kubectl.object("deploy/web")["spec"]["template"]["metadata"]
    assert "kubectl.kubernetes.io/restartedAt" in template["annotations"]


def test_wait_for_a_condition(kubectl: Kubectl, web: None) -> None:
    out = kubectl("wait", "deployment/web", "--for=condition=Available", "--timeout=30s")
    assert out == "deployment.apps/web condition met\n"


def test_wait_for_a_field(kubectl: Kubectl, api: Api) -> None:
    api.post(api.path("pods"), samples.pod("p"), expect=201)
    out = kubectl("wait", "pod/p", "--for=jsonpath={.status.phase}=Pending", "--timeout=10s")
    assert out == "pod/p condition met\n"
    errors = kubectl.fails("wait", "pod/p", "--for=condition=Ready", "--timeout=1s")
    assert "timed out waiting for the condition on pods/p" in errors


def test_wait_for_a_change_during_the_wait(kubectl: Kubectl, api: Api) -> None:
    api.post(api.path("configmaps"), samples.configmap("cm"), expect=201)
    with kubectl.running("wait", "cm/cm", "--for=jsonpath={.data.done}=yes") as command:
        api.patch(api.path("configmaps", "cm"), {"data": {"done": "yes"}}, expect=200)
        assert command.line() == "configmap/cm condition met"


def test_wait_for_creation(kubectl: Kubectl, api: Api) -> None:
    with kubectl.running("wait", "cm/late", "--for=create", "--timeout=20s") as command:
        api.post(api.path("configmaps"), samples.configmap("late"), expect=201)
        assert command.line() == "configmap/late condition met"


def test_wait_for_deletion(kubectl: Kubectl, api: Api) -> None:
    api.make("configmaps", "cm", metadata={"finalizers": ["conformance.example/hold"]})
    api.delete(api.path("configmaps", "cm"))
    assert "timed out" in kubectl.fails("wait", "cm/cm", "--for=delete", "--timeout=1s")
    api.patch(api.path("configmaps", "cm"), {"metadata": {"finalizers": None}}, expect=200)
    assert kubectl.attempt("wait", "cm/cm", "--for=delete", "--timeout=20s").code == 0


def pods(api: Api) -> list[Any]:
    return list(api.get(api.path("pods")).json["items"])


@pytest.fixture
def two_pods(api: Api) -> None:
    api.post(api.path("deployments"), samples.deployment("web", replicas=2), expect=201)
    eventually(lambda: len(pods(api)) == 2)


@pytest.mark.parametrize("how", ["background", "foreground"])
def test_cascades(kubectl: Kubectl, api: Api, two_pods: None, how: str) -> None:
    out = kubectl("delete", "deployment", "web", f"--cascade={how}", "--timeout=60s")
    assert out.startswith('deployment.apps "web" deleted')
    eventually(lambda: not pods(api))
    assert api.get(api.path("replicasets")).json["items"] == []


def test_orphans_stay(kubectl: Kubectl, api: Api, two_pods: None) -> None:
    kubectl("delete", "deployment", "web", "--cascade=orphan")
    (left,) = api.get(api.path("replicasets")).json["items"]
    assert "ownerReferences" not in left["metadata"]
    assert len(pods(api)) == 2


def test_delete_waits_for_finalizers(kubectl: Kubectl, api: Api) -> None:
    api.make("configmaps", "cm", metadata={"finalizers": ["conformance.example/hold"]})
    errors = kubectl.fails("delete", "cm", "cm", "--timeout=1s")
    assert "timed out waiting for the condition" in errors
    out = kubectl("delete", "cm", "cm", "--wait=false")
    assert out.startswith('configmap "cm" deleted')
    api.patch(api.path("configmaps", "cm"), {"metadata": {"finalizers": None}}, expect=200)
    assert "(NotFound)" in kubectl.fails("get", "cm", "cm")


def test_delete_by_selector_file_and_all(kubectl: Kubectl, api: Api) -> None:
    for name, tier in (("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")):
        api.post(api.path("secrets"), {"metadata": {"name": name, "labels": {"t": tier}}})
    out = kubectl("delete", "secret", "-l", "t=x")
    assert [line.split('"')[1] for line in out.splitlines()] == ["a", "b"]
    named = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}
    assert kubectl("delete", "-f", "-", stdin=named).startswith('secret "c" deleted')
    out = kubectl("delete", "secrets", "--all")
    assert 'secret "d" deleted' in out
    assert api.get(api.path("secrets")).json["items"] == []


def test_delete_of_nothing(kubectl: Kubectl) -> None:
    assert "(NotFound)" in kubectl.fails("delete", "cm", "nope")
    assert kubectl("delete", "cm", "nope", "--ignore-not-found") == ""


def test_delete_dry_run(kubectl: Kubectl, api: Api) -> None:
    api.post(api.path("configmaps"), samples.configmap("cm"), expect=201)
    out = kubectl("delete", "cm", "cm", "--dry-run=server")
    assert "(server dry run)" in out
    assert kubectl.object("cm", "cm")


def test_delete_by_force(kubectl: Kubectl, api: Api, node: str) -> None:
    """Nobody runs that node, so only force takes its pod away."""
    api.post(api.path("pods"), samples.pod("p", node=node), expect=201)
    kubectl("delete", "pod", "p", "--wait=false")
    assert "deletionTimestamp" in kubectl.object("pod", "p")["metadata"]
    ran = kubectl.attempt("delete", "pod", "p", "--grace-period=0", "--force")
    assert ran.code == 0
    assert "Immediate deletion does not wait for confirmation" in ran.err
    assert "(NotFound)" in kubectl.fails("get", "pod", "p")


def test_delete_of_a_namespace(kubectl: Kubectl, root: Api, unique: str) -> None:
    kubectl("create", "namespace", unique)
    kubectl("create", "configmap", "cm", "-n", unique)
    out = kubectl("delete", "namespace", unique, "--timeout=60s")
    assert out.startswith(f'namespace "{unique}" deleted')
    assert root.get(f"/api/v1/namespaces/{unique}").code == 404
    assert root.get(f"/api/v1/namespaces/{unique}/configmaps/cm").code == 404
