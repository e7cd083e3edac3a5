"""Configuration, secrets and service accounts."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import Bytes, Items, ListType, MergeKey, Proto, TypedModel
from apimachinery.types.core_reference import LocalObjectReference, ObjectReference
from apimachinery.types.meta import ObjectMeta


class ConfigMap(TypedModel):
    """Configuration as keys and values, for programs and volumes."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    immutable: Annotated[bool | None, Proto(4)] = Field(
        None, description="Whether the content can never change again."
    )
    data: Annotated[Mapping[str, str], Proto(2)] = Field(
        default_factory=dict, description="Values that are text."
    )
    binary_data: Annotated[Mapping[str, Bytes], Proto(3)] = Field(
        default_factory=dict, alias="binaryData", description="Values that are not, as base64."
    )


class Secret(TypedModel):
    """Like a config map, for what not everybody should read."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    immutable: Annotated[bool | None, Proto(5)] = Field(
        None, description="Whether the content can never change again."
    )
    data: Annotated[Mapping[str, Bytes], Proto(2)] = Field(
        default_factory=dict, description="The values, as base64."
    )
    string_data: Annotated[Mapping[str, str], Proto(4)] = Field(
        default_factory=dict,
        alias="stringData",
        description="Values as text, for writing only; they end up in data.",
    )
    type: Annotated[str, Proto(3)] = Field(
        "", description="What the keys mean, such as Opaque or kubernetes.io/tls."
    )


class ServiceAccount(TypedModel):
    """An identity for programs that run in pods."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    secrets: Annotated[
        Items[ObjectReference], Proto(2), MergeKey("name"), ListType("map", "name")
    ] = Field((), description="Secrets that pods of it may use.")
    image_pull_secrets: Annotated[Items[LocalObjectReference], Proto(3)] = Field(
        (), alias="imagePullSecrets", description="Pull secrets that its pods get."
    )
    automount_service_account_token: Annotated[bool | None, Proto(4)] = Field(
        None,
        alias="automountServiceAccountToken",
        description="Whether its pods get a token unless they say otherwise.",
    )
