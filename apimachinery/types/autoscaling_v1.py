"""Autoscaling of version 1, and the scale subresource of every scalable kind."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Int64, Model, Proto, Quantity, Time, TypedModel
from apimachinery.types.meta import LabelSelector, ObjectMeta


class ContainerResourceMetricSource(Model):
    """A target for what one container of each pod uses."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    target_average_utilization: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="targetAverageUtilization"
    )
    target_average_value: Annotated[Quantity | None, Proto(3)] = Field(
        None, alias="targetAverageValue"
    )
    container: Annotated[str, Proto(5), REQUIRED] = ""


class ContainerResourceMetricStatus(Model):
    """What was last observed of the container resource metric."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    current_average_utilization: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="currentAverageUtilization"
    )
    current_average_value: Annotated[Quantity | None, Proto(3), REQUIRED] = Field(
        None, alias="currentAverageValue"
    )
    container: Annotated[str, Proto(4), REQUIRED] = ""


class CrossVersionObjectReference(Model):
    """Names an object of any kind in the same namespace."""

    kind: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its kind.")
    name: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its name.")
    api_version: Annotated[str, Proto(3)] = Field(
        "", alias="apiVersion", description="Its group and version."
    )


class ExternalMetricSource(Model):
    """A target for a metric from outside of the cluster."""

    metric_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="metricName")
    metric_selector: Annotated[LabelSelector | None, Proto(2)] = Field(None, alias="metricSelector")
    target_value: Annotated[Quantity | None, Proto(3)] = Field(None, alias="targetValue")
    target_average_value: Annotated[Quantity | None, Proto(4)] = Field(
        None, alias="targetAverageValue"
    )


class ExternalMetricStatus(Model):
    """What was last observed of the external metric."""

    metric_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="metricName")
    metric_selector: Annotated[LabelSelector | None, Proto(2)] = Field(None, alias="metricSelector")
    current_value: Annotated[Quantity | None, Proto(3), REQUIRED] = Field(
        None, alias="currentValue"
    )
    current_average_value: Annotated[Quantity | None, Proto(4)] = Field(
        None, alias="currentAverageValue"
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
    target_cpu_utilization_percentage: Annotated[Int32 | None, Proto(4)] = Field(
        None,
        alias="targetCPUUtilizationPercentage",
        description="What the processor use is kept at, as a part of the request.",
    )


class HorizontalPodAutoscalerStatus(Model):
    """What was last observed of the horizontal pod autoscaler."""

    observed_generation: Annotated[Int64 | None, Proto(1)] = Field(
        None, alias="observedGeneration", description="The generation that this was observed of."
    )
    last_scale_time: Annotated[Time, Proto(2)] = Field(
        "", alias="lastScaleTime", description="When it last changed the number."
    )
    current_replicas: Annotated[Int32, Proto(3), REQUIRED] = Field(
        0, alias="currentReplicas", description="Pods that there are."
    )
    desired_replicas: Annotated[Int32, Proto(4), REQUIRED] = Field(
        0, alias="desiredReplicas", description="Pods that there should be."
    )
    current_cpu_utilization_percentage: Annotated[Int32 | None, Proto(5)] = Field(
        None, alias="currentCPUUtilizationPercentage", description="The processor use now."
    )


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


class ObjectMetricSource(Model):
    """A target for a metric of another object."""

    target: Annotated[CrossVersionObjectReference | None, Proto(1), REQUIRED] = None
    metric_name: Annotated[str, Proto(2), REQUIRED] = Field("", alias="metricName")
    target_value: Annotated[Quantity | None, Proto(3), REQUIRED] = Field(None, alias="targetValue")
    selector: Annotated[LabelSelector | None, Proto(4)] = None
    average_value: Annotated[Quantity | None, Proto(5)] = Field(None, alias="averageValue")


class PodsMetricSource(Model):
    """A target for a metric of the pods."""

    metric_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="metricName")
    target_average_value: Annotated[Quantity | None, Proto(2), REQUIRED] = Field(
        None, alias="targetAverageValue"
    )
    selector: Annotated[LabelSelector | None, Proto(3)] = None


class ResourceMetricSource(Model):
    """A target for what the pods use."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    target_average_utilization: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="targetAverageUtilization"
    )
    target_average_value: Annotated[Quantity | None, Proto(3)] = Field(
        None, alias="targetAverageValue"
    )


class MetricSpec(Model):
    """What is wanted of the metric."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    object: Annotated[ObjectMetricSource | None, Proto(2)] = None
    pods: Annotated[PodsMetricSource | None, Proto(3)] = None
    resource: Annotated[ResourceMetricSource | None, Proto(4)] = None
    container_resource: Annotated[ContainerResourceMetricSource | None, Proto(7)] = Field(
        None, alias="containerResource"
    )
    external: Annotated[ExternalMetricSource | None, Proto(5)] = None


class ObjectMetricStatus(Model):
    """What was last observed of the object metric."""

    target: Annotated[CrossVersionObjectReference | None, Proto(1), REQUIRED] = None
    metric_name: Annotated[str, Proto(2), REQUIRED] = Field("", alias="metricName")
    current_value: Annotated[Quantity | None, Proto(3), REQUIRED] = Field(
        None, alias="currentValue"
    )
    selector: Annotated[LabelSelector | None, Proto(4)] = None
    average_value: Annotated[Quantity | None, Proto(5)] = Field(None, alias="averageValue")


class PodsMetricStatus(Model):
    """What was last observed of the pods metric."""

    metric_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="metricName")
    current_average_value: Annotated[Quantity | None, Proto(2), REQUIRED] = Field(
        None, alias="currentAverageValue"
    )
    selector: Annotated[LabelSelector | None, Proto(3)] = None


class ResourceMetricStatus(Model):
    """What was last observed of the resource metric."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    current_average_utilization: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="currentAverageUtilization"
    )
    current_average_value: Annotated[Quantity | None, Proto(3), REQUIRED] = Field(
        None, alias="currentAverageValue"
    )


class MetricStatus(Model):
    """What was last observed of the metric."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    object: Annotated[ObjectMetricStatus | None, Proto(2)] = None
    pods: Annotated[PodsMetricStatus | None, Proto(3)] = None
    resource: Annotated[ResourceMetricStatus | None, Proto(4)] = None
    container_resource: Annotated[ContainerResourceMetricStatus | None, Proto(7)] = Field(
        None, alias="containerResource"
    )
    external: Annotated[ExternalMetricStatus | None, Proto(5)] = None


class ScaleSpec(Model):
    """What is wanted of the scale."""

    replicas: Annotated[Int32, Proto(1)] = Field(
        0, description="How many are wanted.", json_schema_extra={"default": 0}
    )


class ScaleStatus(Model):
    """What was last observed of the scale."""

    replicas: Annotated[Int32, Proto(1), REQUIRED] = Field(0, description="How many there are.")
    selector: Annotated[str, Proto(2)] = Field(
        "", description="Their labels, as a selector in text form."
    )


class Scale(TypedModel):
    """How many pods an object of any scalable kind wants and has."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ScaleSpec, Proto(2)] = Field(
        default_factory=ScaleSpec, description="What is wanted."
    )
    status: Annotated[ScaleStatus, Proto(3)] = Field(
        default_factory=ScaleStatus, description="What was last observed; written by the system."
    )
