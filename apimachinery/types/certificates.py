"""Requests for certificates, and their answers."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Bytes,
    Int32,
    Items,
    ListType,
    Model,
    Proto,
    Strings,
    Time,
    TypedModel,
)
from apimachinery.types.meta import ObjectMeta


class CertificateSigningRequestSpec(Model):
    """What is wanted of the certificate signing request."""

    request: Annotated[Bytes, Proto(1), REQUIRED] = Field(
        "", description="The request, PEM in base64."
    )
    signer_name: Annotated[str, Proto(7), REQUIRED] = Field(
        "", alias="signerName", description="Who is to sign it."
    )
    expiration_seconds: Annotated[Int32 | None, Proto(8)] = Field(
        None, alias="expirationSeconds", description="How long it should live."
    )
    usages: Annotated[Items[str], Proto(5)] = Field((), description="What the key is for.")
    username: Annotated[str, Proto(2)] = Field("", description="Who asked; set by the server.")
    uid: Annotated[str, Proto(3)] = Field("", description="Their id.")
    groups: Annotated[Items[str], Proto(4)] = Field((), description="Their groups.")
    extra: Annotated[Mapping[str, Strings], Proto(6)] = Field(
        default_factory=dict, description="Whatever else is known of them."
    )


class CertificateSigningRequestCondition(Model):
    """One aspect of the state of the certificate signing request, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(6), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    reason: Annotated[str, Proto(2)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(3)] = Field("", description="A sentence for people.")
    last_update_time: Annotated[Time, Proto(4)] = Field(
        "", alias="lastUpdateTime", description="When this condition was last written."
    )
    last_transition_time: Annotated[Time, Proto(5)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )


class CertificateSigningRequestStatus(Model):
    """What was last observed of the certificate signing request."""

    conditions: Annotated[
        Items[CertificateSigningRequestCondition], Proto(1), ListType("map", "type")
    ] = Field((), description="Approved, Denied or Failed.")
    certificate: Annotated[Bytes, Proto(2)] = Field(
        "", description="The certificate, PEM in base64."
    )


class CertificateSigningRequest(TypedModel):
    """Asks for a certificate."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[CertificateSigningRequestSpec, Proto(2), REQUIRED] = Field(
        default_factory=CertificateSigningRequestSpec, description="What is wanted."
    )
    status: Annotated[CertificateSigningRequestStatus, Proto(3)] = Field(
        default_factory=CertificateSigningRequestStatus,
        description="What was last observed; written by the system.",
    )
