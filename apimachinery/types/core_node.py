"""Machines: what they have, what they report."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    Int64,
    Items,
    ListType,
    MergeKey,
    Model,
    PatchStrategy,
    Proto,
    Quantity,
    Time,
    TypedModel,
)
from apimachinery.types.core_affinity import Taint
from apimachinery.types.meta import ObjectMeta


class NodeAddress(Model):
    """An address of the node."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="InternalIP, ExternalIP, Hostname, InternalDNS or ExternalDNS."
    )
    address: Annotated[str, Proto(2), REQUIRED] = Field("", description="The address.")


class NodeCondition(Model):
    """One aspect of the state of the node, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_heartbeat_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastHeartbeatTime", description="When the status was last confirmed."
    )
    last_transition_time: Annotated[Time, Proto(4)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(5)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(6)] = Field("", description="A sentence for people.")


class DaemonEndpoint(Model):
    """Where a daemon listens."""

    port: Annotated[Int32, Proto(1), REQUIRED] = Field(0, alias="Port", description="Its port.")


class NodeDaemonEndpoints(Model):
    """Where the node's daemons listen."""

    kubelet_endpoint: Annotated[DaemonEndpoint | None, Proto(1)] = Field(
        None, alias="kubeletEndpoint", description="Where its agent listens."
    )


class NodeSwapStatus(Model):
    """What was last observed of the node swap."""

    capacity: Annotated[Int64 | None, Proto(1)] = Field(None, description="Bytes of swap.")


class NodeSystemInfo(Model):
    """What the node is made of."""

    machine_id: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="machineID", description="Id of the machine."
    )
    system_uuid: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="systemUUID", description="Id of the hardware."
    )
    boot_id: Annotated[str, Proto(3), REQUIRED] = Field(
        "", alias="bootID", description="Id of this boot."
    )
    kernel_version: Annotated[str, Proto(4), REQUIRED] = Field(
        "", alias="kernelVersion", description="Version of the kernel."
    )
    os_image: Annotated[str, Proto(5), REQUIRED] = Field(
        "", alias="osImage", description="Name of the operating system."
    )
    container_runtime_version: Annotated[str, Proto(6), REQUIRED] = Field(
        "", alias="containerRuntimeVersion", description="Runtime and its version."
    )
    kubelet_version: Annotated[str, Proto(7), REQUIRED] = Field(
        "", alias="kubeletVersion", description="Version of the agent."
    )
    kube_proxy_version: Annotated[str, Proto(8), REQUIRED] = Field(
        "", alias="kubeProxyVersion", description="Version of the service proxy."
    )
    operating_system: Annotated[str, Proto(9), REQUIRED] = Field(
        "", alias="operatingSystem", description="linux or windows."
    )
    architecture: Annotated[str, Proto(10), REQUIRED] = Field(
        "", description="Processor architecture."
    )
    swap: Annotated[NodeSwapStatus | None, Proto(11)] = Field(None, description="Its swap.")


class ContainerImage(Model):
    """An image that the node has."""

    names: Annotated[Items[str], Proto(1)] = Field((), description="Names of the image.")
    size_bytes: Annotated[Int64, Proto(2)] = Field(0, alias="sizeBytes", description="Its size.")


class AttachedVolume(Model):
    """A volume attached to the node."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The volume.")
    device_path: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="devicePath", description="Its device."
    )


class ConfigMapNodeConfigSource(Model):
    """Unused: configuration from a config map."""

    namespace: Annotated[str, Proto(1), REQUIRED] = Field("", description="Unused.")
    name: Annotated[str, Proto(2), REQUIRED] = Field("", description="Unused.")
    uid: Annotated[str, Proto(3)] = Field("", description="Unused.")
    resource_version: Annotated[str, Proto(4)] = Field(
        "", alias="resourceVersion", description="Unused."
    )
    kubelet_config_key: Annotated[str, Proto(5), REQUIRED] = Field(
        "", alias="kubeletConfigKey", description="Unused."
    )


class NodeConfigSource(Model):
    """Unused: where the agent's configuration came from."""

    config_map: Annotated[ConfigMapNodeConfigSource | None, Proto(2)] = Field(
        None, alias="configMap", description="Unused."
    )


class NodeConfigStatus(Model):
    """What was last observed of the node config."""

    assigned: Annotated[NodeConfigSource | None, Proto(1)] = Field(None, description="Unused.")
    active: Annotated[NodeConfigSource | None, Proto(2)] = Field(None, description="Unused.")
    last_known_good: Annotated[NodeConfigSource | None, Proto(3)] = Field(
        None, alias="lastKnownGood", description="Unused."
    )
    error: Annotated[str, Proto(4)] = Field("", description="Unused.")


class NodeRuntimeHandlerFeatures(Model):
    """What a runtime handler can do."""

    recursive_read_only_mounts: Annotated[bool | None, Proto(1)] = Field(
        None, alias="recursiveReadOnlyMounts", description="Read-only mounts with all below them."
    )
    user_namespaces: Annotated[bool | None, Proto(2)] = Field(
        None, alias="userNamespaces", description="User ids of the pod's own."
    )


class NodeRuntimeHandler(Model):
    """One way of running pods on the node."""

    name: Annotated[str, Proto(1)] = Field("", description="Its name; empty is the default.")
    features: Annotated[NodeRuntimeHandlerFeatures | None, Proto(2)] = Field(
        None, description="What it can do."
    )


class NodeFeatures(Model):
    """What the node can do."""

    supplemental_groups_policy: Annotated[bool | None, Proto(1)] = Field(
        None,
        alias="supplementalGroupsPolicy",
        description="Whether pods can choose how groups are merged.",
    )


class NodeSpec(Model):
    """What is wanted of the node."""

    pod_cidr: Annotated[str, Proto(1)] = Field(
        "", alias="podCIDR", description="Range that the addresses of its pods come from."
    )
    pod_cidrs: Annotated[Items[str], Proto(7), PatchStrategy("merge"), ListType("set")] = Field(
        (), alias="podCIDRs", description="The same, at most one range of each family."
    )
    provider_id: Annotated[str, Proto(3)] = Field(
        "", alias="providerID", description="Name of the machine at its cloud."
    )
    unschedulable: Annotated[bool, Proto(4)] = Field(
        False, description="Whether new pods are kept away."
    )
    taints: Annotated[Items[Taint], Proto(5)] = Field(
        (), description="What keeps pods away unless they tolerate it."
    )
    config_source: Annotated[NodeConfigSource | None, Proto(6)] = Field(
        None, alias="configSource", description="Unused."
    )
    external_id: Annotated[str, Proto(2)] = Field("", alias="externalID", description="Unused.")


class NodeStatus(Model):
    """What was last observed of the node."""

    capacity: Annotated[Mapping[str, Quantity], Proto(1)] = Field(
        default_factory=dict, description="What the machine has."
    )
    allocatable: Annotated[Mapping[str, Quantity], Proto(2)] = Field(
        default_factory=dict, description="What pods may have of it."
    )
    phase: Annotated[str, Proto(3)] = Field("", description="Unused.")
    conditions: Annotated[
        Items[NodeCondition], Proto(4), MergeKey("type"), ListType("map", "type")
    ] = Field(
        (), description="Aspects of its state: Ready, MemoryPressure, DiskPressure, PIDPressure …"
    )
    addresses: Annotated[
        Items[NodeAddress], Proto(5), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Its addresses.")
    daemon_endpoints: Annotated[NodeDaemonEndpoints | None, Proto(6)] = Field(
        None, alias="daemonEndpoints", description="Where its daemons listen."
    )
    node_info: Annotated[NodeSystemInfo | None, Proto(7)] = Field(
        None, alias="nodeInfo", description="What it is made of."
    )
    images: Annotated[Items[ContainerImage], Proto(8)] = Field(
        (), description="Images that it has."
    )
    volumes_in_use: Annotated[Items[str], Proto(9)] = Field(
        (), alias="volumesInUse", description="Volumes that pods use."
    )
    volumes_attached: Annotated[Items[AttachedVolume], Proto(10)] = Field(
        (), alias="volumesAttached", description="Volumes attached to it."
    )
    config: Annotated[NodeConfigStatus | None, Proto(11)] = Field(None, description="Unused.")
    runtime_handlers: Annotated[Items[NodeRuntimeHandler], Proto(12)] = Field(
        (), alias="runtimeHandlers", description="Ways of running pods."
    )
    features: Annotated[NodeFeatures | None, Proto(13)] = Field(None, description="What it can do.")
    declared_features: Annotated[Items[str], Proto(14)] = Field(
        (), alias="declaredFeatures", description="Features that its agent has."
    )


class Node(TypedModel):
    """A machine that runs pods."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[NodeSpec, Proto(2)] = Field(
        default_factory=NodeSpec, description="What is wanted."
    )
    status: Annotated[NodeStatus, Proto(3)] = Field(
        default_factory=NodeStatus, description="What was last observed; written by the system."
    )


class NodeProxyOptions(TypedModel):
    """Options of a proxy request to a node."""

    path: Annotated[str, Proto(1)] = Field("", description="Path of the request.")
