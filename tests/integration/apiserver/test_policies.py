"""Policies on pods, claims, ingresses and certificate requests, as a whole server has them."""

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apimachinery import wire
from apiserver.attributes import ALLOW, AlwaysAllow, Decision

PODS = "/api/v1/namespaces/default/pods"
LEVEL = "pod-security.kubernetes.io/"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


async def demand(api, **labels):
    wanted = {LEVEL + mode: value for mode, value in labels.items()}
    return await api.patch("/api/v1/namespaces/default", {"metadata": {"labels": wanted}})


async def test_a_pod_beyond_the_level(api):
    await demand(api, enforce="baseline")
    answer = await api.post(PODS, api.pod(hostNetwork=True))
    assert answer.status == 403
    assert answer.message == (
        'pods "a" is forbidden: violates PodSecurity "baseline:latest": host namespaces '
        "(hostNetwork=true)"
    )
    await api.made(PODS, api.pod())


async def test_a_warning_about_a_workload(api):
    await demand(api, enforce="restricted", warn="restricted")
    answer = await api.post("/apis/apps/v1/namespaces/default/deployments", api.deployment())
    assert answer.status == 201
    assert 'would violate PodSecurity \\"restricted:latest\\": ' in answer.headers["Warning"]
    assert answer.headers["Warning"].endswith('or \\"Localhost\\")"')


async def test_a_warning_about_pods_that_are_there(api):
    await api.made(PODS, api.pod("a"))
    await api.made(PODS, api.pod("b"))
    answer = await demand(api, enforce="restricted")
    assert answer.status == 200
    assert "a (and 1 other pod): allowPrivilegeEscalation != false" in answer.headers["Warning"]


async def test_workloads_are_warned_of_at_each_change_and_pods_at_what_matters(api):
    await demand(api, warn="restricted", enforce="baseline")
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    await api.made(deployments, api.deployment())
    scaled = await api.patch(f"{deployments}/d", {"spec": {"replicas": 3}})
    assert 'would violate PodSecurity \\"restricted:latest\\"' in scaled.headers["Warning"]
    created = await api.post(PODS, api.pod())
    assert "would violate PodSecurity" in created.headers["Warning"]
    bounded = await api.patch(f"{PODS}/a", {"spec": {"activeDeadlineSeconds": 60}})
    assert (bounded.status, bounded.headers.get("Warning")) == (200, None)
    pod = (await api.get(f"{PODS}/a")).json
    name = pod["spec"]["containers"][0]["name"]
    image = {"spec": {"containers": [{"name": name, "image": "other"}]}}
    changed = await api.patch(f"{PODS}/a", image, "application/strategic-merge-patch+json")
    assert "would violate PodSecurity" in changed.headers["Warning"]


async def test_a_level_that_is_none(api):
    answer = await demand(api, enforce="high")
    assert answer.status == 422
    assert "must be one of privileged, baseline, restricted" in answer.message


def claim(name="a", **spec):
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        **spec,
    }
    return {"metadata": {"name": name}, "spec": spec}


async def storage_class(api, name, **more):
    key = "storageclass.kubernetes.io/is-default-class"
    metadata = {"name": name, "annotations": {key: "true"}}
    await api.made(STORAGE_CLASSES, {"metadata": metadata, "provisioner": "p", **more})


async def test_the_default_storage_class(api):
    assert "storageClassName" not in (await api.made(CLAIMS, claim("before")))["spec"]
    await storage_class(api, "usual")
    assert (await api.made(CLAIMS, claim("after")))["spec"]["storageClassName"] == "usual"
    none = await api.made(CLAIMS, claim("none", storageClassName=""))
    assert none["spec"]["storageClassName"] == ""


async def test_a_claim_is_protected(api):
    made = await api.made(CLAIMS, claim())
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


@pytest.mark.parametrize(("growing", "code"), [(True, 200), (False, 403)])
async def test_a_claim_grows_where_its_class_allows(api, growing, code):
    await storage_class(api, "usual", allowVolumeExpansion=growing)
    await api.made(CLAIMS, claim())
    await api.patch(f"{CLAIMS}/a/status", {"status": {"phase": "Bound"}})
    more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    assert (await api.patch(f"{CLAIMS}/a", more)).status == code


async def test_the_default_ingress_class(api):
    key = "ingressclass.kubernetes.io/is-default-class"
    body = {
        "metadata": {"name": "usual", "annotations": {key: "true"}},
        "spec": {"controller": "e.c/x"},
    }
    await api.made("/apis/networking.k8s.io/v1/ingressclasses", body)
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    made = await api.made(
        INGRESSES, {"metadata": {"name": "i"}, "spec": {"defaultBackend": backend}}
    )
    assert made["spec"]["ingressClassName"] == "usual"


async def test_a_runtime_class_adds_what_its_pods_need(api):
    await api.made(
        RUNTIME_CLASSES,
        {
            "metadata": {"name": "vm"},
            "handler": "vm",
            "overhead": {"podFixed": {"memory": "64Mi"}},
            "scheduling": {"nodeSelector": {"vm": "yes"}},
        },
    )
    spec = (await api.made(PODS, api.pod(runtimeClassName="vm")))["spec"]
    assert spec["overhead"] == {"memory": "64Mi"}
    assert spec["nodeSelector"] == {"vm": "yes"}
    answer = await api.post(PODS, api.pod("b", runtimeClassName="vm", nodeSelector={"vm": "no"}))
    assert answer.status == 403


async def test_a_runtime_class_that_is_not_there(api):
    answer = await api.post(PODS, api.pod(runtimeClassName="none"))
    assert answer.status == 403
    assert answer.message.endswith('pod rejected: RuntimeClass "none" not found')


def signing_request(organization, signer):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, "ann"),
        ]
    )
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    spec = {
        "request": base64.b64encode(pem).decode(),
        "signerName": signer,
        "usages": ["client auth"],
    }
    return {"metadata": {"name": "r"}, "spec": spec}


async def test_nobody_asks_for_the_masters_certificate(api):
    body = signing_request("system:masters", "kubernetes.io/kube-apiserver-client")
    answer = await api.post(REQUESTS, body)
    assert answer.status == 403
    assert "system:masters group is not allowed" in answer.message
    await api.made(REQUESTS, signing_request("team", "kubernetes.io/kube-apiserver-client"))


class Signers(AlwaysAllow):
    """Everything but verbs on signers, of which some are given."""

    def __init__(self, *given):
        self._given = given

    def authorize(self, attributes):
        asked = (attributes.verb, attributes.name)
        return (
            ALLOW if attributes.resource != "signers" or asked in self._given else Decision(False)
        )


@pytest.mark.parametrize(
    ("given", "code"),
    [((), 403), (("approve", "example.com/x"), 200), (("approve", "example.com/*"), 200)],
)
async def test_approval_takes_the_right_to_the_signer(api, given, code):
    made = await api.made(REQUESTS, signing_request("team", "example.com/x"))
    api.server.core.authorizer = Signers(given)
    made["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "R"}]}
    user = wire.UserInfo("ann")
    answer = await api.send("PUT", f"{REQUESTS}/r/approval", made, user=user)
    assert answer.status == code


def certificate() -> bytes:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


async def test_signing_takes_the_right_to_the_signer(api):
    await api.made(REQUESTS, signing_request("team", "example.com/x"))
    api.server.core.authorizer = Signers()
    pem = base64.b64encode(certificate()).decode()
    answer = await api.patch(f"{REQUESTS}/r/status", {"status": {"certificate": pem}})
    assert answer.status == 403
    assert answer.message.endswith(
        'user not permitted to sign requests with signerName "example.com/x"'
    )
