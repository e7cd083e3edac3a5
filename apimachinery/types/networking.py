"""Ingresses, network policies, address ranges."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    IntOrString,
    Items,
    ListType,
    MergeKey,
    Model,
    Proto,
    TypedModel,
)
from apimachinery.types.core_reference import TypedLocalObjectReference
from apimachinery.types.meta import Condition, LabelSelector, ObjectMeta


class ServiceBackendPort(Model):
    """A port of a service, by name or number."""

    name: Annotated[str, Proto(1)] = Field("", description="By name.")
    number: Annotated[Int32, Proto(2)] = Field(0, description="By number.")


class IngressServiceBackend(Model):
    """A port of a service that requests go to."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The service.")
    port: Annotated[ServiceBackendPort | None, Proto(2)] = Field(None, description="Its port.")


class IngressBackend(Model):
    """Where requests go; one of the two is given."""

    service: Annotated[IngressServiceBackend | None, Proto(4)] = Field(
        None, description="A service."
    )
    resource: Annotated[TypedLocalObjectReference | None, Proto(3)] = Field(
        None, description="Another object."
    )


class HTTPIngressPath(Model):
    """Where requests for a path go."""

    path: Annotated[str, Proto(1)] = Field("", description="The path.")
    path_type: Annotated[str, Proto(3), REQUIRED] = Field(
        "", alias="pathType", description="Exact, Prefix or ImplementationSpecific."
    )
    backend: Annotated[IngressBackend | None, Proto(2), REQUIRED] = Field(
        None, description="Where requests go."
    )


class HTTPIngressRuleValue(Model):
    """Where requests of a host go."""

    paths: Annotated[Items[HTTPIngressPath], Proto(1), REQUIRED] = Field(
        (), description="The paths."
    )


class ParentReference(Model):
    """What an address belongs to."""

    group: Annotated[str, Proto(1)] = Field("", description="Its group.")
    resource: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its resource.")
    namespace: Annotated[str, Proto(3)] = Field("", description="Its namespace.")
    name: Annotated[str, Proto(4), REQUIRED] = Field("", description="Its name.")


class IPAddressSpec(Model):
    """What is wanted of the ip address."""

    parent_ref: Annotated[ParentReference | None, Proto(1), REQUIRED] = Field(
        None, alias="parentRef", description="What it belongs to."
    )


class IPAddress(TypedModel):
    """An address that is taken."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[IPAddressSpec, Proto(2), REQUIRED] = Field(
        default_factory=IPAddressSpec, description="What is wanted."
    )


class IPBlock(Model):
    """A range of addresses."""

    cidr: Annotated[str, Proto(1), REQUIRED] = Field("", description="The range.")
    except_: Annotated[Items[str], Proto(2)] = Field(
        (), alias="except", description="Parts of it that are not meant."
    )


class IngressRuleValue(Model):
    """What a rule is about."""

    http: Annotated[HTTPIngressRuleValue | None, Proto(1)] = Field(
        None, description="Paths of the host."
    )


class IngressRule(IngressRuleValue):
    """Where requests of a host go."""

    embedded: ClassVar[Mapping[type[Model], int]] = {IngressRuleValue: 2}

    host: Annotated[str, Proto(1)] = Field(
        "", description="The host; *.domain for all of a domain, none for every one."
    )


class IngressTLS(Model):
    """The certificate of some hosts."""

    hosts: Annotated[Items[str], Proto(1)] = Field((), description="The hosts.")
    secret_name: Annotated[str, Proto(2)] = Field(
        "", alias="secretName", description="The secret with key and certificate."
    )


class IngressSpec(Model):
    """What is wanted of the ingress."""

    ingress_class_name: Annotated[str | None, Proto(4)] = Field(
        None, alias="ingressClassName", description="The class; the default one where absent."
    )
    default_backend: Annotated[IngressBackend | None, Proto(1)] = Field(
        None, alias="defaultBackend", description="Where requests go that no rule takes."
    )
    tls: Annotated[Items[IngressTLS], Proto(2)] = Field((), description="Certificates.")
    rules: Annotated[Items[IngressRule], Proto(3)] = Field((), description="Where requests go.")


class IngressPortStatus(Model):
    """What was last observed of the ingress port."""

    port: Annotated[Int32, Proto(1), REQUIRED] = Field(0, description="The port.")
    protocol: Annotated[str, Proto(2), REQUIRED] = Field("", description="TCP, UDP or SCTP.")
    error: Annotated[str, Proto(3)] = Field("", description="What is wrong with it.")


class IngressLoadBalancerIngress(Model):
    """An entrance."""

    ip: Annotated[str, Proto(1)] = Field("", description="Its address.")
    hostname: Annotated[str, Proto(2)] = Field("", description="Its name.")
    ports: Annotated[Items[IngressPortStatus], Proto(4)] = Field(
        (), description="State of its ports."
    )


class IngressLoadBalancerStatus(Model):
    """What was last observed of the ingress load balancer."""

    ingress: Annotated[Items[IngressLoadBalancerIngress], Proto(1)] = Field(
        (), description="Its entrances."
    )


class IngressStatus(Model):
    """What was last observed of the ingress."""

    load_balancer: Annotated[IngressLoadBalancerStatus | None, Proto(1)] = Field(
        None, alias="loadBalancer", description="Where it can be reached."
    )


class Ingress(TypedModel):
    """Lets HTTP requests from outside in to services."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[IngressSpec, Proto(2)] = Field(
        default_factory=IngressSpec, description="What is wanted."
    )
    status: Annotated[IngressStatus, Proto(3)] = Field(
        default_factory=IngressStatus, description="What was last observed; written by the system."
    )


class IngressClassParametersReference(Model):
    """Parameters of a class."""

    api_group: Annotated[str, Proto(1)] = Field("", alias="apiGroup", description="Their group.")
    kind: Annotated[str, Proto(2), REQUIRED] = Field("", description="Their kind.")
    name: Annotated[str, Proto(3), REQUIRED] = Field("", description="Their name.")
    scope: Annotated[str, Proto(4)] = Field("", description="Cluster or Namespace.")
    namespace: Annotated[str, Proto(5)] = Field("", description="Their namespace.")


class IngressClassSpec(Model):
    """What is wanted of the ingress class."""

    controller: Annotated[str, Proto(1)] = Field("", description="The controller.")
    parameters: Annotated[IngressClassParametersReference | None, Proto(2)] = Field(
        None, description="Its parameters."
    )


class IngressClass(TypedModel):
    """Which controller an ingress is for."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[IngressClassSpec, Proto(2)] = Field(
        default_factory=IngressClassSpec, description="What is wanted."
    )


class NetworkPolicyPeer(Model):
    """Some pods or addresses."""

    pod_selector: Annotated[LabelSelector | None, Proto(1)] = Field(
        None, alias="podSelector", description="Pods with such labels."
    )
    namespace_selector: Annotated[LabelSelector | None, Proto(2)] = Field(
        None, alias="namespaceSelector", description="Pods of namespaces with such labels."
    )
    ip_block: Annotated[IPBlock | None, Proto(3)] = Field(
        None, alias="ipBlock", description="Addresses."
    )


class NetworkPolicyPort(Model):
    """Some ports."""

    protocol: Annotated[str, Proto(1)] = Field("", description="TCP, UDP or SCTP.")
    port: Annotated[IntOrString | None, Proto(2)] = Field(
        None, description="The port, by number or name; all where absent."
    )
    end_port: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="endPort", description="The last of a range of ports."
    )


class NetworkPolicyEgressRule(Model):
    """What the pods may reach."""

    ports: Annotated[Items[NetworkPolicyPort], Proto(1)] = Field(
        (), description="Only these ports."
    )
    to: Annotated[Items[NetworkPolicyPeer], Proto(2)] = Field((), description="Only these peers.")


class NetworkPolicyIngressRule(Model):
    """Who may reach the pods."""

    ports: Annotated[Items[NetworkPolicyPort], Proto(1)] = Field(
        (), description="Only these ports."
    )
    from_: Annotated[Items[NetworkPolicyPeer], Proto(2)] = Field(
        (), alias="from", description="Only these peers."
    )


class NetworkPolicySpec(Model):
    """What is wanted of the network policy."""

    pod_selector: Annotated[LabelSelector | None, Proto(1)] = Field(
        None,
        alias="podSelector",
        description="The pods that it is about; all of the namespace where empty.",
    )
    ingress: Annotated[Items[NetworkPolicyIngressRule], Proto(2)] = Field(
        (), description="Who may reach them."
    )
    egress: Annotated[Items[NetworkPolicyEgressRule], Proto(3)] = Field(
        (), description="What they may reach."
    )
    policy_types: Annotated[Items[str], Proto(4)] = Field(
        (), alias="policyTypes", description="Ingress, Egress or both."
    )


class NetworkPolicy(TypedModel):
    """Which traffic pods may have."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[NetworkPolicySpec, Proto(2)] = Field(
        default_factory=NetworkPolicySpec, description="What is wanted."
    )


class ServiceCIDRSpec(Model):
    """What is wanted of the service cidr."""

    cidrs: Annotated[Items[str], Proto(1)] = Field(
        (), description="The ranges, at most one of each family."
    )


class ServiceCIDRStatus(Model):
    """What was last observed of the service cidr."""

    conditions: Annotated[Items[Condition], Proto(1), MergeKey("type"), ListType("map", "type")] = (
        Field((), description="Aspects of its state.")
    )


class ServiceCIDR(TypedModel):
    """A range that addresses of services come from."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ServiceCIDRSpec, Proto(2)] = Field(
        default_factory=ServiceCIDRSpec, description="What is wanted."
    )
    status: Annotated[ServiceCIDRStatus, Proto(3)] = Field(
        default_factory=ServiceCIDRStatus,
        description="What was last observed; written by the system.",
    )
