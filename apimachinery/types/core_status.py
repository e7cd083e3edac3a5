"""What a node reports of a pod: phases, conditions, container states."""

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
    """The container does not run yet, or not now."""

    reason: Annotated[str, Proto(1)] = Field("", description="One word: why.")
    message: Annotated[str, Proto(2)] = Field("", description="A sentence: why.")


class ContainerStateRunning(Model):
    """The container runs."""

    started_at: Annotated[Time, Proto(1)] = Field(
        "", alias="startedAt", description="When it was started."
    )


class ContainerStateTerminated(Model):
    """The container has ended."""

    exit_code: Annotated[Int32, Proto(1), REQUIRED] = Field(
        0, alias="exitCode", description="Its exit code."
    )
    signal: Annotated[Int32, Proto(2)] = Field(
        0, description="The signal that ended it, if one did."
    )
    reason: Annotated[str, Proto(3)] = Field(
        "", description="One word, such as Completed, Error or OOMKilled."
    )
    message: Annotated[str, Proto(4)] = Field(
        "", description="What it left in its termination message."
    )
    started_at: Annotated[Time, Proto(5)] = Field(
        "", alias="startedAt", description="When it was started."
    )
    finished_at: Annotated[Time, Proto(6)] = Field(
        "", alias="finishedAt", description="When it ended."
    )
    container_id: Annotated[str, Proto(7)] = Field(
        "", alias="containerID", description="Its id, with the runtime's name."
    )


class ContainerState(Model):
    """What a container does; exactly one is given."""

    waiting: Annotated[ContainerStateWaiting | None, Proto(1)] = Field(
        None, description="It does not run."
    )
    running: Annotated[ContainerStateRunning | None, Proto(2)] = Field(None, description="It runs.")
    terminated: Annotated[ContainerStateTerminated | None, Proto(3)] = Field(
        None, description="It has ended."
    )


class ImageVolumeStatus(Model):
    """What was last observed of the image volume."""

    image_ref: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="imageRef", description="Digest of the image."
    )


class VolumeStatus(Model):
    """What was last observed of the volume."""

    image: Annotated[ImageVolumeStatus | None, Proto(1)] = Field(
        None, description="Of an image volume."
    )


class VolumeMountStatus(Model):
    """What was last observed of the volume mount."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The volume.")
    mount_path: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="mountPath", description="Where it appears."
    )
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Whether it is read-only."
    )
    recursive_read_only: Annotated[str, Proto(4)] = Field(
        "", alias="recursiveReadOnly", description="Whether mounts below it are too."
    )
    volume_status: Annotated[VolumeStatus | None, Proto(5)] = Field(
        None, alias="volumeStatus", description="State of the volume."
    )


class LinuxContainerUser(Model):
    """User and groups of a first process."""

    uid: Annotated[Int64, Proto(1), REQUIRED] = Field(0, description="User id.")
    gid: Annotated[Int64, Proto(2), REQUIRED] = Field(0, description="Group id.")
    supplemental_groups: Annotated[Items[Int64], Proto(3)] = Field(
        (), alias="supplementalGroups", description="More group ids."
    )


class ContainerUser(Model):
    """Whom a container runs as."""

    linux: Annotated[LinuxContainerUser | None, Proto(1)] = Field(None, description="On Linux.")


class ResourceHealth(Model):
    """Health of one device."""

    resource_id: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="resourceID", description="The device."
    )
    health: Annotated[str, Proto(2)] = Field("", description="Healthy, Unhealthy or Unknown.")
    message: Annotated[str, Proto(6)] = Field("", description="A sentence: why.")


class ResourceStatus(Model):
    """What was last observed of the resource."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The resource.")
    resources: Annotated[Items[ResourceHealth], Proto(2), ListType("map", "resourceID")] = Field(
        (), description="Its devices."
    )


class ContainerStatus(Model):
    """What was last observed of the container."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name of the container.")
    state: Annotated[ContainerState | None, Proto(2)] = Field(None, description="What it does now.")
    last_state: Annotated[ContainerState | None, Proto(3)] = Field(
        None, alias="lastState", description="How it ended the last time."
    )
    ready: Annotated[bool, Proto(4), REQUIRED] = Field(
        False, description="Whether its readiness probe passes."
    )
    restart_count: Annotated[Int32, Proto(5), REQUIRED] = Field(
        0, alias="restartCount", description="How often it was started again."
    )
    image: Annotated[str, Proto(6), REQUIRED] = Field("", description="Image that it runs.")
    image_id: Annotated[str, Proto(7), REQUIRED] = Field(
        "", alias="imageID", description="Digest of that image."
    )
    container_id: Annotated[str, Proto(8)] = Field(
        "", alias="containerID", description="Id, with the runtime's name."
    )
    started: Annotated[bool | None, Proto(9)] = Field(
        None, description="Whether its startup probe has passed."
    )
    allocated_resources: Annotated[Mapping[str, Quantity], Proto(10)] = Field(
        default_factory=dict,
        alias="allocatedResources",
        description="What the node has set aside for it.",
    )
    resources: Annotated[ResourceRequirements | None, Proto(11)] = Field(
        None, description="Requests and limits in force."
    )
    volume_mounts: Annotated[
        Items[VolumeMountStatus], Proto(12), MergeKey("mountPath"), ListType("map", "mountPath")
    ] = Field((), alias="volumeMounts", description="State of its mounts.")
    user: Annotated[ContainerUser | None, Proto(13)] = Field(None, description="Whom it runs as.")
    allocated_resources_status: Annotated[
        Items[ResourceStatus], Proto(14), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="allocatedResourcesStatus", description="Health of its devices.")
    stop_signal: Annotated[str, Proto(15)] = Field(
        "", alias="stopSignal", description="The signal in force."
    )


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
    """An address of the node."""

    ip: Annotated[str, Proto(1), REQUIRED] = Field("", description="The address.")


class PodIP(Model):
    """An address of the pod."""

    ip: Annotated[str, Proto(1), REQUIRED] = Field("", description="The address.")


class PodResourceClaimStatus(Model):
    """What was last observed of the pod resource claim."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name in the pod.")
    resource_claim_name: Annotated[str, Proto(2)] = Field(
        "", alias="resourceClaimName", description="The claim that was made."
    )


class ContainerExtendedResourceRequest(Model):
    """Which request of a claim stands for a container's resource."""

    container_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="containerName", description="The container."
    )
    resource_name: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="resourceName", description="Its resource."
    )
    request_name: Annotated[str, Proto(3), REQUIRED] = Field(
        "", alias="requestName", description="The request of the claim."
    )


class PodExtendedResourceClaimStatus(Model):
    """What was last observed of the pod extended resource claim."""

    request_mappings: Annotated[Items[ContainerExtendedResourceRequest], Proto(1), REQUIRED] = (
        Field((), alias="requestMappings", description="Which request stands for which resource.")
    )
    resource_claim_name: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="resourceClaimName", description="The claim."
    )


class NodeAllocatableResourceClaimStatus(Model):
    """What was last observed of the node allocatable resource claim."""

    resource_claim_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="resourceClaimName", description="The claim."
    )
    containers: Annotated[Items[str], Proto(2), ListType("set")] = Field(
        (), description="Containers that use it."
    )
    resources: Annotated[Mapping[str, Quantity], Proto(3), REQUIRED] = Field(
        default_factory=dict, description="What they got."
    )


class PodStatus(Model):
    """What was last observed of the pod."""

    observed_generation: Annotated[Int64, Proto(17)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    phase: Annotated[str, Proto(1)] = Field(
        "", description="Pending, Running, Succeeded, Failed or Unknown."
    )
    conditions: Annotated[
        Items[PodCondition], Proto(2), MergeKey("type"), ListType("map", "type")
    ] = Field(
        (), description="Aspects of its state: PodScheduled, Initialized, ContainersReady, Ready …"
    )
    message: Annotated[str, Proto(3)] = Field(
        "", description="A sentence: why it is in this phase."
    )
    reason: Annotated[str, Proto(4)] = Field("", description="One word: why it is in this phase.")
    nominated_node_name: Annotated[str, Proto(11)] = Field(
        "", alias="nominatedNodeName", description="The node where others make room for it."
    )
    host_ip: Annotated[str, Proto(5)] = Field(
        "", alias="hostIP", description="Address of its node."
    )
    host_ips: Annotated[Items[HostIP], Proto(16), MergeKey("ip")] = Field(
        (), alias="hostIPs", description="All addresses of its node."
    )
    pod_ip: Annotated[str, Proto(6)] = Field("", alias="podIP", description="Its address.")
    pod_ips: Annotated[Items[PodIP], Proto(12), MergeKey("ip"), ListType("map", "ip")] = Field(
        (), alias="podIPs", description="Its addresses, at most one of each family."
    )
    start_time: Annotated[Time, Proto(7)] = Field(
        "", alias="startTime", description="When the node took it on."
    )
    init_container_statuses: Annotated[Items[ContainerStatus], Proto(10)] = Field(
        (), alias="initContainerStatuses", description="State of its init containers."
    )
    container_statuses: Annotated[Items[ContainerStatus], Proto(8)] = Field(
        (), alias="containerStatuses", description="State of its containers."
    )
    qos_class: Annotated[str, Proto(9)] = Field(
        "",
        alias="qosClass",
        description="Guaranteed, Burstable or BestEffort, from requests and limits.",
    )
    ephemeral_container_statuses: Annotated[Items[ContainerStatus], Proto(13)] = Field(
        (), alias="ephemeralContainerStatuses", description="State of its ephemeral containers."
    )
    resize: Annotated[str, Proto(14)] = Field(
        "", description="State of a resize (older form; see the conditions)."
    )
    resource_claim_statuses: Annotated[
        Items[PodResourceClaimStatus],
        Proto(15),
        MergeKey("name"),
        PatchStrategy("merge", "retainKeys"),
        ListType("map", "name"),
    ] = Field((), alias="resourceClaimStatuses", description="State of its resource claims.")
    extended_resource_claim_status: Annotated[PodExtendedResourceClaimStatus | None, Proto(18)] = (
        Field(
            None,
            alias="extendedResourceClaimStatus",
            description="The claim made for its extended resources.",
        )
    )
    allocated_resources: Annotated[Mapping[str, Quantity], Proto(19)] = Field(
        default_factory=dict,
        alias="allocatedResources",
        description="What the node has set aside for all of it.",
    )
    resources: Annotated[ResourceRequirements | None, Proto(20)] = Field(
        None, description="Requests and limits in force for all of it."
    )
    node_allocatable_resource_claim_statuses: Annotated[
        Items[NodeAllocatableResourceClaimStatus], Proto(21)
    ] = Field(
        (),
        alias="nodeAllocatableResourceClaimStatuses",
        description="Claims on the node's own resources.",
    )
