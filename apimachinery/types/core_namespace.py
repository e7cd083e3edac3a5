"""core_namespace models."""

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

    finalizers: Annotated[Items[str], Proto(1)] = ()


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

    phase: Annotated[str, Proto(1)] = ""
    conditions: Annotated[
        Items[NamespaceCondition], Proto(2), MergeKey("type"), ListType("map", "type")
    ] = ()


class Namespace(TypedModel):
    """Namespace."""

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
    """LimitRangeItem."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    max: Annotated[Mapping[str, Quantity], Proto(2)] = Field(default_factory=dict)
    min: Annotated[Mapping[str, Quantity], Proto(3)] = Field(default_factory=dict)
    default: Annotated[Mapping[str, Quantity], Proto(4)] = Field(default_factory=dict)
    default_request: Annotated[Mapping[str, Quantity], Proto(5)] = Field(
        default_factory=dict, alias="defaultRequest"
    )
    max_limit_request_ratio: Annotated[Mapping[str, Quantity], Proto(6)] = Field(
        default_factory=dict, alias="maxLimitRequestRatio"
    )


class LimitRangeSpec(Model):
    """What is wanted of the limit range."""

    limits: Annotated[Items[LimitRangeItem], Proto(1), REQUIRED] = ()


class LimitRange(TypedModel):
    """LimitRange."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[LimitRangeSpec, Proto(2)] = Field(
        default_factory=LimitRangeSpec, description="What is wanted."
    )


class ScopedResourceSelectorRequirement(Model):
    """ScopedResourceSelectorRequirement."""

    scope_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="scopeName")
    operator: Annotated[str, Proto(2), REQUIRED] = ""
    values: Annotated[Items[str], Proto(3)] = ()


class ScopeSelector(Model):
    """ScopeSelector."""

    match_expressions: Annotated[Items[ScopedResourceSelectorRequirement], Proto(1)] = Field(
        (), alias="matchExpressions"
    )


class ResourceQuotaSpec(Model):
    """What is wanted of the resource quota."""

    hard: Annotated[Mapping[str, Quantity], Proto(1)] = Field(default_factory=dict)
    scopes: Annotated[Items[str], Proto(2)] = ()
    scope_selector: Annotated[ScopeSelector | None, Proto(3)] = Field(None, alias="scopeSelector")


class ResourceQuotaStatus(Model):
    """What was last observed of the resource quota."""

    hard: Annotated[Mapping[str, Quantity], Proto(1)] = Field(default_factory=dict)
    used: Annotated[Mapping[str, Quantity], Proto(2)] = Field(default_factory=dict)


class ResourceQuota(TypedModel):
    """ResourceQuota."""

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
    error: Annotated[str, Proto(4)] = ""


class ComponentStatus(TypedModel):
    """What was last observed of the component."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    conditions: Annotated[
        Items[ComponentCondition], Proto(2), MergeKey("type"), ListType("map", "type")
    ] = ()


class RangeAllocation(TypedModel):
    """RangeAllocation."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    range: Annotated[str, Proto(2), REQUIRED] = ""
    data: Annotated[Bytes, Proto(3), REQUIRED] = ""
