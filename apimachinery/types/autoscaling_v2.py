"""Autoscaling by any metric."""

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
from apimachinery.types.meta import LabelSelector, ObjectMeta


class MetricTarget(Model):
    """What a metric is kept at."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Utilization, Value or AverageValue."
    )
    value: Annotated[Quantity | None, Proto(2)] = Field(None, description="The value itself.")
    average_value: Annotated[Quantity | None, Proto(3)] = Field(
        None, alias="averageValue", description="The value for each pod."
    )
    average_utilization: Annotated[Int32 | None, Proto(4)] = Field(
        None, alias="averageUtilization", description="Percent of what pods request."
    )


class ContainerResourceMetricSource(Model):
    """A target for what one container of each pod uses."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The resource.")
    target: Annotated[MetricTarget | None, Proto(2), REQUIRED] = Field(
        None, description="What it is kept at."
    )
    container: Annotated[str, Proto(3), REQUIRED] = Field("", description="The container.")


class MetricValueStatus(Model):
    """What was last observed of the metric value."""

    value: Annotated[Quantity | None, Proto(1)] = Field(None, description="The value itself.")
    average_value: Annotated[Quantity | None, Proto(2)] = Field(
        None, alias="averageValue", description="The value for each pod."
    )
    average_utilization: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="averageUtilization", description="Percent of what pods request."
    )


class ContainerResourceMetricStatus(Model):
    """What was last observed of the container resource metric."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The resource.")
    current: Annotated[MetricValueStatus | None, Proto(2), REQUIRED] = Field(
        None, description="What it is now."
    )
    container: Annotated[str, Proto(3), REQUIRED] = Field("", description="The container.")


class CrossVersionObjectReference(Model):
    """Names an object of any kind in the same namespace."""

    kind: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its kind.")
    name: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its name.")
    api_version: Annotated[str, Proto(3)] = Field(
        "", alias="apiVersion", description="Its group and version."
    )


class MetricIdentifier(Model):
    """Names a metric."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")
    selector: Annotated[LabelSelector | None, Proto(2)] = Field(None, description="Its labels.")


class ExternalMetricSource(Model):
    """A target for a metric from outside of the cluster."""

    metric: Annotated[MetricIdentifier | None, Proto(1), REQUIRED] = Field(
        None, description="The metric."
    )
    target: Annotated[MetricTarget | None, Proto(2), REQUIRED] = Field(
        None, description="What it is kept at."
    )


class ExternalMetricStatus(Model):
    """What was last observed of the external metric."""

    metric: Annotated[MetricIdentifier | None, Proto(1), REQUIRED] = Field(
        None, description="The metric."
    )
    current: Annotated[MetricValueStatus | None, Proto(2), REQUIRED] = Field(
        None, description="What it is now."
    )


class HPAScalingPolicy(Model):
    """How much change is allowed in some time."""

    type: Annotated[str, Proto(1), REQUIRED] = Field("", description="Pods or Percent.")
    value: Annotated[Int32, Proto(2), REQUIRED] = Field(0, description="How many.")
    period_seconds: Annotated[Int32, Proto(3), REQUIRED] = Field(
        0, alias="periodSeconds", description="In how many seconds."
    )


class HPAScalingRules(Model):
    """How fast and when to scale in one direction."""

    stabilization_window_seconds: Annotated[Int32 | None, Proto(3)] = Field(
        None,
        alias="stabilizationWindowSeconds",
        description="How far back to look before following a change.",
    )
    select_policy: Annotated[str, Proto(1)] = Field(
        "", alias="selectPolicy", description="Max, Min or Disabled."
    )
    policies: Annotated[Items[HPAScalingPolicy], Proto(2)] = Field(
        (), description="How much change is allowed."
    )
    tolerance: Annotated[Quantity | None, Proto(4)] = Field(
        None, description="How far off the target is still good."
    )


class HorizontalPodAutoscalerBehavior(Model):
    """How fast and when to scale."""

    scale_up: Annotated[HPAScalingRules | None, Proto(1)] = Field(
        None, alias="scaleUp", description="Upwards."
    )
    scale_down: Annotated[HPAScalingRules | None, Proto(2)] = Field(
        None, alias="scaleDown", description="Downwards."
    )


class ObjectMetricSource(Model):
    """A target for a metric of another object."""

    described_object: Annotated[CrossVersionObjectReference | None, Proto(1), REQUIRED] = Field(
        None, alias="describedObject", description="The object."
    )
    target: Annotated[MetricTarget | None, Proto(2), REQUIRED] = Field(
        None, description="What it is kept at."
    )
    metric: Annotated[MetricIdentifier | None, Proto(3), REQUIRED] = Field(
        None, description="The metric."
    )


class PodsMetricSource(Model):
    """A target for a metric of the pods."""

    metric: Annotated[MetricIdentifier | None, Proto(1), REQUIRED] = Field(
        None, description="The metric."
    )
    target: Annotated[MetricTarget | None, Proto(2), REQUIRED] = Field(
        None, description="What it is kept at."
    )


class ResourceMetricSource(Model):
    """A target for what the pods use."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The resource.")
    target: Annotated[MetricTarget | None, Proto(2), REQUIRED] = Field(
        None, description="What it is kept at."
    )


class MetricSpec(Model):
    """What is wanted of the metric."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Resource, ContainerResource, Pods, Object or External."
    )
    object: Annotated[ObjectMetricSource | None, Proto(2)] = Field(None, description="For Object.")
    pods: Annotated[PodsMetricSource | None, Proto(3)] = Field(None, description="For Pods.")
    resource: Annotated[ResourceMetricSource | None, Proto(4)] = Field(
        None, description="For Resource."
    )
    container_resource: Annotated[ContainerResourceMetricSource | None, Proto(7)] = Field(
        None, alias="containerResource", description="For ContainerResource."
    )
    external: Annotated[ExternalMetricSource | None, Proto(5)] = Field(
        None, description="For External."
    )


class HorizontalPodAutoscalerSpec(Model):
    """What is wanted of the horizontal pod autoscaler."""

    scale_target_ref: Annotated[CrossVersionObjectReference | None, Proto(1), REQUIRED] = Field(
        None, alias="scaleTargetRef", description="What is scaled."
    )
    min_replicas: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="minReplicas", description="The fewest pods; 1 where absent."
    )
    max_replicas: Annotated[Int32, Proto(3), REQUIRED] = Field(
        0, alias="maxReplicas", description="The most pods."
    )
    metrics: Annotated[Items[MetricSpec], Proto(4)] = Field(
        (), description="What to scale by; the metric that asks for most pods wins."
    )
    behavior: Annotated[HorizontalPodAutoscalerBehavior | None, Proto(5)] = Field(
        None, description="How fast and when to scale."
    )


class HorizontalPodAutoscalerCondition(Model):
    """One aspect of the state of the horizontal pod autoscaler, and when it changed."""

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


class ObjectMetricStatus(Model):
    """What was last observed of the object metric."""

    metric: Annotated[MetricIdentifier | None, Proto(1), REQUIRED] = Field(
        None, description="The metric."
    )
    current: Annotated[MetricValueStatus | None, Proto(2), REQUIRED] = Field(
        None, description="What it is now."
    )
    described_object: Annotated[CrossVersionObjectReference | None, Proto(3), REQUIRED] = Field(
        None, alias="describedObject", description="The object."
    )


class PodsMetricStatus(Model):
    """What was last observed of the pods metric."""

    metric: Annotated[MetricIdentifier | None, Proto(1), REQUIRED] = Field(
        None, description="The metric."
    )
    current: Annotated[MetricValueStatus | None, Proto(2), REQUIRED] = Field(
        None, description="What it is now."
    )


class ResourceMetricStatus(Model):
    """What was last observed of the resource metric."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The resource.")
    current: Annotated[MetricValueStatus | None, Proto(2), REQUIRED] = Field(
        None, description="What it is now."
    )


class MetricStatus(Model):
    """What was last observed of the metric."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Resource, ContainerResource, Pods, Object or External."
    )
    object: Annotated[ObjectMetricStatus | None, Proto(2)] = Field(None, description="For Object.")
    pods: Annotated[PodsMetricStatus | None, Proto(3)] = Field(None, description="For Pods.")
    resource: Annotated[ResourceMetricStatus | None, Proto(4)] = Field(
        None, description="For Resource."
    )
    container_resource: Annotated[ContainerResourceMetricStatus | None, Proto(7)] = Field(
        None, alias="containerResource", description="For ContainerResource."
    )
    external: Annotated[ExternalMetricStatus | None, Proto(5)] = Field(
        None, description="For External."
    )


class HorizontalPodAutoscalerStatus(Model):
    """What was last observed of the horizontal pod autoscaler."""

    observed_generation: Annotated[Int64 | None, Proto(1)] = Field(
        None, alias="observedGeneration", description="The generation that this was observed of."
    )
    last_scale_time: Annotated[Time, Proto(2)] = Field(
        "", alias="lastScaleTime", description="When it last changed the number."
    )
    current_replicas: Annotated[Int32, Proto(3)] = Field(
        0, alias="currentReplicas", description="Pods that there are."
    )
    desired_replicas: Annotated[Int32, Proto(4), REQUIRED] = Field(
        0, alias="desiredReplicas", description="Pods that there should be."
    )
    current_metrics: Annotated[Items[MetricStatus], Proto(5)] = Field(
        (), alias="currentMetrics", description="The metrics now."
    )
    conditions: Annotated[
        Items[HorizontalPodAutoscalerCondition], Proto(6), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state: AbleToScale, ScalingActive, ScalingLimited.")


class HorizontalPodAutoscaler(TypedModel):
    """Changes the number of pods with the load."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[HorizontalPodAutoscalerSpec, Proto(2), REQUIRED] = Field(
        default_factory=HorizontalPodAutoscalerSpec, description="What is wanted."
    )
    status: Annotated[HorizontalPodAutoscalerStatus, Proto(3)] = Field(
        default_factory=HorizontalPodAutoscalerStatus,
        description="What was last observed; written by the system.",
    )
