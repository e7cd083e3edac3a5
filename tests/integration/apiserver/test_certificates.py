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
    refused = await api.put(f"{REQUESTS}/r/status", made)
    assert 'status.conditions: Forbidden: updates may not add a condition of type "Approved"' in (
        refused.message
    )
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
    change = {"status": {"certificate": base64.b64encode(certificate).decode()}}
    undecided = {"status": {**change["status"], "conditions": None}}
    for part in ("status", "approval"):
        refused = await api.patch(f"{REQUESTS}/r/{part}", undecided)
        assert 'updates may not remove a condition of type "Approved"' in refused.message
    answer = await api.patch(f"{REQUESTS}/r/status", change)
    assert answer.status == 200, answer.raw
    assert answer.json["status"]["certificate"] == change["status"]["certificate"]
    assert answer.json["status"]["conditions"] == approved["status"]["conditions"]


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([{"type": "Approved", "status": "False"}],
         'status.conditions[0].status: Unsupported value: "False": supported values: "True"'),
        ([{"type": "Mine"}], "status.conditions[0].status: Required value"),
        ([APPROVED, {"type": "Denied", "status": "True"}],
         ('status.conditions: Invalid value: "Denied": Approved and Denied conditions are '
         "mutually exclusive")),
        ([APPROVED, APPROVED], 'status.conditions[1].type: Duplicate value: "Approved"'),
    ],
)  # fmt: skip
async def test_what_is_no_approval(api, pem, conditions, said):
    await api.made(REQUESTS, body(pem))
    refused = await api.patch(f"{REQUESTS}/r/approval", {"status": {"conditions": conditions}})
    assert refused.status == 422
    assert said in refused.message


async def test_an_approver_may_write_conditions_of_its_own(api, pem):
    await api.made(REQUESTS, body(pem))
    own = {"type": "Reviewed", "status": "True", "reason": "e2e"}
    answer = await api.patch(f"{REQUESTS}/r/approval", {"status": {"conditions": [own]}})
    assert [one["type"] for one in answer.json["status"]["conditions"]] == ["Reviewed"]


async def test_what_is_no_request(api, pem):
    refused = await api.post(REQUESTS, body(b"please"))
    assert (
        'spec.request: Invalid value: "cGxlYXNl": PEM block type must be CERTIFICATE REQUEST'
        in (refused.message)
    )
    broken = pem.replace(pem[40:48], b"AAAAAAAA")
    assert (await api.post(REQUESTS, body(broken))).status == 422


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "must contain at least one CERTIFICATE PEM block"),
        (
            "-----BEGIN KEY-----\nYQ==\n-----END KEY-----\n",
            'only CERTIFICATE PEM blocks are allowed, found "KEY"',
        ),
        (
            "-----BEGIN CERTIFICATE-----\na: b\n\nYQ==\n-----END CERTIFICATE-----\n",
            "no PEM block headers are permitted",
        ),
    ],
)
async def test_what_is_no_certificate(api, pem, text, said):
    made = await api.made(REQUESTS, body(pem))
    made["status"] = {"certificate": base64.b64encode(text.encode()).decode()}
    refused = await api.put(f"{REQUESTS}/r/status", made)
    assert f'status.certificate: Invalid value: "<certificate data>": {said}' in refused.message


async def test_an_approval_is_not_rewritten_by_the_status(api, pem):
    made = await api.made(REQUESTS, body(pem))
    made["status"] = {"conditions": [APPROVED]}
    approved = (await api.put(f"{REQUESTS}/r/approval", made)).json
    approved["status"]["conditions"][0]["message"] = "by magic"
    refused = await api.put(f"{REQUESTS}/r/status", approved)
    assert 'updates may not modify a condition of type "Approved"' in refused.message
