"""What comes with requests and answers: options, Status, discovery documents, watch events."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    Int64,
    Items,
    Model,
    Proto,
    RawExtension,
    Strings,
    TypedModel,
)
from apimachinery.types.meta import ListMeta, ObjectMeta


class Preconditions(Model):
    """What must be true for a request to be carried out."""

    uid: Annotated[str | None, Proto(1)] = Field(
        None, description="The object must still be the one with this uid."
    )
    resource_version: Annotated[str | None, Proto(2)] = Field(
        None, alias="resourceVersion", description="The object must still be at this revision."
    )


class DeleteOptions(TypedModel):
    """How something is to be deleted."""

    grace_period_seconds: Annotated[Int64 | None, Proto(1)] = Field(
        None,
        alias="gracePeriodSeconds",
        description="Seconds given to end in an orderly way; 0 means at once.",
    )
    preconditions: Annotated[Preconditions | None, Proto(2)] = Field(
        None, description="Delete only if these hold."
    )
    orphan_dependents: Annotated[bool | None, Proto(3)] = Field(
        None,
        alias="orphanDependents",
        description="Older form of the propagation policy: true keeps dependents.",
    )
    propagation_policy: Annotated[str | None, Proto(4)] = Field(
        None,
        alias="propagationPolicy",
        description="What becomes of dependents: Orphan, Background or Foreground.",
    )
    dry_run: Annotated[Items[str], Proto(5)] = Field(
        (), alias="dryRun", description="All: check everything, change nothing."
    )
    ignore_store_read_error_with_cluster_breaking_potential: Annotated[bool | None, Proto(6)] = (
        Field(
            None,
            alias="ignoreStoreReadErrorWithClusterBreakingPotential",
            description="Delete even an object that cannot be read.",
        )
    )


class CreateOptions(TypedModel):
    """Options of a create request."""

    dry_run: Annotated[Items[str], Proto(1)] = Field(
        (), alias="dryRun", description="All: check everything, change nothing."
    )
    field_manager: Annotated[str, Proto(3)] = Field(
        "", alias="fieldManager", description="The name under which fields are owned."
    )
    field_validation: Annotated[str, Proto(4)] = Field(
        "", alias="fieldValidation", description="Unknown fields: Ignore, Warn or Strict."
    )


class UpdateOptions(TypedModel):
    """Options of an update request."""

    dry_run: Annotated[Items[str], Proto(1)] = Field(
        (), alias="dryRun", description="All: check everything, change nothing."
    )
    field_manager: Annotated[str, Proto(2)] = Field(
        "", alias="fieldManager", description="The name under which fields are owned."
    )
    field_validation: Annotated[str, Proto(3)] = Field(
        "", alias="fieldValidation", description="Unknown fields: Ignore, Warn or Strict."
    )


class PatchOptions(TypedModel):
    """Options of a patch request."""

    dry_run: Annotated[Items[str], Proto(1)] = Field(
        (), alias="dryRun", description="All: check everything, change nothing."
    )
    force: Annotated[bool | None, Proto(2)] = Field(
        None, description="Take fields over from other managers."
    )
    field_manager: Annotated[str, Proto(3)] = Field(
        "", alias="fieldManager", description="The name under which fields are owned."
    )
    field_validation: Annotated[str, Proto(4)] = Field(
        "", alias="fieldValidation", description="Unknown fields: Ignore, Warn or Strict."
    )


class GetOptions(TypedModel):
    """Options of a get request."""

    resource_version: Annotated[str, Proto(1)] = Field(
        "", alias="resourceVersion", description="The revision that the answer must have reached."
    )


class ListOptions(TypedModel):
    """Options of a list or watch request."""

    label_selector: Annotated[str, Proto(1)] = Field(
        "", alias="labelSelector", description="Only objects whose labels match."
    )
    field_selector: Annotated[str, Proto(2)] = Field(
        "", alias="fieldSelector", description="Only objects whose fields match."
    )
    watch: Annotated[bool, Proto(3)] = Field(False, description="Stream changes.")
    allow_watch_bookmarks: Annotated[bool, Proto(9)] = Field(
        False,
        alias="allowWatchBookmarks",
        description="Send events that only carry a newer revision.",
    )
    resource_version: Annotated[str, Proto(4)] = Field(
        "", alias="resourceVersion", description="The revision that the answer must have reached."
    )
    resource_version_match: Annotated[str, Proto(10)] = Field(
        "", alias="resourceVersionMatch", description="Exact or NotOlderThan."
    )
    timeout_seconds: Annotated[Int64 | None, Proto(5)] = Field(
        None, alias="timeoutSeconds", description="End after so long."
    )
    limit: Annotated[Int64, Proto(7)] = Field(0, description="At most so many.")
    continue_: Annotated[str, Proto(8)] = Field(
        "", alias="continue", description="Token of the last page."
    )
    send_initial_events: Annotated[bool | None, Proto(11)] = Field(
        None, alias="sendInitialEvents", description="Begin a watch with what there is."
    )
    shard_selector: Annotated[str, Proto(15)] = Field(
        "", alias="shardSelector", description="Only one shard."
    )


class TableOptions(TypedModel):
    """How much of each object a table carries."""

    include_object: Annotated[str, Proto(1)] = Field(
        "", alias="includeObject", description="None, Metadata or Object."
    )


class StatusCause(Model):
    """One of several reasons for a failure."""

    reason: Annotated[str, Proto(1)] = Field("", description="One word for programs.")
    message: Annotated[str, Proto(2)] = Field("", description="A sentence.")
    field: Annotated[str, Proto(3)] = Field("", description="The field.")


class StatusDetails(Model):
    """What a failure was about."""

    name: Annotated[str, Proto(1)] = Field("", description="Name of the object.")
    group: Annotated[str, Proto(2)] = Field("", description="Its group.")
    kind: Annotated[str, Proto(3)] = Field("", description="Its resource or kind.")
    uid: Annotated[str, Proto(6)] = Field("", description="Its uid.")
    causes: Annotated[Items[StatusCause], Proto(4)] = Field((), description="All that was wrong.")
    retry_after_seconds: Annotated[Int32, Proto(5)] = Field(
        0, alias="retryAfterSeconds", description="When to try again."
    )


class Status(TypedModel):
    """The outcome of a request that answers with no object."""

    metadata: Annotated[ListMeta, Proto(1)] = Field(
        default_factory=ListMeta, description="Revision and continuation."
    )
    status: Annotated[str, Proto(2)] = Field("", description="Success or Failure.")
    message: Annotated[str, Proto(3)] = Field("", description="A sentence.")
    reason: Annotated[str, Proto(4)] = Field("", description="One word for programs.")
    details: Annotated[StatusDetails | None, Proto(5)] = Field(
        None, description="What it was about."
    )
    code: Annotated[Int32, Proto(6)] = Field(0, description="The HTTP status code.")


class GroupVersionForDiscovery(Model):
    """A group and version as discovery spells it."""

    group_version: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="groupVersion", description="Both, such as apps/v1."
    )
    version: Annotated[str, Proto(2), REQUIRED] = Field("", description="The version.")


class ServerAddressByClientCIDR(Model):
    """Which address a client of some network should use."""

    client_cidr: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="clientCIDR", description="Clients from this range."
    )
    server_address: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="serverAddress", description="The address for them."
    )


class APIGroup(TypedModel):
    """A group with its versions."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")
    versions: Annotated[Items[GroupVersionForDiscovery], Proto(2), REQUIRED] = Field(
        (), description="Its versions."
    )
    preferred_version: Annotated[GroupVersionForDiscovery | None, Proto(3)] = Field(
        None, alias="preferredVersion", description="The one to use."
    )
    server_address_by_client_cidrs: Annotated[Items[ServerAddressByClientCIDR], Proto(4)] = Field(
        (), alias="serverAddressByClientCIDRs", description="Addresses for clients."
    )


class APIGroupList(TypedModel):
    """All groups."""

    groups: Annotated[Items[APIGroup], Proto(1), REQUIRED] = Field((), description="The groups.")


class APIResource(Model):
    """What discovery says about one resource."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name in paths.")
    singular_name: Annotated[str, Proto(6), REQUIRED] = Field(
        "", alias="singularName", description="Name of one."
    )
    namespaced: Annotated[bool, Proto(2), REQUIRED] = Field(
        False, description="Whether it lives in namespaces."
    )
    group: Annotated[str, Proto(8)] = Field("", description="The group, where it is another.")
    version: Annotated[str, Proto(9)] = Field("", description="The version, where it is another.")
    kind: Annotated[str, Proto(3), REQUIRED] = Field("", description="The kind.")
    verbs: Annotated[Strings, Proto(4), REQUIRED] = Field((), description="What can be done.")
    short_names: Annotated[Items[str], Proto(5)] = Field(
        (), alias="shortNames", description="Short names."
    )
    categories: Annotated[Items[str], Proto(7)] = Field(
        (), description="Groups of resources that it belongs to."
    )
    storage_version_hash: Annotated[str, Proto(10)] = Field(
        "", alias="storageVersionHash", description="Changes when the stored version does."
    )


class APIResourceList(TypedModel):
    """The resources of a group version."""

    group_version: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="groupVersion", description="The group and version."
    )
    resources: Annotated[Items[APIResource], Proto(2), REQUIRED] = Field(
        (), description="The resources."
    )


class APIVersions(TypedModel):
    """The versions of the core group."""

    versions: Annotated[Items[str], Proto(1), REQUIRED] = Field((), description="The versions.")
    server_address_by_client_cidrs: Annotated[
        Items[ServerAddressByClientCIDR], Proto(2), REQUIRED
    ] = Field((), alias="serverAddressByClientCIDRs", description="Addresses for clients.")


class PartialObjectMetadata(TypedModel):
    """Any object, reduced to its metadata."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )


class WatchEvent(Model):
    """One event of a watch: what happened, and to which object."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."
    )
    object: Annotated[RawExtension | None, Proto(2), REQUIRED] = Field(
        None, description="The object, or a Status."
    )
