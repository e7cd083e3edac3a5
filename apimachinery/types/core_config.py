"""core_config models."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import Bytes, Items, ListType, MergeKey, Proto, TypedModel
from apimachinery.types.core_reference import LocalObjectReference, ObjectReference
from apimachinery.types.meta import ObjectMeta


class ConfigMap(TypedModel):
    """ConfigMap."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    immutable: Annotated[bool | None, Proto(4)] = None
    data: Annotated[Mapping[str, str], Proto(2)] = Field(default_factory=dict)
    binary_data: Annotated[Mapping[str, Bytes], Proto(3)] = Field(
        default_factory=dict, alias="binaryData"
    )


class Secret(TypedModel):
    """Secret."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    immutable: Annotated[bool | None, Proto(5)] = None
    data: Annotated[Mapping[str, Bytes], Proto(2)] = Field(default_factory=dict)
    string_data: Annotated[Mapping[str, str], Proto(4)] = Field(
        default_factory=dict, alias="stringData"
    )
    type: Annotated[str, Proto(3)] = ""


class ServiceAccount(TypedModel):
    """ServiceAccount."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    secrets: Annotated[
        Items[ObjectReference], Proto(2), MergeKey("name"), ListType("map", "name")
    ] = ()
    image_pull_secrets: Annotated[Items[LocalObjectReference], Proto(3)] = Field(
        (), alias="imagePullSecrets"
    )
    automount_service_account_token: Annotated[bool | None, Proto(4)] = Field(
        None, alias="automountServiceAccountToken"
    )
