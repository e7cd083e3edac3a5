"""How a node joins a cluster with a token, and what it keeps of that.

The token holds the cluster's CA, so that the first connection is verified already, and a
bootstrap token (KEP-279's: id and secret) that may do one thing: ask for a certificate. The
node makes its keys itself; certificate requests are approved and signed by the cluster's
controllers (`controllers.certificates`). Neighbours: `token` makes tokens, `node` uses the files.
"""

import asyncio
import base64
import binascii
import contextlib
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apimachinery import scheme, status
from apimachinery.client import kubeconfig as kubeconfigs
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from apiserver.identity import pki
from bireme.cli.errors import CommandError

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
SIGNED_TIMEOUT_S = 60.0
"""The controllers sign within milliseconds; a minute covers their restart."""


@dataclass(frozen=True, slots=True)
class Files:
    """What a joined node keeps."""

    directory: Path
    kubeconfig: Path

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def server_cert(self) -> Path:
        return self.directory / "kubelet.crt"

    @property
    def server_key(self) -> Path:
        return self.directory / "kubelet.key"

    @property
    def complete(self) -> bool:
        """Whether an earlier join went to its end: the kubeconfig is written last."""
        return self.kubeconfig.exists()


def encode_token(bootstrap: str, ca_pem: str) -> str:
    """`ID.SECRET.CA`: the third part is the CA's certificate in base64url."""
    der = ssl.PEM_cert_to_DER_cert(ca_pem)
    return f"{bootstrap}.{base64.urlsafe_b64encode(der).decode().rstrip('=')}"


def decode_token(token: str) -> tuple[str, str]:
    """(bootstrap token, CA as PEM)

    Raises:
        CommandError: it is none that `bireme token create` printed.
    """
    parts = token.split(".")
    try:
        identity, secret, ca = parts
        der = base64.b64decode(ca + "=" * (-len(ca) % 4), altchars=b"-_", validate=True)
        ssl.create_default_context(cadata=der)
        return f"{identity}.{secret}", ssl.DER_cert_to_PEM_cert(der)
    except (ValueError, binascii.Error, ssl.SSLError):
        raise CommandError(
            "--token is not whole: copy all of what `bireme token create` prints"
        ) from None


async def join(server: str, token: str, name: str, address: str, files: Files) -> None:
    """Become a node of the cluster: two certificates, a kubeconfig.

    Raises:
        CommandError: the server can't be reached or refuses.
    """
    bootstrap, ca = decode_token(token)
    files.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.ca.write_text(ca)
    try:
        config = kubeconfigs.Config(server=server, ca=ca.encode(), token=bootstrap)
        key, certificate = await _certificate(config, name, CLIENT_SIGNER, [])
        config = kubeconfigs.Config(server=server, ca=ca.encode(), certificate=certificate, key=key)
        await _register(config, name, address)
        serving_key, serving = await _certificate(config, name, SERVING_SIGNER, [name, address])
    except status.ApiError as error:
        raise CommandError(f"joining {server} as {name} failed: {error.message}") from error
    pki.write_private(files.server_key, serving_key)
    files.server_cert.write_bytes(serving)
    client_pair = pki.KeyPair(files.directory / "client.crt", files.directory / "client.key")
    client_pair.cert.write_bytes(certificate)
    pki.write_private(client_pair.key, key)
    pki.write_kubeconfig(
        files.kubeconfig, server=server, ca=files.ca, client=client_pair, user=f"system:node:{name}"
    )


async def _certificate(
    config: kubeconfigs.Config, name: str, signer: str, hosts: list[str]
) -> tuple[bytes, bytes]:
    """(private key, certificate), both PEM, signed by the cluster."""
    key, request = _request(name, hosts)
    usage = "server auth" if signer == SERVING_SIGNER else "client auth"
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "node-csr-"},
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": signer,
            "usages": ["digital signature", usage],
        },
    }
    client = Client(HttpTransport(config))
    try:
        made = await client.create(scheme.CERTIFICATESIGNINGREQUESTS, body)
        return key, await _signed(client, made["metadata"]["name"])
    finally:
        await client.close()


async def _signed(client: Client, name: str) -> bytes:
    """Follow the request until it is signed."""
    try:
        async with asyncio.timeout(SIGNED_TIMEOUT_S):
            stream = client.watch(
                scheme.CERTIFICATESIGNINGREQUESTS,
                initial_events=True,
                field_selector=f"metadata.name={name}",
            )
            async with contextlib.aclosing(stream) as events:
                async for event in events:
                    found = _outcome(event.object())
                    if found:
                        return found
    except TimeoutError:
        pass
    raise CommandError(
        f"the certificate request {name} was not signed: do the cluster's controllers run?"
    )


def _outcome(request: dict[str, Any]) -> bytes:
    state = request.get("status") or {}
    for condition in state.get("conditions") or ():
        if condition["type"] in ("Denied", "Failed"):
            raise CommandError(f"the cluster refused: {condition.get('message', '')}")
    return base64.b64decode(state.get("certificate") or "")


def _request(name: str, hosts: list[str]) -> tuple[bytes, bytes]:
    """A new key and a certificate request for a node, both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, pki.NODES),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{name}"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    request = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return private, request.public_bytes(pem)


def _general_name(host: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


async def _register(config: kubeconfigs.Config, name: str, address: str) -> None:
    """Make the Node with its address: a serving certificate is signed for known addresses only."""
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]},
    }
    found = {
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": name},
        ]
    }
    client = Client(HttpTransport(config))
    try:
        with contextlib.suppress(status.AlreadyExists):
            await client.create(scheme.NODES, node)
        await client.patch(scheme.NODES, name, {"status": found}, subresource="status")
    finally:
        await client.close()


async def pod_cidr(client: Client, name: str) -> str:
    """The range that the cluster gave to this node, which is registered already."""
    stream = client.watch(scheme.NODES, initial_events=True, field_selector=f"metadata.name={name}")
    async with contextlib.aclosing(stream) as events:
        async for event in events:
            found = (event.object().get("spec") or {}).get("podCIDR") if event.raw else ""
            if found:
                return str(found)
    raise CommandError(f"node {name} was given no podCIDR: do the cluster's controllers run?")
