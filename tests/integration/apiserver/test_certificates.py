"""Certificate signing requests: who may write which part."""

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
APPROVED = {"type": "Approved", "status": "True", "reason": "Tested", "message": "by hand"}


@pytest.fixture(scope="module")
def pem():
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def certificate():
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def body(pem, **spec):
    spec = {
        "request": base64.b64encode(pem).decode(),
        "signerName": "example.com/signer",
        "usages": ["client auth"],
        **spec,
    }
    return {"metadata": {"name": "r"}, "spec": spec}


async def test_who_asked_is_not_for_the_body_to_say(api, pem):
    made = await api.made(REQUESTS, body(pem, username="somebody-else", groups=["kings"]))
    assert made["spec"]["username"] == "admin"
    assert made["spec"]["groups"] == ["system:masters"]


async def test_approval_has_a_path_of_its_own(api, pem):
    made = await api.made(REQUESTS, body(pem))
    del made["metadata"]["resourceVersion"]
    made["status"] = {"conditions": [APPROVED]}
    assert "conditions" not in (await api.put(f"{REQUESTS}/r", made)).json.get("status", {})
    assert "conditions" not in (await api.put(f"{REQUESTS}/r/status", made)).json["status"]
    approved = await api.put(f"{REQUESTS}/r/approval", made)
    assert approved.status == 200, approved.raw
    (condition,) = approved.json["status"]["conditions"]
    assert condition["type"] == "Approved"
    assert condition["lastUpdateTime"]
    assert condition["lastTransitionTime"]


async def test_the_certificate_comes_by_the_status(api, pem, certificate):
    made = await api.made(REQUESTS, body(pem))
    made["status"] = {"conditions": [APPROVED]}
    approved = (await api.put(f"{REQUESTS}/r/approval", made)).json
    change = {"status": {"certificate": base64.b64encode(certificate).decode(), "conditions": None}}
    answer = await api.patch(f"{REQUESTS}/r/status", change)
    assert answer.status == 200, answer.raw
    assert answer.json["status"]["certificate"] == change["status"]["certificate"]
    assert answer.json["status"]["conditions"] == approved["status"]["conditions"]
