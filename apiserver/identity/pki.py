"""The cluster's own certificate authority and the files that hold its keys.

Everything that proves an identity is made here: the CA, the API server's and the kubelets'
certificates, the administrator's client certificate, the key that signs service account
tokens. A caller asks for a pair of files and gets it, made at that moment if it is missing, due
for renewal, signed by another CA or lacking a name. Neighbours: `bireme.cli` (asks for the
files), `apiserver.front.app` (serves with them), `tokens` (signs with the account key).
It does not decide who may have a certificate: approval of signing requests is elsewhere.

`cryptography` is imported only when something must be made: what is needed to know that a file
is still good stands in `index.json` beside it. A start with existing files pays nothing.
"""

import base64
import datetime as dt
import fcntl
import hashlib
import ipaddress
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

CA_LIFETIME = 10 * 365 * 86_400
"""Ten years, as kubeadm's: renewing a CA means replacing every certificate below it."""

LEAF_LIFETIME = 365 * 86_400
"""One year, as kubeadm's; renewed at start and by whoever watches `renew_at`."""

SKEW = 300
"""Seconds by which certificates are backdated: clocks of joining machines differ."""

RENEW_FRACTION = 0.8
"""A certificate is replaced once this part of its life is over (Kubernetes: 0.7 to 0.9)."""

API_SERVER_HOSTS = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
    "127.0.0.1",
    "::1",
    "10.96.0.1",
)
"""Names under which every API server is reached, whatever its machine is called."""

ADMIN_KEY_BITS = 2048
"""RSA, as kubeadm's: the administrator's kubeconfig goes to clients of every sort, and some (Java's
without BouncyCastle) read no elliptic curve keys. It costs some 30 ms of CPU, once."""

MASTERS = "system:masters"
NODES = "system:nodes"
KUBELET_CLIENT = "kube-apiserver-kubelet-client"
FRONT_PROXY = "front-proxy-client"

AUTHORITY = "ca"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names: the user name and groups of Kubernetes' x509 authentication."""

    common_name: str
    organizations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What `index.json` knows of one certificate, so that nobody needs to decode it."""

    not_before: float
    not_after: float
    hosts: list[str]
    issuer: str
    """Digest of the CA certificate: another CA makes the pair worthless."""


def renew_at(not_before: float, not_after: float) -> float:
    """When a certificate of this life should be replaced."""
    return not_before + (not_after - not_before) * RENEW_FRACTION


def is_good(record: Record, hosts: Iterable[str], issuer: str, now: float) -> bool:
    """Whether a certificate can stay: same CA, not due, and all names are in it."""
    return (
        record.issuer == issuer
        and record.not_before <= now < renew_at(record.not_before, record.not_after)
        and set(hosts) <= set(record.hosts)
    )


class Pki:
    """The folder of keys. Several processes of one machine may use it at once (file lock)."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._dir = directory
        self._clock = clock

    @property
    def ca(self) -> KeyPair:
        """The authority's pair; made at first use."""
        pair = self._pair(AUTHORITY)
        if not (pair.cert.exists() and pair.key.exists()):
            with self._locked():
                if not (pair.cert.exists() and pair.key.exists()):
                    self._make_authority(pair)
        return pair

    def api_server(self, hosts: Iterable[str] = ()) -> KeyPair:
        """The API server's serving certificate, also for the extra names and addresses."""
        names = (*API_SERVER_HOSTS, *hosts)
        return self._ensure("apiserver", Subject("kube-apiserver"), hosts=names)

    def admin(self) -> KeyPair:
        """The local administrator: may do everything."""
        subject = Subject("kubernetes-admin", (MASTERS,))
        return self._ensure("admin", subject, new_key=_new_rsa_key)

    def kubelet_client(self) -> KeyPair:
        """What the API server shows to kubelets."""
        return self._ensure("apiserver-kubelet-client", Subject(KUBELET_CLIENT, (MASTERS,)))

    @property
    def front_proxy_authority(self) -> "Pki":
        """A CA of its own: whom it certifies may say on whose behalf he asks."""
        return Pki(self._dir / "front-proxy", clock=self._clock)

    def front_proxy(self) -> KeyPair:
        """What the API server shows to the servers of aggregated groups."""
        return self.front_proxy_authority.client("client", Subject(FRONT_PROXY))

    def node(self, name: str) -> KeyPair:
        """The client certificate of a node's agent."""
        return self._ensure(f"nodes/{name}/client", Subject(f"system:node:{name}", (NODES,)))

    def kubelet_server(self, name: str, hosts: Iterable[str]) -> KeyPair:
        """The serving certificate of a node's agent (port 10250)."""
        subject = Subject(f"system:node:{name}", (NODES,))
        return self._ensure(f"nodes/{name}/server", subject, hosts=(name, *hosts))

    def client(self, file: str, subject: Subject) -> KeyPair:
        """A client certificate for another component (`system:kube-scheduler` …)."""
        return self._ensure(file, subject)

    def service_account_key(self) -> Path:
        """The EC private key that signs and verifies service account tokens (ES256)."""
        path = self._dir / "sa.key"
        if not path.exists():
            with self._locked():
                if not path.exists():
                    write_private(path, _key_pem(_new_key()))
        return path

    def complete(self, hosts: Iterable[str]) -> None:
        """Make whatever a server on this machine may ask for, so that it need not."""
        self.service_account_key()
        self.api_server(hosts)
        self.admin()
        self.kubelet_client()
        self.front_proxy()

    def sign(self, request_pem: bytes, *, client: bool, server: bool, lifetime: int) -> bytes:
        """Sign a certificate signing request as it stands; the caller has approved it.

        Subject and alternative names are taken over, usages are not: they follow the two flags.

        Raises:
            ValueError: the request is malformed or its signature is wrong.
        """
        from cryptography import x509

        request = x509.load_pem_x509_csr(request_pem)
        if not request.is_signature_valid:
            raise ValueError("the certificate request's own signature does not verify")
        names = [
            e.value for e in request.extensions if isinstance(e.value, x509.SubjectAlternativeName)
        ]
        ca_cert, ca_key = self._load_authority()
        not_after = min(self._clock() + lifetime, ca_cert.not_valid_after_utc.timestamp())
        builder = _leaf_builder(
            request.subject, request.public_key(), ca_cert, self._clock() - SKEW, not_after
        )
        builder = _with_usages(builder, client=client, server=server)
        if names:
            builder = builder.add_extension(names[0], critical=False)
        return _cert_pem(_signed(builder, ca_key))

    def _ensure(
        self,
        name: str,
        subject: Subject,
        *,
        hosts: Iterable[str] = (),
        new_key: "Callable[[], PrivateKey] | None" = None,
    ) -> KeyPair:
        wanted = list(dict.fromkeys(hosts))
        issuer = _digest(self.ca.cert)
        pair = self._pair(name)
        if self._stands(pair, name, wanted, issuer):
            return pair
        with self._locked():
            if not self._stands(pair, name, wanted, issuer):
                self._issue(pair, name, subject, wanted, issuer, (new_key or _new_key)())
        return pair

    def _stands(self, pair: KeyPair, name: str, hosts: list[str], issuer: str) -> bool:
        record = self._index().get(name)
        return (
            record is not None
            and pair.cert.exists()
            and pair.key.exists()
            and is_good(record, hosts, issuer, self._clock())
        )

    def _issue(
        self,
        pair: KeyPair,
        name: str,
        subject: Subject,
        hosts: list[str],
        issuer: str,
        key: "PrivateKey",
    ) -> None:
        ca_cert, ca_key = self._load_authority()
        not_before = self._clock() - SKEW
        not_after = min(not_before + LEAF_LIFETIME, ca_cert.not_valid_after_utc.timestamp())
        builder = _leaf_builder(
            _x509_name(subject), key.public_key(), ca_cert, not_before, not_after
        )
        builder = _with_usages(builder, client=True, server=bool(hosts))
        if hosts:
            builder = builder.add_extension(_alternative_names(hosts), critical=False)
        # The index entry goes first and comes back last: a crash in between leaves no record
        # that vouches for half a pair.
        self._record(name, None)
        write_private(pair.key, _key_pem(key))
        write_private(pair.cert, _cert_pem(_signed(builder, ca_key)))
        self._record(name, Record(not_before, not_after, hosts, issuer))

    def _make_authority(self, pair: KeyPair) -> None:
        from cryptography import x509

        key = _new_key()
        name = _x509_name(Subject("bireme-ca"))
        not_before = self._clock() - SKEW
        builder = _dated_builder(not_before, not_before + CA_LIFETIME)
        builder = builder.subject_name(name).issuer_name(name).public_key(key.public_key())
        subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(subject_key, critical=False)
        )
        write_private(pair.key, _key_pem(key))
        write_private(pair.cert, _cert_pem(_signed(builder, key)))

    def _load_authority(self) -> "tuple[x509.Certificate, ec.EllipticCurvePrivateKey]":
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        pair = self._pair(AUTHORITY)
        key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{pair.key} must hold an elliptic curve key")
        return x509.load_pem_x509_certificate(pair.cert.read_bytes()), key

    def _pair(self, name: str) -> KeyPair:
        return KeyPair(self._dir / f"{name}.crt", self._dir / f"{name}.key")

    def _index(self) -> dict[str, Record]:
        try:
            raw = json.loads((self._dir / "index.json").read_bytes())
            return {name: Record(**fields) for name, fields in raw.items()}
        except (OSError, ValueError, TypeError):
            # Missing or damaged: everything is issued anew, which is always safe.
            return {}

    def _record(self, name: str, record: Record | None) -> None:
        index = self._index()
        index.pop(name, None)
        if record is not None:
            index[name] = record
        text = json.dumps({key: asdict(value) for key, value in index.items()}, indent=1)
        write_private(self._dir / "index.json", text.encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._dir / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def write_private(path: Path, data: bytes) -> None:
    """Write a file atomically, readable by its owner only, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    ca: Path,
    client: KeyPair | None = None,
    token: str = "",
    cluster: str = "bireme",
    user: str = "admin",
) -> None:
    """A kubeconfig that stands alone (credentials inside), readable by its owner only.

    JSON scalars are YAML scalars, so names need no YAML library to be quoted.
    """
    lines = ["apiVersion: v1", "kind: Config", f"current-context: {json.dumps(cluster)}"]
    lines += ["clusters:", f"- name: {json.dumps(cluster)}", "  cluster:"]
    lines += [f"    server: {json.dumps(server)}", f"    certificate-authority-data: {_b64(ca)}"]
    lines += ["contexts:", f"- name: {json.dumps(cluster)}", "  context:"]
    lines += [f"    cluster: {json.dumps(cluster)}", f"    user: {json.dumps(user)}"]
    lines += ["users:", f"- name: {json.dumps(user)}"]
    if client is not None:
        lines += ["  user:", f"    client-certificate-data: {_b64(client.cert)}"]
        lines += [f"    client-key-data: {_b64(client.key)}"]
    elif token:
        lines += ["  user:", f"    token: {json.dumps(token)}"]
    else:
        lines += ["  user: {}"]
    write_private(path, ("\n".join(lines) + "\n").encode())


def _b64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _new_key() -> "ec.EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _new_rsa_key() -> "rsa.RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=ADMIN_KEY_BITS)


def _key_pem(key: "PrivateKey") -> bytes:
    """In the form whose header names the kind of key (SEC 1, PKCS #1): Java's clients go by it."""
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _cert_pem(cert: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return cert.public_bytes(serialization.Encoding.PEM)


def _signed(
    builder: "x509.CertificateBuilder", key: "ec.EllipticCurvePrivateKey"
) -> "x509.Certificate":
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _dated_builder(not_before: float, not_after: float) -> "x509.CertificateBuilder":
    from cryptography import x509

    def utc(seconds: float) -> dt.datetime:
        return dt.datetime.fromtimestamp(int(seconds), dt.UTC)

    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return builder.not_valid_before(utc(not_before)).not_valid_after(utc(not_after))


def _leaf_builder(
    subject: "x509.Name",
    public_key: "CertificatePublicKeyTypes",
    ca_cert: "x509.Certificate",
    not_before: float,
    not_after: float,
) -> "x509.CertificateBuilder":
    from cryptography import x509

    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        ca_cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )
    builder = _dated_builder(not_before, not_after)
    builder = builder.subject_name(subject).issuer_name(ca_cert.subject).public_key(public_key)
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(authority, critical=False)
    )


def _with_usages(
    builder: "x509.CertificateBuilder", *, client: bool, server: bool
) -> "x509.CertificateBuilder":
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] if client else []
    usages += [ExtendedKeyUsageOID.SERVER_AUTH] if server else []
    return builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)


def _key_usage(*, authority: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _x509_name(subject: Subject) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in subject.organizations
    ]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name))
    return x509.Name(attributes)


def _alternative_names(hosts: Iterable[str]) -> "x509.SubjectAlternativeName":
    from cryptography import x509

    def name(host: str) -> "x509.GeneralName":
        try:
            return x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            return x509.DNSName(host)

    return x509.SubjectAlternativeName([name(host) for host in hosts])
