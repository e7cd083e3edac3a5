"""Services and the endpoints behind them."""

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
    """A port of a service."""

    name: Annotated[str, Proto(1)] = Field("", description="Name, needed where there are several.")
    protocol: Annotated[str, Proto(2)] = Field(
        "", description="TCP, UDP or SCTP.", json_schema_extra={"default": "TCP"}
    )
    app_protocol: Annotated[str, Proto(6)] = Field(
        "", alias="appProtocol", description="What is spoken on it, for those who care."
    )
    port: Annotated[Int32, Proto(3), REQUIRED] = Field(
        0, description="The port on the service's address."
    )
    target_port: Annotated[IntOrString | None, Proto(4)] = Field(
        None,
        alias="targetPort",
        description="The port of the pods, by number or name; the same where absent.",
    )
    node_port: Annotated[Int32, Proto(5)] = Field(
        0, alias="nodePort", description="The port on every node, for NodePort and LoadBalancer."
    )


class ClientIPConfig(Model):
    """How long a client stays with its endpoint."""

    timeout_seconds: Annotated[Int32 | None, Proto(1)] = Field(
        None,
        alias="timeoutSeconds",
        description="Seconds since its last connection; three hours where absent.",
    )


class SessionAffinityConfig(Model):
    """Details of session affinity."""

    client_ip: Annotated[ClientIPConfig | None, Proto(1)] = Field(
        None, alias="clientIP", description="For affinity by client address."
    )


class ServiceSpec(Model):
    """What is wanted of the service."""

    ports: Annotated[
        Items[ServicePort], Proto(1), MergeKey("port"), ListType("map", "port", "protocol")
    ] = Field((), description="Its ports.")
    selector: Annotated[Mapping[str, str], Proto(2), MapType("atomic")] = Field(
        default_factory=dict,
        description="Labels of the pods behind it; without it somebody else writes the endpoints.",
    )
    cluster_ip: Annotated[str, Proto(3)] = Field(
        "",
        alias="clusterIP",
        description="Its address: given by the server, one of your choice, or None for a headless service.",
    )
    cluster_ips: Annotated[Items[str], Proto(18)] = Field(
        (), alias="clusterIPs", description="Its addresses, at most one of each family."
    )
    type: Annotated[str, Proto(4)] = Field(
        "", description="ClusterIP, NodePort, LoadBalancer or ExternalName."
    )
    external_ips: Annotated[Items[str], Proto(5)] = Field(
        (), alias="externalIPs", description="More addresses on which nodes take traffic for it."
    )
    session_affinity: Annotated[str, Proto(7)] = Field(
        "",
        alias="sessionAffinity",
        description="None, or ClientIP: a client stays with its endpoint.",
    )
    load_balancer_ip: Annotated[str, Proto(8)] = Field(
        "",
        alias="loadBalancerIP",
        description="Unused by most; the address wanted of a load balancer.",
    )
    load_balancer_source_ranges: Annotated[Items[str], Proto(9)] = Field(
        (),
        alias="loadBalancerSourceRanges",
        description="The only client ranges that a load balancer lets in.",
    )
    external_name: Annotated[str, Proto(10)] = Field(
        "", alias="externalName", description="The name that it is an alias of, for ExternalName."
    )
    external_traffic_policy: Annotated[str, Proto(11)] = Field(
        "",
        alias="externalTrafficPolicy",
        description="Cluster, or Local: only endpoints of the node that was reached.",
    )
    health_check_node_port: Annotated[Int32, Proto(12)] = Field(
        0,
        alias="healthCheckNodePort",
        description="Port on which nodes say whether they have endpoints, for Local.",
    )
    publish_not_ready_addresses: Annotated[bool, Proto(13)] = Field(
        False,
        alias="publishNotReadyAddresses",
        description="Whether pods count before they are ready.",
    )
    session_affinity_config: Annotated[SessionAffinityConfig | None, Proto(14)] = Field(
        None, alias="sessionAffinityConfig", description="Details of session affinity."
    )
    ip_families: Annotated[Items[str], Proto(19)] = Field(
        (), alias="ipFamilies", description="Families of its addresses."
    )
    ip_family_policy: Annotated[str, Proto(17)] = Field(
        "", alias="ipFamilyPolicy", description="SingleStack, PreferDualStack or RequireDualStack."
    )
    allocate_load_balancer_node_ports: Annotated[bool | None, Proto(20)] = Field(
        None,
        alias="allocateLoadBalancerNodePorts",
        description="Whether a load balancer gets node ports.",
    )
    load_balancer_class: Annotated[str, Proto(21)] = Field(
        "", alias="loadBalancerClass", description="Which load balancer it is for."
    )
    internal_traffic_policy: Annotated[str, Proto(22)] = Field(
        "",
        alias="internalTrafficPolicy",
        description="Cluster, or Local: only endpoints of the client's own node.",
    )
    traffic_distribution: Annotated[str, Proto(23)] = Field(
        "",
        alias="trafficDistribution",
        description="Which endpoints are preferred, such as PreferClose.",
    )


class PortStatus(Model):
    """State of one port of a load balancer."""

    port: Annotated[Int32, Proto(1), REQUIRED] = Field(0, description="The port.")
    protocol: Annotated[str, Proto(2), REQUIRED] = Field("", description="TCP, UDP or SCTP.")
    error: Annotated[str, Proto(3)] = Field("", description="What is wrong with it.")


class LoadBalancerIngress(Model):
    """An entrance of a load balancer."""

    ip: Annotated[str, Proto(1)] = Field("", description="Its address.")
    hostname: Annotated[str, Proto(2)] = Field("", description="Its name.")
    ip_mode: Annotated[str, Proto(3)] = Field(
        "",
        alias="ipMode",
        description="VIP, or Proxy: the address does not reach the nodes as it is.",
    )
    ports: Annotated[Items[PortStatus], Proto(4)] = Field((), description="State of its ports.")


class LoadBalancerStatus(Model):
    """What was last observed of the load balancer."""

    ingress: Annotated[Items[LoadBalancerIngress], Proto(1)] = Field(
        (), description="Its entrances."
    )


class ServiceStatus(Model):
    """What was last observed of the service."""

    load_balancer: Annotated[LoadBalancerStatus | None, Proto(1)] = Field(
        None, alias="loadBalancer", description="Where its load balancer is."
    )
    conditions: Annotated[Items[Condition], Proto(2), MergeKey("type"), ListType("map", "type")] = (
        Field((), description="Aspects of its state.")
    )


class Service(TypedModel):
    """One address and name for a set of pods."""

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
    """Options of a proxy request to a service."""

    path: Annotated[str, Proto(1)] = Field("", description="Path of the request.")


class EndpointAddress(Model):
    """An address behind a service."""

    ip: Annotated[str, Proto(1), REQUIRED] = Field("", description="The address.")
    hostname: Annotated[str, Proto(3)] = Field("", description="Its host name.")
    node_name: Annotated[str | None, Proto(4)] = Field(
        None, alias="nodeName", description="The node that it is on."
    )
    target_ref: Annotated[ObjectReference | None, Proto(2)] = Field(
        None, alias="targetRef", description="The pod that it is of."
    )


class EndpointPort(Model):
    """A port behind a service."""

    name: Annotated[str, Proto(1)] = Field("", description="Name of the service's port.")
    port: Annotated[Int32, Proto(2), REQUIRED] = Field(0, description="The port.")
    protocol: Annotated[str, Proto(3)] = Field("", description="TCP, UDP or SCTP.")
    app_protocol: Annotated[str | None, Proto(4)] = Field(
        None, alias="appProtocol", description="What is spoken on it."
    )


class EndpointSubset(Model):
    """Addresses that share their ports."""

    addresses: Annotated[Items[EndpointAddress], Proto(1)] = Field((), description="Ready ones.")
    not_ready_addresses: Annotated[Items[EndpointAddress], Proto(2)] = Field(
        (), alias="notReadyAddresses", description="Those that are not."
    )
    ports: Annotated[Items[EndpointPort], Proto(3)] = Field((), description="Their ports.")


class Endpoints(TypedModel):
    """What is behind a service of the same name, in one object; endpoint slices are the better form."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    subsets: Annotated[Items[EndpointSubset], Proto(2)] = Field(
        (), description="Groups of addresses with the same ports."
    )
