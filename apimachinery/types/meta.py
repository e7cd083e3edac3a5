"""meta models."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int64,
    Items,
    ListType,
    MergeKey,
    Model,
    PatchStrategy,
    Proto,
    RawExtension,
    Time,
)


class OwnerReference(Model):
    """OwnerReference."""

    api_version: Annotated[str, Proto(5), REQUIRED] = Field("", alias="apiVersion")
    kind: Annotated[str, Proto(1), REQUIRED] = ""
    name: Annotated[str, Proto(3), REQUIRED] = ""
    uid: Annotated[str, Proto(4), REQUIRED] = ""
    controller: Annotated[bool | None, Proto(6)] = None
    block_owner_deletion: Annotated[bool | None, Proto(7)] = Field(None, alias="blockOwnerDeletion")


class ManagedFieldsEntry(Model):
    """ManagedFieldsEntry."""

    manager: Annotated[str, Proto(1)] = ""
    operation: Annotated[str, Proto(2)] = ""
    api_version: Annotated[str, Proto(3)] = Field("", alias="apiVersion")
    time: Annotated[Time, Proto(4)] = ""
    fields_type: Annotated[str, Proto(6)] = Field("", alias="fieldsType")
    fields_v1: Annotated[RawExtension | None, Proto(7)] = Field(None, alias="fieldsV1")
    subresource: Annotated[str, Proto(8)] = ""


class ObjectMeta(Model):
    """ObjectMeta."""

    name: Annotated[str, Proto(1)] = ""
    generate_name: Annotated[str, Proto(2)] = Field("", alias="generateName")
    namespace: Annotated[str, Proto(3)] = ""
    self_link: Annotated[str, Proto(4)] = Field("", alias="selfLink")
    uid: Annotated[str, Proto(5)] = ""
    resource_version: Annotated[str, Proto(6)] = Field("", alias="resourceVersion")
    generation: Annotated[Int64, Proto(7)] = 0
    creation_timestamp: Annotated[Time, Proto(8)] = Field("", alias="creationTimestamp")
    deletion_timestamp: Annotated[Time, Proto(9)] = Field("", alias="deletionTimestamp")
    deletion_grace_period_seconds: Annotated[Int64 | None, Proto(10)] = Field(
        None, alias="deletionGracePeriodSeconds"
    )
    labels: Annotated[Mapping[str, str], Proto(11)] = Field(default_factory=dict)
    annotations: Annotated[Mapping[str, str], Proto(12)] = Field(default_factory=dict)
    owner_references: Annotated[
        Items[OwnerReference], Proto(13), MergeKey("uid"), ListType("map", "uid")
    ] = Field((), alias="ownerReferences")
    finalizers: Annotated[Items[str], Proto(14), PatchStrategy("merge"), ListType("set")] = ()
    managed_fields: Annotated[Items[ManagedFieldsEntry], Proto(17)] = Field(
        (), alias="managedFields"
    )


class ShardInfo(Model):
    """ShardInfo."""

    selector: Annotated[str, Proto(1), REQUIRED] = ""


class ListMeta(Model):
    """ListMeta."""

    self_link: Annotated[str, Proto(1)] = Field("", alias="selfLink")
    resource_version: Annotated[str, Proto(2)] = Field("", alias="resourceVersion")
    continue_: Annotated[str, Proto(3)] = Field("", alias="continue")
    remaining_item_count: Annotated[Int64 | None, Proto(4)] = Field(
        None, alias="remainingItemCount"
    )
    shard_info: Annotated[ShardInfo | None, Proto(5)] = Field(None, alias="shardInfo")


class LabelSelectorRequirement(Model):
    """LabelSelectorRequirement."""

    key: Annotated[str, Proto(1), REQUIRED] = ""
    operator: Annotated[str, Proto(2), REQUIRED] = ""
    values: Annotated[Items[str], Proto(3)] = ()


class LabelSelector(Model):
    """LabelSelector."""

    match_labels: Annotated[Mapping[str, str], Proto(1)] = Field(
        default_factory=dict, alias="matchLabels"
    )
    match_expressions: Annotated[Items[LabelSelectorRequirement], Proto(2)] = Field(
        (), alias="matchExpressions"
    )


class FieldSelectorRequirement(Model):
    """FieldSelectorRequirement."""

    key: Annotated[str, Proto(1), REQUIRED] = ""
    operator: Annotated[str, Proto(2), REQUIRED] = ""
    values: Annotated[Items[str], Proto(3)] = ()


class Condition(Model):
    """Condition."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    observed_generation: Annotated[Int64, Proto(3)] = Field(
        0,
        alias="observedGeneration",
        description="The generation of the object that this was judged on.",
    )
    last_transition_time: Annotated[Time, Proto(4), REQUIRED] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(5), REQUIRED] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(6), REQUIRED] = Field("", description="A sentence for people.")
