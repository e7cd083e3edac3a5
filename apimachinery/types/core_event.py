"""core_event models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, MicroTime, Model, Proto, Time, TypedModel
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import ObjectMeta


class EventSource(Model):
    """EventSource."""

    component: Annotated[str, Proto(1)] = ""
    host: Annotated[str, Proto(2)] = ""


class EventSeries(Model):
    """EventSeries."""

    count: Annotated[Int32, Proto(1), REQUIRED] = 0
    last_observed_time: Annotated[MicroTime, Proto(2), REQUIRED] = Field(
        "", alias="lastObservedTime"
    )


class Event(TypedModel):
    """Event."""

    metadata: Annotated[ObjectMeta, Proto(1), REQUIRED] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    involved_object: Annotated[ObjectReference | None, Proto(2), REQUIRED] = Field(
        None, alias="involvedObject"
    )
    reason: Annotated[str, Proto(3)] = ""
    message: Annotated[str, Proto(4)] = ""
    source: Annotated[EventSource | None, Proto(5)] = None
    first_timestamp: Annotated[Time, Proto(6)] = Field("", alias="firstTimestamp")
    last_timestamp: Annotated[Time, Proto(7)] = Field("", alias="lastTimestamp")
    count: Annotated[Int32, Proto(8)] = 0
    type: Annotated[str, Proto(9)] = ""
    event_time: Annotated[MicroTime, Proto(10)] = Field("", alias="eventTime")
    series: Annotated[EventSeries | None, Proto(11)] = None
    action: Annotated[str, Proto(12)] = ""
    related: Annotated[ObjectReference | None, Proto(13)] = None
    reporting_component: Annotated[str, Proto(14)] = Field("", alias="reportingComponent")
    reporting_instance: Annotated[str, Proto(15)] = Field("", alias="reportingInstance")
