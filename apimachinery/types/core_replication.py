"""Replication controllers: the oldest way to keep pods running."""

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
    Proto,
    Time,
    TypedModel,
)
from apimachinery.types.core_pod import PodTemplateSpec
from apimachinery.types.meta import ObjectMeta


class ReplicationControllerSpec(Model):
    """What is wanted of the replication controller."""

    replicas: Annotated[Int32 | None, Proto(1)] = Field(
        None, description="How many pods; 1 where absent.", json_schema_extra={"default": 1}
    )
    min_ready_seconds: Annotated[Int32, Proto(4)] = Field(
        0,
        alias="minReadySeconds",
        description="How long a pod must be ready to count as available.",
        json_schema_extra={"default": 0},
    )
    selector: Annotated[Mapping[str, str], Proto(2), MapType("atomic")] = Field(
        default_factory=dict, description="Labels of its pods; the template's where absent."
    )
    template: Annotated[PodTemplateSpec | None, Proto(3)] = Field(
        None, description="What its pods look like."
    )


class ReplicationControllerCondition(Model):
    """One aspect of the state of the replication controller, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class ReplicationControllerStatus(Model):
    """What was last observed of the replication controller."""

    replicas: Annotated[Int32, Proto(1), REQUIRED] = Field(0, description="Pods that there are.")
    fully_labeled_replicas: Annotated[Int32, Proto(2)] = Field(
        0, alias="fullyLabeledReplicas", description="Those with all labels of the template."
    )
    ready_replicas: Annotated[Int32, Proto(4)] = Field(
        0, alias="readyReplicas", description="Those that are ready."
    )
    available_replicas: Annotated[Int32, Proto(5)] = Field(
        0, alias="availableReplicas", description="Those ready for long enough."
    )
    observed_generation: Annotated[Int64, Proto(3)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    conditions: Annotated[
        Items[ReplicationControllerCondition], Proto(6), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state.")


class ReplicationController(TypedModel):
    """Keeps a number of like pods running; deployments are the newer way."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ReplicationControllerSpec, Proto(2)] = Field(
        default_factory=ReplicationControllerSpec, description="What is wanted."
    )
    status: Annotated[ReplicationControllerStatus, Proto(3)] = Field(
        default_factory=ReplicationControllerStatus,
        description="What was last observed; written by the system.",
    )
