"""discovery models."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Items, ListType, Model, Proto, TypedModel
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import ObjectMeta


class EndpointConditions(Model):
    """EndpointConditions."""

    ready: Annotated[bool | None, Proto(1)] = None
    serving: Annotated[bool | None, Proto(2)] = None
    terminating: Annotated[bool | None, Proto(3)] = None


class ForNode(Model):
    """ForNode."""

    name: Annotated[str, Proto(1), REQUIRED] = ""


class ForZone(Model):
    """ForZone."""

    name: Annotated[str, Proto(1), REQUIRED] = ""


class EndpointHints(Model):
    """EndpointHints."""

    for_zones: Annotated[Items[ForZone], Proto(1)] = Field((), alias="forZones")
    for_nodes: Annotated[Items[ForNode], Proto(2)] = Field((), alias="forNodes")


class Endpoint(Model):
    """Endpoint."""

    addresses: Annotated[Items[str], Proto(1), ListType("set"), REQUIRED] = ()
    conditions: Annotated[EndpointConditions | None, Proto(2)] = None
    hostname: Annotated[str | None, Proto(3)] = None
    target_ref: Annotated[ObjectReference | None, Proto(4)] = Field(None, alias="targetRef")
    deprecated_topology: Annotated[Mapping[str, str], Proto(5)] = Field(
        default_factory=dict, alias="deprecatedTopology"
    )
    node_name: Annotated[str | None, Proto(6)] = Field(None, alias="nodeName")
    zone: Annotated[str | None, Proto(7)] = None
    hints: Annotated[EndpointHints | None, Proto(8)] = None


class EndpointPort(Model):
    """EndpointPort."""

    name: Annotated[str | None, Proto(1)] = None
    protocol: Annotated[str | None, Proto(2)] = None
    port: Annotated[Int32 | None, Proto(3)] = None
    app_protocol: Annotated[str | None, Proto(4)] = Field(None, alias="appProtocol")


class EndpointSlice(TypedModel):
    """EndpointSlice."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    address_type: Annotated[str, Proto(4), REQUIRED] = Field("", alias="addressType")
    endpoints: Annotated[Items[Endpoint], Proto(2)] = ()
    ports: Annotated[Items[EndpointPort], Proto(3)] = ()
