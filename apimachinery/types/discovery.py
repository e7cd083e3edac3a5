"""Endpoint slices."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Items, ListType, Model, Proto, TypedModel
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import ObjectMeta


class EndpointConditions(Model):
    """State of an endpoint."""

    ready: Annotated[bool | None, Proto(1)] = Field(
        None, description="Whether it takes new traffic; unknown counts as yes."
    )
    serving: Annotated[bool | None, Proto(2)] = Field(
        None, description="Whether it works, even while it ends."
    )
    terminating: Annotated[bool | None, Proto(3)] = Field(None, description="Whether it is ending.")


class ForNode(Model):
    """A node that should use the endpoint."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")


class ForZone(Model):
    """A zone that should use the endpoint."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")


class EndpointHints(Model):
    """Who should use the endpoint."""

    for_zones: Annotated[Items[ForZone], Proto(1)] = Field(
        (), alias="forZones", description="Zones."
    )
    for_nodes: Annotated[Items[ForNode], Proto(2)] = Field(
        (), alias="forNodes", description="Nodes."
    )


class Endpoint(Model):
    """One backend of a service."""

    addresses: Annotated[Items[str], Proto(1), ListType("set"), REQUIRED] = Field(
        (), description="Its addresses; they all mean the same backend."
    )
    conditions: Annotated[EndpointConditions | None, Proto(2)] = Field(
        None, description="Its state."
    )
    hostname: Annotated[str | None, Proto(3)] = Field(None, description="Its host name.")
    target_ref: Annotated[ObjectReference | None, Proto(4)] = Field(
        None, alias="targetRef", description="The pod that it is of."
    )
    deprecated_topology: Annotated[Mapping[str, str], Proto(5)] = Field(
        default_factory=dict, alias="deprecatedTopology", description="Unused."
    )
    node_name: Annotated[str | None, Proto(6)] = Field(
        None, alias="nodeName", description="The node that it is on."
    )
    zone: Annotated[str | None, Proto(7)] = Field(None, description="The zone that it is in.")
    hints: Annotated[EndpointHints | None, Proto(8)] = Field(None, description="Who should use it.")


class EndpointPort(Model):
    """A port of all endpoints of a slice."""

    name: Annotated[str | None, Proto(1)] = Field(None, description="Name of the service's port.")
    protocol: Annotated[str | None, Proto(2)] = Field(None, description="TCP, UDP or SCTP.")
    port: Annotated[Int32 | None, Proto(3)] = Field(
        None, description="The port; every port where absent."
    )
    app_protocol: Annotated[str | None, Proto(4)] = Field(
        None, alias="appProtocol", description="What is spoken on it."
    )


class EndpointSlice(TypedModel):
    """Some of the backends of a service."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    address_type: Annotated[str, Proto(4), REQUIRED] = Field(
        "", alias="addressType", description="IPv4, IPv6 or FQDN."
    )
    endpoints: Annotated[Items[Endpoint], Proto(2)] = Field(
        (), description="The backends, at most a thousand."
    )
    ports: Annotated[Items[EndpointPort], Proto(3)] = Field((), description="Their ports.")
