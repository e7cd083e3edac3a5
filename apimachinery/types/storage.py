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

    audience: Annotated[str, Proto(1), REQUIRED] = ""
    expiration_seconds: Annotated[Int64 | None, Proto(2)] = Field(None, alias="expirationSeconds")


class CSIDriverSpec(Model):
    """What is wanted of the csi driver."""

    attach_required: Annotated[bool | None, Proto(1)] = Field(None, alias="attachRequired")
    pod_info_on_mount: Annotated[bool | None, Proto(2)] = Field(None, alias="podInfoOnMount")
    volume_lifecycle_modes: Annotated[Items[str], Proto(3), ListType("set")] = Field(
        (), alias="volumeLifecycleModes"
    )
    storage_capacity: Annotated[bool | None, Proto(4)] = Field(None, alias="storageCapacity")
    fs_group_policy: Annotated[str, Proto(5)] = Field("", alias="fsGroupPolicy")
    token_requests: Annotated[Items[TokenRequest], Proto(6)] = Field((), alias="tokenRequests")
    requires_republish: Annotated[bool | None, Proto(7)] = Field(None, alias="requiresRepublish")
    se_linux_mount: Annotated[bool | None, Proto(8)] = Field(None, alias="seLinuxMount")
    node_allocatable_update_period_seconds: Annotated[Int64 | None, Proto(9)] = Field(
        None, alias="nodeAllocatableUpdatePeriodSeconds"
    )
    service_account_token_in_secrets: Annotated[bool | None, Proto(10)] = Field(
        None, alias="serviceAccountTokenInSecrets"
    )
    prevent_pod_scheduling_if_missing: Annotated[bool | None, Proto(11)] = Field(
        None, alias="preventPodSchedulingIfMissing"
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

    count: Annotated[Int32 | None, Proto(1)] = None


class CSINodeDriver(Model):
    """A storage driver on one node."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    node_id: Annotated[str, Proto(2), REQUIRED] = Field("", alias="nodeID")
    topology_keys: Annotated[Items[str], Proto(3)] = Field((), alias="topologyKeys")
    allocatable: Annotated[VolumeNodeResources | None, Proto(4)] = None


class CSINodeSpec(Model):
    """What is wanted of the csi node."""

    drivers: Annotated[
        Items[CSINodeDriver], Proto(1), MergeKey("name"), ListType("map", "name"), REQUIRED
    ] = ()


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
    node_topology: Annotated[LabelSelector | None, Proto(2)] = Field(None, alias="nodeTopology")
    storage_class_name: Annotated[str, Proto(3), REQUIRED] = Field("", alias="storageClassName")
    capacity: Annotated[Quantity | None, Proto(4)] = None
    maximum_volume_size: Annotated[Quantity | None, Proto(5)] = Field(
        None, alias="maximumVolumeSize"
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

    persistent_volume_name: Annotated[str, Proto(1)] = Field("", alias="persistentVolumeName")
    inline_volume_spec: Annotated[PersistentVolumeSpec | None, Proto(2)] = Field(
        None, alias="inlineVolumeSpec"
    )


class VolumeAttachmentSpec(Model):
    """What is wanted of the volume attachment."""

    attacher: Annotated[str, Proto(1), REQUIRED] = ""
    source: Annotated[VolumeAttachmentSource | None, Proto(2), REQUIRED] = None
    node_name: Annotated[str, Proto(3), REQUIRED] = Field("", alias="nodeName")


class VolumeError(Model):
    """What went wrong."""

    time: Annotated[Time, Proto(1)] = ""
    message: Annotated[str, Proto(2)] = ""
    error_code: Annotated[Int32 | None, Proto(3)] = Field(None, alias="errorCode")


class VolumeAttachmentStatus(Model):
    """What was last observed of the volume attachment."""

    attached: Annotated[bool, Proto(1), REQUIRED] = False
    attachment_metadata: Annotated[Mapping[str, str], Proto(2)] = Field(
        default_factory=dict, alias="attachmentMetadata"
    )
    attach_error: Annotated[VolumeError | None, Proto(3)] = Field(None, alias="attachError")
    detach_error: Annotated[VolumeError | None, Proto(4)] = Field(None, alias="detachError")


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
    driver_name: Annotated[str, Proto(2), REQUIRED] = Field("", alias="driverName")
    parameters: Annotated[Mapping[str, str], Proto(3)] = Field(default_factory=dict)
