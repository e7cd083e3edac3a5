"""What pods and nodes use right now."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Duration,
    Items,
    Model,
    Proto,
    Quantity,
    Time,
    TypedModel,
)
from apimachinery.types.meta import ObjectMeta


class ContainerMetrics(Model):
    """What a container uses."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The container.")
    usage: Annotated[Mapping[str, Quantity], Proto(2), REQUIRED] = Field(
        default_factory=dict, description="What it uses."
    )


class NodeMetrics(TypedModel):
    """What a node uses."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    timestamp: Annotated[Time, Proto(2), REQUIRED] = Field("", description="When it was measured.")
    window: Annotated[Duration, Proto(3), REQUIRED] = Field("", description="Over how long.")
    usage: Annotated[Mapping[str, Quantity], Proto(4), REQUIRED] = Field(
        default_factory=dict, description="What it uses."
    )


class PodMetrics(TypedModel):
    """What a pod uses."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    timestamp: Annotated[Time, Proto(2), REQUIRED] = Field("", description="When it was measured.")
    window: Annotated[Duration, Proto(3), REQUIRED] = Field("", description="Over how long.")
    containers: Annotated[Items[ContainerMetrics], Proto(4), REQUIRED] = Field(
        (), description="What its containers use."
    )
