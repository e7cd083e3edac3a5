"""What administrators do: access, certificates, nodes, and kubectl's own configuration."""

import base64
import json
import re
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import samples
from .clients import WAIT_SECONDS, Api, Kubectl, eventually


def test_can_i(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "deployments.apps") == "yes\n"
    ran = kubectl.attempt("auth", "can-i", "create", "pods", "--as=jane")
    assert (ran.code, ran.out) == (1, "no\n")
    kubectl("create", "rolebinding", "b", "--clusterrole=view", "--user=jane")
    eventually(lambda: kubectl.attempt("auth", "can-i", "get", "pods", "--as=jane").code == 0)
    assert kubectl.attempt("auth", "can-i", "get", "secrets", "--as=jane").code == 1
    assert kubectl.attempt("auth", "can-i", "get", "pods", "-A", "--as=jane").code == 1
    assert (
        kubectl.attempt("auth", "can-i", "get", "pods", "--subresource=log", "--as=jane").code == 0
    )
    assert kubectl("auth", "can-i", "get", "/healthz") == "yes\n"


def test_can_i_list(kubectl: Kubectl) -> None:
    kubectl("create", "role", "r", "--verb=get", "--resource=pods", "--resource-name=web")
    kubectl("create", "rolebinding", "b", "--role=r", "--user=jane")
    out = eventually(
        lambda: (text := kubectl("auth", "can-i", "--list", "--as=jane")) and "web" in text and text
    )
    assert re.search(r"^pods +\[\] +\[web\] +\[get\]", out, re.MULTILINE)


def test_whoami(kubectl: Kubectl) -> None:
    out = kubectl("auth", "whoami", "--as=jane", "--as-group=devs", "-o", "json")
    who = json.loads(out)["status"]["userInfo"]
    assert (who["username"], who["groups"]) == ("jane", ["devs", "system:authenticated"])


def test_reconcile(kubectl: Kubectl) -> None:
    role: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "r", "namespace": kubectl.namespace},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    assert "reconciled" in kubectl("auth", "reconcile", "-f", "-", stdin=role)
    role["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    kubectl("auth", "reconcile", "-f", "-", stdin=role)
    assert len(kubectl.object("role", "r")["rules"]) == 2


def test_refusal_names_user_verb_resource_and_namespace(kubectl: Kubectl) -> None:
    errors = kubectl.fails("get", "pods", "--as=jane")
    assert errors == (
        'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" '
        f'in API group "" in the namespace "{kubectl.namespace}"\n'
    )


def signing_request(name: str) -> tuple[dict[str, Any], ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bob")])
    pem = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    spec = {
        "request": base64.b64encode(pem.public_bytes(serialization.Encoding.PEM)).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    return {**kind, "metadata": {"name": name}, "spec": spec}, key


@pytest.fixture
def request_name(kubectl: Kubectl, unique: str, cleanup: Callable[[str], Any]) -> str:
    cleanup(f"/apis/certificates.k8s.io/v1/certificatesigningrequests/{unique}")
    kubectl("create", "-f", "-", stdin=signing_request(unique)[0])
    return unique


def test_approved_requests_are_signed(kubectl: Kubectl, request_name: str) -> None:
    assert kubectl("get", "csr", request_name, "--no-headers").split()[-1] == "Pending"
    out = kubectl("certificate", "approve", request_name)
    assert out.startswith(f"certificatesigningrequest.certificates.k8s.io/{request_name} approved")
    signed = eventually(lambda: kubectl.object("csr", request_name)["status"]["certificate"])
    certificate = x509.load_pem_x509_certificate(base64.b64decode(signed))
    (common,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common.value == "bob"
    assert kubectl("get", "csr", request_name, "--no-headers").split()[-1] == "Approved,Issued"


def test_denied_requests_are_not(kubectl: Kubectl, request_name: str) -> None:
    kubectl("certificate", "deny", request_name)
    made = kubectl.object("csr", request_name)
    assert [one["type"] for one in made["status"]["conditions"]] == ["Denied"]
    assert "certificate" not in made["status"]


def test_taint(kubectl: Kubectl, node: str) -> None:
    assert kubectl("taint", "node", node, "a=b:NoExecute") == f"node/{node} tainted\n"
    assert {"key": "a", "value": "b", "effect": "NoExecute"} in kubectl.object("node", node)[
        "spec"
    ]["taints"]
    assert "already has a taint" in kubectl.fails("taint", "node", node, "a=c:NoExecute")
    kubectl("taint", "node", node, "a=c:NoExecute", "--overwrite")
    assert kubectl("taint", "node", node, "a-") == f"node/{node} untainted\n"
    keys = [one["key"] for one in kubectl.object("node", node)["spec"]["taints"]]
    assert "a" not in keys
    assert "invalid taint effect" in kubectl.fails("taint", "node", node, "a=b:Nonsense")


def test_cordon(kubectl: Kubectl, node: str) -> None:
    assert kubectl("cordon", node) == f"node/{node} cordoned\n"
    assert kubectl.object("node", node)["spec"]["unschedulable"] is True
    assert "SchedulingDisabled" in kubectl("get", "node", node)
    assert kubectl("cordon", node) == f"node/{node} already cordoned\n"
    assert kubectl("uncordon", node) == f"node/{node} uncordoned\n"
    assert "unschedulable" not in kubectl.object("node", node)["spec"]


def test_drain(kubectl: Kubectl, api: Api, node: str) -> None:
    api.post(api.path("pods"), samples.pod("bare", node=node), expect=201)
    # A real cluster's DaemonSets may have put pods of theirs on this node too.
    drain = ("drain", node, "--ignore-daemonsets")
    errors = kubectl.fails(*drain, "--timeout=5s")
    assert "cannot delete Pods that declare no controller (use --force to override)" in errors
    assert api.get(api.path("pods", "bare")).code == 200
    out = kubectl(*drain, "--force", "--grace-period=0", "--timeout=30s")
    assert f"pod/bare evicted\nnode/{node} drained\n" in out
    assert api.get(api.path("pods", "bare")).code == 404


def test_drain_respects_budgets(kubectl: Kubectl, api: Api, node: str) -> None:
    pod = samples.pod("p", node=node, labels={"app": "guarded"})
    api.post(api.path("pods"), pod, expect=201)
    ready = {"type": "Ready", "status": "True"}
    api.patch(api.path("pods", "p", "status"),
              {"status": {"phase": "Running", "conditions": [ready]}}, expect=200)  # fmt: skip
    kubectl("create", "pdb", "b", "--selector=app=guarded", "--min-available=1")
    eventually(lambda: kubectl.object("pdb", "b")["status"]["currentHealthy"] == 1)
    options = ("--ignore-daemonsets", "--force", "--grace-period=0", "--timeout=2s")
    ran = kubectl.attempt("drain", node, *options)
    assert ran.code == 1
    assert "Cannot evict pod as it would violate the pod's disruption budget" in ran.err
    assert api.get(api.path("pods", "p")).code == 200


def test_top_without_metrics(kubectl: Kubectl) -> None:
    """No node reports numbers here; where a real cluster has metrics, it shows them."""
    ran = kubectl.attempt("top", "pods")
    assert ran.code in (0, 1)
    assert "panic" not in ran.err


def test_proxy(kubectl: Kubectl) -> None:
    with kubectl.running("proxy", "--port=0") as command:
        address = re.search(r"127\.0\.0\.1:\d+", command.line_with("Starting to serve"))
        assert address
        pool = urllib3.PoolManager(retries=False)
        assert "v1" in pool.request("GET", f"http://{address[0]}/api/").json()["versions"]
        answer = pool.request("GET", f"http://{address[0]}/api/v1/namespaces/{kubectl.namespace}")
        assert (answer.status, answer.json()["kind"]) == (200, "Namespace")
        pool.clear()


def test_proxy_on_a_socket(kubectl: Kubectl) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,  # the path of a socket must be short
        kubectl.running("proxy", f"--unix-socket={folder}/s") as command,
        socket.socket(socket.AF_UNIX) as channel,
    ):
        command.line_with("Starting to serve")
        channel.settimeout(WAIT_SECONDS)
        channel.connect(f"{folder}/s")
        channel.sendall(b"GET /api/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head, _, body = channel.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200")
    assert "v1" in json.loads(body)["versions"]


def test_config(kubectl: Kubectl, tmp_path: Path) -> None:
    own = {"KUBECONFIG": str(tmp_path / "config")}

    def config(*arguments: str) -> str:
        return kubectl("config", *arguments, **own)

    config("set-cluster", "c", "--server=https://c.example")
    config("set-credentials", "u", "--token=t")
    config("set-context", "x", "--cluster=c", "--user=u", "--namespace=n")
    assert config("use-context", "x") == 'Switched to context "x".\n'
    assert config("current-context") == "x\n"
    assert config("view", "--minify", "-o", "jsonpath={..namespace}") == "n"
    assert config("get-contexts", "-o", "name") == "x\n"
    config("delete-context", "x")
    assert config("get-contexts", "-o", "name") == ""


def test_server_that_is_not_there(kubectl: Kubectl) -> None:
    errors = kubectl.fails("--server=https://127.0.0.1:1", "get", "pods")
    assert "connection to the server 127.0.0.1:1 was refused" in errors


def test_wrong_token(kubectl: Kubectl, api: Api, tmp_path: Path) -> None:
    own = {"KUBECONFIG": str(tmp_path / "config")}
    authority = (f"--certificate-authority={api.credentials.authority}",)
    options = (*authority, f"--server={api.credentials.server}", "--token=nonsense")
    ran = kubectl.attempt(*options, "get", "pods", **own)
    assert ran.code == 1
    assert "You must be logged in to the server" in ran.err or "Unauthorized" in ran.err
