"""Claims on storage that outlives a pod."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Items,
    ListType,
    MergeKey,
    Model,
    Proto,
    Quantity,
    Time,
    TypedModel,
)
from apimachinery.types.core_reference import TypedLocalObjectReference, TypedObjectReference
from apimachinery.types.meta import LabelSelector, ObjectMeta


class VolumeResourceRequirements(Model):
    """How much storage a claim asks for."""

    limits: Annotated[Mapping[str, Quantity], Proto(1)] = Field(
        default_factory=dict, description="The most that will do."
    )
    requests: Annotated[Mapping[str, Quantity], Proto(2)] = Field(
        default_factory=dict, description="The least that will do."
    )


class PersistentVolumeClaimSpec(Model):
    """What is wanted of the persistent volume claim."""

    access_modes: Annotated[Items[str], Proto(1)] = Field(
        (),
        alias="accessModes",
        description="How it is to be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod.",
    )
    selector: Annotated[LabelSelector | None, Proto(4)] = Field(
        None, description="Labels that the volume must have."
    )
    resources: Annotated[VolumeResourceRequirements | None, Proto(2)] = Field(
        None, description="How much is asked for."
    )
    volume_name: Annotated[str, Proto(3)] = Field(
        "", alias="volumeName", description="The volume that it is bound to."
    )
    storage_class_name: Annotated[str | None, Proto(5)] = Field(
        None,
        alias="storageClassName",
        description="The class; the default one where absent, none where empty.",
    )
    volume_mode: Annotated[str | None, Proto(6)] = Field(
        None, alias="volumeMode", description="Filesystem or Block."
    )
    data_source: Annotated[TypedLocalObjectReference | None, Proto(7)] = Field(
        None, alias="dataSource", description="A snapshot or claim whose content it begins with."
    )
    data_source_ref: Annotated[TypedObjectReference | None, Proto(8)] = Field(
        None, alias="dataSourceRef", description="Like dataSource, for any kind of object."
    )
    volume_attributes_class_name: Annotated[str | None, Proto(9)] = Field(
        None, alias="volumeAttributesClassName", description="Class of changeable properties."
    )


class PersistentVolumeClaimTemplate(Model):
    """A claim that is made for each pod."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PersistentVolumeClaimSpec, Proto(2), REQUIRED] = Field(
        default_factory=PersistentVolumeClaimSpec, description="What is wanted."
    )


class PersistentVolumeClaimCondition(Model):
    """One aspect of the state of the persistent volume claim, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
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


class ModifyVolumeStatus(Model):
    """What was last observed of the modify volume."""

    target_volume_attributes_class_name: Annotated[str, Proto(1)] = Field(
        "", alias="targetVolumeAttributesClassName", description="The class that is being applied."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )


class PersistentVolumeClaimStatus(Model):
    """What was last observed of the persistent volume claim."""

    phase: Annotated[str, Proto(1)] = Field("", description="Pending, Bound or Lost.")
    access_modes: Annotated[Items[str], Proto(2)] = Field(
        (), alias="accessModes", description="How the bound volume can be mounted."
    )
    capacity: Annotated[Mapping[str, Quantity], Proto(3)] = Field(
        default_factory=dict, description="What the bound volume has."
    )
    conditions: Annotated[
        Items[PersistentVolumeClaimCondition], Proto(4), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state.")
    allocated_resources: Annotated[Mapping[str, Quantity], Proto(5)] = Field(
        default_factory=dict,
        alias="allocatedResources",
        description="What is set aside while it grows.",
    )
    allocated_resource_statuses: Annotated[Mapping[str, str], Proto(7)] = Field(
        default_factory=dict,
        alias="allocatedResourceStatuses",
        description="How far the growing got.",
    )
    current_volume_attributes_class_name: Annotated[str, Proto(8)] = Field(
        "", alias="currentVolumeAttributesClassName", description="The class in force."
    )
    modify_volume_status: Annotated[ModifyVolumeStatus | None, Proto(9)] = Field(
        None, alias="modifyVolumeStatus", description="How far a change of class got."
    )


class PersistentVolumeClaim(TypedModel):
    """Asks for storage that outlives pods."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PersistentVolumeClaimSpec, Proto(2)] = Field(
        default_factory=PersistentVolumeClaimSpec, description="What is wanted."
    )
    status: Annotated[PersistentVolumeClaimStatus, Proto(3)] = Field(
        default_factory=PersistentVolumeClaimStatus,
        description="What was last observed; written by the system.",
    )
