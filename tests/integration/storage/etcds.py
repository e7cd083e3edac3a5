"""Starts etcd processes for tests: one or three members, with TLS or users as a test wants."""

import contextlib
import datetime as dt
import ipaddress
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PATIENCE = 30.0
"""Seconds for etcd to come up on a loaded machine."""
FAST = ("--heartbeat-interval", "20", "--election-timeout", "200")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@dataclass
class Member:
    """One process that can be killed and started again."""

    argv: Sequence[str]
    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(self.argv, cwd=self.directory, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def await_port(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise AssertionError((self.directory / "log").read_text())


@contextlib.contextmanager
def cluster(
    directory: Path, size: int = 1, *more: str, scheme: str = "http"
) -> Iterator[list[Member]]:
    """Members on loopback ports, all up; killed at the end."""
    ports = free_ports(2 * size)
    clients, peers = ports[:size], ports[size:]
    initial = ",".join(f"m{n}=http://127.0.0.1:{port}" for n, port in enumerate(peers))
    members = []
    for number in range(size):
        home = directory / f"m{number}"
        home.mkdir()
        client = f"{scheme}://127.0.0.1:{clients[number]}"
        peer = f"http://127.0.0.1:{peers[number]}"
        argv = (
            "etcd", "--name", f"m{number}", "--data-dir", "data", *FAST,
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", initial, *more,
        )  # fmt: skip
        members.append(Member(argv, home, clients[number]))
    for member in members:
        member.start()
    try:
        for member in members:
            member.await_port()
        yield members
    finally:
        for member in members:
            member.kill()


def certificates(directory: Path) -> None:
    """`ca.pem`, and `server` and `client` with a certificate and a key each."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("ca", ca_key, "ca", ca_key, ca=True)
    (directory / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for name in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(name, key, "ca", ca_key, ca=False)
        (directory / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (directory / f"{name}-key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
