"""Everything else that kopf has: webhooks it manages itself, daemons, indexes, fields, resuming."""

import contextlib
import datetime as dt
import ipaddress
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bireme.testing import Cluster, ClusterError

from . import widgets

OPERATOR = Path(__file__).with_name("operator_features.py")
PATIENCE = 30.0


def eventually(check: Callable[[], Any]) -> Any:
    """The first true answer; the operator and its process have a pace of their own."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(ClusterError, KeyError):
            if found := check():
                return found
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for a webhook on this machine, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("webhook")
    found = folder / "tls.crt", folder / "tls.key"
    found[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    found[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return found


class Operator:
    """`kopf run`, which can be ended and started again."""

    def __init__(self, cluster: Cluster, pair: tuple[Path, Path]) -> None:
        self.cluster = cluster
        self.log = cluster.directory / "features.log"
        self._environment = {
            **cluster.environment(), "WEBHOOK_CERT": str(pair[0]), "WEBHOOK_KEY": str(pair[1]),
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["-m", "kopf", "run", "--standalone", "-n", "default", str(OPERATOR)]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, *command], env=self._environment, stdout=out, stderr=out
            )
        eventually(lambda: self.hooks("validating") and self.hooks("mutating"))

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)
        assert "Traceback" not in self.log.read_text()

    def hooks(self, kind: str) -> list[Any]:
        """The webhooks that kopf has registered."""
        name = f"{kind}webhookconfiguration"
        found = self.cluster.kubectl("get", name, "auto.kopf.example.com", "-o", "json")
        hooks: list[Any] = json.loads(found).get("webhooks", [])
        return hooks


@pytest.fixture(scope="module")
def operator(defined: Cluster, pair: tuple[Path, Path]) -> Iterator[Operator]:
    found = Operator(defined, pair)
    found.start()
    yield found
    found.stop()
    for kind in ("validating", "mutating"):
        defined.kubectl("delete", f"{kind}webhookconfiguration", "auto.kopf.example.com")


@pytest.fixture
def made(operator: Operator, cluster: Cluster) -> Callable[..., dict[str, Any]]:
    """Creates a widget through the operator's webhooks, and answers it."""

    def make(name: str, **spec: Any) -> dict[str, Any]:
        body = json.dumps(widgets.widget(name, **spec))
        found: dict[str, Any] = json.loads(
            cluster.kubectl("create", "-f", "-", "-o", "json", stdin=body)
        )
        return found

    return make


def status(cluster: Cluster, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("get", "widget", name, "-o", "json"))
    return found.get("status", {})


def test_a_validating_webhook_refuses(made: Callable[..., Any], cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="seven is not lucky here"):
        made("a", size=7)
    made("a", size=6)
    change = json.dumps({"spec": {"size": 7}})
    with pytest.raises(ClusterError, match="seven is not lucky here"):
        cluster.kubectl("patch", "widget", "a", "--type=merge", "-p", change)


def test_a_mutating_webhook_changes_what_is_created(made: Callable[..., Any]) -> None:
    assert made("b", size=9)["spec"] == {"size": 9, "color": "blue"}


def test_daemons_fields_and_indexes(made: Callable[..., Any], cluster: Cluster) -> None:
    made("c", size=2, color="blue")
    eventually(lambda: cluster.kubectl("get", "configmap", "c-watched"))
    eventually(lambda: status(cluster, "c")["sizes"] == "None->2")
    cluster.kubectl("scale", "widget/c", "--replicas=4")
    eventually(lambda: status(cluster, "c")["sizes"] == "2->4")
    assert status(cluster, "c")["blue"] == ["c"]
    cluster.kubectl("delete", "widget", "c", f"--timeout={PATIENCE:g}s")
    assert "c-watched" not in cluster.kubectl("get", "configmaps")


def test_a_restarted_operator_resumes(
    made: Callable[..., Any], operator: Operator, cluster: Cluster
) -> None:
    made("d", size=1)
    eventually(lambda: status(cluster, "d")["sizes"] == "None->1")
    operator.stop()
    operator.start()
    eventually(lambda: status(cluster, "d").get("resumed"))
    assert operator.hooks("validating")[0]["clientConfig"]["url"].startswith("https://127.0.0.1:")
