"""core_node models."""

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
    """NodeAddress."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    address: Annotated[str, Proto(2), REQUIRED] = ""


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
    """DaemonEndpoint."""

    port: Annotated[Int32, Proto(1), REQUIRED] = Field(0, alias="Port")


class NodeDaemonEndpoints(Model):
    """NodeDaemonEndpoints."""

    kubelet_endpoint: Annotated[DaemonEndpoint | None, Proto(1)] = Field(
        None, alias="kubeletEndpoint"
    )


class NodeSwapStatus(Model):
    """What was last observed of the node swap."""

    capacity: Annotated[Int64 | None, Proto(1)] = None


class NodeSystemInfo(Model):
    """NodeSystemInfo."""

    machine_id: Annotated[str, Proto(1), REQUIRED] = Field("", alias="machineID")
    system_uuid: Annotated[str, Proto(2), REQUIRED] = Field("", alias="systemUUID")
    boot_id: Annotated[str, Proto(3), REQUIRED] = Field("", alias="bootID")
    kernel_version: Annotated[str, Proto(4), REQUIRED] = Field("", alias="kernelVersion")
    os_image: Annotated[str, Proto(5), REQUIRED] = Field("", alias="osImage")
    container_runtime_version: Annotated[str, Proto(6), REQUIRED] = Field(
        "", alias="containerRuntimeVersion"
    )
    kubelet_version: Annotated[str, Proto(7), REQUIRED] = Field("", alias="kubeletVersion")
    kube_proxy_version: Annotated[str, Proto(8), REQUIRED] = Field("", alias="kubeProxyVersion")
    operating_system: Annotated[str, Proto(9), REQUIRED] = Field("", alias="operatingSystem")
    architecture: Annotated[str, Proto(10), REQUIRED] = ""
    swap: Annotated[NodeSwapStatus | None, Proto(11)] = None


class ContainerImage(Model):
    """ContainerImage."""

    names: Annotated[Items[str], Proto(1)] = ()
    size_bytes: Annotated[Int64, Proto(2)] = Field(0, alias="sizeBytes")


class AttachedVolume(Model):
    """AttachedVolume."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    device_path: Annotated[str, Proto(2), REQUIRED] = Field("", alias="devicePath")


class ConfigMapNodeConfigSource(Model):
    """ConfigMapNodeConfigSource."""

    namespace: Annotated[str, Proto(1), REQUIRED] = ""
    name: Annotated[str, Proto(2), REQUIRED] = ""
    uid: Annotated[str, Proto(3)] = ""
    resource_version: Annotated[str, Proto(4)] = Field("", alias="resourceVersion")
    kubelet_config_key: Annotated[str, Proto(5), REQUIRED] = Field("", alias="kubeletConfigKey")


class NodeConfigSource(Model):
    """NodeConfigSource."""

    config_map: Annotated[ConfigMapNodeConfigSource | None, Proto(2), REQUIRED] = Field(
        None, alias="configMap"
    )


class NodeConfigStatus(Model):
    """What was last observed of the node config."""

    assigned: Annotated[NodeConfigSource | None, Proto(1)] = None
    active: Annotated[NodeConfigSource | None, Proto(2)] = None
    last_known_good: Annotated[NodeConfigSource | None, Proto(3)] = Field(
        None, alias="lastKnownGood"
    )
    error: Annotated[str, Proto(4)] = ""


class NodeRuntimeHandlerFeatures(Model):
    """NodeRuntimeHandlerFeatures."""

    recursive_read_only_mounts: Annotated[bool | None, Proto(1)] = Field(
        None, alias="recursiveReadOnlyMounts"
    )
    user_namespaces: Annotated[bool | None, Proto(2)] = Field(None, alias="userNamespaces")


class NodeRuntimeHandler(Model):
    """NodeRuntimeHandler."""

    name: Annotated[str, Proto(1)] = ""
    features: Annotated[NodeRuntimeHandlerFeatures | None, Proto(2)] = None


class NodeFeatures(Model):
    """NodeFeatures."""

    supplemental_groups_policy: Annotated[bool | None, Proto(1)] = Field(
        None, alias="supplementalGroupsPolicy"
    )


class NodeSpec(Model):
    """What is wanted of the node."""

    pod_cidr: Annotated[str, Proto(1)] = Field("", alias="podCIDR")
    pod_cidrs: Annotated[Items[str], Proto(7), PatchStrategy("merge"), ListType("set")] = Field(
        (), alias="podCIDRs"
    )
    provider_id: Annotated[str, Proto(3)] = Field("", alias="providerID")
    unschedulable: Annotated[bool, Proto(4)] = False
    taints: Annotated[Items[Taint], Proto(5)] = ()
    config_source: Annotated[NodeConfigSource | None, Proto(6)] = Field(None, alias="configSource")
    external_id: Annotated[str, Proto(2)] = Field("", alias="externalID")


class NodeStatus(Model):
    """What was last observed of the node."""

    capacity: Annotated[Mapping[str, Quantity], Proto(1)] = Field(default_factory=dict)
    allocatable: Annotated[Mapping[str, Quantity], Proto(2)] = Field(default_factory=dict)
    phase: Annotated[str, Proto(3)] = ""
    conditions: Annotated[
        Items[NodeCondition], Proto(4), MergeKey("type"), ListType("map", "type")
    ] = ()
    addresses: Annotated[
        Items[NodeAddress], Proto(5), MergeKey("type"), ListType("map", "type")
    ] = ()
    daemon_endpoints: Annotated[NodeDaemonEndpoints | None, Proto(6)] = Field(
        None, alias="daemonEndpoints"
    )
    node_info: Annotated[NodeSystemInfo | None, Proto(7)] = Field(None, alias="nodeInfo")
    images: Annotated[Items[ContainerImage], Proto(8)] = ()
    volumes_in_use: Annotated[Items[str], Proto(9)] = Field((), alias="volumesInUse")
    volumes_attached: Annotated[Items[AttachedVolume], Proto(10)] = Field(
        (), alias="volumesAttached"
    )
    config: Annotated[NodeConfigStatus | None, Proto(11)] = None
    runtime_handlers: Annotated[Items[NodeRuntimeHandler], Proto(12)] = Field(
        (), alias="runtimeHandlers"
    )
    features: Annotated[NodeFeatures | None, Proto(13)] = None
    declared_features: Annotated[Items[str], Proto(14)] = Field((), alias="declaredFeatures")


class Node(TypedModel):
    """Node."""

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
    """NodeProxyOptions."""

    path: Annotated[str, Proto(1)] = ""
