"""Whole small applications under real kubectl, and what pods are given to speak with the API."""

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from tests.e2e.batch import Batch, a_batch, container
from tests.e2e.conftest import KUBECTL, Cluster, eventually, run

SPACE = "applications"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SERVE = "trap 'exit 0' TERM; chmod +x /www/cgi-bin/*; httpd -f -p 8080 -h /www & "
ANSWER = "#!/bin/sh\\necho Content-Type: text/plain\\necho\\n"
# The primary keeps one value, replicas copy it, the frontend writes to one and reads from others.
PRIMARY = (
    "mkdir -p /www/cgi-bin; echo none > /www/value; "
    f"printf '{ANSWER}echo \"$QUERY_STRING\" > /www/value; echo stored\\n' > /www/cgi-bin/set; "
    f"{SERVE} wait"
)
REPLICA = (
    f"mkdir -p /www/cgi-bin; touch /www/cgi-bin/x; {SERVE} while true; do "
    "wget -q -O /www/new http://primary:6379/value && mv /www/new /www/value; sleep 0.5; done"
)
FRONTEND = (
    "mkdir -p /www/cgi-bin; "
    f"printf '{ANSWER}wget -q -O - http://primary:6379/cgi-bin/set?$QUERY_STRING\\n' "
    "> /www/cgi-bin/set; "
    f"printf '{ANSWER}wget -q -O - http://replica:6379/value\\n' > /www/cgi-bin/get; "
    f"{SERVE} wait"
)


@pytest.fixture(scope="module")
def batch(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with a_batch(cluster, SPACE, tmp_path_factory.mktemp("credentials")) as made:
        yield made


@pytest.fixture
def kubectl(cluster: Cluster, batch: Batch) -> Any:
    """kubectl in the namespace; its output."""

    def call(*arguments: str, stdin: Any = "") -> str:
        text = stdin if isinstance(stdin, str) else json.dumps(stdin)
        argv = [KUBECTL, "-n", SPACE, *arguments]
        return run(argv, env=cluster.environment, stdin=text).stdout

    return call


def pods(batch: Batch, selector: str) -> list[Any]:
    path = batch.api.path("pods")
    return list(batch.api.get(path, labelSelector=selector).json["items"])


def listing(*items: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def template(name: str, script: str, **more: Any) -> dict[str, Any]:
    main = container(script, ports=[{"containerPort": 8080}])
    spec = {"containers": [main], "terminationGracePeriodSeconds": 2, **more}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def tier(name: str, script: str, replicas: int) -> list[dict[str, Any]]:
    """A Deployment and the service before it."""
    ports = [{"port": 6379, "targetPort": 8080}]
    service = {"selector": {"app": name}, "ports": ports}
    workload = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, script),
    }
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
         "spec": workload},
    ]  # fmt: skip


def controller(name: str, script: str, replicas: int) -> dict[str, Any]:
    spec = {
        "replicas": replicas,
        "selector": {"app": name},
        "template": template(name, script),
    }
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": name},
            "spec": spec}  # fmt: skip


def test_a_guestbook(batch: Batch, kubectl: Any) -> None:
    objects = listing(
        *tier("primary", PRIMARY, 1), *tier("replica", REPLICA, 2), *tier("frontend", FRONTEND, 3)
    )
    kubectl("create", "-f", "-", stdin=objects)
    for name in ("primary", "replica", "frontend"):
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=90s")
    base = batch.api.path("services", "frontend:6379", "proxy", "cgi-bin")

    def asked(what: str) -> str:
        return batch.root.get(f"{base}/{what}", "*/*").raw.decode().strip()

    eventually(lambda: asked("get") == "none")
    eventually(lambda: asked("set?value=TestEntry") == "stored")
    eventually(lambda: asked("get") == "value=TestEntry")
    kubectl("delete", "-f", "-", stdin=objects)
    eventually(lambda: not pods(batch, "app in (primary, replica, frontend)"))


def test_a_controller_is_scaled_and_exposed(batch: Batch, kubectl: Any) -> None:
    kubectl("create", "-f", "-", stdin=controller("demo", PRIMARY, 2))

    def running(count: int) -> bool:
        ready = kubectl("get", "rc", "demo", "-o", "jsonpath={.status.readyReplicas}")
        return ready == str(count) == str(len(pods(batch, "app=demo")))

    eventually(lambda: running(2))
    kubectl("scale", "rc", "demo", "--replicas=1", "--timeout=60s")
    eventually(lambda: running(1))
    kubectl("scale", "rc", "demo", "--replicas=2", "--timeout=60s")
    eventually(lambda: running(2))
    kubectl("expose", "rc", "demo", "--name=rm2", "--port=1234", "--target-port=8080")
    kubectl("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=8080")
    addresses = set(kubectl("get", "pods", "-l", "app=demo",
                            "-o", "jsonpath={.items[*].status.podIP}").split())  # fmt: skip
    for name, port in (("rm2", 1234), ("rm3", 2345)):
        reached = ("get", "endpoints", name, "-o", "jsonpath={.subsets[*].addresses[*].ip}")
        eventually(lambda reached=reached: set(kubectl(*reached).split()) == addresses)
        path = batch.api.path("services", f"{name}:{port}", "proxy", "value")
        eventually(lambda path=path: batch.root.get(path, "*/*").raw == b"none\n")
    kubectl("delete", "rc/demo", "svc/rm2", "svc/rm3")
    eventually(lambda: not pods(batch, "app=demo"))


def test_logs_of_the_last_seconds(batch: Batch, kubectl: Any) -> None:
    batch.pod("talks", container("echo one; echo two; exec sleep 600"))
    eventually(lambda: batch.log("talks") == "one\ntwo\n")
    assert kubectl("logs", "talks", "--tail=1") == "two\n"
    assert kubectl("logs", "talks", "--limit-bytes=1") == "o"
    assert kubectl("logs", "talks", "--since=24h") == "one\ntwo\n"
    time.sleep(1.5)  # what was said is then older than a second, however slow this machine is
    assert kubectl("logs", "talks", "--since=1s") == ""
    kubectl("delete", "pod", "talks", "--now")


def test_each_container_has_its_accounts_files(batch: Batch) -> None:
    """And by them speaks with the API, which tells by which keys to check the token."""
    names = ("token", "ca.crt", "namespace")
    batch.pod("reads", *(container(f"cat {ACCOUNT}/{name}", f"c{place}")
                         for place, name in enumerate(names)))  # fmt: skip
    token, authority, namespace = (
        "\n".join(batch.said("reads", f"c{place}")) for place in range(len(names))
    )
    root = batch.api.get(batch.api.path("configmaps", "kube-root-ca.crt")).json
    assert (authority, namespace) == (root["data"]["ca.crt"].strip(), SPACE)
    own = batch.root.with_token(token)
    told = own.get("/.well-known/openid-configuration").json
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = (one for one in own.get("/openid/v1/jwks").json["keys"] if one["kid"] == kid)
    claims = jwt.decode(
        token, jwt.PyJWK(key).key, [key["alg"]], audience=told["issuer"], issuer=told["issuer"]
    )
    assert claims["sub"] == f"system:serviceaccount:{SPACE}:default"
    assert claims["kubernetes.io"]["pod"]["name"] == "reads"


def test_a_projected_token_is_for_whom_it_says(batch: Batch) -> None:
    token = {"path": "for-vault", "audience": "vault", "expirationSeconds": 3600}
    volume = {"name": "t", "projected": {"sources": [{"serviceAccountToken": token}]}}
    main = container("cat /t/for-vault", volumeMounts=[{"name": "t", "mountPath": "/t"}])
    batch.pod("given", main, volumes=[volume])
    (said,) = batch.said("given")
    claims = jwt.decode(said, options={"verify_signature": False})
    assert claims["aud"] == ["vault"]
    assert 3600 - 60 <= claims["exp"] - claims["iat"] <= 3600 + 60
