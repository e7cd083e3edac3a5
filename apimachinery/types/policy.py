"""Disruption budgets and evictions."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    Int32,
    Int64,
    IntOrString,
    Items,
    ListType,
    MergeKey,
    Model,
    PatchStrategy,
    Proto,
    Time,
    TypedModel,
)
from apimachinery.types.meta import Condition, LabelSelector, ObjectMeta
from apimachinery.types.meta_options import DeleteOptions


class Eviction(TypedModel):
    """Asks for a pod to go, unless a budget forbids it."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    delete_options: Annotated[DeleteOptions | None, Proto(2)] = Field(
        None, alias="deleteOptions", description="How the pod is deleted."
    )


class PodDisruptionBudgetSpec(Model):
    """What is wanted of the pod disruption budget."""

    min_available: Annotated[IntOrString | None, Proto(1)] = Field(
        None, alias="minAvailable", description="How many must stay, number or percentage."
    )
    selector: Annotated[LabelSelector | None, Proto(2), PatchStrategy("replace")] = Field(
        None, description="The pods that it is about."
    )
    max_unavailable: Annotated[IntOrString | None, Proto(3)] = Field(
        None, alias="maxUnavailable", description="How many may be missing, number or percentage."
    )
    unhealthy_pod_eviction_policy: Annotated[str, Proto(4)] = Field(
        "",
        alias="unhealthyPodEvictionPolicy",
        description="IfHealthyBudget, or AlwaysAllow for pods that are not ready.",
    )


class PodDisruptionBudgetStatus(Model):
    """What was last observed of the pod disruption budget."""

    observed_generation: Annotated[Int64, Proto(1)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    disrupted_pods: Annotated[Mapping[str, Time], Proto(2)] = Field(
        default_factory=dict,
        alias="disruptedPods",
        description="Pods that were evicted and are not gone yet.",
    )
    disruptions_allowed: Annotated[Int32, Proto(3)] = Field(
        0, alias="disruptionsAllowed", description="How many may go now."
    )
    current_healthy: Annotated[Int32, Proto(4)] = Field(
        0, alias="currentHealthy", description="Pods that are healthy."
    )
    desired_healthy: Annotated[Int32, Proto(5)] = Field(
        0, alias="desiredHealthy", description="Pods that must be healthy."
    )
    expected_pods: Annotated[Int32, Proto(6)] = Field(
        0, alias="expectedPods", description="Pods that there should be."
    )
    conditions: Annotated[Items[Condition], Proto(7), MergeKey("type"), ListType("map", "type")] = (
        Field((), description="Aspects of its state.")
    )


class PodDisruptionBudget(TypedModel):
    """How many pods of a set may be missing at once."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PodDisruptionBudgetSpec, Proto(2)] = Field(
        default_factory=PodDisruptionBudgetSpec, description="What is wanted."
    )
    status: Annotated[PodDisruptionBudgetStatus, Proto(3)] = Field(
        default_factory=PodDisruptionBudgetStatus,
        description="What was last observed; written by the system.",
    )
