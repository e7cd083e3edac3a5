"""Nodes get their certificates without a human; nobody else does."""

import base64
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apimachinery import meta, scheme, wire
from apiserver.identity import pki
from controllers import manager

pytestmark = pytest.mark.looptime(start=time.monotonic)

BOOTSTRAPPER = wire.UserInfo("system:bootstrap:abc", groups=("system:bootstrappers",))
NODE = wire.UserInfo("system:node:n1", groups=("system:nodes",))
CLIENT, SERVING = "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"


@pytest.fixture
def options(tmp_path) -> manager.Options:
    keys = pki.Pki(tmp_path)
    assert keys.ca.cert.exists()
    return manager.Options(sign=keys.sign)


def request(common_name: str, names: tuple[str, ...] = ()) -> bytes:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


async def ask(cluster, user, pem: bytes, signer: str, usage: str, name: str = "csr"):
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(pem).decode(),
            "signerName": signer,
            "usages": ["digital signature", usage],
            "expirationSeconds": 3600,
        },
    }
    await cluster.as_user(user).create(scheme.CERTIFICATESIGNINGREQUESTS, body)
    await cluster.settle()
    return await cluster.client.get(scheme.CERTIFICATESIGNINGREQUESTS, name)


def certificate(found) -> x509.Certificate | None:
    encoded = (found.get("status") or {}).get("certificate")
    return x509.load_pem_x509_certificate(base64.b64decode(encoded)) if encoded else None


async def test_a_bootstrapper_gets_a_nodes_client_certificate(cluster) -> None:
    found = await ask(cluster, BOOTSTRAPPER, request("system:node:n1"), CLIENT, "client auth")
    issued = certificate(found)
    assert issued is not None
    assert issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:n1"


async def test_a_nodes_serving_certificate_is_for_its_own_names(cluster) -> None:
    await cluster.add_node("n1")
    pem = request("system:node:n1", ("n1",))
    assert certificate(await ask(cluster, NODE, pem, SERVING, "server auth")) is not None
    pem = request("system:node:n1", ("kubernetes.default",))
    other = await ask(cluster, NODE, pem, SERVING, "server auth", "other")
    assert certificate(other) is None


async def test_an_administrators_name_waits_for_a_human(cluster) -> None:
    found = await ask(cluster, BOOTSTRAPPER, request("admin"), CLIENT, "client auth")
    assert not (found.get("status") or {}).get("conditions")


async def test_a_settled_request_is_cleared_away(cluster) -> None:
    await ask(cluster, BOOTSTRAPPER, request("system:node:n1"), CLIENT, "client auth")
    await cluster.settle(3700)
    assert not await cluster.exists(scheme.CERTIFICATESIGNINGREQUESTS, "csr", "")


async def approve(cluster, found):
    condition = {"type": "Approved", "status": "True", "reason": "Human"}
    approved = found | {"status": {"conditions": [condition]}}
    await cluster.client.update(scheme.CERTIFICATESIGNINGREQUESTS, approved, subresource="approval")
    await cluster.settle()
    return await cluster.client.get(scheme.CERTIFICATESIGNINGREQUESTS, meta.name(found))


async def test_even_approved_a_nodes_signer_signs_for_nodes_only(cluster) -> None:
    found = await ask(cluster, BOOTSTRAPPER, request("admin"), CLIENT, "client auth")
    found = await approve(cluster, found)
    assert certificate(found) is None
    failure = meta.get_condition(found["status"]["conditions"], "Failed")
    assert failure["reason"] == "SignerValidationFailure"


async def test_a_human_may_approve_a_users_certificate(cluster) -> None:
    signer = "kubernetes.io/kube-apiserver-client"
    found = await ask(cluster, BOOTSTRAPPER, request("jane"), signer, "client auth")
    assert certificate(found) is None
    assert certificate(await approve(cluster, found)) is not None
