"""Events in their newer form; they are stored as those of the core group."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, MicroTime, Model, Proto, Time, TypedModel
from apimachinery.types.core_event import EventSource
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import ObjectMeta


class EventSeries(Model):
    """How often it happened again."""

    count: Annotated[Int32, Proto(1), REQUIRED] = 0
    last_observed_time: Annotated[MicroTime, Proto(2), REQUIRED] = Field(
        "", alias="lastObservedTime"
    )


class Event(TypedModel):
    """Something that happened to an object, for people to read; stored as an event of the core group."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    event_time: Annotated[MicroTime, Proto(2), REQUIRED] = Field("", alias="eventTime")
    series: Annotated[EventSeries | None, Proto(3)] = None
    reporting_controller: Annotated[str, Proto(4)] = Field("", alias="reportingController")
    reporting_instance: Annotated[str, Proto(5)] = Field("", alias="reportingInstance")
    action: Annotated[str, Proto(6)] = ""
    reason: Annotated[str, Proto(7)] = ""
    regarding: Annotated[ObjectReference | None, Proto(8)] = None
    related: Annotated[ObjectReference | None, Proto(9)] = None
    note: Annotated[str, Proto(10)] = ""
    type: Annotated[str, Proto(11)] = ""
    deprecated_source: Annotated[EventSource | None, Proto(12)] = Field(
        None, alias="deprecatedSource"
    )
    deprecated_first_timestamp: Annotated[Time, Proto(13)] = Field(
        "", alias="deprecatedFirstTimestamp"
    )
    deprecated_last_timestamp: Annotated[Time, Proto(14)] = Field(
        "", alias="deprecatedLastTimestamp"
    )
    deprecated_count: Annotated[Int32, Proto(15)] = Field(0, alias="deprecatedCount")
