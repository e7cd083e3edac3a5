"""What every object carries: names, labels, owners, revision; label selectors and conditions.

Neighbours: `apimachinery.types.meta_options` has what comes with requests instead.
"""

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
    """Points at the object that this one belongs to and is deleted with."""

    api_version: Annotated[str, Proto(5), REQUIRED] = Field(
        "", alias="apiVersion", description="Group and version of the owner."
    )
    kind: Annotated[str, Proto(1), REQUIRED] = Field("", description="Kind of the owner.")
    name: Annotated[str, Proto(3), REQUIRED] = Field(
        "", description="Name of the owner, in the same namespace or cluster-scoped."
    )
    uid: Annotated[str, Proto(4), REQUIRED] = Field(
        "", description="Uid of the owner: a new object of the same name is not meant."
    )
    controller: Annotated[bool | None, Proto(6)] = Field(
        None, description="Whether the owner is the one that manages this object; at most one is."
    )
    block_owner_deletion: Annotated[bool | None, Proto(7)] = Field(
        None,
        alias="blockOwnerDeletion",
        description="Whether the owner, deleted in the foreground, waits for this object to go first.",
    )


class ManagedFieldsEntry(Model):
    """The fields that one manager owns through one way of writing."""

    manager: Annotated[str, Proto(1)] = Field(
        "", description="Name of the client or controller that owns the fields."
    )
    operation: Annotated[str, Proto(2)] = Field(
        "", description="How it wrote them: Apply or Update."
    )
    api_version: Annotated[str, Proto(3)] = Field(
        "", alias="apiVersion", description="The version that the field names are those of."
    )
    time: Annotated[Time, Proto(4)] = Field("", description="When the set of fields last changed.")
    fields_type: Annotated[str, Proto(6)] = Field(
        "", alias="fieldsType", description="The form of the set; only FieldsV1 exists."
    )
    fields_v1: Annotated[RawExtension | None, Proto(7)] = Field(
        None,
        alias="fieldsV1",
        description="The set: a tree of f: (field), k: (list item by key), v: (value) entries.",
    )
    subresource: Annotated[str, Proto(8)] = Field(
        "", description="The subresource through which they were written."
    )


class ObjectMeta(Model):
    """What every stored object carries besides its own content."""

    name: Annotated[str, Proto(1)] = Field(
        "",
        description="Name, unique among the objects of its resource in its namespace; it cannot change.",
    )
    generate_name: Annotated[str, Proto(2)] = Field(
        "",
        alias="generateName",
        description="Prefix of a name that the server completes with a random suffix when no name is given.",
    )
    namespace: Annotated[str, Proto(3)] = Field(
        "", description="The namespace that the object lives in; empty for cluster-scoped kinds."
    )
    self_link: Annotated[str, Proto(4)] = Field(
        "", alias="selfLink", description="Unused; it once held the path of the object."
    )
    uid: Annotated[str, Proto(5)] = Field(
        "", description="Unique for all time, given by the server at creation."
    )
    resource_version: Annotated[str, Proto(6)] = Field(
        "",
        alias="resourceVersion",
        description="Revision of the last change; send it back to write only if nobody wrote meanwhile.",
    )
    generation: Annotated[Int64, Proto(7)] = Field(
        0,
        description="Counts the changes of what is wanted; status writers report which one they have seen.",
    )
    # Kubernetes' conformance cases look for the first words in `kubectl explain`.
    creation_timestamp: Annotated[Time, Proto(8)] = Field(
        "",
        alias="creationTimestamp",
        description="CreationTimestamp is a timestamp: when the server stored the object first.",
    )
    deletion_timestamp: Annotated[Time, Proto(9)] = Field(
        "",
        alias="deletionTimestamp",
        description="When the object will be gone; set by the server when deletion was asked for.",
    )
    deletion_grace_period_seconds: Annotated[Int64 | None, Proto(10)] = Field(
        None,
        alias="deletionGracePeriodSeconds",
        description="Seconds that the object was given to end in an orderly way.",
    )
    labels: Annotated[Mapping[str, str], Proto(11)] = Field(
        default_factory=dict, description="Short key-value pairs that selectors match."
    )
    annotations: Annotated[Mapping[str, str], Proto(12)] = Field(
        default_factory=dict,
        description="Key-value pairs of any size for tools and people; nothing selects by them.",
    )
    owner_references: Annotated[
        Items[OwnerReference], Proto(13), MergeKey("uid"), ListType("map", "uid")
    ] = Field(
        (),
        alias="ownerReferences",
        description="The objects that this one belongs to; when all of them are gone it is collected.",
    )
    finalizers: Annotated[Items[str], Proto(14), PatchStrategy("merge"), ListType("set")] = Field(
        (),
        description="Names of those who must do something before the object may vanish; each removes its own.",
    )
    managed_fields: Annotated[Items[ManagedFieldsEntry], Proto(17)] = Field(
        (), alias="managedFields", description="Who owns which fields; kept by server-side apply."
    )


class ShardInfo(Model):
    """Which part of a sharded list this is."""

    selector: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="The selector of the shard."
    )


class ListMeta(Model):
    """What every list carries besides its items."""

    self_link: Annotated[str, Proto(1)] = Field(
        "", alias="selfLink", description="Unused; it once held the path of the list."
    )
    resource_version: Annotated[str, Proto(2)] = Field(
        "",
        alias="resourceVersion",
        description="Revision at which the list was read; a watch goes on from here.",
    )
    continue_: Annotated[str, Proto(3)] = Field(
        "", alias="continue", description="Token for the next page; empty on the last one."
    )
    remaining_item_count: Annotated[Int64 | None, Proto(4)] = Field(
        None,
        alias="remainingItemCount",
        description="How many objects come on later pages, where that is known.",
    )
    shard_info: Annotated[ShardInfo | None, Proto(5)] = Field(
        None, alias="shardInfo", description="Which shard was listed."
    )


class LabelSelectorRequirement(Model):
    """One test on the labels."""

    key: Annotated[str, Proto(1), REQUIRED] = Field("", description="The label's key.")
    operator: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="In, NotIn, Exists or DoesNotExist."
    )
    values: Annotated[Items[str], Proto(3)] = Field(
        (), description="Values for In and NotIn; none for the others."
    )


class LabelSelector(Model):
    """Selects objects by their labels; all parts must hold, and an empty one selects everything."""

    match_labels: Annotated[Mapping[str, str], Proto(1)] = Field(
        default_factory=dict,
        alias="matchLabels",
        description="Labels that must be there with exactly these values.",
    )
    match_expressions: Annotated[Items[LabelSelectorRequirement], Proto(2)] = Field(
        (), alias="matchExpressions", description="Tests that must all hold."
    )


class FieldSelectorRequirement(Model):
    """One test on a field."""

    key: Annotated[str, Proto(1), REQUIRED] = Field("", description="Path of the field.")
    operator: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="In, NotIn, Exists or DoesNotExist."
    )
    values: Annotated[Items[str], Proto(3)] = Field((), description="Values for In and NotIn.")


class Condition(Model):
    """One aspect of the state of an object, and when it changed."""

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
