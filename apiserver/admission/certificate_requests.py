"""CertificateApproval, CertificateSigning, CertificateSubjectRestriction: who decides on signers.

Who approves must be allowed to `approve` for the request's signer, who signs to `sign`: the right to
write the subresource is not enough. And nobody gets a client certificate of system:masters.
Neighbours: the certificates controller does both for the cluster's own signers.
"""

import base64
from collections.abc import Callable
from typing import ClassVar

from apimachinery import status
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, UPDATE, Attempt, Plugin
from apiserver.attributes import Attributes, Authorizer

REQUESTS = "certificatesigningrequests.certificates.k8s.io"
GROUP = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
MASTERS = "system:masters"


class SignerPermissions(Plugin):
    """Verbs on signers: `signers/NAME`, or `signers/DOMAIN/*` for all of one domain."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({REQUESTS})
    operations: ClassVar[frozenset[str]] = frozenset({UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({"approval", "status"})

    def __init__(self, authorizer: Callable[[], Authorizer]) -> None:
        """`authorizer` is asked for at each use: a server may get its own after it was made."""
        self._authorizer = authorizer

    async def validate(self, attempt: Attempt) -> None:
        old, new = attempt.old or {}, attempt.obj or {}
        verb = "approve"
        if attempt.subresource == "status":
            if _certificate(old) == _certificate(new) and _failed(old) == _failed(new):
                return
            verb = "sign"
        signer = str((old.get("spec") or {}).get("signerName", ""))
        if not self._may(attempt, verb, signer):
            raise status.forbidden(
                "certificatesigningrequests",
                attempt.name,
                f"user not permitted to {verb} requests with signerName {status.quote(signer)}",
                GROUP,
            )

    def _may(self, attempt: Attempt, verb: str, signer: str) -> bool:
        domain = signer.partition("/")[0]
        return any(
            self._authorizer()
            .authorize(
                Attributes(
                    attempt.user,
                    verb,
                    is_resource=True,
                    path="",
                    group=GROUP,
                    version="*",
                    resource="signers",
                    name=name,
                )
            )
            .allowed
            for name in (signer, f"{domain}/*")
        )


def _certificate(obj: JsonObject) -> str:
    return str((obj.get("status") or {}).get("certificate") or "")


def _failed(obj: JsonObject) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Failed" for one in conditions)


class SubjectRestriction(Plugin):
    """Refuses requests of the group that may do everything, for the client signer."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({REQUESTS})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})

    async def validate(self, attempt: Attempt) -> None:
        spec = (attempt.obj or {}).get("spec") or {}
        if spec.get("signerName") != CLIENT_SIGNER:
            return
        if MASTERS in _organizations(spec.get("request") or ""):
            raise status.forbidden(
                "certificatesigningrequests",
                attempt.name,
                f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed",
                GROUP,
            )


def _organizations(request: str) -> list[str]:
    """The groups that a request names; validation has seen that it is one."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_pem_x509_csr(base64.b64decode(request))
    except ValueError:
        return []
    names = found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return [str(one.value) for one in names]
