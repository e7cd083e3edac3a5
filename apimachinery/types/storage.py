"""Storage classes, drivers and attachments."""

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
    Proto,
    Quantity,
    Time,
    TypedModel,
)
from apimachinery.types.core_affinity import TopologySelectorTerm
from apimachinery.types.core_persistent import PersistentVolumeSpec
from apimachinery.types.meta import LabelSelector, ObjectMeta


class TokenRequest(Model):
    """A token that a driver gets for each pod."""

    audience: Annotated[str, Proto(1), REQUIRED] = Field("", description="Who it is meant for.")
    expiration_seconds: Annotated[Int64 | None, Proto(2)] = Field(
        None, alias="expirationSeconds", description="Its life."
    )


class CSIDriverSpec(Model):
    """What is wanted of the csi driver."""

    attach_required: Annotated[bool | None, Proto(1)] = Field(
        None,
        alias="attachRequired",
        description="Whether volumes are attached before they are mounted.",
    )
    pod_info_on_mount: Annotated[bool | None, Proto(2)] = Field(
        None, alias="podInfoOnMount", description="Whether the driver is told about the pod."
    )
    volume_lifecycle_modes: Annotated[Items[str], Proto(3), ListType("set")] = Field(
        (), alias="volumeLifecycleModes", description="Persistent or Ephemeral."
    )
    storage_capacity: Annotated[bool | None, Proto(4)] = Field(
        None, alias="storageCapacity", description="Whether it reports how much there is."
    )
    fs_group_policy: Annotated[str, Proto(5)] = Field(
        "", alias="fsGroupPolicy", description="How ownership of files is set."
    )
    token_requests: Annotated[Items[TokenRequest], Proto(6)] = Field(
        (), alias="tokenRequests", description="Tokens that it gets for each pod."
    )
    requires_republish: Annotated[bool | None, Proto(7)] = Field(
        None, alias="requiresRepublish", description="Whether it is asked again and again."
    )
    se_linux_mount: Annotated[bool | None, Proto(8)] = Field(
        None, alias="seLinuxMount", description="Whether it mounts with a label."
    )
    node_allocatable_update_period_seconds: Annotated[Int64 | None, Proto(9)] = Field(
        None,
        alias="nodeAllocatableUpdatePeriodSeconds",
        description="How often its limits are read again.",
    )
    service_account_token_in_secrets: Annotated[bool | None, Proto(10)] = Field(
        None,
        alias="serviceAccountTokenInSecrets",
        description="Whether tokens come among the secrets.",
    )
    prevent_pod_scheduling_if_missing: Annotated[bool | None, Proto(11)] = Field(
        None,
        alias="preventPodSchedulingIfMissing",
        description="Whether pods wait for nodes that have it.",
    )


class CSIDriver(TypedModel):
    """What a storage driver can do."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[CSIDriverSpec, Proto(2), REQUIRED] = Field(
        default_factory=CSIDriverSpec, description="What is wanted."
    )


class VolumeNodeResources(Model):
    """How many volumes a node takes."""

    count: Annotated[Int32 | None, Proto(1)] = Field(None, description="How many.")


class CSINodeDriver(Model):
    """A storage driver on one node."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The driver.")
    node_id: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="nodeID", description="Its name for the node."
    )
    topology_keys: Annotated[Items[str], Proto(3)] = Field(
        (), alias="topologyKeys", description="Labels that say where the node is."
    )
    allocatable: Annotated[VolumeNodeResources | None, Proto(4)] = Field(
        None, description="How many volumes it takes."
    )


class CSINodeSpec(Model):
    """What is wanted of the csi node."""

    drivers: Annotated[
        Items[CSINodeDriver], Proto(1), MergeKey("name"), ListType("map", "name"), REQUIRED
    ] = Field((), description="The drivers.")


class CSINode(TypedModel):
    """The storage drivers of one node."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[CSINodeSpec, Proto(2), REQUIRED] = Field(
        default_factory=CSINodeSpec, description="What is wanted."
    )


class CSIStorageCapacity(TypedModel):
    """How much storage there is for a class in some place."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    node_topology: Annotated[LabelSelector | None, Proto(2)] = Field(
        None, alias="nodeTopology", description="The place, by node labels."
    )
    storage_class_name: Annotated[str, Proto(3), REQUIRED] = Field(
        "", alias="storageClassName", description="The class."
    )
    capacity: Annotated[Quantity | None, Proto(4)] = Field(None, description="How much there is.")
    maximum_volume_size: Annotated[Quantity | None, Proto(5)] = Field(
        None, alias="maximumVolumeSize", description="The largest single volume."
    )


class StorageClass(TypedModel):
    """A kind of storage that claims can ask for."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    provisioner: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="Who makes volumes of this class."
    )
    parameters: Annotated[Mapping[str, str], Proto(3)] = Field(
        default_factory=dict, description="Parameters for whoever makes them."
    )
    reclaim_policy: Annotated[str, Proto(4)] = Field(
        "",
        alias="reclaimPolicy",
        description="What becomes of a volume whose claim is gone: Delete or Retain.",
    )
    mount_options: Annotated[Items[str], Proto(5)] = Field(
        (), alias="mountOptions", description="Options that they are mounted with."
    )
    allow_volume_expansion: Annotated[bool | None, Proto(6)] = Field(
        None, alias="allowVolumeExpansion", description="Whether claims may grow."
    )
    volume_binding_mode: Annotated[str, Proto(7)] = Field(
        "",
        alias="volumeBindingMode",
        description="Immediate, or WaitForFirstConsumer: when a pod needs it.",
    )
    allowed_topologies: Annotated[Items[TopologySelectorTerm], Proto(8)] = Field(
        (), alias="allowedTopologies", description="Where volumes may be made."
    )


class VolumeAttachmentSource(Model):
    """What is attached."""

    persistent_volume_name: Annotated[str, Proto(1)] = Field(
        "", alias="persistentVolumeName", description="The volume."
    )
    inline_volume_spec: Annotated[PersistentVolumeSpec | None, Proto(2)] = Field(
        None, alias="inlineVolumeSpec", description="The volume itself."
    )


class VolumeAttachmentSpec(Model):
    """What is wanted of the volume attachment."""

    attacher: Annotated[str, Proto(1), REQUIRED] = Field("", description="The driver.")
    source: Annotated[VolumeAttachmentSource | None, Proto(2), REQUIRED] = Field(
        None, description="What is attached."
    )
    node_name: Annotated[str, Proto(3), REQUIRED] = Field(
        "", alias="nodeName", description="The node."
    )


class VolumeError(Model):
    """What went wrong."""

    time: Annotated[Time, Proto(1)] = Field("", description="When.")
    message: Annotated[str, Proto(2)] = Field("", description="What.")
    error_code: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="errorCode", description="Its code."
    )


class VolumeAttachmentStatus(Model):
    """What was last observed of the volume attachment."""

    attached: Annotated[bool, Proto(1), REQUIRED] = Field(False, description="Whether it is.")
    attachment_metadata: Annotated[Mapping[str, str], Proto(2)] = Field(
        default_factory=dict,
        alias="attachmentMetadata",
        description="What the driver says about it.",
    )
    attach_error: Annotated[VolumeError | None, Proto(3)] = Field(
        None, alias="attachError", description="Why attaching failed."
    )
    detach_error: Annotated[VolumeError | None, Proto(4)] = Field(
        None, alias="detachError", description="Why detaching failed."
    )


class VolumeAttachment(TypedModel):
    """Asks for a volume to be attached to a node."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[VolumeAttachmentSpec, Proto(2), REQUIRED] = Field(
        default_factory=VolumeAttachmentSpec, description="What is wanted."
    )
    status: Annotated[VolumeAttachmentStatus, Proto(3)] = Field(
        default_factory=VolumeAttachmentStatus,
        description="What was last observed; written by the system.",
    )


class VolumeAttributesClass(TypedModel):
    """Properties of volumes that can change."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    driver_name: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="driverName", description="The driver."
    )
    parameters: Annotated[Mapping[str, str], Proto(3)] = Field(
        default_factory=dict, description="The properties."
    )
