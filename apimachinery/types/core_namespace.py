"""Namespaces, and what bounds them: quotas and limit ranges."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Bytes,
    Items,
    ListType,
    MergeKey,
    Model,
    Proto,
    Quantity,
    Time,
    TypedModel,
)
from apimachinery.types.meta import ObjectMeta


class NamespaceSpec(Model):
    """What is wanted of the namespace."""

    finalizers: Annotated[Items[str], Proto(1)] = Field(
        (), description="Who must clean up before the namespace may go."
    )


class NamespaceCondition(Model):
    """One aspect of the state of the namespace, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(4)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(5)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(6)] = Field("", description="A sentence for people.")


class NamespaceStatus(Model):
    """What was last observed of the namespace."""

    phase: Annotated[str, Proto(1)] = Field("", description="Active or Terminating.")
    conditions: Annotated[
        Items[NamespaceCondition], Proto(2), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="What keeps a deletion from finishing.")


class Namespace(TypedModel):
    """A room for objects: names are unique in it, and permissions and quotas are given for it."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[NamespaceSpec, Proto(2)] = Field(
        default_factory=NamespaceSpec, description="What is wanted."
    )
    status: Annotated[NamespaceStatus, Proto(3)] = Field(
        default_factory=NamespaceStatus,
        description="What was last observed; written by the system.",
    )


class LimitRangeItem(Model):
    """Bounds for one kind of thing."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Container, Pod or PersistentVolumeClaim."
    )
    max: Annotated[Mapping[str, Quantity], Proto(2)] = Field(
        default_factory=dict, description="The most."
    )
    min: Annotated[Mapping[str, Quantity], Proto(3)] = Field(
        default_factory=dict, description="The least."
    )
    default: Annotated[Mapping[str, Quantity], Proto(4)] = Field(
        default_factory=dict, description="Limits of containers that give none."
    )
    default_request: Annotated[Mapping[str, Quantity], Proto(5)] = Field(
        default_factory=dict,
        alias="defaultRequest",
        description="Requests of containers that give none.",
    )
    max_limit_request_ratio: Annotated[Mapping[str, Quantity], Proto(6)] = Field(
        default_factory=dict,
        alias="maxLimitRequestRatio",
        description="How many times its request a limit may be.",
    )


class LimitRangeSpec(Model):
    """What is wanted of the limit range."""

    limits: Annotated[Items[LimitRangeItem], Proto(1), REQUIRED] = Field(
        (), description="The bounds."
    )


class LimitRange(TypedModel):
    """Bounds for what single pods and containers of a namespace may ask for."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[LimitRangeSpec, Proto(2)] = Field(
        default_factory=LimitRangeSpec, description="What is wanted."
    )


class ScopedResourceSelectorRequirement(Model):
    """One test of a quota's scope."""

    scope_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="scopeName", description="The scope."
    )
    operator: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="In, NotIn, Exists or DoesNotExist."
    )
    values: Annotated[Items[str], Proto(3)] = Field((), description="Values for In and NotIn.")


class ScopeSelector(Model):
    """Tests that must all hold."""

    match_expressions: Annotated[Items[ScopedResourceSelectorRequirement], Proto(1)] = Field(
        (), alias="matchExpressions", description="The tests."
    )


class ResourceQuotaSpec(Model):
    """What is wanted of the resource quota."""

    hard: Annotated[Mapping[str, Quantity], Proto(1)] = Field(
        default_factory=dict, description="The most of each resource or number of objects."
    )
    scopes: Annotated[Items[str], Proto(2)] = Field((), description="Which pods count.")
    scope_selector: Annotated[ScopeSelector | None, Proto(3)] = Field(
        None, alias="scopeSelector", description="Which pods count, by expressions."
    )


class ResourceQuotaStatus(Model):
    """What was last observed of the resource quota."""

    hard: Annotated[Mapping[str, Quantity], Proto(1)] = Field(
        default_factory=dict, description="The bounds in force."
    )
    used: Annotated[Mapping[str, Quantity], Proto(2)] = Field(
        default_factory=dict, description="What is used."
    )


class ResourceQuota(TypedModel):
    """Bounds for all that a namespace uses together."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ResourceQuotaSpec, Proto(2)] = Field(
        default_factory=ResourceQuotaSpec, description="What is wanted."
    )
    status: Annotated[ResourceQuotaStatus, Proto(3)] = Field(
        default_factory=ResourceQuotaStatus,
        description="What was last observed; written by the system.",
    )


class ComponentCondition(Model):
    """One aspect of the state of the component, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    message: Annotated[str, Proto(3)] = Field("", description="A sentence for people.")
    error: Annotated[str, Proto(4)] = Field("", description="What is wrong.")


class ComponentStatus(TypedModel):
    """Health of a part of the control plane; no longer used."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    conditions: Annotated[
        Items[ComponentCondition], Proto(2), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Healthy or not.")


class RangeAllocation(TypedModel):
    """Which addresses or ports of a range are taken."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    range: Annotated[str, Proto(2), REQUIRED] = Field("", description="The range.")
    data: Annotated[Bytes, Proto(3), REQUIRED] = Field(
        "", description="A bit for each that is taken."
    )
