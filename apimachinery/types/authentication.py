"""Who somebody is: token requests and reviews."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int64, Items, Model, Proto, Strings, Time, TypedModel
from apimachinery.types.meta import ObjectMeta


class BoundObjectReference(Model):
    """The object with which a token ends."""

    kind: Annotated[str, Proto(1)] = Field("", description="Its kind: Pod, Secret or Node.")
    api_version: Annotated[str, Proto(2)] = Field(
        "", alias="apiVersion", description="Its group and version."
    )
    name: Annotated[str, Proto(3)] = Field("", description="Its name.")
    uid: Annotated[str, Proto(4)] = Field("", description="Its uid.")


class UserInfo(Model):
    """Who somebody is."""

    username: Annotated[str, Proto(1)] = Field("", description="Name.")
    uid: Annotated[str, Proto(2)] = Field("", description="Id.")
    groups: Annotated[Items[str], Proto(3)] = Field((), description="Groups.")
    extra: Annotated[Mapping[str, Strings], Proto(4)] = Field(
        default_factory=dict, description="Whatever else is known."
    )


class SelfSubjectReviewStatus(Model):
    """What was last observed of the self subject review."""

    user_info: Annotated[UserInfo | None, Proto(1)] = Field(
        None, alias="userInfo", description="Who one is."
    )


class SelfSubjectReview(TypedModel):
    """Asks who one is."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    status: Annotated[SelfSubjectReviewStatus, Proto(2)] = Field(
        default_factory=SelfSubjectReviewStatus,
        description="What was last observed; written by the system.",
    )


class TokenRequestSpec(Model):
    """What is wanted of the token request."""

    audiences: Annotated[Items[str], Proto(1)] = Field(
        (), description="Who the token is meant for."
    )
    expiration_seconds: Annotated[Int64 | None, Proto(4)] = Field(
        None, alias="expirationSeconds", description="Its life; an hour where absent."
    )
    bound_object_ref: Annotated[BoundObjectReference | None, Proto(3)] = Field(
        None, alias="boundObjectRef", description="The object with which it ends."
    )


class TokenRequestStatus(Model):
    """What was last observed of the token request."""

    token: Annotated[str, Proto(1)] = Field("", description="The token.")
    expiration_timestamp: Annotated[Time, Proto(2)] = Field(
        "", alias="expirationTimestamp", description="When it ends."
    )


class TokenRequest(TypedModel):
    """Asks for a token of a service account."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[TokenRequestSpec, Proto(2)] = Field(
        default_factory=TokenRequestSpec, description="What is wanted."
    )
    status: Annotated[TokenRequestStatus, Proto(3)] = Field(
        default_factory=TokenRequestStatus,
        description="What was last observed; written by the system.",
    )


class TokenReviewSpec(Model):
    """What is wanted of the token review."""

    token: Annotated[str, Proto(1), REQUIRED] = Field("", description="The token.")
    audiences: Annotated[Items[str], Proto(2)] = Field(
        (), description="Who it should be meant for."
    )


class TokenReviewStatus(Model):
    """What was last observed of the token review."""

    authenticated: Annotated[bool, Proto(1)] = Field(False, description="Whether it is good.")
    user: Annotated[UserInfo | None, Proto(2)] = Field(None, description="Whose it is.")
    audiences: Annotated[Items[str], Proto(4)] = Field(
        (), description="Who it is meant for, of those asked."
    )
    error: Annotated[str, Proto(3)] = Field("", description="Why it could not be checked.")


class TokenReview(TypedModel):
    """Asks whose a token is."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[TokenReviewSpec, Proto(2), REQUIRED] = Field(
        default_factory=TokenReviewSpec, description="What is wanted."
    )
    status: Annotated[TokenReviewStatus, Proto(3)] = Field(
        default_factory=TokenReviewStatus,
        description="What was last observed; written by the system.",
    )
