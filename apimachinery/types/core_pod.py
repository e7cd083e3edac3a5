"""core_pod models."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    Int64,
    Items,
    ListType,
    MapType,
    MergeKey,
    Model,
    PatchStrategy,
    Proto,
    Quantity,
    Time,
    TypedModel,
)
from apimachinery.types.core_affinity import Affinity, Toleration, TopologySpreadConstraint
from apimachinery.types.core_container import Container, EphemeralContainer, ResourceRequirements
from apimachinery.types.core_reference import LocalObjectReference, ObjectReference
from apimachinery.types.core_security import PodSecurityContext
from apimachinery.types.core_status import PodStatus
from apimachinery.types.core_volume import Volume
from apimachinery.types.meta import ObjectMeta


class PodDNSConfigOption(Model):
    """PodDNSConfigOption."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    value: Annotated[str, Proto(2)] = ""


class PodDNSConfig(Model):
    """PodDNSConfig."""

    nameservers: Annotated[Items[str], Proto(1)] = ()
    searches: Annotated[Items[str], Proto(2)] = ()
    options: Annotated[Items[PodDNSConfigOption], Proto(3)] = ()


class HostAlias(Model):
    """HostAlias."""

    ip: Annotated[str, Proto(1), REQUIRED] = ""
    hostnames: Annotated[Items[str], Proto(2), REQUIRED] = ()


class PodReadinessGate(Model):
    """PodReadinessGate."""

    condition_type: Annotated[str, Proto(1), REQUIRED] = Field("", alias="conditionType")


class PodOS(Model):
    """PodOS."""

    name: Annotated[str, Proto(1), REQUIRED] = ""


class PodSchedulingGate(Model):
    """PodSchedulingGate."""

    name: Annotated[str, Proto(1), REQUIRED] = ""


class PodResourceClaim(Model):
    """PodResourceClaim."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    resource_claim_name: Annotated[str, Proto(3)] = Field("", alias="resourceClaimName")
    resource_claim_template_name: Annotated[str, Proto(4)] = Field(
        "", alias="resourceClaimTemplateName"
    )


class PodSchedulingGroup(Model):
    """PodSchedulingGroup."""

    pod_group_name: Annotated[str, Proto(1)] = Field("", alias="podGroupName")


class PodSpec(Model):
    """What is wanted of the pod."""

    volumes: Annotated[
        Items[Volume],
        Proto(1),
        MergeKey("name"),
        PatchStrategy("merge", "retainKeys"),
        ListType("map", "name"),
    ] = ()
    init_containers: Annotated[
        Items[Container], Proto(20), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="initContainers")
    containers: Annotated[
        Items[Container], Proto(2), MergeKey("name"), ListType("map", "name"), REQUIRED
    ] = ()
    ephemeral_containers: Annotated[
        Items[EphemeralContainer], Proto(34), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="ephemeralContainers")
    restart_policy: Annotated[str, Proto(3)] = Field("", alias="restartPolicy")
    termination_grace_period_seconds: Annotated[Int64 | None, Proto(4)] = Field(
        None, alias="terminationGracePeriodSeconds"
    )
    active_deadline_seconds: Annotated[Int64 | None, Proto(5)] = Field(
        None, alias="activeDeadlineSeconds"
    )
    dns_policy: Annotated[str, Proto(6)] = Field("", alias="dnsPolicy")
    node_selector: Annotated[Mapping[str, str], Proto(7), MapType("atomic")] = Field(
        default_factory=dict, alias="nodeSelector"
    )
    service_account_name: Annotated[str, Proto(8)] = Field("", alias="serviceAccountName")
    service_account: Annotated[str, Proto(9)] = Field("", alias="serviceAccount")
    automount_service_account_token: Annotated[bool | None, Proto(21)] = Field(
        None, alias="automountServiceAccountToken"
    )
    node_name: Annotated[str, Proto(10)] = Field("", alias="nodeName")
    host_network: Annotated[bool, Proto(11)] = Field(False, alias="hostNetwork")
    host_pid: Annotated[bool, Proto(12)] = Field(False, alias="hostPID")
    host_ipc: Annotated[bool, Proto(13)] = Field(False, alias="hostIPC")
    share_process_namespace: Annotated[bool | None, Proto(27)] = Field(
        None, alias="shareProcessNamespace"
    )
    security_context: Annotated[PodSecurityContext | None, Proto(14)] = Field(
        None, alias="securityContext"
    )
    image_pull_secrets: Annotated[
        Items[LocalObjectReference], Proto(15), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="imagePullSecrets")
    hostname: Annotated[str, Proto(16)] = ""
    subdomain: Annotated[str, Proto(17)] = ""
    affinity: Annotated[Affinity | None, Proto(18)] = None
    scheduler_name: Annotated[str, Proto(19)] = Field("", alias="schedulerName")
    tolerations: Annotated[Items[Toleration], Proto(22)] = ()
    host_aliases: Annotated[Items[HostAlias], Proto(23), MergeKey("ip"), ListType("map", "ip")] = (
        Field((), alias="hostAliases")
    )
    priority_class_name: Annotated[str, Proto(24)] = Field("", alias="priorityClassName")
    priority: Annotated[Int32 | None, Proto(25)] = None
    dns_config: Annotated[PodDNSConfig | None, Proto(26)] = Field(None, alias="dnsConfig")
    readiness_gates: Annotated[Items[PodReadinessGate], Proto(28)] = Field(
        (), alias="readinessGates"
    )
    runtime_class_name: Annotated[str, Proto(29)] = Field("", alias="runtimeClassName")
    enable_service_links: Annotated[bool | None, Proto(30)] = Field(
        None, alias="enableServiceLinks"
    )
    preemption_policy: Annotated[str, Proto(31)] = Field("", alias="preemptionPolicy")
    overhead: Annotated[Mapping[str, Quantity], Proto(32)] = Field(default_factory=dict)
    topology_spread_constraints: Annotated[
        Items[TopologySpreadConstraint],
        Proto(33),
        MergeKey("topologyKey"),
        ListType("map", "topologyKey", "whenUnsatisfiable"),
    ] = Field((), alias="topologySpreadConstraints")
    set_hostname_as_fqdn: Annotated[bool | None, Proto(35)] = Field(None, alias="setHostnameAsFQDN")
    os: Annotated[PodOS | None, Proto(36)] = None
    host_users: Annotated[bool | None, Proto(37)] = Field(None, alias="hostUsers")
    scheduling_gates: Annotated[
        Items[PodSchedulingGate], Proto(38), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="schedulingGates")
    resource_claims: Annotated[
        Items[PodResourceClaim],
        Proto(39),
        MergeKey("name"),
        PatchStrategy("merge", "retainKeys"),
        ListType("map", "name"),
    ] = Field((), alias="resourceClaims")
    resources: Annotated[ResourceRequirements | None, Proto(40)] = None
    hostname_override: Annotated[str, Proto(41)] = Field("", alias="hostnameOverride")
    scheduling_group: Annotated[PodSchedulingGroup | None, Proto(43)] = Field(
        None, alias="schedulingGroup"
    )


class PodTemplateSpec(Model):
    """What is wanted of the pod template."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PodSpec, Proto(2)] = Field(
        default_factory=PodSpec, description="What is wanted."
    )


class PodTemplate(TypedModel):
    """PodTemplate."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    template: Annotated[PodTemplateSpec | None, Proto(2)] = None


class Pod(TypedModel):
    """Pod."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PodSpec, Proto(2)] = Field(
        default_factory=PodSpec, description="What is wanted."
    )
    status: Annotated[PodStatus, Proto(3)] = Field(
        default_factory=PodStatus, description="What was last observed; written by the system."
    )


class Binding(TypedModel):
    """Binding."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    target: Annotated[ObjectReference | None, Proto(2), REQUIRED] = None


class PodAttachOptions(TypedModel):
    """PodAttachOptions."""

    stdin: Annotated[bool, Proto(1)] = False
    stdout: Annotated[bool, Proto(2)] = False
    stderr: Annotated[bool, Proto(3)] = False
    tty: Annotated[bool, Proto(4)] = False
    container: Annotated[str, Proto(5)] = ""


class PodExecOptions(TypedModel):
    """PodExecOptions."""

    stdin: Annotated[bool, Proto(1)] = False
    stdout: Annotated[bool, Proto(2)] = False
    stderr: Annotated[bool, Proto(3)] = False
    tty: Annotated[bool, Proto(4)] = False
    container: Annotated[str, Proto(5)] = ""
    command: Annotated[Items[str], Proto(6)] = ()


class PodLogOptions(TypedModel):
    """PodLogOptions."""

    container: Annotated[str, Proto(1)] = ""
    follow: Annotated[bool, Proto(2)] = False
    previous: Annotated[bool, Proto(3)] = False
    since_seconds: Annotated[Int64 | None, Proto(4)] = Field(None, alias="sinceSeconds")
    since_time: Annotated[Time, Proto(5)] = Field("", alias="sinceTime")
    timestamps: Annotated[bool, Proto(6)] = False
    tail_lines: Annotated[Int64 | None, Proto(7)] = Field(None, alias="tailLines")
    limit_bytes: Annotated[Int64 | None, Proto(8)] = Field(None, alias="limitBytes")
    insecure_skip_tls_verify_backend: Annotated[bool, Proto(9)] = Field(
        False, alias="insecureSkipTLSVerifyBackend"
    )
    stream: Annotated[str, Proto(10)] = ""


class PodPortForwardOptions(TypedModel):
    """PodPortForwardOptions."""

    ports: Annotated[Items[Int32], Proto(1)] = ()


class PodProxyOptions(TypedModel):
    """PodProxyOptions."""

    path: Annotated[str, Proto(1)] = ""


class PodStatusResult(TypedModel):
    """PodStatusResult."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    status: Annotated[PodStatus, Proto(2)] = Field(
        default_factory=PodStatus, description="What was last observed; written by the system."
    )
