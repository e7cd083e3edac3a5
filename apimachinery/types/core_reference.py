"""How objects point at each other, and at fields of each other."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Model, Proto, Quantity, TypedModel


class ObjectReference(Model):
    """Points at any object, or at a part of one."""

    kind: Annotated[str, Proto(1)] = Field("", description="Kind of the object.")
    namespace: Annotated[str, Proto(2)] = Field("", description="Its namespace.")
    name: Annotated[str, Proto(3)] = Field("", description="Its name.")
    uid: Annotated[str, Proto(4)] = Field("", description="Its uid.")
    api_version: Annotated[str, Proto(5)] = Field(
        "", alias="apiVersion", description="Its group and version."
    )
    resource_version: Annotated[str, Proto(6)] = Field(
        "", alias="resourceVersion", description="The revision that is meant, if one is."
    )
    field_path: Annotated[str, Proto(7)] = Field(
        "", alias="fieldPath", description="The part that is meant, such as spec.containers{web}."
    )


class LocalObjectReference(Model):
    """Names an object of a known kind in the same namespace."""

    name: Annotated[str, Proto(1)] = Field(
        "", description="Name of the object.", json_schema_extra={"default": ""}
    )


class SecretReference(Model):
    """Names a secret in any namespace."""

    name: Annotated[str, Proto(1)] = Field("", description="Name of the secret.")
    namespace: Annotated[str, Proto(2)] = Field("", description="Its namespace.")


class TypedLocalObjectReference(Model):
    """Points at an object of any kind in the same namespace."""

    api_group: Annotated[str | None, Proto(1)] = Field(
        None, alias="apiGroup", description="Its group; none is the core group."
    )
    kind: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its kind.")
    name: Annotated[str, Proto(3), REQUIRED] = Field("", description="Its name.")


class TypedObjectReference(Model):
    """Points at an object of any kind in any namespace."""

    api_group: Annotated[str | None, Proto(1)] = Field(
        None, alias="apiGroup", description="Its group; none is the core group."
    )
    kind: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its kind.")
    name: Annotated[str, Proto(3), REQUIRED] = Field("", description="Its name.")
    namespace: Annotated[str, Proto(4)] = Field(
        "", description="Its namespace; none is the own one."
    )


class ObjectFieldSelector(Model):
    """Names a field of the pod itself."""

    api_version: Annotated[str, Proto(1)] = Field(
        "", alias="apiVersion", description="The version that the path is written for."
    )
    field_path: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="fieldPath", description="Path of the field, such as metadata.name."
    )


class ResourceFieldSelector(Model):
    """Names a request or limit of a container."""

    container_name: Annotated[str, Proto(1)] = Field(
        "", alias="containerName", description="The container; its own where that is clear."
    )
    resource: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What is read, such as limits.cpu."
    )
    divisor: Annotated[Quantity | None, Proto(3)] = Field(
        None, description="The unit of the number that comes out."
    )


class KeyToPath(Model):
    """Puts one key into a file of its own."""

    key: Annotated[str, Proto(1), REQUIRED] = Field("", description="The key.")
    path: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="The file, relative to where the volume is mounted."
    )
    mode: Annotated[Int32 | None, Proto(3)] = Field(
        None, description="Mode of the file; the volume's default where absent."
    )


class SerializedReference(TypedModel):
    """A reference, wrapped so that it can be stored as text."""

    reference: Annotated[ObjectReference | None, Proto(1)] = Field(
        None, description="The reference."
    )
