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

    dry_run: Annotated[Items[str], Proto(1)] = Field((), alias="dryRun")
    field_manager: Annotated[str, Proto(3)] = Field("", alias="fieldManager")
    field_validation: Annotated[str, Proto(4)] = Field("", alias="fieldValidation")


class UpdateOptions(TypedModel):
    """Options of an update request."""

    dry_run: Annotated[Items[str], Proto(1)] = Field((), alias="dryRun")
    field_manager: Annotated[str, Proto(2)] = Field("", alias="fieldManager")
    field_validation: Annotated[str, Proto(3)] = Field("", alias="fieldValidation")


class PatchOptions(TypedModel):
    """Options of a patch request."""

    dry_run: Annotated[Items[str], Proto(1)] = Field((), alias="dryRun")
    force: Annotated[bool | None, Proto(2)] = None
    field_manager: Annotated[str, Proto(3)] = Field("", alias="fieldManager")
    field_validation: Annotated[str, Proto(4)] = Field("", alias="fieldValidation")


class GetOptions(TypedModel):
    """Options of a get request."""

    resource_version: Annotated[str, Proto(1)] = Field("", alias="resourceVersion")


class ListOptions(TypedModel):
    """Options of a list or watch request."""

    label_selector: Annotated[str, Proto(1)] = Field("", alias="labelSelector")
    field_selector: Annotated[str, Proto(2)] = Field("", alias="fieldSelector")
    watch: Annotated[bool, Proto(3)] = False
    allow_watch_bookmarks: Annotated[bool, Proto(9)] = Field(False, alias="allowWatchBookmarks")
    resource_version: Annotated[str, Proto(4)] = Field("", alias="resourceVersion")
    resource_version_match: Annotated[str, Proto(10)] = Field("", alias="resourceVersionMatch")
    timeout_seconds: Annotated[Int64 | None, Proto(5)] = Field(None, alias="timeoutSeconds")
    limit: Annotated[Int64, Proto(7)] = 0
    continue_: Annotated[str, Proto(8)] = Field("", alias="continue")
    send_initial_events: Annotated[bool | None, Proto(11)] = Field(None, alias="sendInitialEvents")
    shard_selector: Annotated[str, Proto(15)] = Field("", alias="shardSelector")


class TableOptions(TypedModel):
    """How much of each object a table carries."""

    include_object: Annotated[str, Proto(1)] = Field("", alias="includeObject")


class StatusCause(Model):
    """One of several reasons for a failure."""

    reason: Annotated[str, Proto(1)] = ""
    message: Annotated[str, Proto(2)] = ""
    field: Annotated[str, Proto(3)] = ""


class StatusDetails(Model):
    """What a failure was about."""

    name: Annotated[str, Proto(1)] = ""
    group: Annotated[str, Proto(2)] = ""
    kind: Annotated[str, Proto(3)] = ""
    uid: Annotated[str, Proto(6)] = ""
    causes: Annotated[Items[StatusCause], Proto(4)] = ()
    retry_after_seconds: Annotated[Int32, Proto(5)] = Field(0, alias="retryAfterSeconds")


class Status(TypedModel):
    """The outcome of a request that answers with no object."""

    metadata: Annotated[ListMeta, Proto(1)] = Field(
        default_factory=ListMeta, description="Revision and continuation."
    )
    status: Annotated[str, Proto(2)] = Field(
        "", description="What was last observed; written by the system."
    )
    message: Annotated[str, Proto(3)] = ""
    reason: Annotated[str, Proto(4)] = ""
    details: Annotated[StatusDetails | None, Proto(5)] = None
    code: Annotated[Int32, Proto(6)] = 0


class GroupVersionForDiscovery(Model):
    """A group and version as discovery spells it."""

    group_version: Annotated[str, Proto(1), REQUIRED] = Field("", alias="groupVersion")
    version: Annotated[str, Proto(2), REQUIRED] = ""


class ServerAddressByClientCIDR(Model):
    """Which address a client of some network should use."""

    client_cidr: Annotated[str, Proto(1), REQUIRED] = Field("", alias="clientCIDR")
    server_address: Annotated[str, Proto(2), REQUIRED] = Field("", alias="serverAddress")


class APIGroup(TypedModel):
    """A group with its versions."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    versions: Annotated[Items[GroupVersionForDiscovery], Proto(2), REQUIRED] = ()
    preferred_version: Annotated[GroupVersionForDiscovery | None, Proto(3)] = Field(
        None, alias="preferredVersion"
    )
    server_address_by_client_cidrs: Annotated[Items[ServerAddressByClientCIDR], Proto(4)] = Field(
        (), alias="serverAddressByClientCIDRs"
    )


class APIGroupList(TypedModel):
    """All groups."""

    groups: Annotated[Items[APIGroup], Proto(1), REQUIRED] = ()


class APIResource(Model):
    """What discovery says about one resource."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    singular_name: Annotated[str, Proto(6), REQUIRED] = Field("", alias="singularName")
    namespaced: Annotated[bool, Proto(2), REQUIRED] = False
    group: Annotated[str, Proto(8)] = ""
    version: Annotated[str, Proto(9)] = ""
    kind: Annotated[str, Proto(3), REQUIRED] = ""
    verbs: Annotated[Strings, Proto(4), REQUIRED] = ()
    short_names: Annotated[Items[str], Proto(5)] = Field((), alias="shortNames")
    categories: Annotated[Items[str], Proto(7)] = ()
    storage_version_hash: Annotated[str, Proto(10)] = Field("", alias="storageVersionHash")


class APIResourceList(TypedModel):
    """The resources of a group version."""

    group_version: Annotated[str, Proto(1), REQUIRED] = Field("", alias="groupVersion")
    resources: Annotated[Items[APIResource], Proto(2), REQUIRED] = ()


class APIVersions(TypedModel):
    """The versions of the core group."""

    versions: Annotated[Items[str], Proto(1), REQUIRED] = ()
    server_address_by_client_cidrs: Annotated[
        Items[ServerAddressByClientCIDR], Proto(2), REQUIRED
    ] = Field((), alias="serverAddressByClientCIDRs")


class PartialObjectMetadata(TypedModel):
    """Any object, reduced to its metadata."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )


class WatchEvent(Model):
    """One event of a watch: what happened, and to which object."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    object: Annotated[RawExtension | None, Proto(2), REQUIRED] = None
