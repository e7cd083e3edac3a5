"""Pods, their templates, and the options of their subresources."""

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
    """One option of the resolver."""

    name: Annotated[str, Proto(1)] = Field("", description="Its name, such as ndots.")
    value: Annotated[str, Proto(2)] = Field("", description="Its value.")


class PodDNSConfig(Model):
    """Additions to the pod's resolver configuration."""

    nameservers: Annotated[Items[str], Proto(1)] = Field((), description="Addresses of servers.")
    searches: Annotated[Items[str], Proto(2)] = Field(
        (), description="Domains that short names are looked up in."
    )
    options: Annotated[Items[PodDNSConfigOption], Proto(3)] = Field((), description="Options.")


class HostAlias(Model):
    """A line of /etc/hosts."""

    ip: Annotated[str, Proto(1), REQUIRED] = Field("", description="The address.")
    hostnames: Annotated[Items[str], Proto(2)] = Field((), description="Its names.")


class PodReadinessGate(Model):
    """A condition that must be true besides the containers being ready."""

    condition_type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="conditionType", description="Type of the condition."
    )


class PodOS(Model):
    """The operating system that a pod is made for."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="linux or windows.")


class PodSchedulingGate(Model):
    """Keeps the pod from being scheduled until somebody removes it."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")


class PodResourceClaim(Model):
    """A resource claim that containers refer to by name."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name in the pod.")
    resource_claim_name: Annotated[str, Proto(3)] = Field(
        "", alias="resourceClaimName", description="An existing claim."
    )
    resource_claim_template_name: Annotated[str, Proto(4)] = Field(
        "", alias="resourceClaimTemplateName", description="A template that a claim is made from."
    )


class PodSchedulingGroup(Model):
    """The group that the pod is scheduled with."""

    pod_group_name: Annotated[str, Proto(1)] = Field(
        "", alias="podGroupName", description="Name of the group."
    )


class PodSpec(Model):
    """What is wanted of the pod."""

    volumes: Annotated[
        Items[Volume],
        Proto(1),
        MergeKey("name"),
        PatchStrategy("merge", "retainKeys"),
        ListType("map", "name"),
    ] = Field((), description="Volumes that its containers can mount.")
    init_containers: Annotated[
        Items[Container], Proto(20), MergeKey("name"), ListType("map", "name")
    ] = Field(
        (),
        alias="initContainers",
        description="Containers that run to their end, one after the other, before the rest starts.",
    )
    containers: Annotated[
        Items[Container], Proto(2), MergeKey("name"), ListType("map", "name"), REQUIRED
    ] = Field((), description="The containers; at least one.")
    ephemeral_containers: Annotated[
        Items[EphemeralContainer], Proto(34), MergeKey("name"), ListType("map", "name")
    ] = Field(
        (),
        alias="ephemeralContainers",
        description="Containers added to look at it; set through its own subresource.",
    )
    restart_policy: Annotated[str, Proto(3)] = Field(
        "",
        alias="restartPolicy",
        description="Whether ended containers start again: Always, OnFailure or Never.",
    )
    termination_grace_period_seconds: Annotated[Int64 | None, Proto(4)] = Field(
        None,
        alias="terminationGracePeriodSeconds",
        description="Seconds between the request to stop and the kill; 30 where absent.",
    )
    active_deadline_seconds: Annotated[Int64 | None, Proto(5)] = Field(
        None,
        alias="activeDeadlineSeconds",
        description="Seconds after which the pod is ended and has failed.",
    )
    dns_policy: Annotated[str, Proto(6)] = Field(
        "",
        alias="dnsPolicy",
        description="Which resolver it gets: ClusterFirst, ClusterFirstWithHostNet, Default or None.",
    )
    node_selector: Annotated[Mapping[str, str], Proto(7), MapType("atomic")] = Field(
        default_factory=dict, alias="nodeSelector", description="Labels that its node must have."
    )
    service_account_name: Annotated[str, Proto(8)] = Field(
        "", alias="serviceAccountName", description="The identity that it acts with."
    )
    service_account: Annotated[str, Proto(9)] = Field(
        "", alias="serviceAccount", description="Older name of serviceAccountName."
    )
    automount_service_account_token: Annotated[bool | None, Proto(21)] = Field(
        None,
        alias="automountServiceAccountToken",
        description="Whether a token of that identity is mounted.",
    )
    node_name: Annotated[str, Proto(10)] = Field(
        "", alias="nodeName", description="The node that it runs on; set when it is bound."
    )
    host_network: Annotated[bool, Proto(11)] = Field(
        False, alias="hostNetwork", description="Use the node's network instead of its own."
    )
    host_pid: Annotated[bool, Proto(12)] = Field(
        False, alias="hostPID", description="See the node's processes."
    )
    host_ipc: Annotated[bool, Proto(13)] = Field(
        False, alias="hostIPC", description="Share the node's IPC."
    )
    share_process_namespace: Annotated[bool | None, Proto(27)] = Field(
        None,
        alias="shareProcessNamespace",
        description="Let its containers see each other's processes.",
    )
    security_context: Annotated[PodSecurityContext | None, Proto(14)] = Field(
        None, alias="securityContext", description="What the processes of all containers may do."
    )
    image_pull_secrets: Annotated[
        Items[LocalObjectReference], Proto(15), MergeKey("name"), ListType("map", "name")
    ] = Field(
        (), alias="imagePullSecrets", description="Secrets with credentials for image registries."
    )
    hostname: Annotated[str, Proto(16)] = Field(
        "", description="Host name; the pod's name where absent."
    )
    subdomain: Annotated[str, Proto(17)] = Field(
        "", description="Domain under its namespace's; needs a headless service of the same name."
    )
    affinity: Annotated[Affinity | None, Proto(18)] = Field(
        None, description="Where it wants to be."
    )
    scheduler_name: Annotated[str, Proto(19)] = Field(
        "", alias="schedulerName", description="Who schedules it."
    )
    tolerations: Annotated[Items[Toleration], Proto(22)] = Field(
        (), description="Taints that do not keep it away."
    )
    host_aliases: Annotated[Items[HostAlias], Proto(23), MergeKey("ip"), ListType("map", "ip")] = (
        Field((), alias="hostAliases", description="Lines for /etc/hosts.")
    )
    priority_class_name: Annotated[str, Proto(24)] = Field(
        "", alias="priorityClassName", description="Class that its priority comes from."
    )
    priority: Annotated[Int32 | None, Proto(25)] = Field(
        None, description="The priority itself; set from the class."
    )
    dns_config: Annotated[PodDNSConfig | None, Proto(26)] = Field(
        None, alias="dnsConfig", description="Additions to the resolver configuration."
    )
    readiness_gates: Annotated[Items[PodReadinessGate], Proto(28)] = Field(
        (), alias="readinessGates", description="Conditions that must be true for it to be ready."
    )
    runtime_class_name: Annotated[str, Proto(29)] = Field(
        "",
        alias="runtimeClassName",
        description="How it is run, where the node knows several ways.",
    )
    enable_service_links: Annotated[bool | None, Proto(30)] = Field(
        None,
        alias="enableServiceLinks",
        description="Whether services appear as environment variables.",
    )
    preemption_policy: Annotated[str, Proto(31)] = Field(
        "", alias="preemptionPolicy", description="PreemptLowerPriority or Never."
    )
    overhead: Annotated[Mapping[str, Quantity], Proto(32)] = Field(
        default_factory=dict,
        description="What running it costs besides its containers; set from the runtime class.",
    )
    topology_spread_constraints: Annotated[
        Items[TopologySpreadConstraint],
        Proto(33),
        MergeKey("topologyKey"),
        ListType("map", "topologyKey", "whenUnsatisfiable"),
    ] = Field((), alias="topologySpreadConstraints", description="How evenly its like are spread.")
    set_hostname_as_fqdn: Annotated[bool | None, Proto(35)] = Field(
        None, alias="setHostnameAsFQDN", description="Use the full domain name as host name."
    )
    os: Annotated[PodOS | None, Proto(36)] = Field(
        None, description="The operating system that it is made for."
    )
    host_users: Annotated[bool | None, Proto(37)] = Field(
        None,
        alias="hostUsers",
        description="Whether it uses the node's user ids; false gives it ids of its own.",
    )
    scheduling_gates: Annotated[
        Items[PodSchedulingGate], Proto(38), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="schedulingGates", description="While there are any, it is not scheduled.")
    resource_claims: Annotated[
        Items[PodResourceClaim],
        Proto(39),
        MergeKey("name"),
        PatchStrategy("merge", "retainKeys"),
        ListType("map", "name"),
    ] = Field((), alias="resourceClaims", description="Resource claims that its containers use.")
    resources: Annotated[ResourceRequirements | None, Proto(40)] = Field(
        None, description="Requests and limits of all containers together."
    )
    hostname_override: Annotated[str, Proto(41)] = Field(
        "", alias="hostnameOverride", description="Host name, whatever else says."
    )
    scheduling_group: Annotated[PodSchedulingGroup | None, Proto(43)] = Field(
        None, alias="schedulingGroup", description="The group that it is scheduled with."
    )


class PodTemplateSpec(Model):
    """What pods made from a template look like."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Labels and annotations of such pods."
    )
    spec: Annotated[PodSpec, Proto(2)] = Field(
        default_factory=PodSpec, description="What is wanted of such pods."
    )


class PodTemplate(TypedModel):
    """A template for pods, kept for later use."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    template: Annotated[PodTemplateSpec | None, Proto(2)] = Field(None, description="The template.")


class Pod(TypedModel):
    """Containers that run together on one node, with one address and shared volumes."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PodSpec, Proto(2)] = Field(
        default_factory=PodSpec, description="What is wanted of the pod."
    )
    status: Annotated[PodStatus, Proto(3)] = Field(
        default_factory=PodStatus,
        description="What was last observed of the pod; written by its node.",
    )


class Binding(TypedModel):
    """Puts a pod on a node."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    target: Annotated[ObjectReference | None, Proto(2), REQUIRED] = Field(
        None, description="The node."
    )


class PodAttachOptions(TypedModel):
    """Options of attach."""

    stdin: Annotated[bool, Proto(1)] = Field(False, description="Send input.")
    stdout: Annotated[bool, Proto(2)] = Field(False, description="Receive output.")
    stderr: Annotated[bool, Proto(3)] = Field(False, description="Receive errors.")
    tty: Annotated[bool, Proto(4)] = Field(False, description="It has a terminal.")
    container: Annotated[str, Proto(5)] = Field(
        "", description="The container; the only one where absent."
    )


class PodExecOptions(TypedModel):
    """Options of exec."""

    stdin: Annotated[bool, Proto(1)] = Field(False, description="Send input.")
    stdout: Annotated[bool, Proto(2)] = Field(False, description="Receive output.")
    stderr: Annotated[bool, Proto(3)] = Field(False, description="Receive errors.")
    tty: Annotated[bool, Proto(4)] = Field(False, description="Give it a terminal.")
    container: Annotated[str, Proto(5)] = Field(
        "", description="The container; the only one where absent."
    )
    command: Annotated[Items[str], Proto(6)] = Field(
        (), description="The command and its arguments."
    )


class PodLogOptions(TypedModel):
    """Options of log."""

    container: Annotated[str, Proto(1)] = Field(
        "", description="The container; the only one where absent."
    )
    follow: Annotated[bool, Proto(2)] = Field(False, description="Go on as the log grows.")
    previous: Annotated[bool, Proto(3)] = Field(
        False, description="The log of the container before the last restart."
    )
    since_seconds: Annotated[Int64 | None, Proto(4)] = Field(
        None, alias="sinceSeconds", description="Only the last so many seconds."
    )
    since_time: Annotated[Time, Proto(5)] = Field(
        "", alias="sinceTime", description="Only from this moment on."
    )
    timestamps: Annotated[bool, Proto(6)] = Field(
        False, description="Put the time before each line."
    )
    tail_lines: Annotated[Int64 | None, Proto(7)] = Field(
        None, alias="tailLines", description="Only the last so many lines."
    )
    limit_bytes: Annotated[Int64 | None, Proto(8)] = Field(
        None, alias="limitBytes", description="At most so many bytes."
    )
    insecure_skip_tls_verify_backend: Annotated[bool, Proto(9)] = Field(
        False,
        alias="insecureSkipTLSVerifyBackend",
        description="Do not check the node's certificate.",
    )
    stream: Annotated[str, Proto(10)] = Field("", description="All, Stdout or Stderr.")


class PodPortForwardOptions(TypedModel):
    """Options of port-forward."""

    ports: Annotated[Items[Int32], Proto(1)] = Field((), description="Ports of the pod.")


class PodProxyOptions(TypedModel):
    """Options of a proxy request to a pod."""

    path: Annotated[str, Proto(1)] = Field("", description="Path of the request.")


class PodStatusResult(TypedModel):
    """A pod's status, as a node once served it."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    status: Annotated[PodStatus, Proto(2)] = Field(
        default_factory=PodStatus, description="What was last observed; written by the system."
    )
