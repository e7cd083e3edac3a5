"""core_service models."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    IntOrString,
    Items,
    ListType,
    MapType,
    MergeKey,
    Model,
    Proto,
    TypedModel,
)
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import Condition, ObjectMeta


class ServicePort(Model):
    """ServicePort."""

    name: Annotated[str, Proto(1)] = ""
    protocol: Annotated[str, Proto(2)] = Field("", json_schema_extra={"default": "TCP"})
    app_protocol: Annotated[str, Proto(6)] = Field("", alias="appProtocol")
    port: Annotated[Int32, Proto(3), REQUIRED] = 0
    target_port: Annotated[IntOrString | None, Proto(4)] = Field(None, alias="targetPort")
    node_port: Annotated[Int32, Proto(5)] = Field(0, alias="nodePort")


class ClientIPConfig(Model):
    """ClientIPConfig."""

    timeout_seconds: Annotated[Int32 | None, Proto(1)] = Field(None, alias="timeoutSeconds")


class SessionAffinityConfig(Model):
    """SessionAffinityConfig."""

    client_ip: Annotated[ClientIPConfig | None, Proto(1)] = Field(None, alias="clientIP")


class ServiceSpec(Model):
    """What is wanted of the service."""

    ports: Annotated[
        Items[ServicePort], Proto(1), MergeKey("port"), ListType("map", "port", "protocol")
    ] = ()
    selector: Annotated[Mapping[str, str], Proto(2), MapType("atomic")] = Field(
        default_factory=dict
    )
    cluster_ip: Annotated[str, Proto(3)] = Field("", alias="clusterIP")
    cluster_ips: Annotated[Items[str], Proto(18)] = Field((), alias="clusterIPs")
    type: Annotated[str, Proto(4)] = ""
    external_ips: Annotated[Items[str], Proto(5)] = Field((), alias="externalIPs")
    session_affinity: Annotated[str, Proto(7)] = Field("", alias="sessionAffinity")
    load_balancer_ip: Annotated[str, Proto(8)] = Field("", alias="loadBalancerIP")
    load_balancer_source_ranges: Annotated[Items[str], Proto(9)] = Field(
        (), alias="loadBalancerSourceRanges"
    )
    external_name: Annotated[str, Proto(10)] = Field("", alias="externalName")
    external_traffic_policy: Annotated[str, Proto(11)] = Field("", alias="externalTrafficPolicy")
    health_check_node_port: Annotated[Int32, Proto(12)] = Field(0, alias="healthCheckNodePort")
    publish_not_ready_addresses: Annotated[bool, Proto(13)] = Field(
        False, alias="publishNotReadyAddresses"
    )
    session_affinity_config: Annotated[SessionAffinityConfig | None, Proto(14)] = Field(
        None, alias="sessionAffinityConfig"
    )
    ip_families: Annotated[Items[str], Proto(19)] = Field((), alias="ipFamilies")
    ip_family_policy: Annotated[str, Proto(17)] = Field("", alias="ipFamilyPolicy")
    allocate_load_balancer_node_ports: Annotated[bool | None, Proto(20)] = Field(
        None, alias="allocateLoadBalancerNodePorts"
    )
    load_balancer_class: Annotated[str, Proto(21)] = Field("", alias="loadBalancerClass")
    internal_traffic_policy: Annotated[str, Proto(22)] = Field("", alias="internalTrafficPolicy")
    traffic_distribution: Annotated[str, Proto(23)] = Field("", alias="trafficDistribution")


class PortStatus(Model):
    """What was last observed of the port."""

    port: Annotated[Int32, Proto(1), REQUIRED] = 0
    protocol: Annotated[str, Proto(2), REQUIRED] = ""
    error: Annotated[str, Proto(3)] = ""


class LoadBalancerIngress(Model):
    """LoadBalancerIngress."""

    ip: Annotated[str, Proto(1)] = ""
    hostname: Annotated[str, Proto(2)] = ""
    ip_mode: Annotated[str, Proto(3)] = Field("", alias="ipMode")
    ports: Annotated[Items[PortStatus], Proto(4)] = ()


class LoadBalancerStatus(Model):
    """What was last observed of the load balancer."""

    ingress: Annotated[Items[LoadBalancerIngress], Proto(1)] = ()


class ServiceStatus(Model):
    """What was last observed of the service."""

    load_balancer: Annotated[LoadBalancerStatus | None, Proto(1)] = Field(
        None, alias="loadBalancer"
    )
    conditions: Annotated[
        Items[Condition], Proto(2), MergeKey("type"), ListType("map", "type")
    ] = ()


class Service(TypedModel):
    """Service."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ServiceSpec, Proto(2)] = Field(
        default_factory=ServiceSpec, description="What is wanted."
    )
    status: Annotated[ServiceStatus, Proto(3)] = Field(
        default_factory=ServiceStatus, description="What was last observed; written by the system."
    )


class ServiceProxyOptions(TypedModel):
    """ServiceProxyOptions."""

    path: Annotated[str, Proto(1)] = ""


class EndpointAddress(Model):
    """EndpointAddress."""

    ip: Annotated[str, Proto(1), REQUIRED] = ""
    hostname: Annotated[str, Proto(3)] = ""
    node_name: Annotated[str | None, Proto(4)] = Field(None, alias="nodeName")
    target_ref: Annotated[ObjectReference | None, Proto(2)] = Field(None, alias="targetRef")


class EndpointPort(Model):
    """EndpointPort."""

    name: Annotated[str, Proto(1)] = ""
    port: Annotated[Int32 | None, Proto(2)] = None
    protocol: Annotated[str, Proto(3)] = ""
    app_protocol: Annotated[str | None, Proto(4)] = Field(None, alias="appProtocol")


class EndpointSubset(Model):
    """EndpointSubset."""

    addresses: Annotated[Items[EndpointAddress], Proto(1)] = ()
    not_ready_addresses: Annotated[Items[EndpointAddress], Proto(2)] = Field(
        (), alias="notReadyAddresses"
    )
    ports: Annotated[Items[EndpointPort], Proto(3)] = ()


class Endpoints(TypedModel):
    """Endpoints."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    subsets: Annotated[Items[EndpointSubset], Proto(2)] = ()
