"""networking models."""

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
    """ServiceBackendPort."""

    name: Annotated[str, Proto(1)] = ""
    number: Annotated[Int32, Proto(2)] = 0


class IngressServiceBackend(Model):
    """IngressServiceBackend."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    port: Annotated[ServiceBackendPort | None, Proto(2), REQUIRED] = None


class IngressBackend(Model):
    """IngressBackend."""

    service: Annotated[IngressServiceBackend | None, Proto(4)] = None
    resource: Annotated[TypedLocalObjectReference | None, Proto(3)] = None


class HTTPIngressPath(Model):
    """HTTPIngressPath."""

    path: Annotated[str, Proto(1)] = ""
    path_type: Annotated[str, Proto(3), REQUIRED] = Field("", alias="pathType")
    backend: Annotated[IngressBackend | None, Proto(2), REQUIRED] = None


class HTTPIngressRuleValue(Model):
    """HTTPIngressRuleValue."""

    paths: Annotated[Items[HTTPIngressPath], Proto(1), REQUIRED] = ()


class ParentReference(Model):
    """ParentReference."""

    group: Annotated[str, Proto(1)] = ""
    resource: Annotated[str, Proto(2), REQUIRED] = ""
    namespace: Annotated[str, Proto(3)] = ""
    name: Annotated[str, Proto(4), REQUIRED] = ""


class IPAddressSpec(Model):
    """What is wanted of the ip address."""

    parent_ref: Annotated[ParentReference | None, Proto(1), REQUIRED] = Field(
        None, alias="parentRef"
    )


class IPAddress(TypedModel):
    """IPAddress."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[IPAddressSpec, Proto(2), REQUIRED] = Field(
        default_factory=IPAddressSpec, description="What is wanted."
    )


class IPBlock(Model):
    """IPBlock."""

    cidr: Annotated[str, Proto(1), REQUIRED] = ""
    except_: Annotated[Items[str], Proto(2)] = Field((), alias="except")


class IngressRuleValue(Model):
    """IngressRuleValue."""

    http: Annotated[HTTPIngressRuleValue | None, Proto(1)] = None


class IngressRule(IngressRuleValue):
    """IngressRule."""

    embedded: ClassVar[Mapping[type[Model], int]] = {IngressRuleValue: 2}

    host: Annotated[str, Proto(1)] = ""


class IngressTLS(Model):
    """IngressTLS."""

    hosts: Annotated[Items[str], Proto(1)] = ()
    secret_name: Annotated[str, Proto(2)] = Field("", alias="secretName")


class IngressSpec(Model):
    """What is wanted of the ingress."""

    ingress_class_name: Annotated[str | None, Proto(4)] = Field(None, alias="ingressClassName")
    default_backend: Annotated[IngressBackend | None, Proto(1)] = Field(
        None, alias="defaultBackend"
    )
    tls: Annotated[Items[IngressTLS], Proto(2)] = ()
    rules: Annotated[Items[IngressRule], Proto(3)] = ()


class IngressPortStatus(Model):
    """What was last observed of the ingress port."""

    port: Annotated[Int32, Proto(1), REQUIRED] = 0
    protocol: Annotated[str, Proto(2), REQUIRED] = ""
    error: Annotated[str, Proto(3)] = ""


class IngressLoadBalancerIngress(Model):
    """IngressLoadBalancerIngress."""

    ip: Annotated[str, Proto(1)] = ""
    hostname: Annotated[str, Proto(2)] = ""
    ports: Annotated[Items[IngressPortStatus], Proto(4)] = ()


class IngressLoadBalancerStatus(Model):
    """What was last observed of the ingress load balancer."""

    ingress: Annotated[Items[IngressLoadBalancerIngress], Proto(1)] = ()


class IngressStatus(Model):
    """What was last observed of the ingress."""

    load_balancer: Annotated[IngressLoadBalancerStatus | None, Proto(1)] = Field(
        None, alias="loadBalancer"
    )


class Ingress(TypedModel):
    """Ingress."""

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
    """IngressClassParametersReference."""

    api_group: Annotated[str, Proto(1)] = Field("", alias="apiGroup")
    kind: Annotated[str, Proto(2), REQUIRED] = ""
    name: Annotated[str, Proto(3), REQUIRED] = ""
    scope: Annotated[str, Proto(4)] = ""
    namespace: Annotated[str, Proto(5)] = ""


class IngressClassSpec(Model):
    """What is wanted of the ingress class."""

    controller: Annotated[str, Proto(1), REQUIRED] = ""
    parameters: Annotated[IngressClassParametersReference | None, Proto(2)] = None


class IngressClass(TypedModel):
    """IngressClass."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[IngressClassSpec, Proto(2)] = Field(
        default_factory=IngressClassSpec, description="What is wanted."
    )


class NetworkPolicyPeer(Model):
    """NetworkPolicyPeer."""

    pod_selector: Annotated[LabelSelector | None, Proto(1)] = Field(None, alias="podSelector")
    namespace_selector: Annotated[LabelSelector | None, Proto(2)] = Field(
        None, alias="namespaceSelector"
    )
    ip_block: Annotated[IPBlock | None, Proto(3)] = Field(None, alias="ipBlock")


class NetworkPolicyPort(Model):
    """NetworkPolicyPort."""

    protocol: Annotated[str, Proto(1)] = ""
    port: Annotated[IntOrString | None, Proto(2)] = None
    end_port: Annotated[Int32 | None, Proto(3)] = Field(None, alias="endPort")


class NetworkPolicyEgressRule(Model):
    """NetworkPolicyEgressRule."""

    ports: Annotated[Items[NetworkPolicyPort], Proto(1)] = ()
    to: Annotated[Items[NetworkPolicyPeer], Proto(2)] = ()


class NetworkPolicyIngressRule(Model):
    """NetworkPolicyIngressRule."""

    ports: Annotated[Items[NetworkPolicyPort], Proto(1)] = ()
    from_: Annotated[Items[NetworkPolicyPeer], Proto(2)] = Field((), alias="from")


class NetworkPolicySpec(Model):
    """What is wanted of the network policy."""

    pod_selector: Annotated[LabelSelector | None, Proto(1)] = Field(None, alias="podSelector")
    ingress: Annotated[Items[NetworkPolicyIngressRule], Proto(2)] = ()
    egress: Annotated[Items[NetworkPolicyEgressRule], Proto(3)] = ()
    policy_types: Annotated[Items[str], Proto(4)] = Field((), alias="policyTypes")


class NetworkPolicy(TypedModel):
    """NetworkPolicy."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[NetworkPolicySpec, Proto(2)] = Field(
        default_factory=NetworkPolicySpec, description="What is wanted."
    )


class ServiceCIDRSpec(Model):
    """What is wanted of the service cidr."""

    cidrs: Annotated[Items[str], Proto(1)] = ()


class ServiceCIDRStatus(Model):
    """What was last observed of the service cidr."""

    conditions: Annotated[
        Items[Condition], Proto(1), MergeKey("type"), ListType("map", "type")
    ] = ()


class ServiceCIDR(TypedModel):
    """ServiceCIDR."""

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
