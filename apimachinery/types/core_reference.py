"""core_reference models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Model, Proto, Quantity, TypedModel


class ObjectReference(Model):
    """ObjectReference."""

    kind: Annotated[str, Proto(1)] = ""
    namespace: Annotated[str, Proto(2)] = ""
    name: Annotated[str, Proto(3)] = ""
    uid: Annotated[str, Proto(4)] = ""
    api_version: Annotated[str, Proto(5)] = Field("", alias="apiVersion")
    resource_version: Annotated[str, Proto(6)] = Field("", alias="resourceVersion")
    field_path: Annotated[str, Proto(7)] = Field("", alias="fieldPath")


class LocalObjectReference(Model):
    """LocalObjectReference."""

    name: Annotated[str, Proto(1)] = Field("", json_schema_extra={"default": ""})


class SecretReference(Model):
    """SecretReference."""

    name: Annotated[str, Proto(1)] = ""
    namespace: Annotated[str, Proto(2)] = ""


class TypedLocalObjectReference(Model):
    """TypedLocalObjectReference."""

    api_group: Annotated[str | None, Proto(1)] = Field(None, alias="apiGroup")
    kind: Annotated[str, Proto(2), REQUIRED] = ""
    name: Annotated[str, Proto(3), REQUIRED] = ""


class TypedObjectReference(Model):
    """TypedObjectReference."""

    api_group: Annotated[str | None, Proto(1)] = Field(None, alias="apiGroup")
    kind: Annotated[str, Proto(2), REQUIRED] = ""
    name: Annotated[str, Proto(3), REQUIRED] = ""
    namespace: Annotated[str, Proto(4)] = ""


class ObjectFieldSelector(Model):
    """ObjectFieldSelector."""

    api_version: Annotated[str, Proto(1)] = Field("", alias="apiVersion")
    field_path: Annotated[str, Proto(2), REQUIRED] = Field("", alias="fieldPath")


class ResourceFieldSelector(Model):
    """ResourceFieldSelector."""

    container_name: Annotated[str, Proto(1)] = Field("", alias="containerName")
    resource: Annotated[str, Proto(2), REQUIRED] = ""
    divisor: Annotated[Quantity | None, Proto(3)] = None


class KeyToPath(Model):
    """KeyToPath."""

    key: Annotated[str, Proto(1), REQUIRED] = ""
    path: Annotated[str, Proto(2), REQUIRED] = ""
    mode: Annotated[Int32 | None, Proto(3)] = None


class SerializedReference(TypedModel):
    """SerializedReference."""

    reference: Annotated[ObjectReference | None, Proto(1)] = None
