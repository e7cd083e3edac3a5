"""Events in their newer form; they are stored as those of the core group."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, MicroTime, Model, Proto, Time, TypedModel
from apimachinery.types.core_event import EventSource
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import ObjectMeta


class EventSeries(Model):
    """How often it happened again."""

    count: Annotated[Int32, Proto(1), REQUIRED] = Field(0, description="How often.")
    last_observed_time: Annotated[MicroTime, Proto(2), REQUIRED] = Field(
        "", alias="lastObservedTime", description="When last."
    )


class Event(TypedModel):
    """Something that happened to an object, for people to read; stored as an event of the core group."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    event_time: Annotated[MicroTime, Proto(2), REQUIRED] = Field(
        "", alias="eventTime", description="When it first happened."
    )
    series: Annotated[EventSeries | None, Proto(3)] = Field(
        None, description="How often it happened again."
    )
    reporting_controller: Annotated[str, Proto(4)] = Field(
        "", alias="reportingController", description="Who reported it."
    )
    reporting_instance: Annotated[str, Proto(5)] = Field(
        "", alias="reportingInstance", description="Which instance of it."
    )
    action: Annotated[str, Proto(6)] = Field("", description="What was done.")
    reason: Annotated[str, Proto(7)] = Field("", description="One word: why.")
    regarding: Annotated[ObjectReference | None, Proto(8)] = Field(
        None, description="The object that it happened to."
    )
    related: Annotated[ObjectReference | None, Proto(9)] = Field(
        None, description="Another object that it is about."
    )
    note: Annotated[str, Proto(10)] = Field("", description="A sentence.")
    type: Annotated[str, Proto(11)] = Field("", description="Normal or Warning.")
    deprecated_source: Annotated[EventSource | None, Proto(12)] = Field(
        None, alias="deprecatedSource", description="Older form of who reported it."
    )
    deprecated_first_timestamp: Annotated[Time, Proto(13)] = Field(
        "", alias="deprecatedFirstTimestamp", description="Older form of the first time."
    )
    deprecated_last_timestamp: Annotated[Time, Proto(14)] = Field(
        "", alias="deprecatedLastTimestamp", description="Older form of the last time."
    )
    deprecated_count: Annotated[Int32, Proto(15)] = Field(
        0, alias="deprecatedCount", description="Older form of how often."
    )
