"""core_status models."""

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
)
from apimachinery.types.core_container import ResourceRequirements


class ContainerStateWaiting(Model):
    """ContainerStateWaiting."""

    reason: Annotated[str, Proto(1)] = ""
    message: Annotated[str, Proto(2)] = ""


class ContainerStateRunning(Model):
    """ContainerStateRunning."""

    started_at: Annotated[Time, Proto(1)] = Field("", alias="startedAt")


class ContainerStateTerminated(Model):
    """ContainerStateTerminated."""

    exit_code: Annotated[Int32, Proto(1), REQUIRED] = Field(0, alias="exitCode")
    signal: Annotated[Int32, Proto(2)] = 0
    reason: Annotated[str, Proto(3)] = ""
    message: Annotated[str, Proto(4)] = ""
    started_at: Annotated[Time, Proto(5)] = Field("", alias="startedAt")
    finished_at: Annotated[Time, Proto(6)] = Field("", alias="finishedAt")
    container_id: Annotated[str, Proto(7)] = Field("", alias="containerID")


class ContainerState(Model):
    """ContainerState."""

    waiting: Annotated[ContainerStateWaiting | None, Proto(1)] = None
    running: Annotated[ContainerStateRunning | None, Proto(2)] = None
    terminated: Annotated[ContainerStateTerminated | None, Proto(3)] = None


class ImageVolumeStatus(Model):
    """What was last observed of the image volume."""

    image_ref: Annotated[str, Proto(1), REQUIRED] = Field("", alias="imageRef")


class VolumeStatus(Model):
    """What was last observed of the volume."""

    image: Annotated[ImageVolumeStatus | None, Proto(1)] = None


class VolumeMountStatus(Model):
    """What was last observed of the volume mount."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    mount_path: Annotated[str, Proto(2), REQUIRED] = Field("", alias="mountPath")
    read_only: Annotated[bool, Proto(3)] = Field(False, alias="readOnly")
    recursive_read_only: Annotated[str, Proto(4)] = Field("", alias="recursiveReadOnly")
    volume_status: Annotated[VolumeStatus | None, Proto(5)] = Field(None, alias="volumeStatus")


class LinuxContainerUser(Model):
    """LinuxContainerUser."""

    uid: Annotated[Int64, Proto(1), REQUIRED] = 0
    gid: Annotated[Int64, Proto(2), REQUIRED] = 0
    supplemental_groups: Annotated[Items[Int64], Proto(3)] = Field((), alias="supplementalGroups")


class ContainerUser(Model):
    """ContainerUser."""

    linux: Annotated[LinuxContainerUser | None, Proto(1)] = None


class ResourceHealth(Model):
    """ResourceHealth."""

    resource_id: Annotated[str, Proto(1), REQUIRED] = Field("", alias="resourceID")
    health: Annotated[str, Proto(2), REQUIRED] = ""
    message: Annotated[str, Proto(6)] = ""


class ResourceStatus(Model):
    """What was last observed of the resource."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    resources: Annotated[
        Items[ResourceHealth], Proto(2), ListType("map", "resourceID"), REQUIRED
    ] = ()


class ContainerStatus(Model):
    """What was last observed of the container."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    state: Annotated[ContainerState | None, Proto(2)] = None
    last_state: Annotated[ContainerState | None, Proto(3)] = Field(None, alias="lastState")
    ready: Annotated[bool, Proto(4), REQUIRED] = False
    restart_count: Annotated[Int32, Proto(5), REQUIRED] = Field(0, alias="restartCount")
    image: Annotated[str, Proto(6), REQUIRED] = ""
    image_id: Annotated[str, Proto(7), REQUIRED] = Field("", alias="imageID")
    container_id: Annotated[str, Proto(8)] = Field("", alias="containerID")
    started: Annotated[bool | None, Proto(9)] = None
    allocated_resources: Annotated[Mapping[str, Quantity], Proto(10)] = Field(
        default_factory=dict, alias="allocatedResources"
    )
    resources: Annotated[ResourceRequirements | None, Proto(11)] = None
    volume_mounts: Annotated[
        Items[VolumeMountStatus], Proto(12), MergeKey("mountPath"), ListType("map", "mountPath")
    ] = Field((), alias="volumeMounts")
    user: Annotated[ContainerUser | None, Proto(13)] = None
    allocated_resources_status: Annotated[
        Items[ResourceStatus], Proto(14), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="allocatedResourcesStatus")
    stop_signal: Annotated[str, Proto(15)] = Field("", alias="stopSignal")


class PodCondition(Model):
    """One aspect of the state of the pod, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    observed_generation: Annotated[Int64, Proto(7)] = Field(
        0,
        alias="observedGeneration",
        description="The generation of the object that this was judged on.",
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_probe_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastProbeTime", description="When it was last checked."
    )
    last_transition_time: Annotated[Time, Proto(4)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(5)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(6)] = Field("", description="A sentence for people.")


class HostIP(Model):
    """HostIP."""

    ip: Annotated[str, Proto(1), REQUIRED] = ""


class PodIP(Model):
    """PodIP."""

    ip: Annotated[str, Proto(1), REQUIRED] = ""


class PodResourceClaimStatus(Model):
    """What was last observed of the pod resource claim."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    resource_claim_name: Annotated[str, Proto(2)] = Field("", alias="resourceClaimName")


class ContainerExtendedResourceRequest(Model):
    """ContainerExtendedResourceRequest."""

    container_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="containerName")
    resource_name: Annotated[str, Proto(2), REQUIRED] = Field("", alias="resourceName")
    request_name: Annotated[str, Proto(3), REQUIRED] = Field("", alias="requestName")


class PodExtendedResourceClaimStatus(Model):
    """What was last observed of the pod extended resource claim."""

    request_mappings: Annotated[Items[ContainerExtendedResourceRequest], Proto(1), REQUIRED] = (
        Field((), alias="requestMappings")
    )
    resource_claim_name: Annotated[str, Proto(2), REQUIRED] = Field("", alias="resourceClaimName")


class NodeAllocatableResourceClaimStatus(Model):
    """What was last observed of the node allocatable resource claim."""

    resource_claim_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="resourceClaimName")
    containers: Annotated[Items[str], Proto(2), ListType("set")] = ()
    resources: Annotated[Mapping[str, Quantity], Proto(3), REQUIRED] = Field(default_factory=dict)


class PodStatus(Model):
    """What was last observed of the pod."""

    observed_generation: Annotated[Int64, Proto(17)] = Field(0, alias="observedGeneration")
    phase: Annotated[str, Proto(1)] = ""
    conditions: Annotated[
        Items[PodCondition], Proto(2), MergeKey("type"), ListType("map", "type")
    ] = ()
    message: Annotated[str, Proto(3)] = ""
    reason: Annotated[str, Proto(4)] = ""
    nominated_node_name: Annotated[str, Proto(11)] = Field("", alias="nominatedNodeName")
    host_ip: Annotated[str, Proto(5)] = Field("", alias="hostIP")
    host_ips: Annotated[Items[HostIP], Proto(16), MergeKey("ip")] = Field((), alias="hostIPs")
    pod_ip: Annotated[str, Proto(6)] = Field("", alias="podIP")
    pod_ips: Annotated[Items[PodIP], Proto(12), MergeKey("ip"), ListType("map", "ip")] = Field(
        (), alias="podIPs"
    )
    start_time: Annotated[Time, Proto(7)] = Field("", alias="startTime")
    init_container_statuses: Annotated[Items[ContainerStatus], Proto(10)] = Field(
        (), alias="initContainerStatuses"
    )
    container_statuses: Annotated[Items[ContainerStatus], Proto(8)] = Field(
        (), alias="containerStatuses"
    )
    qos_class: Annotated[str, Proto(9)] = Field("", alias="qosClass")
    ephemeral_container_statuses: Annotated[Items[ContainerStatus], Proto(13)] = Field(
        (), alias="ephemeralContainerStatuses"
    )
    resize: Annotated[str, Proto(14)] = ""
    resource_claim_statuses: Annotated[
        Items[PodResourceClaimStatus],
        Proto(15),
        MergeKey("name"),
        PatchStrategy("merge", "retainKeys"),
        ListType("map", "name"),
    ] = Field((), alias="resourceClaimStatuses")
    extended_resource_claim_status: Annotated[PodExtendedResourceClaimStatus | None, Proto(18)] = (
        Field(None, alias="extendedResourceClaimStatus")
    )
    allocated_resources: Annotated[Mapping[str, Quantity], Proto(19)] = Field(
        default_factory=dict, alias="allocatedResources"
    )
    resources: Annotated[ResourceRequirements | None, Proto(20)] = None
    node_allocatable_resource_claim_statuses: Annotated[
        Items[NodeAllocatableResourceClaimStatus], Proto(21)
    ] = Field((), alias="nodeAllocatableResourceClaimStatuses")
