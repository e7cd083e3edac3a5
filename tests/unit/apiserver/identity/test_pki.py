"""Keys and certificates: made once, renewed when due, good for a real TLS handshake."""

import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from apiserver.identity import pki

YEAR = 365 * 86_400


class Now:
    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def handshake(server: pki.KeyPair, client: pki.KeyPair, ca: Path, host: str) -> ssl.SSLObject:
    """A TLS handshake in memory; returns the server's end."""
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca))
    server_context.load_cert_chain(server.cert, server.key)
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context = ssl.create_default_context(cafile=str(ca))
    client_context.load_cert_chain(client.cert, client.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    other = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (one, other):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return other


@pytest.mark.parametrize("host", ["kubernetes.default.svc", "127.0.0.1", "10.96.0.1", "10.71.0.1"])
def test_server_is_trusted_under_each_of_its_names(tmp_path: Path, host: str) -> None:
    keys = pki.Pki(tmp_path)
    end = handshake(keys.api_server(["10.71.0.1"]), keys.admin(), keys.ca.cert, host)
    assert end.getpeercert()


def test_admin_certificate_names_user_and_group(tmp_path: Path) -> None:
    keys = pki.Pki(tmp_path)
    end = handshake(keys.api_server(), keys.admin(), keys.ca.cert, "localhost")
    certificate = end.getpeercert()
    assert certificate is not None
    assert certificate["subject"] == (
        (("organizationName", "system:masters"),),
        (("commonName", "kubernetes-admin"),),
    )


def test_each_key_says_what_it_is(tmp_path: Path) -> None:
    """Clients that go by the header exist (fabric8), and those that read RSA only."""
    keys = pki.Pki(tmp_path)
    assert keys.admin().key.read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert keys.api_server().key.read_text().startswith("-----BEGIN EC PRIVATE KEY-----")


def test_unknown_host_is_refused(tmp_path: Path) -> None:
    keys = pki.Pki(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(keys.api_server(), keys.admin(), keys.ca.cert, "elsewhere.example")


def test_asking_twice_changes_nothing(tmp_path: Path) -> None:
    first = pki.Pki(tmp_path).api_server(["a.example"]).cert.read_bytes()
    assert pki.Pki(tmp_path).api_server().cert.read_bytes() == first


def test_new_host_makes_a_new_certificate(tmp_path: Path) -> None:
    first = pki.Pki(tmp_path).api_server().cert.read_bytes()
    assert pki.Pki(tmp_path).api_server(["a.example"]).cert.read_bytes() != first


def test_certificate_is_renewed_when_most_of_its_life_is_over(tmp_path: Path) -> None:
    clock = Now(1_800_000_000)
    keys = pki.Pki(tmp_path, clock=clock)
    first = keys.admin().cert.read_bytes()
    clock.at += YEAR * 0.7
    assert keys.admin().cert.read_bytes() == first
    clock.at += YEAR * 0.15
    assert keys.admin().cert.read_bytes() != first


def test_another_authority_voids_old_certificates(tmp_path: Path) -> None:
    keys = pki.Pki(tmp_path)
    first = keys.admin().cert.read_bytes()
    (tmp_path / "ca.crt").unlink()
    assert keys.admin().cert.read_bytes() != first


def test_damaged_index_only_costs_new_certificates(tmp_path: Path) -> None:
    keys = pki.Pki(tmp_path)
    keys.admin()
    (tmp_path / "index.json").write_text("{")
    handshake(keys.api_server(), keys.admin(), keys.ca.cert, "localhost")


def test_all_files_are_private(tmp_path: Path) -> None:
    keys = pki.Pki(tmp_path / "pki")
    keys.api_server()
    keys.node("n1")
    keys.service_account_key()
    pki.write_kubeconfig(tmp_path / "pki" / "k", server="https://x", ca=keys.ca.cert)
    made = [p for p in (tmp_path / "pki").rglob("*") if p.is_file() and p.name != ".lock"]
    assert {stat.S_IMODE(p.stat().st_mode) for p in made} == {0o600}


def test_restart_does_not_load_cryptography(tmp_path: Path) -> None:
    keys = pki.Pki(tmp_path)
    keys.api_server()
    keys.service_account_key()
    code = (
        "import sys, pathlib; from apiserver.identity import pki; k = pki.Pki(pathlib.Path(sys.argv[1]));"
        "k.api_server(); k.service_account_key(); assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_kubeconfig_is_yaml_with_embedded_credentials(tmp_path: Path) -> None:
    keys = pki.Pki(tmp_path)
    path = tmp_path / "kubeconfig"
    pki.write_kubeconfig(path, server="https://[::1]:6443", ca=keys.ca.cert, client=keys.admin())
    config = yaml.safe_load(path.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://[::1]:6443"
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}


def test_signing_request_keeps_its_subject_and_names(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "system:node:n1")])
    names = x509.SubjectAlternativeName([x509.DNSName("n1")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    request = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    keys = pki.Pki(tmp_path)
    keys.api_server()
    pem = keys.sign(
        request.public_bytes(serialization.Encoding.PEM), client=False, server=True, lifetime=3600
    )
    issued = x509.load_pem_x509_certificate(pem)
    assert issued.subject == name
    assert issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
